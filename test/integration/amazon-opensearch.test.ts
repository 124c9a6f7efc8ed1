/**
 * The sidecar's configuration of deploy/examples in the real program, against a real OpenSearch behind a proxy that checks
 * signatures as Amazon's does: there is no AWS here.
 */
import assert from 'node:assert/strict';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { verifyingProxy } from '../aws/verifying-proxy.ts';
import { startProgram, temporaryDirectory, until } from '../program.ts';
import { startService } from '../services/fixture.ts';
import { opensearch } from '../services/opensearch.ts';

const example = new URL('../../deploy/examples/eks-fargate-sidecar/td-agent.conf', import.meta.url);

interface Found {
  readonly hits: { readonly hits: readonly { readonly _index: string; readonly _source: Record<string, unknown> }[] };
}

test('the sidecar’s lines are found in OpenSearch, every request signed, over wrong keys and a killed server', async (t) => {
  const server = await startService(t, opensearch);
  const http = server.addresses['http'] ?? '';
  const keys = new Map([['AKIDSIDECAR', { secret: 'sidecar/secret+1' }]]);
  const rules = { keys, region: 'ap-northeast-2', service: 'es', nowMs: () => Date.now() };
  const proxy = await verifyingProxy(t, http, rules);
  const directory = await temporaryDirectory(t);
  // The placeholders: where the files lie, and where the domain is.
  const config = (await readFile(example, 'utf8'))
    .replaceAll('/app/log/', `${directory}/`)
    .replaceAll('/var/log/', `${directory}/`)
    .replace(/url https:\S+/, `url ${proxy.url}`);
  const configPath = join(directory, 'td-agent.conf');
  const log = join(directory, 'docswave-app.log');
  await writeFile(configPath, config);
  await writeFile(log, '');
  const start = (secret: string) =>
    startProgram(t, {
      args: ['run', '--config', configPath],
      dataDir: join(directory, 'data'),
      env: { AWS_ACCESS_KEY: 'AKIDSIDECAR', AWS_ACCESS_SECRET: secret },
    });
  const lines = (from: number, to: number): string[] =>
    Array.from({ length: to - from }, (_, i) => `2020-12-28 01:08:36 INFO 요청 ${from + i}`);
  const found = async (): Promise<Found['hits']['hits']> => {
    await fetch(`${http}/_refresh`, { method: 'POST' }).catch(() => undefined);
    const path = '/logstash-*/_search?size=1000&allow_no_indices=true';
    const answer = await fetch(`${http}${path}`).then(
      (one) => one.json() as Promise<Partial<Found>>,
      () => undefined,
    );
    return answer?.hits?.hits ?? [];
  };

  const wrong = await (await start('another')).ready();
  await appendFile(log, `${lines(0, 50).join('\n')}\n`);
  await until('the refusal to be said', () =>
    /check the secret access key, the region and the service name/.test(wrong.stderr),
  );
  assert.doesNotMatch(wrong.stderr, /another/);
  assert.equal((await found()).length, 0);
  assert.equal(await wrong.stop(), 0);

  const right = await (await start('sidecar/secret+1')).ready();
  // Counted by their texts: a line whose answer was lost with the server is sent again.
  const arrived = async (): Promise<number> => new Set((await found()).map(({ _source }) => _source['message'])).size;
  await until('the lines that waited', async () => (await arrived()) >= 50);
  await server.kill();
  await appendFile(log, `${lines(50, 100).join('\n')}\n`);
  await until('a try without the server', () => proxy.seen.length > 0 && /502/.test(right.stderr));
  await server.restart();
  await until('all lines', async () => (await arrived()) >= 100);
  assert.equal(await right.stop(), 0);

  const documents = await found();
  assert.deepEqual(new Set(documents.map(({ _source }) => _source['message'])), new Set(lines(0, 100)));
  for (const { _index, _source } of documents) {
    assert.match(_index, /^logstash-\d{4}\.\d\d\.\d\d$/);
    assert.equal(_source['@log_name'], 'docswave.applog');
    assert.match(String(_source['@timestamp']), /^\d{4}-\d\d-\d\dT[\d:.]+\+00:00$/);
  }
  const good = proxy.seen.filter(({ problem }) => problem === undefined);
  assert.ok(good.some(({ request }) => request.url === '/_bulk'));
  assert.ok(proxy.seen.every(({ problem }) => problem === undefined || problem.startsWith('SignatureDoesNotMatch')));
});
