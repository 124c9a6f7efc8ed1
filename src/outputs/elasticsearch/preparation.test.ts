import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { batchOf, chunkOf } from '../../../test/fixture.ts';
import type { Chunk, Plugin } from '../../core/plugin.ts';
import { elasticsearchDataStreamOutput } from '../elasticsearch_data_stream.ts';
import { opensearchDataStreamOutput } from '../opensearch_data_stream.ts';
import { elasticsearchOutput } from './index.ts';
import { makeOutput, searchServer } from './search-fixture.ts';
import type { Answering, Made, Received, SearchServer } from './search-fixture.ts';

const signal = new AbortController().signal;
const records = (tag = 'a'): Chunk => chunkOf([batchOf(tag, ['{"n":1}'])], { tag });

async function templateFile(t: TestContext, contents: unknown): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'p2l-template-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, 'template.json');
  await writeFile(path, JSON.stringify(contents));
  return path;
}

/** A server on which nothing is but what was put there. */
function emptyServer(
  t: TestContext,
  version?: Record<string, string>,
  answering: Answering = () => undefined,
): Promise<SearchServer> {
  const there = new Set<string>();
  return searchServer(
    t,
    (received) => {
      const told = answering(received);
      if (told !== undefined) return told;
      const [method, path = ''] = received.request.split(' ');
      if (method === 'PUT') there.add(path);
      return method === 'GET' && path !== '/' && !there.has(path) ? { status: 404, body: {} } : undefined;
    },
    version,
  );
}

async function opened(
  t: TestContext,
  server: SearchServer,
  options: Record<string, unknown>,
  plugin: Plugin = elasticsearchOutput,
  made: Partial<Made> = {},
) {
  return makeOutput(t, plugin, { ...made, options: { host: '127.0.0.1', port: server.port, ...options } });
}
const puts = ({ received }: SearchServer): Received[] => received.filter(({ request }) => request.startsWith('PUT '));

test('a template is made before the first record, where it is not there or is to be overwritten', async (t) => {
  const file = await templateFile(t, { index_patterns: ['<<name>>-*'], mappings: { properties: {} } });
  const server = await emptyServer(t);
  const options = { templateName: 'tpl', templateFile: file, customizeTemplate: { '<<name>>': 'APP' } };
  await opened(t, server, options);
  const [put] = puts(server);
  assert.equal(put?.request, 'PUT /_template/tpl');
  assert.deepEqual(put?.lines, [{ index_patterns: ['app-*'], mappings: { properties: {} } }]);
  await opened(t, server, options);
  assert.equal(puts(server).length, 1);
  await opened(t, server, { ...options, templateOverwrite: true, useLegacyTemplate: false });
  assert.equal(puts(server)[1]?.request, 'PUT /_index_template/tpl');
  await opened(t, server, { templates: { one: file, two: file } });
  assert.deepEqual(
    puts(server)
      .slice(2)
      .map(({ request }) => request),
    ['PUT /_template/one', 'PUT /_template/two'],
  );
});

test('with placeholders it is made with the chunk that names it, once each', async (t) => {
  const file = await templateFile(t, { index_patterns: ['x'] });
  const server = await emptyServer(t);
  const output = await opened(t, server, { templateName: 'tpl-${tag}', templateFile: file, indexName: 'i-${tag}' });
  assert.equal(puts(server).length, 0);
  for (const tag of ['a', 'b', 'a']) await output.write(records(tag), signal);
  assert.deepEqual(
    puts(server).map(({ request }) => request),
    ['PUT /_template/tpl-a', 'PUT /_template/tpl-b'],
  );
});

test('what is wrong with a template is told, and records wait', async (t) => {
  const server = await emptyServer(t);
  await assert.rejects(
    opened(t, server, { templateName: 'x', templateFile: '/none.json' }),
    /reading template_file \/none.json/,
  );
  const refusing = await emptyServer(t, undefined, ({ request }) =>
    request.startsWith('PUT')
      ? { status: 400, body: { error: { type: 'mapper_parsing_exception', reason: 'no such type' } } }
      : undefined,
  );
  const file = await templateFile(t, { index_patterns: ['x'] });
  await assert.rejects(
    opened(t, refusing, { templateName: 'x', templateFile: file }),
    /400 .*PUT .*mapper_parsing_exception: no such type/,
  );
});

test('rollover: the template, a policy and an index behind the alias', async (t) => {
  const file = await templateFile(t, { index_patterns: ['x'], settings: { a: 1 } });
  const server = await emptyServer(t);
  const ilmPolicy = '{"policy":{"phases":{}}}';
  await opened(t, server, {
    indexName: 'logs',
    templateName: 'x',
    templateFile: file,
    enableIlm: true,
    ilmPolicyId: 'p',
    ilmPolicy,
  });
  assert.deepEqual(
    puts(server).map(({ request, lines }) => [decodeURIComponent(request), lines[0]]),
    [
      [
        'PUT /_template/logs',
        {
          index_patterns: ['logs-*'],
          order: 51,
          settings: { a: 1, 'index.lifecycle.name': 'p', 'index.lifecycle.rollover_alias': 'logs' },
        },
      ],
      ['PUT /_ilm/policy/p', { policy: { phases: {} } }],
      ['PUT /<logs-default-{now/d}-000001>', { aliases: { logs: { is_write_index: true } } }],
    ],
  );
  const opensearch = await emptyServer(t, { number: '2.0.0', distribution: 'opensearch' });
  await assert.rejects(
    opened(t, opensearch, { indexName: 'logs', templateName: 'x', templateFile: file, enableIlm: true }),
    /OpenSearch has no lifecycle policies/,
  );
});

test('kubernetes_template: for the names that are written', async (t) => {
  const server = await emptyServer(t);
  await opened(t, server, { kubernetesTemplate: true, logstashFormat: true });
  const [put] = puts(server);
  assert.equal(put?.request, 'PUT /_template/post2log-kubernetes-logstash');
  const template = put?.lines[0] as { index_patterns: unknown; mappings: { properties: { log: unknown } } };
  assert.deepEqual([template.index_patterns, template.mappings.properties.log], [['logstash-*'], { type: 'text' }]);
});

test('a data stream gets a policy and a template, and is made', async (t) => {
  const server = await emptyServer(t);
  await opened(
    t,
    server,
    { dataStreamName: 'logs-app', indexRetention: 30 * 86_400_000 },
    elasticsearchDataStreamOutput,
  );
  assert.deepEqual(
    puts(server).map(({ request }) => request),
    ['PUT /_ilm/policy/logs-app_policy', 'PUT /_index_template/logs-app_template', 'PUT /_data_stream/logs-app'],
  );
  const [policyPut] = puts(server);
  const { policy } = (policyPut?.lines[0] ?? {}) as { policy: { phases: { delete: unknown } } };
  assert.deepEqual(policy.phases.delete, { min_age: '30d', actions: { delete: {} } });
  assert.deepEqual(puts(server)[1]?.lines[0], {
    index_patterns: ['logs-app*'],
    data_stream: {},
    priority: 108,
    template: { settings: { 'index.lifecycle.name': 'logs-app_policy' } },
  });
});

test('of data streams whose names begin alike each has its own template, the longer name first', async (t) => {
  const server = await emptyServer(t);
  const output = await opened(t, server, { dataStreamName: 'app${tag}' }, elasticsearchDataStreamOutput, {
    buffer: { chunkKeys: ['tag'] },
  });
  for (const tag of ['-x', '', '-x.y']) await output.write(records(tag), signal);
  const templates = puts(server).filter(({ request }) => request.includes('_index_template'));
  assert.deepEqual(
    templates.map(({ lines: [template] }) => {
      const { index_patterns: patterns, priority } = template as { index_patterns: string[]; priority: number };
      return [patterns[0], priority];
    }),
    [
      ['app-x*', 5],
      ['app*', 3],
      ['app-x.y*', 7],
    ],
  );
});

test('on OpenSearch a data stream gets a policy of its state management; without that plugin records go on', async (t) => {
  const version = { number: '2.0.0', distribution: 'opensearch' };
  const server = await emptyServer(t, version);
  const options = { dataStreamName: 'logs', indexRetention: 86_400_000 };
  await opened(t, server, options, opensearchDataStreamOutput);
  assert.equal(puts(server)[0]?.request, 'PUT /_plugins/_ism/policies/logs_policy');
  const without = await emptyServer(t, version, ({ request }) =>
    request.includes('_ism') ? { status: 400 } : undefined,
  );
  await opened(t, without, options, opensearchDataStreamOutput);
  assert.deepEqual(puts(without).at(-1)?.request, 'PUT /_data_stream/logs');
  await assert.rejects(opened(t, server, { dataStreamName: 'Logs' }, opensearchDataStreamOutput), /lower case/);
});

test('index_retention deletes indices of days that are over, and none else; again an hour later', async (t) => {
  const names = [
    'logstash-2023.10.14',
    'logstash-2023.10.15',
    'logstash-2023.10.14-x',
    'other-2000.01.01',
    'logstash-2023.02.31',
  ];
  const { promise: isAskedAgain, resolve } = Promise.withResolvers<void>();
  let asked = 0;
  const server = await searchServer(t, ({ request }) => {
    if (!request.startsWith('GET /_cat/')) return undefined;
    if (++asked === 2) resolve();
    return { body: names.map((index) => ({ index })) };
  });
  const output = await opened(t, server, { logstashFormat: true, indexRetention: 30 * 86_400_000 });
  const requests = server.received.map(({ request }) => request);
  // The clock says 2023-11-14 22:13:20.
  assert.deepEqual(
    requests.filter((request) => request.startsWith('DELETE')),
    ['DELETE /logstash-2023.10.14'],
  );
  assert.ok(requests.some((request) => request.startsWith('GET /_cat/indices/logstash-*?')));
  output.clock.advance(3_600_000);
  await isAskedAgain;
  await assert.rejects(opened(t, server, { indexRetention: 1000 }), /names with a date/);
  await assert.rejects(opened(t, server, { indexRetention: 1000, indexName: 'x-%Y.%j' }), /cannot be read back/);
});

test('mistakes are told', async (t) => {
  const server = await emptyServer(t);
  await assert.rejects(opened(t, server, { enableIlm: true }), /need template_name and template_file/);
  const both = { templateName: 'x', templateFile: 'x', enableIlm: true };
  await assert.rejects(opened(t, server, { ...both, ilmPolicy: '[]' }), /ilm_policy is no JSON object/);
  await assert.rejects(opened(t, server, { ...both, logstashFormat: true }), /leave out logstash_format/);
  await assert.rejects(opened(t, server, { ...both, deflectorAlias: 'x' }), /deflector_alias/);
});
