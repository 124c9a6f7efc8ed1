import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { recordMetrics } from '../codecs/record-metrics/instruments.ts';
import { loggedTexts } from '../kubernetes/cluster-fixture.ts';
import { builtinPlugins } from '../plugins.ts';
import { batchOf, configOf, contextOf, pairs, section } from '../../test/fixture.ts';
import { prometheusFilter } from './prometheus.ts';

interface Metric {
  readonly options: Record<string, unknown>;
  readonly labels?: Record<string, string>;
  readonly initlabels?: readonly Record<string, string>[];
}

function configured(metrics: readonly Metric[], labels?: Record<string, string>) {
  const metric = metrics.map(({ options, labels: own, initlabels = [] }) => ({
    ...section({ initialized: false, ...options }),
    sections: { ...(own && { labels: [pairs(own)] }), initlabels: initlabels.map(pairs) },
  }));
  return configOf(prometheusFilter, {}, { sections: { metric, ...(labels && { labels: [pairs(labels)] }) } });
}

/** The metrics after records have passed, and what was said. */
async function shown(
  metrics: readonly Metric[],
  records: readonly string[],
  labels?: Record<string, string>,
  tag = 'app.web.1',
): Promise<{ text: string; said: string[] }> {
  const { log, texts: said } = loggedTexts();
  const context = contextOf(builtinPlugins, log);
  assert.ok(prometheusFilter.kind === 'filter');
  const config = configured(metrics, labels);
  prometheusFilter.check?.(config);
  const filter = prometheusFilter.create(config, context);
  const batch = batchOf(tag, records);
  assert.equal(
    filter.apply(batch, () => assert.fail('nothing is rejected')),
    batch,
  );
  return { text: await recordMetrics(context).text(), said };
}

const counter = { name: 'seen_total', type: 'counter', desc: 'Records seen' };

test('a counter counts records, or adds a value of each', async () => {
  const records = ['{"n":2}', '{"n":0.5}', '{"m":1}', '{"n":null}'];
  assert.equal(
    (await shown([{ options: counter }], records)).text,
    '# TYPE seen_total counter\n# HELP seen_total Records seen\nseen_total 4\n',
  );
  assert.match((await shown([{ options: { ...counter, key: 'n' } }], records)).text, /^seen_total 2\.5$/m);
  assert.match((await shown([{ options: { ...counter, key: '$.a.n' } }], ['{"a":{"n":3}}'])).text, /^seen_total 3$/m);
});

test('labels: of the plugin and of the metric, of tag, record and host', async () => {
  const { text, said } = await shown(
    [
      {
        options: counter,
        labels: {
          level: '$.level',
          parts: '${tag_parts[0]}-${tag_parts[-1]}',
          prefix: '${tag_prefix[1]}',
          suffix: '${tag_suffix[1]}',
          kind: '${kind}/${list[1]}/${map["k"]}',
          absent: '${nothing}',
          tag: 'own',
        },
      },
    ],
    ['{"level":"a \\"b\\"\\n","kind":7,"list":["x","y"],"map":{"k":"v"}}'],
    { tag: '${tag}', host: '${hostname}', fixed: 'yes' },
  );
  const line = text.split('\n').find((one) => one.startsWith('seen_total{'));
  const host = hostname();
  assert.equal(
    line,
    `seen_total{tag="own",host="${host}",fixed="yes",level="a \\"b\\"\\n",parts="app-1",prefix="app.web",suffix="web.1",kind="7/y/v",absent="\${nothing}"} 1`,
  );
  assert.deepEqual(said.length, 1);
  assert.match(said[0] ?? '', /placeholder \$\{nothing\} has no value/);
});

test('a gauge has the last value, a summary sum and count, a histogram buckets', async () => {
  const records = ['{"n":1}', '{"n":7}', '{"n":3}'];
  const of = (type: string, more = {}) => [{ options: { name: 'm', type, desc: 'M', key: 'n', ...more } }];
  assert.match((await shown(of('gauge'), records)).text, /^m 3$/m);
  assert.equal((await shown(of('summary'), records)).text, '# TYPE m summary\n# HELP m M\nm_sum 11\nm_count 3\n');
  assert.equal(
    (await shown(of('histogram', { buckets: ['1', '5'] }), records)).text,
    '# TYPE m histogram\n# HELP m M\nm_bucket{le="1"} 1\nm_bucket{le="5"} 2\nm_bucket{le="+Inf"} 3\nm_sum 11\nm_count 3\n',
  );
  const { text } = await shown(of('histogram'), records);
  assert.equal(text.match(/^m_bucket/gm)?.length, 12);
});

test('values that a metric cannot take are left out, counted and said once; the record passes', async () => {
  const { text, said } = await shown(
    [{ options: { ...counter, key: 'n' } }],
    ['{"n":"5"}', '{"n":-1}', '{"n":{}}', '{"n":true}', '{"n":1}'],
  );
  assert.match(text, /^seen_total 1$/m);
  assert.equal(said.length, 2);
  assert.match(said.join(), /some values are no numbers.*some values are below 0/s);
});

test('a metric has a bounded number of sets of labels', async () => {
  const records = Array.from({ length: 10_002 }, (_, id) => `{"id":${id}}`);
  const { text, said } = await shown([{ options: counter, labels: { id: '$.id' } }], records);
  assert.equal(text.match(/^seen_total\{/gm)?.length, 10_000);
  assert.match(said.join(), /more than 10000 sets of labels/);
});

test('initialized: shown before the first record', async () => {
  const initialized = { ...counter, initialized: true };
  assert.match((await shown([{ options: initialized, labels: { a: 'b' } }], [])).text, /^seen_total\{a="b"\} 0$/m);
  const { text } = await shown(
    [{ options: initialized, labels: { tag: '${tag}', a: 'b' }, initlabels: [{ tag: 'x' }, { tag: 'y' }] }],
    [],
  );
  assert.match(text, /^seen_total\{tag="x",a="b"\} 0\nseen_total\{tag="y",a="b"\} 0$/m);
});

test('what is wrong is said', () => {
  const problem = (metric: Metric, labels?: Record<string, string>) => () =>
    prometheusFilter.check?.(configured([metric], labels));
  const gauge = { name: 'g', type: 'gauge', desc: 'G' };
  assert.throws(problem({ options: gauge }), /a gauge needs key/);
  assert.throws(problem({ options: { ...counter, name: 'a-b' } }), /expected a name of letters/);
  assert.throws(problem({ options: counter, labels: { 'a-b': 'x' } }), /label a-b: expected letters/);
  assert.throws(problem({ options: counter, labels: { a: '$.b[' } }), /\$\.b\[/);
  assert.throws(problem({ options: { ...counter, buckets: ['1'] } }), /buckets are for a histogram/);
  const histogram = { name: 'h', type: 'histogram', desc: 'H', key: 'n' };
  assert.throws(problem({ options: { ...histogram, buckets: ['5', '1'] } }), /expected ascending numbers/);
  const initialized = { ...counter, initialized: true };
  assert.throws(problem({ options: initialized }, { tag: '${tag}' }), /needs <initlabels> with tag/);
  assert.throws(
    problem({ options: initialized, labels: { tag: '${tag}' }, initlabels: [{ other: 'x' }] }),
    /has other, which is no label/,
  );
  assert.throws(
    () => prometheusFilter.check?.(configured([{ options: counter }, { options: { ...counter, desc: 'other' } }])),
    /defined twice/,
  );
});
