import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { contentCodings, decodeContent } from './coding.ts';
import { FakeContext, detailOf, send, startSource } from '../postback/harness.test.ts';

const compress = {
  gzip: gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
} as const;
const names = ['gzip', 'deflate', 'br', 'zstd'] as const;
const text = '{"a":"한글","b":[1,2,3]}';

test('codings: gzip, deflate, br and zstd are undone', async (t) => {
  const { port, context } = await startSource(t);
  for (const name of names) {
    const body = compress[name](text);
    assert.equal((await send(port, '/postback', { body, headers: { 'content-encoding': name } })).status, 200, name);
  }
  assert.equal(
    (await send(port, '/postback', { body: text, headers: { 'content-encoding': 'identity' } })).status,
    200,
  );
  assert.equal(context.records.length, 5);
  for (const record of context.records) assert.deepEqual(record, JSON.parse(text));
});

test('codings: deflate without zlib’s head, x-gzip, several gzip members, upper case', async () => {
  assert.equal(String(await decodeContent(deflateRawSync(text), ['deflate'], 1000)), text);
  const members = Buffer.concat([gzipSync(text.slice(0, 5)), gzipSync(text.slice(5))]);
  assert.equal(String(await decodeContent(members, contentCodings('X-GZIP'), 1000)), text);
});

test('codings: several are undone in reverse order, up to three', async () => {
  const body = zstdCompressSync(brotliCompressSync(gzipSync(text)));
  assert.equal(String(await decodeContent(body, contentCodings('gzip, br ,zstd'), 1000)), text);
  assert.throws(() => contentCodings('gzip,gzip,gzip,gzip'), { reason: 'unsupported_encoding' });
});

test('codings: zstd with a window beyond what HTTP allows is refused before memory is reserved for it', async () => {
  // RFC 8878: magic, a frame of unknown size with this window, one raw block that is the last.
  const packed = (windowLog: number): Buffer => {
    const bytes = Buffer.from(text);
    const block = Buffer.alloc(3);
    block.writeUIntLE((bytes.length << 3) | 1, 0, 3);
    return Buffer.concat([Buffer.of(0x28, 0xb5, 0x2f, 0xfd, 0, (windowLog - 10) << 3), block, bytes]);
  };
  assert.equal(String(await decodeContent(packed(23), ['zstd'], 1000)), text);
  await assert.rejects(decodeContent(packed(27), ['zstd'], 1000), { reason: 'invalid_compression' });
});

test('codings: an unknown one is 415', async (t) => {
  const { port, context } = await startSource(t);
  for (const name of ['compress', 'lzma', 'gzip, foo', 'constructor']) {
    const answer = await send(port, '/postback', { body: 'x', headers: { 'content-encoding': name } });
    assert.equal(answer.status, 415, name);
    assert.match(detailOf(answer), /gzip, deflate, br and zstd are/);
  }
  assert.equal(context.refusals.get('unsupported_encoding post2log'), 4);
});

test('codings: limits hold after decompression', async (t) => {
  const context = new FakeContext();
  const { port } = await startSource(t, { bodyLimit: 100_000 }, context);
  const large = `{"a":"${'x'.repeat(200_000)}"}`;
  for (const name of names) {
    const body = compress[name](large);
    assert.ok(body.length < 10_000);
    const answer = await send(port, '/postback', { body, headers: { 'content-encoding': name } });
    assert.deepEqual(
      [answer.status, detailOf(answer)],
      [413, `the body is larger than 100000 bytes after ${name} is undone`],
    );
  }
  const twice = gzipSync(gzipSync(Buffer.alloc(50_000_000)));
  assert.equal(
    (await send(port, '/postback', { body: twice, headers: { 'content-encoding': 'gzip, gzip' } })).status,
    413,
  );
  assert.equal(context.appended.length, 0);
  const fits = gzipSync(`{"a":"${'x'.repeat(99_000)}"}`);
  assert.equal((await send(port, '/postback', { body: fits, headers: { 'content-encoding': 'gzip' } })).status, 200);
});

test('codings: broken, cut and overlong bodies are 400 with their byte', async () => {
  for (const name of names) {
    const whole = compress[name](text);
    for (const [body, pattern] of [
      [Buffer.from('not compressed at all, really'), /at byte \d+/],
      [whole.subarray(0, whole.length - 4), /at byte \d+/],
      [Buffer.concat([whole, Buffer.from('junk')]), /at byte \d+/],
    ] as const)
      await assert.rejects(
        decodeContent(body, [name], 1000),
        { name: 'Refusal', reason: 'invalid_compression', message: pattern },
        `${name} ${body.length} of ${whole.length}`,
      );
  }
});
