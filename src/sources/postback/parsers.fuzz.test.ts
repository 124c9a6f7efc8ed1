/** The parsers of outside bytes: whatever comes, they return or throw a Refusal. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { codecs } from '../../core/batch.ts';
import { BodyReader } from './body.ts';
import { contentCodings, decodeContent } from '../requests/coding.ts';
import { parseAddress, ClientFinder } from './client-address.ts';
import { RecordMaker } from './fields.ts';
import { FakeContext, RawClient, sendJson, startSource } from './harness.test.ts';
import { findJsonError, invalidUtf8At } from '../requests/json-position.ts';
import { parseMultipart } from '../requests/multipart.ts';
import { parsePairs } from '../requests/pairs.ts';
import { Refusal } from '../requests/refusal.ts';
import { Routes } from './routes.ts';
import { SignatureVerifier } from './signature.ts';

/** Runs, and lets only refusals pass. */
function refusing<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof Refusal && error.message !== '') return undefined;
    throw error;
  }
}
/** Bytes that are often near to what a parser expects: words of its grammar among noise. */
const near = (words: readonly string[]) =>
  fc
    .array(
      fc.oneof(
        fc.constantFrom(...words).map((word) => Buffer.from(word)),
        fc.uint8Array({ maxLength: 4 }),
      ),
      { maxLength: 30 },
    )
    .map((parts) => Buffer.concat(parts));

const jsonWords = [
  '{',
  '}',
  '[',
  ']',
  ':',
  ',',
  '"a"',
  '"__proto__"',
  '"1"',
  'null',
  'true',
  '1',
  '1.0',
  '-',
  '1e9',
  '\n',
  ' ',
  '"',
  '\\',
  '\\u12',
  '\ufeff',
  '한',
];
const formWords = ['a', '=', '&', '%', '%41', '%ff', '+', '%4', '한', '__proto__', ';'];
const multipartWords = [
  '--XX',
  '--',
  '\r\n',
  '\r\n\r\n',
  'Content-Disposition: form-data',
  '; name="a"',
  '; filename="f"',
  ':',
  'x',
  '"',
  '\\',
];
const reader = new BodyReader(new RecordMaker({ skipNullFields: true, fieldAliases: true }), {
  recordsLimit: 20,
  idempotencyField: 'a',
});
const types = [
  'application/json',
  'application/x-ndjson',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=XX',
  'text/plain',
  '',
  ';;',
  undefined,
];

test('fuzz: bodies of every type', () => {
  const body = fc.oneof(
    near(jsonWords),
    near(formWords),
    near(multipartWords),
    fc.json().map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(body, fc.constantFrom(...types), near(formWords), (bytes, type, query) => {
      const fields = refusing(() => reader.query(query.toString('latin1')));
      const request = { query: fields, path: '/p', pathJson: '"/p"', nowMs: 0 };
      const read = refusing(() => reader.read(bytes, type, request));
      if (!read) return;
      assert.ok(read.records.length > 0);
      for (const { codec, payload } of read.records) {
        assert.equal(codec, read.codec);
        if (codec !== codecs.json) continue;
        assert.equal(findJsonError(String(payload)), undefined);
        assert.ok(!String(payload).includes('\n'));
        const record = JSON.parse(String(payload)) as Record<string, unknown>;
        assert.equal(record['_path'], '/p');
        for (const value of Object.values(record)) assert.notEqual(value, null);
      }
    }),
    { numRuns: 3000 },
  );
});

test('fuzz: JSON errors are found where JSON.parse finds one, and nowhere else', () => {
  fc.assert(
    fc.property(near(jsonWords.slice(0, -2)), (bytes) => {
      const text = bytes.toString('utf8');
      let isValid = true;
      try {
        JSON.parse(text);
      } catch {
        isValid = false;
      }
      const found = findJsonError(text);
      assert.equal(found === undefined, isValid, JSON.stringify(text));
      assert.ok(found === undefined || (found.at >= 0 && found.at <= text.length));
    }),
    { numRuns: 5000 },
  );
});

test('fuzz: the first byte that is not UTF-8', () => {
  fc.assert(
    fc.property(near(['한', 'é', '😀', 'a']), (bytes) => {
      const at = invalidUtf8At(bytes);
      const decoder = new TextDecoder('utf8', { fatal: true });
      if (at < 0) decoder.decode(bytes);
      else {
        decoder.decode(bytes.subarray(0, at));
        assert.throws(() => decoder.decode(bytes));
      }
    }),
    { numRuns: 2000 },
  );
});

test('fuzz: queries and forms agree with URLSearchParams where they are UTF-8', () => {
  fc.assert(
    fc.property(near(formWords), (bytes) => {
      const pairs = refusing(() => parsePairs(bytes.toString('latin1'), 'form'));
      if (!pairs || [...pairs.values()].some((value) => typeof value !== 'string')) return;
      // URLSearchParams takes text: bytes outside ASCII are given to it as escapes.
      const ascii = bytes
        .toString('latin1')
        .replaceAll(/[\x80-\xff]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
      assert.deepEqual([...pairs], [...new Map(new URLSearchParams(`&${ascii}`))]);
    }),
    { numRuns: 2000 },
  );
});

test('fuzz: multipart bodies, and those that are whole come back', () => {
  fc.assert(
    fc.property(
      near(multipartWords),
      near(['multipart/form-data', ';', 'boundary', '=', '"', 'XX', '\\']),
      (body, type) => {
        refusing(() => parseMultipart(body, 'multipart/form-data; boundary=XX'));
        refusing(() => parseMultipart(body, type.toString('latin1')));
      },
    ),
    { numRuns: 2000 },
  );
  const name = fc.string({ unit: fc.constantFrom('a', '한', ' ', ';', '='), minLength: 1 });
  const value = fc.string({ unit: fc.constantFrom('a', '\r\n', '--', 'X', '한', '"') });
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value)), (fields) => {
      const parts = fields.map(
        ([key, text]) => `--BOUND\r\nContent-Disposition: form-data; name="${key}"\r\n\r\n${text}\r\n`,
      );
      const found = parseMultipart(
        Buffer.from(`${parts.join('')}--BOUND--\r\n`),
        'multipart/form-data; boundary=BOUND',
      );
      assert.deepEqual([...found], [...new Map(fields)]);
    }),
  );
});

test('fuzz: paths, content encodings, signatures, forwarded headers', async () => {
  const routes = new Routes<object>(['/postback/*', '/x'], undefined, new Map());
  const text = fc.string({ unit: 'binary-ascii' });
  const headerText = fc.oneof(text, near(['for=', '"', '[::1]', '1.2.3.4', ',', ';', ':80', 't=1', 'v1=']).map(String));
  const verifier = new SignatureVerifier({ signature: 'stripe', signatureSecret: 's' } as never, () => 0);
  const finder = new ClientFinder(['127.0.0.1'], 'forwarded');
  fc.assert(
    fc.property(
      near(['/', '%2', '%41', '%ff', '..', '.', 'a']).map((bytes) => `/postback/${bytes.toString('latin1')}`),
      headerText,
      (path, header) => {
        const tag = refusing(() => routes.find(path))?.tag;
        assert.doesNotMatch(tag ?? '', /(?:^|\/)\.\.?(?:\/|$)|\p{Cc}/u);
        refusing(() => contentCodings(header));
        assert.ok(verifier.verify({ 'stripe-signature': header }, Buffer.alloc(0)) instanceof Refusal);
        parseAddress(header);
        const req = { socket: { remoteAddress: '127.0.0.1' }, headers: { forwarded: header } };
        assert.ok(finder.find(req as never));
      },
    ),
    { numRuns: 2000 },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 50 }),
      fc.constantFrom('gzip', 'deflate', 'br', 'zstd'),
      async (bytes, coding) => {
        try {
          assert.ok((await decodeContent(Buffer.from(bytes), contentCodings(coding), 1000)).length <= 1000);
        } catch (error) {
          assert.ok(error instanceof Refusal, String(error));
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('fuzz: raw requests never stop the server', async (t) => {
  const { port } = await startSource(t, { headersTimeout: 200, requestTimeout: 400 }, new FakeContext());
  const words = [
    'POST ',
    'GET ',
    '/postback',
    '?a=%ff',
    ' HTTP/1.1\r\n',
    'Host: x\r\n',
    '\r\n',
    'Content-Length: 2\r\n',
    '{}',
    'Expect: 100-continue\r\n',
    'Transfer-Encoding: chunked\r\n',
    '2\r\n{}\r\n0\r\n\r\n',
    'Content-Encoding: gzip\r\n',
    'Idempotency-Key: a\r\n',
  ];
  await fc.assert(
    fc.asyncProperty(near(words), async (bytes) => {
      const client = new RawClient(port);
      client.write(bytes);
      client.socket.end();
      await client.closed;
    }),
    { numRuns: 60 },
  );
  assert.equal((await sendJson(port, '/postback', '{}')).status, 200);
});

test('fuzz: a canary that must be caught', () => {
  assert.throws(() => refusing(() => JSON.parse('{') as unknown), SyntaxError);
});
