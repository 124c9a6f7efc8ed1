import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeContext, detailOf, send, startSource } from '../postback/harness.test.ts';
import { parseMultipart } from './multipart.ts';

const type = 'multipart/form-data; boundary=XX';
const part = (head: string, value: string) => `--XX\r\n${head}\r\n\r\n${value}\r\n`;
const named = (name: string, value: string) => part(`Content-Disposition: form-data; name="${name}"`, value);
const parse = (body: string | Buffer, contentType = type) => [...parseMultipart(Buffer.from(body), contentType)];

test('multipart: text fields; the last of a repeated name wins', () => {
  assert.deepEqual(parse(`${named('a', '1')}${named('b', 'x\r\ny')}${named('a', '2')}--XX--\r\n`), [
    ['a', '2'],
    ['b', 'x\r\ny'],
  ]);
  assert.deepEqual(parse(`preamble --XX\r\n${named('a', '')}--XX--\r\nepilogue`), [['a', '']]);
  assert.deepEqual(parse('--XX--'), []);
  const bare = '--XX  \r\nContent-Disposition: form-data; name=a\r\n\r\n--XX--';
  assert.deepEqual(parse(bare), [['a', '']], 'an empty value may lack a line end of its own');
});

test('multipart: names are UTF-8, quoted or not, with the escapes of browsers', () => {
  assert.deepEqual(parse(`${named('한 %22q%22', '값')}--XX--`), [['한 "q"', '값']]);
  assert.deepEqual(parse(`${part('content-disposition: FORM-DATA; Name=plain; x="y"', '1')}--XX--`), [['plain', '1']]);
  assert.deepEqual(parse(`${named('a\\"b', '1')}--XX--`), [['a"b', '1']]);
  const other = part('Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name="a"', '1');
  assert.deepEqual(parse(`${other}--XX--`), [['a', '1']]);
});

test('multipart: a value that is not UTF-8 stays as bytes', () => {
  assert.deepEqual(parse(Buffer.from(`${named('a', '\xff')}--XX--`, 'latin1')), [['a', Uint8Array.of(255)]]);
});

test('multipart: the boundary may be quoted; values may hold what looks like one', () => {
  const body = '--a b\r\nContent-Disposition: form-data; name="x"\r\n\r\n--a\r\n--a  b\r\n--a b--';
  assert.deepEqual(parse(body, 'multipart/form-data; charset=x; boundary="a b"'), [['x', '--a\r\n--a  b']]);
});

test('multipart: bad bodies are refused with their byte', () => {
  for (const [body, text, contentType] of [
    ['', /does not occur, at byte 0/],
    ['hello', /does not occur, at byte 5/],
    [named('a', '1'), /no line end|expected a line end|no boundary behind it/],
    ['--XX\r\nContent-Disposition: form-data; name="a"\r\n', /no end of its headers, at byte 6/],
    [`${part('X: y', '1')}--XX--`, /no content-disposition form-data, at byte 6/],
    [`${part('nonsense', '1')}--XX--`, /has no ":"/],
    [`${part('Content-Disposition: form-data', '1')}--XX--`, /has no name/],
    [
      `${part('Content-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64', '1')}--XX--`,
      /transfer-encoding "base64"/,
    ],
    [`${named('a', '1')}--XXjunk`, /expected a line end or "--"/],
    [`${named('a', '1')}--XX--`, /needs a boundary/, 'multipart/form-data'],
    [`${named('a', '1')}--XX--`, /needs a boundary/, `multipart/form-data; boundary=${'x'.repeat(71)}`],
  ] as const)
    assert.throws(() => parse(body, contentType), { reason: 'invalid_multipart', message: text }, body);
});

test('multipart: a file is refused, not dropped', async (t) => {
  const context = new FakeContext();
  const { port } = await startSource(t, {}, context);
  const file = part('Content-Disposition: form-data; name="f"; filename="a.txt"\r\nContent-Type: text/plain', 'x');
  const headers = { 'content-type': type };
  const refused = await send(port, '/postback', { headers, body: `${named('a', '1')}${file}--XX--\r\n` });
  assert.equal(refused.status, 415);
  assert.match(detailOf(refused), /part "f" is a file: only text fields are taken, at byte \d+/);
  assert.equal(context.refusals.get('multipart_file post2log'), 1);
  assert.equal((await send(port, '/postback?q=1', { headers, body: `${named('a', '1')}--XX--\r\n` })).status, 200);
  assert.deepEqual(context.records, [{ q: '1', a: '1' }]);
});

test('multipart: fields as FormData writes them', async () => {
  const sent = new FormData();
  sent.append('이름', '값\n"x"');
  sent.append('b"c', '2');
  const response = new Response(sent);
  const body = Buffer.from(await response.arrayBuffer());
  assert.deepEqual(parse(body, response.headers.get('content-type') ?? ''), [
    ['이름', '값\r\n"x"'],
    ['b"c', '2'],
  ]);
});
