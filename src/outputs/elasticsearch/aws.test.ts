import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifyingProxy } from '../../../test/aws/verifying-proxy.ts';
import { batchOf, chunkOf } from '../../../test/fixture.ts';
import { esOutput } from '../es.ts';
import { fluentbitOpensearchOutput } from '../fluentbit_opensearch.ts';
import { makeOutput, searchServer } from './search-fixture.ts';

const { signal } = new AbortController();
const chunk = chunkOf([batchOf('app.web', ['{"a":1}'])], { tag: 'app.web' });

test('AWS_Auth of Fluent Bit signs requests, its agent’s name too, without the port in the host', async (t) => {
  const before = { ...process.env };
  t.after(() => (process.env = before));
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'AKIDFLB', AWS_SECRET_ACCESS_KEY: 'flb' });
  delete process.env['AWS_PROFILE'];
  delete process.env['AWS_SESSION_TOKEN'];
  const server = await searchServer(t);
  const rules = { keys: new Map([['AKIDFLB', { secret: 'flb' }]]), region: 'eu-west-1' };
  // The clock of makeOutput.
  const nowMs = (): number => 1_700_000_000_000;
  for (const [plugin, service] of [
    [esOutput, 'es'],
    [fluentbitOpensearchOutput, 'aoss'],
  ] as const) {
    const proxy = await verifyingProxy(t, server.url, { ...rules, service, nowMs });
    const { hostname, port } = new URL(proxy.url);
    const output = await makeOutput(t, plugin, {
      options: {
        host: hostname,
        port: Number(port),
        awsAuth: true,
        awsRegion: 'eu-west-1',
        awsServiceName: service,
        compress: 'gzip',
        httpUser: 'ignored',
      },
    });
    assert.deepEqual(await output.write(chunk, signal), { refused: [], retry: [] });
    const [first] = proxy.seen;
    assert.equal(first?.problem, undefined);
    const headers = new Map(
      (first?.request.rawHeaders ?? []).map((text, i, all) => [text.toLowerCase(), all[i + 1] ?? ''] as const),
    );
    assert.equal(headers.get('user-agent'), 'aws-fluent-bit-plugin');
    assert.equal(headers.get('host'), hostname);
    assert.match(
      headers.get('authorization') ?? '',
      /SignedHeaders=content-type;host;user-agent;x-amz-content-sha256;x-amz-date,/,
    );
  }
});

test('AWS_Auth without a region is an error', async (t) => {
  await assert.rejects(makeOutput(t, esOutput, { options: { awsAuth: true } }), /AWS_Auth needs AWS_Region/);
});
