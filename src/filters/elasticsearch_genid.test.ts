import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { batchOf, configOf, contextOf, texts } from '../../test/fixture.ts';
import { rubyText } from '../codecs/ruby.ts';
import { getField } from '../core/record.ts';
import { elasticsearchGenidFilter as plugin } from './elasticsearch_genid.ts';

function ids(options: Record<string, unknown>, records: string[]): string[] {
  if (plugin.kind !== 'filter') throw new TypeError('not a filter');
  const config = configOf(plugin, options);
  plugin.check?.(config);
  const out = plugin.create(config, contextOf([])).apply(batchOf('app.x', records), () => undefined);
  const key = typeof options['hashIdKey'] === 'string' ? options['hashIdKey'] : '_hash';
  return Array.from({ length: out.count }, (_, row) => rubyText(getField(out.fields(row), key)));
}
const hash = (type: string, seed: string) => createHash(type).update(seed).digest('base64');

test('ids of what the record holds', () => {
  const record = '{"b":[1,[2,null]],"a":"x","n":null,"f":1.0}';
  const base = { useRecordAsSeed: true, recordKeys: ['a', 'b', 'n', 'f', 'zz'] };
  assert.deepEqual(ids(base, [record]), [hash('sha1', 'x_1_2___1.0_')]);
  const all = { ...base, separator: '|', includeTagInSeed: true, includeTimeInSeed: true, hashType: 'md5' };
  assert.deepEqual(ids(all, [record]), [hash('md5', 'app.x|1709618820|x|1|2|||1.0|')]);
  assert.deepEqual(ids({ useRecordAsSeed: true, useEntireRecord: true, hashType: 'sha512' }, [record]), [
    hash('sha512', '|a|x|b|[1, [2, nil]]|f|1.0|n|'),
  ]);
});

test('without a seed the id is of the form of a random one, and the same at every replay', () => {
  const twice = [ids({}, ['{}', '{}']), ids({}, ['{}', '{}'])];
  assert.deepEqual(twice[0], twice[1]);
  const [first = '', second] = twice[0] ?? [];
  assert.notEqual(first, second);
  assert.match(
    Buffer.from(first, 'base64').toString(),
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
});

test('the field may have any name; a seed needs keys', () => {
  if (plugin.kind !== 'filter') throw new TypeError('not a filter');
  const filter = plugin.create(configOf(plugin, { hashIdKey: '5' }), contextOf([]));
  assert.match(texts(filter.apply(batchOf('t', ['{"a":1}']), () => undefined))[0] ?? '', /^\{"a":1,"5":"/);
  assert.throws(() => ids({ useRecordAsSeed: true }, []), /record_keys/);
});
