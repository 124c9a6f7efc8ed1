import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { FakeClock } from '../../core/clock.ts';
import { FakeContext, checkOf, configWith, detailOf, send, startSource } from './harness.test.ts';
import type { Answer } from './harness.test.ts';
import type { PostbackOptions } from './options.ts';

const secret = "It's a Secret to Everybody";
const body = '{"a":"한글"}';
const nowSeconds = 1_700_000_000;
const hmac = (text: string | Buffer, encoding: 'hex' | 'base64' = 'hex', key = secret) =>
  createHmac('sha256', key).update(text).digest(encoding);

/** A source with the signature options given, and a client for it. */
async function signed(t: TestContext, options: Partial<PostbackOptions>) {
  const context = new FakeContext(new FakeClock(nowSeconds * 1000));
  const { port } = await startSource(t, { signatureSecret: secret, ...options }, context);
  const post = (headers: Record<string, string>, text: string | Buffer = body): Promise<Answer> =>
    send(port, '/postback', { body: text, headers });
  return { context, post };
}

test('signatures: github', async (t) => {
  // The example of GitHub's documentation.
  assert.equal(hmac('Hello, World!'), '757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17');
  const { post, context } = await signed(t, { signature: 'github' });
  assert.equal((await post({ 'x-hub-signature-256': `sha256=${hmac(body)}` })).status, 200);
  assert.equal((await post({ 'x-hub-signature-256': `sha256=${hmac(body).toUpperCase()}` })).status, 200);
  for (const value of [hmac(body), `sha256=${hmac('other')}`, 'sha256=', 'sha256=zz', `sha256=${hmac(body)}00`]) {
    const answer = await post({ 'x-hub-signature-256': value });
    assert.deepEqual([answer.status, detailOf(answer)], [401, 'the signature does not fit the body']);
  }
  const missing = await post({});
  assert.match(detailOf(missing), /signature header is missing/);
  assert.equal(context.refusals.get('invalid_signature post2log'), 6);
  assert.equal(context.records.length, 2);
});

test('signatures: stripe, with several signatures and tolerance', async (t) => {
  const { post } = await signed(t, { signature: 'stripe' });
  const header = (seconds: number, ...signatures: string[]) => ({
    'stripe-signature': `t=${seconds},${signatures.map((value) => `v1=${value}`).join(',')},v0=ignored`,
  });
  const good = (seconds: number) => hmac(`${seconds}.${body}`);
  assert.equal((await post(header(nowSeconds, good(nowSeconds)))).status, 200);
  assert.equal((await post(header(nowSeconds, hmac('old'), good(nowSeconds)))).status, 200);
  assert.equal((await post(header(nowSeconds - 299, good(nowSeconds - 299)))).status, 200);
  for (const seconds of [nowSeconds - 301, nowSeconds + 301]) {
    const answer = await post(header(seconds, good(seconds)));
    assert.deepEqual([answer.status, detailOf(answer)], [401, 'the time of signing is too far from now']);
  }
  assert.equal((await post(header(nowSeconds + 1, good(nowSeconds)))).status, 401, 'the time is signed too');
  assert.equal((await post({ 'stripe-signature': `v1=${hmac(body)}` })).status, 401);
  assert.equal((await post({ 'stripe-signature': ',,=,' })).status, 401);
});

test('signatures: slack', async (t) => {
  const { post } = await signed(t, { signature: 'slack' });
  const headers = (seconds: number | string, text = `v0:${seconds}:${body}`) => ({
    'x-slack-request-timestamp': String(seconds),
    'x-slack-signature': `v0=${hmac(text)}`,
  });
  assert.equal((await post(headers(nowSeconds))).status, 200);
  assert.equal((await post(headers(nowSeconds - 3600))).status, 401);
  assert.equal((await post(headers('soon'))).status, 401);
  assert.equal((await post(headers(nowSeconds, body))).status, 401);
  assert.equal((await post({ 'x-slack-signature': `v0=${hmac(`v0::${body}`)}` })).status, 401);
});

test('signatures: shopify', async (t) => {
  const { post } = await signed(t, { signature: 'shopify' });
  assert.equal((await post({ 'x-shopify-hmac-sha256': hmac(body, 'base64') })).status, 200);
  assert.equal((await post({ 'x-shopify-hmac-sha256': hmac(body) })).status, 401);
  assert.equal((await post({ 'x-shopify-hmac-sha256': hmac(`${body} `, 'base64') })).status, 401);
});

test('signatures: custom header, prefix, encoding, time and text', async (t) => {
  const { post } = await signed(t, {
    signature: 'custom',
    signatureHeader: 'X-Sig',
    signaturePrefix: 'hmac ',
    signatureEncoding: 'base64',
    signatureTimestampHeader: 'X-Time',
    signaturePayload: '[{timestamp}]{body}!{body}',
    signatureTolerance: 10_000,
  });
  const headers = (seconds: number) => ({
    'x-sig': `hmac ${hmac(`[${seconds}]${body}!${body}`, 'base64')}`,
    'x-time': String(seconds),
  });
  assert.equal((await post(headers(nowSeconds))).status, 200);
  assert.equal((await post(headers(nowSeconds - 11))).status, 401);
  assert.equal((await post({ ...headers(nowSeconds), 'x-time': String(nowSeconds + 1) })).status, 401);
  const plain = await signed(t, { signature: 'custom', signatureHeader: 'X-Sig', signatureTimestampHeader: 'X-Time' });
  const usual = { 'x-sig': hmac(`${nowSeconds}.${body}`), 'x-time': String(nowSeconds) };
  assert.equal((await plain.post(usual)).status, 200);
});

test('signatures: the raw body is signed, compressed as it was sent', async (t) => {
  const { post, context } = await signed(t, { signature: 'github' });
  const raw = gzipSync(body);
  const encoded = { 'content-encoding': 'gzip' };
  assert.equal((await post({ ...encoded, 'x-hub-signature-256': `sha256=${hmac(raw)}` }, raw)).status, 200);
  assert.equal((await post({ ...encoded, 'x-hub-signature-256': `sha256=${hmac(body)}` }, raw)).status, 401);
  assert.equal((await post({ 'x-hub-signature-256': `sha256=${hmac('')}` }, '')).status, 200);
  assert.equal(context.records.length, 2);
});

test('signatures: options that cannot work are said', () => {
  for (const [options, text] of [
    [{ signature: 'github' }, /github needs signature_secret/],
    [{ signature: 'custom', signatureSecret: 's' }, /needs signature_header/],
    [
      { signature: 'custom', signatureSecret: 's', signatureHeader: 'x', signaturePayload: 'x' },
      /must contain \{body\}/,
    ],
    [
      { signature: 'custom', signatureSecret: 's', signatureHeader: 'x', signaturePayload: '{timestamp}{body}' },
      /needs signature_timestamp_header/,
    ],
  ] as const)
    assert.match(checkOf(configWith(options)) ?? '', text);
});
