import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import fc from 'fast-check';
import { codecs } from '../../core/batch.ts';
import { parseExact, parseRecord, scanJson, stringifyJson } from '../../core/json.ts';
import { decodeMsgpack } from '../../core/msgpack.ts';
import type { ExactFields, PlainFields } from '../../core/record.ts';
import { RecordMaker, podHash } from './fields.ts';
import type { EncodedRecord } from '../requests/append-queue.ts';
import type { FieldSettings, RequestFields } from './fields.ts';
import { detailOf, send, sendJson, startSource } from './harness.test.ts';
import type { JsonObject } from '../requests/json-body.ts';
import { parsePairs } from '../requests/pairs.ts';

const nowMs = Date.UTC(2023, 3, 28, 9, 57, 42, 705);

function maker(changes: Partial<FieldSettings> = {}): RecordMaker {
  return new RecordMaker({ skipNullFields: true, fieldAliases: false, nodeName: 'minikube', ...changes });
}
function requestWith(query?: string): RequestFields {
  const pairs = query === undefined ? undefined : maker().query(parsePairs(query, 'query'));
  return { query: pairs, path: '/postback', pathJson: '"/postback"', nowMs };
}
function objectOf(text: string, isExact: boolean): JsonObject {
  return { text, bytes: Buffer.from(text), parsed: JSON.parse(text) as PlainFields, isExact };
}
function fromJson(text: string, query?: string, changes: Partial<FieldSettings> = {}): EncodedRecord {
  const { exact } = scanJson(Buffer.from(text));
  return maker(changes).fromObject(objectOf(text, exact), requestWith(query));
}
const made = `"_path":"/postback","_postTimestamp":1682675862705,"_postDatetimeGMT":"2023-04-28T09:57:42Z","_nodeName":"minikube","_workerProcId":"${process.pid}"}`;

test('the record of the seed’s curl has the seed’s fields in the seed’s order', () => {
  const settings = { podName: 'post2log-7bcd9d6cdf-7jmsd', workloadName: 'post2log' };
  const record = maker(settings).fromNothing(requestWith('p1=v1&p2=v2'));
  assert.equal(
    record.payload,
    `{"p1":"v1","p2":"v2","_path":"/postback","_postTimestamp":1682675862705,"_postDatetimeGMT":"2023-04-28T09:57:42Z","_nodeName":"minikube","_workerPodHash":"7bcd9d6cdf-7jmsd","_workerProcId":"${process.pid}"}`,
  );
});

test('query parameters first, then the body’s fields over them, then ours', () => {
  assert.equal(fromJson('{"b":1,"c":2}', 'a=x').payload, `{"a":"x","b":1,"c":2,${made}`);
  assert.equal(fromJson('{"b":1,"a":2}', 'a=x&d=y').payload, `{"a":2,"d":"y","b":1,${made}`);
  assert.equal(fromJson('{"_path":"mine","b":1,"_nodeName":2}').payload, `{"b":1,${made}`);
  assert.equal(maker().fromNothing(requestWith('_path=mine&b=1')).payload, `{"b":"1",${made}`);
});

test('text beyond ASCII, blanks and line breaks in a body arrive as one line of UTF-8', () => {
  const textOf = (body: string, query?: string): string => {
    const text = body.trim();
    const object = { text, bytes: Buffer.from(body), parsed: JSON.parse(text) as PlainFields, isExact: false };
    return Buffer.from(maker().fromObject(object, requestWith(query)).payload).toString();
  };
  assert.equal(textOf('{"a":"홍길동 😀","é":1}', 'q=%ED%99%8D'), `{"q":"홍","a":"홍길동 😀","é":1,${made}`);
  assert.equal(textOf('  {"a":"홍"} \n'), `{"a":"홍",${made}`);
  assert.equal(textOf('{\n"a":"홍",\r\n"b":2\n}'), `{ "a":"홍", "b":2 ,${made}`);
  assert.equal(textOf(' {"a":1} '), `{"a":1,${made}`);
  assert.equal(textOf(' {} '), `{${made}`);
});

test('pod hash: what the pod’s name has behind the workload’s, else left out', () => {
  assert.equal(podHash('post2log-7bcd9d6cdf-7jmsd', 'post2log'), '7bcd9d6cdf-7jmsd');
  assert.equal(podHash('post2log-0', 'post2log'), '0');
  for (const [pod, workload] of [
    [undefined, undefined],
    ['post2log-0', undefined],
    [undefined, 'post2log'],
    ['other-0', 'post2log'],
    ['post2log', 'post2log'],
    ['post2log-', 'post2log'],
  ])
    assert.equal(podHash(pod, workload), undefined);
});

test('node name: the option, else the host name', () => {
  assert.match(
    String(maker({ nodeName: undefined }).fromNothing(requestWith()).payload),
    new RegExp(`"_nodeName":${JSON.stringify(hostname())}`),
  );
});

test('aliases: _endpoint and _postDateTimeGMT are added', () => {
  const record = JSON.parse(String(fromJson('{"a":null}', undefined, { fieldAliases: true }).payload)) as PlainFields;
  assert.equal(record['_endpoint'], '/postback');
  assert.equal(record['_postDateTimeGMT'], '2023-04-28T09:57:42Z');
  assert.equal(record['_postDatetimeGMT'], '2023-04-28T09:57:42Z');
  const spliced = JSON.parse(String(fromJson('{"a":1}', undefined, { fieldAliases: true }).payload)) as PlainFields;
  assert.deepEqual(Object.keys(spliced), Object.keys({ a: 1, ...record }));
});

test('null fields are dropped, nested ones too; elements of arrays stay', () => {
  assert.equal(
    fromJson('{"a":null,"b":{"c":null,"d":{"e":null}},"f":[null,{"g":null,"h":1}],"i":"null"}').payload,
    `{"b":{"d":{}},"f":[null,{"h":1}],"i":"null",${made}`,
  );
  assert.equal(fromJson('{"a":null,"n":1.0,"b":{"c":null,"1":2}}').payload, `{"n":1.0,"b":{"1":2},${made}`);
  assert.equal(
    fromJson('{"a":null,"b":[{"c":null}]}', undefined, { skipNullFields: false }).payload,
    `{"a":null,"b":[{"c":null}],${made}`,
  );
  // The body's null stands over the query's value, and is dropped then.
  assert.equal(fromJson('{"a":null}', 'a=1').payload, `{${made}`);
  assert.equal(fromJson('{"a":[null]}').payload, `{"a":[null],${made}`);
});

test('numbers, escapes and order arrive as they were sent', () => {
  for (const inside of [
    '"id":12345678901234567890,"price":1.0,"x":1e3,"y":-0,"z":0.10',
    '"1":"b","0":"a","__proto__":{"x":1}',
    '"s":"\\ud800"',
    '"s":"a\\u0000b\\n","한":"글"',
    '"a":1,"b":[1,2,{"c":"}"}],"d":{}',
  ])
    assert.equal(String(fromJson(`{${inside}}`).payload), `{${inside},${made}`);
  assert.equal(String(fromJson('{"price":1.0}', 'q=1').payload), `{"q":"1","price":1.0,${made}`);
});

test('a name that the body holds twice stands once in the record, with its last value', () => {
  assert.equal(fromJson('{"a":1,"b":2,"a":3}').payload, `{"a":3,"b":2,${made}`);
  assert.equal(fromJson('{"a":1,"\\u0061":3}').payload, `{"a":3,${made}`);
});

test('an escaped name of ours or of the query is seen', () => {
  assert.equal(fromJson('{"\\u005fpath":"mine","a":1}').payload, `{"a":1,${made}`);
  assert.equal(fromJson('{"\\u0061":2}', 'a=x').payload, `{"a":2,${made}`);
});

test('a record is one line, whatever line breaks the body had', () => {
  const text = '{\r\n  "a": "x\\ny",\r\n  "b": [\n1,\n2]\n}';
  const { payload } = fromJson(text);
  assert.doesNotMatch(String(payload), /[\r\n]/);
  assert.deepEqual(
    { ...(JSON.parse(String(payload)) as PlainFields), _path: undefined },
    { ...(JSON.parse(`{"a":"x\\ny","b":[1,2],${made}`) as PlainFields), _path: undefined },
  );
  assert.equal(fromJson('{ \n }').payload, `{${made}`);
});

test('bytes that are not UTF-8 make a MessagePack record', () => {
  const record = maker().fromPairs(parsePairs('a=%ff&b=1', 'form'), requestWith());
  assert.equal(record.codec, codecs.msgpack);
  assert.equal(record.exact, true);
  const bytes = Buffer.from(record.payload as Uint8Array);
  // A map of 7 fields that begins with "a": bin 8 of one byte, "b": "1".
  assert.equal(bytes.subarray(0, 11).toString('hex'), '87a161c401ffa162a131a5');
  const fields = decodeMsgpack(bytes) as ExactFields;
  assert.deepEqual([...fields.keys()].slice(0, 3), ['a', 'b', '_path']);
  assert.deepEqual(Buffer.from(fields.get('a') as Uint8Array), Buffer.of(255));
  assert.equal(maker().fromNothing(requestWith('a=%ff')).codec, codecs.msgpack);
  assert.throws(() => fromJson('{"n":123456789012345678901}', 'a=%ff'), {
    reason: 'invalid_query',
    message: /beyond 64 bits/,
  });
  assert.equal(fromJson('{"a":1}', 'a=%ff').codec, codecs.msgpack, 'one codec for all records of a request');
});

test('every record holds the sender’s fields unchanged and says whether it is exact', () => {
  const settings = { skipNullFields: false, fieldAliases: false, nodeName: 'n' };
  const value = fc.oneof(
    fc.jsonValue(),
    fc.bigInt().map(() => 0.5),
  );
  fc.assert(
    fc.property(fc.dictionary(fc.string(), value), fc.dictionary(fc.string(), fc.string()), (body, query) => {
      const text = JSON.stringify(body);
      const { exact } = scanJson(Buffer.from(text));
      const pairs = new Map(Object.entries(query).map(([name, each]) => [name.toWellFormed(), each.toWellFormed()]));
      const request = { ...requestWith(), query: maker().query(new Map(pairs)) };
      const record = new RecordMaker(settings).fromObject(objectOf(text, exact), request);
      const payload = String(record.payload);
      if (!record.exact) assert.equal(JSON.stringify(JSON.parse(payload)), payload);
      const fields = parseExact(payload);
      const wanted = new Map([...pairs, ...parseExact(text)]);
      for (const name of ['_path', '_postTimestamp', '_postDatetimeGMT', '_nodeName', '_workerProcId'])
        wanted.delete(name);
      assert.deepEqual([...fields.keys()].slice(0, wanted.size), [...wanted.keys()]);
      for (const [name, each] of wanted)
        assert.equal(stringifyJson(new Map([['v', fields.get(name) ?? null]])), stringifyJson(new Map([['v', each]])));
      assert.equal(stringifyJson(parseRecord(payload, record.exact)), stringifyJson(fields));
    }),
  );
});

test('over HTTP: time fields, process id and node are those of the request', async (t) => {
  const beforeMs = Date.now();
  const { port, context } = await startSource(t, { nodeName: 'node-1', podName: 'p-x1-y2', workloadName: 'p' });
  await sendJson(port, '/postback?q=1', '{"a":1}');
  const record = JSON.parse(context.texts[0] ?? '') as Record<string, string | number>;
  assert.deepEqual(Object.keys(record), [
    'q',
    'a',
    '_path',
    '_postTimestamp',
    '_postDatetimeGMT',
    '_nodeName',
    '_workerPodHash',
    '_workerProcId',
  ]);
  const atMs = Number(record['_postTimestamp']);
  assert.ok(atMs >= beforeMs - 1 && atMs <= Date.now());
  assert.equal(record['_postDatetimeGMT'], `${new Date(atMs).toISOString().slice(0, 19)}Z`);
  assert.equal(record['_workerPodHash'], 'x1-y2');
  assert.equal(record['_workerProcId'], String(process.pid));
  const { seconds, nanos } = context.appended[0]?.records ?? { seconds: [], nanos: [] };
  assert.equal((seconds[0] ?? 0) * 1000 + Math.floor((nanos[0] ?? 0) / 1e6), atMs, 'the record’s time is the same');
});

test('query parameters are left out where they are not logged', async (t) => {
  const { port, context } = await startSource(t, { logQueryParameters: false });
  assert.equal((await send(port, '/postback?p1=v1&%ff=x')).status, 200);
  assert.deepEqual(context.records, [{}]);
});

test('a query that cannot be fields is refused', async (t) => {
  const { port } = await startSource(t);
  const answer = await send(port, '/postback?a=1&%ff=x');
  assert.equal(answer.status, 400);
  assert.match(detailOf(answer), /query is not UTF-8, at byte 4/);
});
