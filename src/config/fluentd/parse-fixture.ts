/** Reads configuration texts for the tests of the language. */
import assert from 'node:assert/strict';
import { formatProblem } from '../../core/errors.ts';
import { parseFluentd } from './parser.ts';

const scope = {
  env: { X: 'ex', EMPTY: '', NUMBER: '42', SECRET: 'a"b' },
  hostname: 'host1',
  workerId: '0',
};

export function parse(text: string) {
  return parseFluentd(text, 'f.conf', scope);
}
/** Attributes of the root as an object. */
export function values(text: string): Record<string, string> {
  const { root, problems: found } = parse(text);
  assert.deepEqual(found.filter((problem) => problem.severity !== 'warning').map(formatProblem), []);
  return Object.fromEntries(root.attributes.map((attribute) => [attribute.key, attribute.value.text]));
}
export function problems(text: string): string[] {
  return parse(text).problems.map(formatProblem);
}
