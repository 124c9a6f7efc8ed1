import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Batch, Block, codecs } from './batch.ts';
import { copyFields, getField, setField } from './record.ts';

function blockOf(...texts: string[]): Block {
  const payload = Buffer.from(texts.join(''));
  const bounds = new Uint32Array(texts.length + 1);
  texts.forEach((text, i) => (bounds[i + 1] = (bounds[i] as number) + Buffer.byteLength(text)));
  return new Block({
    shard: 'shard0',
    firstOffset: 100,
    appendMs: 5,
    source: 'test',
    codec: codecs.json,
    payload,
    bounds,
    exact: Uint8Array.from(texts, (text) => (text.includes('1.0') ? 1 : 0)),
    seconds: Float64Array.from(texts, (_, i) => 1000 + i),
    nanos: Uint32Array.from(texts, (_, i) => i),
  });
}

test('a batch of a block gives bytes, fields, times and offsets', () => {
  const batch = Batch.of('a.b', blockOf('{"x":1}', '{"x":"é"}', '{"x":1.0}'));
  assert.equal(batch.count, 3);
  assert.equal(String(batch.json(1)), '{"x":"é"}');
  assert.deepEqual(batch.fields(0), { x: 1 });
  assert.equal(batch.offset(2), 102);
  assert.deepEqual(batch.time(1), { seconds: 1001, nanos: 1 });
  assert.equal(String(batch.json(2)), '{"x":1.0}');
  assert.equal(batch.totalBytes(), 26);
});

test('select keeps what belongs to each row, also after a change', () => {
  const changed = Batch.of('t', blockOf('{"n":0}', '{"n":1}', '{"n":2}')).map(
    (fields, row) => {
      if (row === 1) return fields;
      const copy = copyFields(fields);
      setField(copy, 'row', row);
      return copy;
    },
    [{ seconds: 7, nanos: 8 }],
  );
  const picked = changed.select([2, 0]);
  assert.equal(String(picked.json(0)), '{"n":2,"row":2}');
  assert.equal(String(picked.json(1)), '{"n":0,"row":0}');
  assert.deepEqual(picked.time(1), { seconds: 7, nanos: 8 });
  assert.deepEqual(picked.time(0), { seconds: 1002, nanos: 2 });
  assert.equal(picked.offset(0), 102);
  assert.equal(picked.rawJson(0), undefined);
  assert.equal(String(changed.rawJson(1)), '{"n":1}');
});

test('map that drops rows keeps the others as bytes', () => {
  const batch = Batch.of('t', blockOf('{"n":0}', '{"n":1}', '{"n":2}'));
  const kept = batch.map((fields) => (getField(fields, 'n') === 1 ? undefined : fields));
  assert.equal(kept.count, 2);
  assert.equal(String(kept.rawJson(1)), '{"n":2}');
  assert.equal(kept.offset(1), 102);
  assert.equal(kept.wholeJson(), undefined);
  assert.ok(batch.wholeJson());
  const again = kept.map((fields) => fields);
  assert.equal(String(again.rawJson(0)), '{"n":0}');
});

test('two maps over one another see the first one’s fields', () => {
  const once = Batch.of('t', blockOf('{"n":0}')).map((fields) => ({
    ...Object.fromEntries(Object.entries(fields)),
    a: 1,
  }));
  const twice = once.map((fields) => fields);
  assert.equal(String(twice.json(0)), '{"n":0,"a":1}');
  assert.equal(twice.withTag('u').tag, 'u');
});
