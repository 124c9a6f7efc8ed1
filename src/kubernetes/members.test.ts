import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { batchOf, packedBatchOf, texts } from '../../test/fixture.ts';
import { fuzzRuns } from '../../test/fuzzing.ts';
import { membersOf, withMembers } from './members.ts';

const members = membersOf([['kubernetes', { pod_name: 'web-1', labels: { app: 'web' } }]]);
const put = '"kubernetes":{"pod_name":"web-1","labels":{"app":"web"}}';

test('members go behind the fields of a text, which is not taken apart', () => {
  const batch = batchOf('a', ['{"log":"x"}', '{}', '{ "n": 1.0 }']);
  const after = withMembers(batch, [{ fields: undefined, members }, { fields: undefined, members }, undefined]);
  assert.deepEqual(texts(after), [`{"log":"x",${put}}`, `{${put}}`, '{ "n": 1.0 }']);
  assert.deepEqual(
    [after.offset(2), after.seconds(2), after.wholeJson() !== undefined],
    [batch.offset(2), batch.seconds(2), true],
  );
});

test('a field of the same name is replaced, once', () => {
  const batch = batchOf('a', ['{"kubernetes":1,"log":"x"}', '{"log":"\\"kubernetes\\""}']);
  const after = withMembers(
    batch,
    [0, 1].map(() => ({ fields: undefined, members })),
  );
  assert.deepEqual(texts(after), [`{${put},"log":"x"}`, `{"log":"\\"kubernetes\\"",${put}}`]);
});

test('rows that were taken out stay out; new fields and names like numbers are kept', () => {
  const batch = batchOf('a', ['{"n":0}', '{"n":1}', '{"n":2}']).select([0, 2]);
  const odd = membersOf([['kubernetes', { labels: new Map([['7', 'seven']]) }]]);
  const after = withMembers(batch, [
    { fields: { m: 5 }, members: undefined },
    { fields: undefined, members: odd },
  ]);
  assert.deepEqual(texts(after), ['{"m":5}', '{"n":2,"kubernetes":{"labels":{"7":"seven"}}}']);
  assert.deepEqual([after.offset(0), after.offset(1)], [batch.offset(0), batch.offset(1)]);
  assert.ok(after.fields(1) instanceof Map, 'a record that plain objects would change is exact');
});

test('MessagePack records, and bytes in fields, get fields', () => {
  const packed = packedBatchOf('a', [{ log: 'x' }]);
  assert.deepEqual(texts(withMembers(packed, [{ fields: undefined, members }])), [`{"log":"x",${put}}`]);
  const bytes = { fields: { b: new Uint8Array([255]) }, members };
  assert.ok(withMembers(batchOf('a', ['{}']), [bytes]).isChanged(0));
});

test('splicing gives the records that setting fields gives', () => {
  fc.assert(
    fc.property(fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { minLength: 1, maxLength: 5 }), (records) => {
      const batch = batchOf(
        'a',
        records.map((record) => JSON.stringify(record)),
      );
      const changes = records.map(() => ({ fields: undefined, members }));
      const twice = batch.select(Array.from({ length: batch.count }, (_, row) => row).concat(0));
      const slow = withMembers(twice, [...changes, ...changes]);
      const fast = withMembers(batch, changes);
      for (let row = 0; row < batch.count; row++)
        assert.deepEqual(JSON.parse(fast.json(row).toString()), JSON.parse(slow.json(row).toString()));
    }),
    fuzzRuns(200),
  );
});
