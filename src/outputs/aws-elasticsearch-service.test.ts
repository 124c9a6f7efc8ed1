import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { IdentityProvider, fakeTokenService } from '../../test/aws/services-fake.ts';
import { verifyingProxy } from '../../test/aws/verifying-proxy.ts';
import { batchOf, chunkOf, configOf, contextOf, outputContextOf, section } from '../../test/fixture.ts';
import { defaultBuffer } from '../config/model.ts';
import { OperatingError } from '../core/errors.ts';
import type { Output } from '../core/plugin.ts';
import { builtinPlugins } from '../plugins.ts';
import { awsElasticsearchServiceOutput as plugin } from './aws-elasticsearch-service.ts';
import { searchServer } from './elasticsearch/search-fixture.ts';

const { signal } = new AbortController();
const region = 'ap-northeast-2';
const chunk = chunkOf([batchOf('docswave.applog', ['{"message":"a"}'])], { tag: 'docswave.applog' });

/** A server behind a proxy that checks signatures, and outputs that write to it. */
async function world(t: TestContext, service = 'es') {
  const base = contextOf(builtinPlugins);
  base.clock.setWall(Date.now());
  const keys = new Map<string, { secret: string; token?: string }>([['AKIDSEED', { secret: 'seed/secret' }]]);
  const server = await searchServer(t);
  const proxy = await verifyingProxy(t, server.url, { keys, region, service, nowMs: () => base.clock.nowMs() });
  const buffer = { ...defaultBuffer, chunkKeys: ['tag'] };
  const make = (endpoint: Record<string, unknown>, options: Record<string, unknown> = {}): Output => {
    assert.ok(plugin.kind === 'output');
    const spec = plugin.sections?.['endpoint']?.options ?? {};
    const whole = Object.fromEntries(
      Object.entries(spec).map(([name, one]) => [
        name,
        one.schema.parse({ url: proxy.url, region, ...endpoint }[name]),
      ]),
    );
    const config = configOf(plugin, options, { sections: { endpoint: [section(whole)] } });
    plugin.check?.(config, buffer);
    const output = plugin.create(config, outputContextOf(base, { buffer }));
    t.after(() => output.close());
    return output;
  };
  return { clock: base.clock, keys, server, proxy, make };
}

test('each request is signed with the keys of its endpoint, the questions before the first write too', async (t) => {
  const { server, proxy, make } = await world(t);
  const output = make(
    { accessKeyId: 'AKIDSEED', secretAccessKey: 'seed/secret' },
    { logstashFormat: true, includeTagKey: true, tagKey: '@log_name' },
  );
  await output.open?.();
  assert.deepEqual(await output.write(chunk, signal), { refused: [], retry: [] });
  assert.deepEqual(
    proxy.seen.map(({ request, problem }) => [`${request.method} ${request.url}`, problem]),
    [
      ['GET /', undefined],
      ['POST /_bulk', undefined],
    ],
  );
  assert.deepEqual(server.bulks()[0]?.lines, [
    { index: { _index: 'logstash-2024.03.05', _type: '_doc' } },
    { message: 'a', '@timestamp': '2024-03-05T06:07:00.000000000+00:00', '@log_name': 'docswave.applog' },
  ]);
});

test('wrong keys are said with what to check, and records wait', async (t) => {
  const { proxy, make, keys } = await world(t);
  const output = make({ accessKeyId: 'AKIDSEED', secretAccessKey: 'seed/secret' });
  await output.open?.();
  keys.set('AKIDSEED', { secret: 'another' });
  await assert.rejects(Promise.resolve(output.write(chunk, signal)), (error) => {
    assert.ok(error instanceof OperatingError && error.retryable);
    assert.match(error.message, /403 .*SignatureDoesNotMatch.*; check the secret access key, the region/);
    assert.doesNotMatch(error.message, /seed\/secret/);
    return true;
  });
  keys.set('AKIDSEED', { secret: 'seed/secret' });
  assert.deepEqual(await output.write(chunk, signal), { refused: [], retry: [] });
  assert.equal(proxy.seen.at(-1)?.problem, undefined);
});

test('a role by web identity (IRSA), and another service name', async (t) => {
  const { clock, keys, proxy, make } = await world(t, 'aoss');
  const provider = new IdentityProvider();
  const role = 'arn:aws:iam::123456789012:role/logs';
  const subject = 'system:serviceaccount:kubetest:default';
  const sts = await fakeTokenService(t, {
    keys,
    provider,
    subject,
    role,
    region,
    nowMs: () => clock.nowMs(),
    give: (id, secret, token) => void keys.set(id, { secret, token }),
    lifeMs: 3_600_000,
  });
  const directory = await mkdtemp(join(tmpdir(), 'p2l-aws-'));
  const before = process.env['AWS_ENDPOINT_URL_STS'];
  process.env['AWS_ENDPOINT_URL_STS'] = sts.url;
  t.after(async () => {
    if (before === undefined) delete process.env['AWS_ENDPOINT_URL_STS'];
    else process.env['AWS_ENDPOINT_URL_STS'] = before;
    await rm(directory, { recursive: true });
  });
  await writeFile(join(directory, 'token'), provider.token(subject, clock.nowMs() + 60_000));
  const output = make({
    assumeRoleArn: role,
    assumeRoleWebIdentityTokenFile: join(directory, 'token'),
    awsServiceName: 'aoss',
  });
  await output.open?.();
  assert.deepEqual(await output.write(chunk, signal), { refused: [], retry: [] });
  assert.ok(proxy.seen.every(({ problem }) => problem === undefined));
  assert.deepEqual(
    sts.taken.map(({ problem }) => problem),
    [undefined],
  );
});

test('check names what does not fit', async (t) => {
  const { make } = await world(t);
  assert.throws(() => make({ url: 'https://search.example.com/' }), /ends with a slash/);
  assert.throws(() => make({ url: 'search.example.com' }), /is no URL such as https/);
});
