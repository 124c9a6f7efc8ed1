/** The chart's Job against a real OpenSearch and Elasticsearch: documents of their indices are as the seed maps them. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { setupPath, setupWanted } from '../nodes/elasticsearch-setup.ts';
import type { Service } from '../services/contract.ts';
import { elasticsearch } from '../services/elasticsearch.ts';
import { startService } from '../services/fixture.ts';
import { opensearch } from '../services/opensearch.ts';

test('the template holds for what is written from then on, and the Job may run again', async (t) => {
  for (const service of [opensearch, elasticsearch]) await t.test(service.name, (context) => setup(context, service));
});

async function setup(context: TestContext, service: Service): Promise<void> {
  const { addresses } = await startService(context, service);
  const url = addresses['http'] ?? '';
  // These servers have no plugin that deletes old indices.
  const env = {
    ...process.env,
    ELASTICSEARCH: url,
    SETUP: JSON.stringify(setupWanted({ retentionDays: 0, replicas: 0 })),
  };
  for (let times = 0; times < 2; times++) {
    const { stdout } = await promisify(execFile)(process.execPath, [setupPath], { env });
    assert.match(stdout, /logstash-\*: template fluent-logging, kept for ever/);
  }
  const headers = { 'content-type': 'application/json' };
  const document = {
    '@timestamp': '2018-02-04T01:17:27.349Z',
    log: '<probe> WARN: Cannot obtain local pods, reporting all',
    stream: 'stderr',
    kubernetes: { pod_name: 'weave-scope-agent-56dfr', host: 'k2-node06', labels: { app: 'weave-scope' } },
  };
  const written = await fetch(`${url}/logstash-2018.02.04/_doc?refresh=true`, {
    method: 'POST',
    headers,
    body: JSON.stringify(document),
  });
  assert.equal(written.status, 201, await written.text());
  const count = async (query: object): Promise<number> => {
    const answer = await fetch(`${url}/logstash-*/_count`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ query }),
    });
    return ((await answer.json()) as { count: number }).count;
  };
  assert.equal(await count({ term: { 'kubernetes.pod_name': 'weave-scope-agent-56dfr' } }), 1);
  assert.equal(await count({ term: { 'kubernetes.pod_name': 'weave' } }), 0, 'names are found whole');
  assert.equal(await count({ match: { log: 'probe' } }), 1, 'lines are found by their words');
  const settings = (await (await fetch(`${url}/logstash-2018.02.04/_settings`)).json()) as Record<
    string,
    { settings: { index: { number_of_shards: string } } }
  >;
  assert.equal(settings['logstash-2018.02.04']?.settings.index.number_of_shards, '3');
}
