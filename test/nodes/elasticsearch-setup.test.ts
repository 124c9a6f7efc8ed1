/** The chart's Job that makes Elasticsearch ready, against a server that notes what it is asked; test/integration has the real one. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setupPath, setupWanted } from './elasticsearch-setup.ts';

interface Asked {
  readonly what: string;
  readonly body: string;
}

/** Answers as a server of this distribution does, each GET of `missing` with 404, and Kibana too. */
async function noting(
  context: TestContext,
  distribution: string | undefined,
): Promise<{ url: string; asked: Asked[] }> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const what = `${request.method} ${request.url}`;
      asked.push({ what, body: Buffer.concat(pieces).toString() });
      const isPolicy = what.startsWith('GET /_plugins/_ism/');
      const body = isPolicy
        ? { _seq_no: 4, _primary_term: 1 }
        : { version: { number: '8.17.0', ...(distribution && { distribution }) }, success: true };
      response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

async function run(env: Readonly<Record<string, string>>): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [setupPath], { env: { PATH: process.env['PATH'], ...env } });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (piece: string) => (output += piece));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

test('Elasticsearch: a policy, a template that names it, and dashboards in Kibana', async (context) => {
  const { url, asked } = await noting(context, undefined);
  const { code, output } = await run({ ELASTICSEARCH: url, KIBANA: url, SETUP: JSON.stringify(setupWanted()) });
  assert.equal(code, 0, output);
  assert.deepEqual(
    asked.map(({ what }) => what),
    [
      'GET /',
      'PUT /_ilm/policy/fluent-logging',
      'PUT /_index_template/fluent-logging',
      'PUT /logstash-*/_settings',
      'GET /api/status',
      'POST /api/saved_objects/_import?overwrite=true',
    ],
  );
  assert.match(asked[1]?.body ?? '', /"delete":\{"min_age":"7d","actions":\{"delete":\{\}\}\}/);
  const template = JSON.parse(asked[2]?.body ?? '') as {
    template: { settings: unknown; mappings: { properties: object } };
  };
  assert.deepEqual(template.template.settings, {
    index: { number_of_shards: 3, number_of_replicas: 1, lifecycle: { name: 'fluent-logging' } },
  });
  assert.match(JSON.stringify(template.template.mappings), /"labels":\{"properties":\{"app":\{"type":"keyword"\}/);
  assert.match(asked[5]?.body ?? '', /"type":"dashboard"/);
});

test('OpenSearch: its own form of a policy, the version that is there replaced', async (context) => {
  const { url, asked } = await noting(context, 'opensearch');
  const { code, output } = await run({ ELASTICSEARCH: url, SETUP: JSON.stringify(setupWanted()) });
  assert.equal(code, 0, output);
  assert.deepEqual(
    asked.map(({ what }) => what),
    [
      'GET /',
      'GET /_plugins/_ism/policies/fluent-logging',
      'PUT /_plugins/_ism/policies/fluent-logging?if_seq_no=4&if_primary_term=1',
      'PUT /_index_template/fluent-logging',
      'POST /_plugins/_ism/add/logstash-*',
    ],
  );
  assert.match(asked[2]?.body ?? '', /"min_index_age":"7d"/);
  assert.doesNotMatch(asked[3]?.body ?? '', /lifecycle/);
});

test('a server that does not come is waited for, and then named', async () => {
  const env = { ELASTICSEARCH: 'http://127.0.0.1:1', SETUP: JSON.stringify(setupWanted()), PATIENCE_SECONDS: '0' };
  const { code, output } = await run(env);
  assert.equal(code, 1);
  assert.match(output, /Elasticsearch at http:\/\/127\.0\.0\.1:1\/ does not answer: .*look at its pods/);
});
