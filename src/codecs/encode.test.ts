import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { codecs } from '../core/batch.ts';
import { parseRecord, scanJson, stringifyJson } from '../core/json.ts';
import { decodeMsgpack } from '../core/msgpack.ts';
import { Float } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';
import { RecordGatherer } from './encode.ts';

const time = { seconds: 1, nanos: 2 };
function gathered(fields: Fields) {
  const gatherer = new RecordGatherer();
  gatherer.add(fields, time);
  const [records] = gatherer.take();
  return { codec: records?.codec, payload: records?.payloads[0] ?? '', exact: records?.exact[0] };
}

test('the form follows from the values', () => {
  for (const fields of [{ a: 1, b: 'é', c: [null, { d: true }], e: 1.5, '"': 1e21 }, {}])
    assert.deepEqual(gathered(fields), { codec: codecs.json, payload: JSON.stringify(fields), exact: false });
  for (const value of [new Float(1), 2n ** 60n, '\ud800', { '0': 1 }, new Map([['a', 1]])] as Value[])
    assert.equal(gathered({ a: value }).exact, true);
  for (const value of [Number.NaN, [new Uint8Array([255])], { b: Number.POSITIVE_INFINITY }] as Value[]) {
    const { codec, payload } = gathered({ a: value, big: new Float(1) });
    assert.equal(codec, codecs.msgpack);
    assert.ok(decodeMsgpack(payload as Uint8Array) instanceof Map);
  }
});

test('what is said to be plain is what scanJson finds plain, or nearly so', () => {
  fc.assert(
    fc.property(fc.object({ maxDepth: 3 }), (given) => {
      const text = JSON.stringify(given);
      const isExact = scanJson(Buffer.from(text)).exact;
      const { payload, exact, codec } = gathered(parseRecord(text, isExact));
      assert.equal(codec, codecs.json);
      // Read back, it is the same.
      assert.equal(
        stringifyJson(parseRecord(String(payload), exact === true)),
        stringifyJson(parseRecord(text, isExact)),
      );
    }),
  );
});

test('JSON of others goes on from brace to brace, with keys that stand once and as they are', () => {
  const written = [
    [' \t{"a": 1}\r', '{"a": 1}', false],
    ['{"a":1,"b":2.50,"a":3} ', '{"a":3,"b":2.50}', true],
    ['{"\\u0061":"\\ud800","n":12345678901234567890}', '{"a":"\\ud800","n":12345678901234567890}', true],
  ] as const;
  const gatherer = new RecordGatherer();
  for (const [text] of written) gatherer.addJson(Buffer.from(text), time);
  const [records] = gatherer.take();
  assert.deepEqual(
    records?.payloads.map((payload, i) => [String(payload), records.exact[i]]),
    written.map(([, text, exact]) => [text, exact]),
  );
  assert.throws(() => gatherer.addJson(Buffer.from(`{"a":${'['.repeat(200)}${']'.repeat(200)}}`), time), /deeper/);
});

test('what is nested too deep is an error', () => {
  let value: Value = 1;
  for (let i = 0; i < 201; i++) value = [value];
  assert.throws(() => new RecordGatherer().add({ value }, time), /nested deeper than 200/);
});
