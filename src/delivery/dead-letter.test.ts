import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Batch, Block, codecs } from '../core/batch.ts';
import { jsonDepthMax, parseRecord, scanJson, stringifyJson } from '../core/json.ts';
import { copyFields, setField } from '../core/record.ts';
import { jsonBlock } from '../router/journal-fake.ts';
import { deadLetterAppend, decodeDeadLetter } from './dead-letter.ts';

const refused = { output: 'es', reason: 'mapping: "x"\nis bad', emissionId: 's-5.1', attempts: 3, refusedMs: 1234 };

function letterOf(batch: Batch, row = 0) {
  const { records, tag } = deadLetterAppend('es', [{ refused, batch, row }]);
  const payload = String(records.payloads[0]);
  assert.equal(tag, 'es');
  assert.equal(records.exact[0], scanJson(Buffer.from(payload)).exact);
  return { payload, letter: decodeDeadLetter(Buffer.from(payload)) };
}

test('a dead letter tells everything, and holds the record byte for byte', () => {
  const record = '{"a":1.0,"big":12345678901234567890,"__proto__":1,"a":2}';
  const { payload, letter } = letterOf(Batch.of('app.web', jsonBlock('s', 5, ['{"other":1}', record])), 1);
  assert.ok(payload.endsWith(`"record":${record}}`));
  assert.deepEqual(
    { ...letter, fields: undefined },
    { ...refused, tag: 'app.web', seconds: 1_700_000_000, nanos: 0, fields: undefined, json: record },
  );
  assert.equal(stringifyJson(letter.fields), stringifyJson(parseRecord(record, true)));
});

test('the deepest record that is taken comes back, too', () => {
  const record = `${'{"a":'.repeat(jsonDepthMax)}1${'}'.repeat(jsonDepthMax)}`;
  assert.equal(scanJson(Buffer.from(record)).tooDeep, false);
  const { letter } = letterOf(Batch.of('t', jsonBlock('s', 0, [record])));
  assert.equal(letter.json, record);
  assert.equal(stringifyJson(letter.fields), record);
});

test('any JSON record comes back as it was', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (fields) => {
      const text = JSON.stringify(fields);
      const { letter } = letterOf(Batch.of('t', jsonBlock('s', 0, [text])));
      const { exact } = scanJson(Buffer.from(text));
      assert.equal(stringifyJson(letter.fields), stringifyJson(parseRecord(text, exact)));
    }),
  );
});

test('what a filter changed is kept as changed', () => {
  const batch = Batch.of('t', jsonBlock('s', 0, ['{"a":1}'])).map((fields) => {
    const copy = copyFields(fields);
    setField(copy, 'b', 2);
    return copy;
  });
  assert.equal(stringifyJson(letterOf(batch).letter.fields), '{"a":1,"b":2}');
});

test('a MessagePack record is kept as its bytes', () => {
  const bytes = Buffer.from([0x81, 0xa1, 0x61, 0xc4, 0x02, 0xff, 0x00]);
  const block = new Block({
    shard: 's',
    firstOffset: 0,
    appendMs: 0,
    source: 'forward',
    codec: codecs.msgpack,
    payload: bytes,
    bounds: Uint32Array.of(0, bytes.length),
    exact: Uint8Array.of(1),
    seconds: Float64Array.of(7),
    nanos: Uint32Array.of(8),
  });
  const { records } = deadLetterAppend('es', [{ refused, batch: Batch.of('t', block), row: 0 }]);
  assert.ok(String(records.payloads[0]).endsWith(`"raw":"${bytes.toString('base64')}","codec":2}`));
  assert.deepEqual([records.seconds, records.nanos], [[7], [8]]);
});

test('what is no dead letter is an error', () => {
  for (const text of ['', '7', 'null', '{"output":"x"}', '{"record":[]}'])
    assert.throws(() => decodeDeadLetter(Buffer.from(text)), text);
});
