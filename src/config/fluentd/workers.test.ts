import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProblem } from '../../core/errors.ts';
import { Registry } from '../../core/registry.ts';
import type { PipelineModel } from '../model.ts';
import { lowerFluentd } from './lower.ts';
import { Lowering } from './lowering.ts';
import { parseFluentd } from './parser.ts';
import { testPlugins } from './test-plugins.ts';

function lower(text: string) {
  const parsed = parseFluentd(text, 'f.conf', { env: {}, hostname: 'h', workerId: '0' });
  const lowering = new Lowering(new Registry(testPlugins));
  const { model } = lowerFluentd(lowering, parsed.root);
  return { model, problems: [...parsed.problems, ...lowering.problems].map(formatProblem) };
}
/** Match patterns and what becomes of them, by label. */
function routes(labels: PipelineModel['labels']): Record<string, string[]> {
  const textOf = (action: PipelineModel['labels'][string][number]['action']): string => {
    if (action.kind === 'output') return action.output.replace(/:.*/, '');
    return action.kind === 'relabel' ? `relabel ${action.label}` : action.kind;
  };
  return Object.fromEntries(
    Object.entries(labels).map(([label, steps]) => [
      label,
      steps.map(({ match, action }) => `${match.pattern} ${textOf(action)}`),
    ]),
  );
}
const twoWorkers = (body: string) => lower(`<system>\nworkers 2\n</system>\n${body}`);
test('each worker has its own sources and routes behind those of all', () => {
  const { model, problems } = twoWorkers(`
<match common>
  @type null
</match>
<worker 0>
  <source>
    @type sample
  </source>
  <match a>
    @type stdout
  </match>
</worker>
<worker 1>
  <source>
    @type sample
    @label @L
  </source>
  <label @L>
    <match **>
      @type relabel
      @label @ROOT
    </match>
  </label>
  <match b>
    @type stdout
  </match>
</worker>`);
  assert.deepEqual(problems, []);
  assert.deepEqual(
    model.sources.map(({ id, label, workers }) => [id, label, workers]),
    [
      ['sample', '@ROOT', [0]],
      ['sample.1', '@L', [1]],
    ],
  );
  assert.deepEqual(
    model.scopes?.map(({ name, sources, labels }) => [name, sources, routes(labels)]),
    [
      ['worker 0', ['sample'], { '@ROOT': ['common null', 'a stdout'] }],
      ['worker 1', ['sample.1'], { '@ROOT': ['common null', 'b stdout#2'], '@L': ['** relabel @ROOT'] }],
    ],
  );
  assert.equal(model.outputs.length, 3, 'what stands outside of <worker> is one output for all');
});
test('a source outside of <worker> has in each process the routes of that one', () => {
  const { model, problems } = lower(
    '<system>\nworkers 3\n</system>\n<source>\n@type postback\n</source>\n<worker 1>\n<match a>\n@type null\n</match>\n</worker>\n<worker 0-2>\n<match b>\n@type null\n</match>\n</worker>',
  );
  assert.deepEqual(problems, []);
  assert.deepEqual(
    model.sources.map(({ id, workers }) => [id, workers]),
    [
      ['postback', [0, 2]],
      ['postback.worker1', [1]],
    ],
  );
  assert.deepEqual(
    model.scopes?.map(({ name, labels }) => [name, labels['@ROOT']?.length]),
    [
      ['worker 0, 2', 1],
      ['worker 1', 2],
    ],
  );
});
test('sources alone in <worker> leave one pipeline', () => {
  const { model } = twoWorkers(
    '<worker 1>\n<source>\n@type sample\n</source>\n</worker>\n<match **>\n@type null\n</match>',
  );
  assert.deepEqual([model.sources[0]?.workers, model.scopes], [[1], undefined]);
});
test('two workers may have a label of the same name; that of another one is not there', () => {
  const label = '<label @L>\n<match **>\n@type null\n</match>\n</label>';
  const entering = '<source>\n@type sample\n@label @L\n</source>';
  const both = twoWorkers(`<worker 0>\n${entering}\n${label}\n</worker>\n<worker 1>\n${entering}\n${label}\n</worker>`);
  assert.deepEqual(both.problems, []);
  assert.deepEqual(
    both.model.scopes?.map(({ labels }) => labels['@L']?.length),
    [1, 1],
  );
  const other = twoWorkers(
    `<worker 0>\n<match **>\n@type relabel\n@label @L\n</match>\n</worker>\n<worker 1>\n${label}\n</worker>`,
  );
  assert.match(other.problems.join('\n'), /5:1: worker 0 has no <label @L>: it stands in the <worker> of another one/);
  const source = twoWorkers(`<worker 0>\n${entering}\n</worker>\n<worker 1>\n${label}\n</worker>`);
  assert.match(source.problems.join('\n'), /worker 0 has no <label @L>/);
});
