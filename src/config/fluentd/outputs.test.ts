import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProblem } from '../../core/errors.ts';
import { Registry } from '../../core/registry.ts';
import { rootLabel } from '../model.ts';
import { lowerFluentd } from './lower.ts';
import { Lowering } from './lowering.ts';
import { parseFluentd } from './parser.ts';
import { testPlugins } from './test-plugins.ts';

/** The action of a top-level match, the outputs and what was said. */
function lower(body: string) {
  const parsed = parseFluentd(`<match **>\n${body}\n</match>`, 'f.conf', { env: {}, hostname: 'h', workerId: '0' });
  const lowering = new Lowering(new Registry(testPlugins));
  const { model } = lowerFluentd(lowering, parsed.root);
  return {
    action: model.labels[rootLabel]?.[0]?.action,
    outputs: model.outputs,
    problems: [...parsed.problems, ...lowering.problems].map(formatProblem),
  };
}
const store = (words: string, body = '@type stdout') => `<store${words && ` ${words}`}>\n${body}\n</store>`;
const output = (id: string) => ({ kind: 'output', output: id });

test('roundrobin: stores with their weights', () => {
  const stores = [store('', '@type stdout\nweight 3'), store('', '@type null')];
  const { action, problems } = lower(`@type roundrobin\n${stores.join('\n')}`);
  assert.deepEqual(problems, []);
  assert.deepEqual(action, {
    kind: 'roundrobin',
    actions: [output('stdout'), output('null')],
    weights: [3, 1],
  });
  assert.deepEqual(lower(`@type roundrobin\n${store('', '@type null\nweight 0')}`).problems, [
    'f.conf:1:1: roundrobin: every weight is 0; one store must be more than that',
  ]);
  assert.deepEqual(lower('@type roundrobin').problems, ['f.conf:1:1: roundrobin needs at least one section <store>']);
});

test('ignore_if_prev_success: a store behind one that takes all gets nothing, which is said', () => {
  const none = lower(
    `@type copy\n${store('')}\n${store('ignore_if_prev_success', '@type null')}\n${store('ignore_if_prev_success')}`,
  );
  // The third one's neighbour was passed over, so it does get the records.
  assert.deepEqual(none.action, { kind: 'copy', actions: [output('stdout'), output('stdout#2')] });
  assert.deepEqual(
    none.outputs.map(({ id }) => id),
    ['stdout', 'stdout#2'],
  );
  assert.match(none.problems.join('\n'), /^f\.conf:6:1: warning: <store ignore_if_prev_success> gets no records/);
  assert.deepEqual(lower(`@type copy\n${store('ignore_if_prev_success')}`).problems, [
    'f.conf:3:1: ignore_if_prev_success: the first <store> has none before it',
  ]);
  assert.match(lower(`@type copy\n${store('ignore')}`).problems.join(), /3:1: <store ignore>: expected ignore_error/);
});

test('secondary_file: only as a secondary, in the format of the output around it, with its chunk keys', () => {
  const secondary = '<secondary>\n@type secondary_file\ndirectory /d/${tag}\n</secondary>';
  const { outputs, problems } = lower(
    `@type stdout\n<format>\n@type ltsv\n</format>\n<inject>\ntag_key t\n</inject>\n<buffer tag>\n</buffer>\n${secondary}`,
  );
  assert.deepEqual(problems, []);
  assert.equal(outputs[0]?.secondary?.formatter?.type, 'ltsv');
  assert.deepEqual(outputs[0].secondary.inject, { tagKey: 't' });
  assert.deepEqual(lower(`@type stdout\n${secondary}`).problems, [
    'f.conf:3:1: output secondary_file: chunk key tag is not configured',
  ]);
  assert.deepEqual(lower('@type secondary_file\ndirectory /d').problems, [
    'f.conf:1:1: output secondary_file keeps what another one failed to write: put it into <secondary>',
  ]);
});
