import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codecs } from '../../core/batch.ts';
import { BodyReader } from './body.ts';
import { RecordMaker } from './fields.ts';
import { FakeContext, detailOf, send, sendJson, startSource } from './harness.test.ts';

const reader = new BodyReader(new RecordMaker({ skipNullFields: true, fieldAliases: false, nodeName: 'n' }), {
  recordsLimit: 5,
  idempotencyField: 'id',
});
const request = { query: undefined, path: '/p', pathJson: '"/p"', nowMs: 0 };

function read(body: string | Buffer, contentType?: string): unknown[] {
  return reader.read(Buffer.from(body), contentType, request).records.map(({ payload }) => {
    const text = String(payload);
    return JSON.parse(`${text.slice(0, text.indexOf('"_path"')).replace(/,$/, '')}}`) as unknown;
  });
}
const keyOf = (body: string, contentType?: string) => reader.read(Buffer.from(body), contentType, request).key;
const form = 'application/x-www-form-urlencoded';

test('JSON object', () => {
  assert.deepEqual(read('{"a":1}', 'application/json'), [{ a: 1 }]);
  assert.deepEqual(read(' \r\n\t{"a":{"b":[1]}} \n', 'application/vnd.x+json; charset=utf-8'), [{ a: { b: [1] } }]);
  assert.deepEqual(read('\ufeff{"a":1}', 'application/json'), [{ a: 1 }], 'a byte order mark is ignored');
});

test('JSON first, whatever Content-Type says', () => {
  for (const type of [
    undefined,
    form,
    'text/plain',
    'application/octet-stream',
    'multipart/form-data; boundary=x',
    'x/y',
  ])
    assert.deepEqual(read('{"a":1}', type), [{ a: 1 }], type);
  assert.deepEqual(read('[{"a":1}]', form), [{ a: 1 }]);
  assert.deepEqual(read('{"a":1}\n{"a":2}', 'text/plain'), [{ a: 1 }, { a: 2 }]);
});

test('JSON first: a form that only looks like JSON is a form; broken JSON is not', () => {
  assert.deepEqual(read('{x}=1&b=2', form), [{ '{x}': '1', b: '2' }]);
  assert.deepEqual(read('[a]=1', form), [{ '[a]': '1' }]);
  assert.throws(() => read('{"a":1', form), { reason: 'invalid_json' });
  assert.throws(() => read('{"a":"x=y"', form), { reason: 'invalid_json' });
  assert.throws(() => read('{broken', form), { reason: 'invalid_json' });
});

test('JSON array of objects: one record each', () => {
  assert.deepEqual(read('[{"a":1}, {"b":"]"} ,{"c":[{}],"d":"\\"},{"}]', 'application/json'), [
    { a: 1 },
    { b: ']' },
    { c: [{}], d: '"},{' },
  ]);
  const { records } = reader.read(Buffer.from('[{"a":1.0},{"b":12345678901234567890},{"a":1}]'), undefined, request);
  assert.match(String(records[0]?.payload), /^\{"a":1\.0,/);
  assert.match(String(records[1]?.payload), /^\{"b":12345678901234567890,/);
  assert.deepEqual(
    records.map(({ exact }) => exact),
    [true, true, false],
  );
});

test('NDJSON: one record a line', () => {
  for (const type of ['application/x-ndjson', 'application/ndjson', 'application/jsonl', 'application/json', undefined])
    assert.deepEqual(read('{"a":1}\r\n\n  {"a":2}\n{"a":3.0}\n', type), [{ a: 1 }, { a: 2 }, { a: 3 }], type);
  assert.deepEqual(read('{"a":1}', 'application/x-ndjson'), [{ a: 1 }]);
});

test('all or none: an array or NDJSON body with one bad record is refused with its place', () => {
  for (const [body, type, text] of [
    ['[{"a":1},2,{"b":1}]', 'application/json', /expected a JSON object at element 2, line 1 column 10 \(byte 9\)/],
    ['[{"a":1},\n [2]]', 'application/json', /element 2, line 2 column 2 \(byte 11\)/],
    ['[{"a":1},{"b":}]', 'application/json', /line 1 column 15 \(byte 14\): expected a value/],
    ['{"a":1}\n{"b":\n{"c":1}', 'application/x-ndjson', /line 2 column 6 \(byte 13\)/],
    ['{"a":1}\n{"b":x}\n', undefined, /line 2 column 6 \(byte 13\): expected a value/],
    ['{"a":1}\n\n[1]\n', 'application/x-ndjson', /expected a JSON object at line 3 column 1 \(byte 9\)/],
    ['[]', 'application/json', /the array holds no record, at line 1 column 1/],
    ['[{},{},{},{},{},{}]', 'application/json', /more than 5 records, at element 6/],
    ['{}\n{}\n{}\n{}\n{}\n{}', 'application/x-ndjson', /more than 5 records, at line 6/],
  ] as const)
    assert.throws(() => read(body, type), { name: 'Refusal', message: text }, body);
});

test('all or none: nothing of a refused batch is appended; a whole one is one append', async (t) => {
  const { port, context } = await startSource(t);
  assert.equal((await sendJson(port, '/postback', '[{"a":1},2]')).status, 400);
  assert.equal((await sendJson(port, '/postback', '{"a":1}\n{"b"')).status, 400);
  assert.equal(context.appended.length, 0);
  assert.equal((await sendJson(port, '/postback', '[{"a":1},{"a":2}]')).status, 200);
  assert.equal(context.appended.length, 1);
  assert.deepEqual(context.records, [{ a: 1 }, { a: 2 }]);
});

test('form: names and values as in a query', () => {
  assert.deepEqual(read('a=1&b=x+y%21&a=2&c', form), [{ a: '2', b: 'x y!', c: '' }]);
  assert.deepEqual(read('a=1', 'Application/X-WWW-Form-Urlencoded;charset=UTF-8'), [{ a: '1' }]);
  const { codec, records } = reader.read(Buffer.from('a=%b0%a1'), form, request);
  assert.equal(codec, codecs.msgpack, 'EUC-KR bytes are kept as bytes');
  assert.equal(records.length, 1);
});

test('empty body: the query only', async (t) => {
  assert.deepEqual(read(''), [{}]);
  assert.deepEqual(read(' \r\n', 'application/json'), [{}]);
  const { port, context } = await startSource(t);
  const answer = await send(port, '/postback?p1=v1&p2=v2');
  assert.deepEqual([answer.status, answer.text], [200, '{"status":"success"}']);
  assert.equal((await send(port, '/postback', { headers: { 'transfer-encoding': 'chunked' } })).status, 200);
  assert.deepEqual(context.records, [{ p1: 'v1', p2: 'v2' }, {}]);
});

test('refusals: bad JSON is 400 with line, column and byte', () => {
  for (const [body, text] of [
    ['{"a":1,}', /invalid JSON at line 1 column 8 \(byte 7\): expected a field name/],
    ['{"a":\n  tru}', /line 2 column 3 \(byte 8\): expected a value/],
    ['{"한":x}', /line 1 column 6 \(byte 7\)/],
    ['{"a":1', /the text ends at line 1 column 7 \(byte 6\): expected "," or "}"/],
    ['{"a":01}', /column 7 .* expected "," or "}"/],
    ['{"a":"\t"}', /column 7 .* control character/],
    ['{"a":"\\x"}', /column 8 .* valid escape/],
    ['{"a":1}}', /column 8 .* nothing behind the value/],
    ["{'a':1}", /column 2 .* double quotes/],
    ['[1', /the text ends at line 1 column 3/],
  ] as const)
    assert.throws(() => read(body, 'application/json'), { reason: 'invalid_json', message: text }, body);
});

test('refusals: JSON that is no object, too deep, or not UTF-8', () => {
  for (const body of ['1', '"x"', 'null', 'true'])
    assert.throws(() => read(body, 'application/json'), { reason: 'not_an_object', message: /line 1 column 1/ });
  assert.throws(() => read(`{"a":${'['.repeat(200)}${']'.repeat(200)}}`), { reason: 'too_deep' });
  assert.throws(() => read(`[{"a":${'['.repeat(200)}${']'.repeat(200)}}]`), { reason: 'too_deep' });
  const nested = '['.repeat(100_000) + ']'.repeat(100_000);
  assert.throws(() => read(nested), { reason: 'not_an_object' });
  assert.throws(() => read(`{"a":${nested}}`), { reason: 'too_deep' });
  assert.throws(() => read(nested.slice(0, -1)), { reason: 'invalid_json' });
  assert.throws(() => read(Buffer.from('{"a":"\xff"}', 'latin1')), { reason: 'invalid_utf8', message: /at byte 6/ });
  assert.throws(() => read(Buffer.from('{"a":"\xed\xa0\x80"}', 'latin1')), { message: /at byte 6/ });
});

test('refusals: an unsupported type is 415', () => {
  for (const [body, type] of [
    ['<a/>', 'application/xml'],
    ['hello', 'text/plain'],
    ['a=1', undefined],
  ] as const)
    assert.throws(() => read(body, type), { reason: 'unsupported_type', message: /at byte 0 is not supported/ });
});

test('refusals: each is answered with its status and counted by its reason', async (t) => {
  const context = new FakeContext();
  const { port } = await startSource(t, { bodyLimit: 100, endpoints: ['/postback/x'] }, context);
  const cases = [
    ['{"a":', 'application/json', 400, 'invalid_json'],
    ['3', 'application/json', 400, 'not_an_object'],
    ['%ff=1', form, 400, 'invalid_form'],
    ['x', 'multipart/form-data; boundary=b', 400, 'invalid_multipart'],
    ['x', 'text/plain', 415, 'unsupported_type'],
    ['x'.repeat(101), 'application/json', 413, 'body_too_large'],
  ] as const;
  for (const [body, type, status, reason] of cases) {
    const answer = await send(port, '/postback/x', { body, headers: { 'content-type': type } });
    assert.equal(answer.status, status, reason);
    assert.equal(typeof detailOf(answer), 'string');
    assert.equal(answer.headers['content-type'], 'application/json');
    assert.equal(context.refusals.get(`${reason} x`), 1, reason);
  }
  assert.equal(context.appended.length, 0);
});

test('idempotency field: text and whole numbers of a single record', () => {
  assert.equal(keyOf('{"id":"x"}'), 'x');
  assert.equal(keyOf('{"id":7}'), '7');
  assert.equal(keyOf('{"id":12345678901234567890}'), '12345678901234567890');
  assert.equal(keyOf('id=a+b', form), 'a b');
  for (const body of ['{"id":""}', '{"id":1.5}', '{"id":null}', '{"id":{}}', '{"x":1}', '[{"id":"x"},{"id":"y"}]'])
    assert.equal(keyOf(body), undefined, body);
});
