import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { FakeClock } from '../core/clock.ts';
import { KubernetesApi } from './api.ts';
import { FakeApi, status } from './api-fake.ts';
import { clusterSettings, loggedTexts } from './cluster-fixture.ts';

async function start(context: TestContext) {
  const api = await FakeApi.start(context);
  const directory = mkdtempSync(join(tmpdir(), 'p2l-token-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const tokenFile = join(directory, 'token');
  const clock = new FakeClock();
  const { log, texts } = loggedTexts();
  const client = new KubernetesApi(api.url, clusterSettings(api.url, { tokenFile }), clock, log);
  context.after(() => client.close());
  const get = () => client.get('/api/v1/namespaces/shop', 'namespace shop', 'get namespaces');
  const sent = () => api.requests.map(({ authorization }) => authorization);
  return { api, tokenFile, clock, texts, get, sent };
}

test('the token is read again when its time is over, and at once when the API does not know it', async (context) => {
  const { api, tokenFile, clock, get, sent } = await start(context);
  writeFileSync(tokenFile, 'one\n');
  await get();
  writeFileSync(tokenFile, 'two\n');
  await get();
  clock.advance(600_000);
  await get();
  assert.deepEqual(sent(), ['Bearer one', 'Bearer one', 'Bearer two']);
  writeFileSync(tokenFile, 'three\n');
  api.answer = () =>
    sent().at(-1) === 'Bearer three' ? undefined : { status: 401, body: status(401, 'Unauthorized') };
  await get();
  assert.deepEqual(sent().slice(3), ['Bearer two', 'Bearer three']);
});

test('without a token file requests go without one, said once; a token never stands in what is said', async (context) => {
  const { api, tokenFile, texts, get, sent } = await start(context);
  await get();
  await get();
  assert.deepEqual(sent(), [undefined, undefined]);
  assert.equal(texts.length, 1);
  assert.match(texts[0] ?? '', /service account token .*no such file.*requests go without one/);
  writeFileSync(tokenFile, 'secret-token');
  api.answer = () => ({ status: 401, body: status(401, 'Unauthorized') });
  await assert.rejects(get(), (error: Error) => {
    assert.match(error.message, /401 unauthorized \(Unauthorized\); check the service account token/);
    assert.doesNotMatch(`${error.message} ${texts.join()}`, /secret-token/);
    return true;
  });
});

test('each way to answer badly is said', async (context) => {
  const { api, get } = await start(context);
  const answers: [FakeApi['answer'], RegExp][] = [
    [() => 'hello', /KUBERNETES_ANSWER: .*is no JSON: hello; is this the API\?/],
    [() => ({ status: 302, body: {} }), /KUBERNETES_ANSWER: .*redirection/],
    [() => ({ status: 500, body: status(500, 'etcd is gone') }), /KUBERNETES_UNAVAILABLE: .*500: etcd is gone/],
    [
      () => ({ status: 403, body: status(403, 'no') }),
      /KUBERNETES_REFUSED: .*resources \["namespaces"\], verbs \["get"\]/,
    ],
  ];
  for (const [answer, expected] of answers) {
    api.answer = answer;
    await assert.rejects(get(), (error: Error) => expected.test(`${error.name}: ${error.message}`));
  }
  api.answer = undefined;
  assert.equal(await get(), undefined, 'not found is an answer');
});
