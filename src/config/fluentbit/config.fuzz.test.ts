/** Any text must give sections and problems with places inside the text, in both forms; lowering never throws. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fuzzRuns } from '../../../test/fuzzing.ts';
import { Registry } from '../../core/registry.ts';
import { builtinPlugins } from '../../plugins.ts';
import { describe } from '../describe.ts';
import { Lowering } from '../fluentd/lowering.ts';
import { loadFluentbit } from './load.ts';

const words =
  'Name Match Match_Regex Tag Parser Path Format Retry_Limit Host Port tls.verify tail dummy stdout http file forward null json ' +
  'on off 5M 1h -1 ${X} ${Y:-z} /a*/ * a.b "q r" # lots no_limits multiline.parser java';
const classicLines = [
  '[INPUT]\n',
  '[OUTPUT]\n',
  '[FILTER]\n',
  '[SERVICE]\n    Flush 1\n',
  '[MULTILINE_PARSER]\n',
  '    Name tail\n',
  '    Name stdout\n',
  '\tName http\n',
  '@SET a=b\n',
  '@INCLUDE /nowhere/*.conf\n',
];
const yamlLines = [
  'pipeline:\n',
  '  inputs:\n',
  '  outputs:\n',
  '    - name: dummy\n',
  '    - name: stdout\n      match: "*"\n',
  '      processors:\n        logs:\n          - name: stdout\n',
  'parsers:\n  - name: p\n    format: json\n',
  'env:\n  A: b\n',
  '      header:\n        - a b\n',
];

function texts(lines: readonly string[]) {
  const piece = fc.oneof(
    fc.constantFrom(...lines),
    fc.constantFrom(...words.split(' ')),
    fc.constantFrom(
      ' ',
      '    ',
      '\n',
      '\t',
      '\r\n',
      ': ',
      '- ',
      '[',
      ']',
      '{',
      '}',
      '&a ',
      '*a ',
      '|\n',
      '"',
      "'",
      '\0',
      'ü',
    ),
    fc.string({ maxLength: 5 }),
  );
  return fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));
}

async function load(text: string, dialect: 'fluentbit-classic' | 'fluentbit-yaml'): Promise<void> {
  const registry = new Registry(builtinPlugins);
  const lowering = new Lowering(registry);
  const { model } = await loadFluentbit(lowering, { path: 'a.conf', text }, dialect, { X: 'ex' });
  const lines = text.split('\n').length;
  for (const { at, text: problem } of lowering.problems) {
    assert.ok(problem.length > 5);
    if (at?.file === 'a.conf')
      assert.ok(at.line >= 1 && at.line <= lines && at.column >= 1, JSON.stringify({ at, text }));
  }
  if (lowering.problems.every(({ severity }) => severity === 'warning'))
    describe({ model, notes: lowering.notes, registry, dialect });
}

test('classic: any text', async () => {
  await fc.assert(
    fc.asyncProperty(texts(classicLines), (text) => load(text, 'fluentbit-classic')),
    fuzzRuns(300, 2),
  );
});

test('YAML: any text', async () => {
  await fc.assert(
    fc.asyncProperty(texts(yamlLines), (text) => load(text, 'fluentbit-yaml')),
    fuzzRuns(300, 2),
  );
});
