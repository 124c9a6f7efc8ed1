import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Batch } from '../core/batch.ts';
import { batchOf, configOf, contextOf, packedBatchOf, section, texts } from '../../test/fixture.ts';
import type { PluginConfig } from '../core/plugin.ts';
import { grepFilter } from './grep.ts';

/** The input of the cases recorded from Fluentd 1.16. */
const records = [
  '{"m":"GET /a","s":200,"u":{"n":"ann"}}',
  '{"m":"POST /b","s":404}',
  '{"m":"GET /health","s":"200","u":{"n":"bob"}}',
  '{"s":500}',
  '{"m":null,"s":201}',
  '{"m":"","s":20}',
  '{"m":"日本 GET","s":2000}',
];
type Sections = Partial<Pick<PluginConfig, 'sections'>>;

function grep(options: Record<string, unknown>, rest: Sections, batch: Batch = batchOf('t', records)): Batch {
  if (grepFilter.kind !== 'filter') throw new TypeError('not a filter');
  const config = configOf(grepFilter, options, rest);
  grepFilter.check?.(config);
  return grepFilter.create(config, contextOf([])).apply(batch, () => assert.fail('nothing is rejected'));
}
const rows = (batch: Batch) => texts(batch).map((text) => records.indexOf(text));
const rule = (key: string, pattern: string) => section({ key, pattern });

test('conditions, as recorded', () => {
  assert.deepEqual(rows(grep({}, { sections: { regexp: [rule('m', '/GET/'), rule('s', '^20')] } })), [0, 2, 6]);
  assert.deepEqual(
    rows(grep({}, { sections: { exclude: [rule('m', '/health/'), rule('s', '/^[45]/')] } })),
    [0, 4, 5, 6],
  );
  assert.deepEqual(rows(grep({}, { sections: { regexp: [rule('$.u.n', '/^(ann|bob)$/')] } })), [0, 2]);
  assert.deepEqual(rows(grep({ regexp1: 'm GET', exclude1: 'm health' }, {})), [0, 6]);
});

test('missing and null fields are empty text', () => {
  assert.deepEqual(rows(grep({}, { sections: { regexp: [rule('m', '/^$/')] } })), [3, 4, 5]);
  assert.deepEqual(rows(grep({}, { sections: { exclude: [rule('nope', '/^$/')] } })), []);
});

test('<and> and <or>', () => {
  const both = (name: string, list: object) => ({ sections: { [name]: [section({}, list as never)] } });
  const get = { key: 'm', pattern: '/GET/' };
  const ok = { key: 's', pattern: '/^200$/' };
  assert.deepEqual(rows(grep({}, both('and', { regexp: [get, ok] }))), [0, 2]);
  assert.deepEqual(rows(grep({}, both('or', { regexp: [get, ok] }))), [0, 2, 6]);
  assert.deepEqual(rows(grep({}, both('and', { exclude: [get, ok] }))), [1, 3, 4, 5, 6]);
  assert.deepEqual(rows(grep({}, both('or', { exclude: [get, ok] }))), [1, 3, 4, 5]);
  assert.throws(() => grep({}, both('and', { regexp: [get], exclude: [ok] })), /holds both/);
});

test('what is wrong in a config is named', () => {
  assert.throws(() => grep({}, { sections: { regexp: [rule('m', 'a'), rule('m', 'b')] } }), /names key m twice/);
  assert.throws(() => grep({ regexp2: 'm' }, {}), /regexp2 m: expected a key/);
  assert.throws(() => grep({}, { sections: { regexp: [rule('m', '/(/')] } }), /regular expression/);
  assert.throws(() => grep({}, { sections: { regexp: [rule('$.', '/a/')] } }), /record accessor/);
});

test('values as Ruby prints them; bytes scrubbed', () => {
  const values = batchOf('t', ['{"v":1.50}', '{"v":true}', '{"v":[1,"a"]}', '{"v":1e20}', '{"v":{"k":null}}']);
  const kept = (pattern: string) => grep({}, { sections: { regexp: [rule('v', pattern)] } }, values).count;
  assert.deepEqual(
    [kept('^1\\.5$'), kept('^true$'), kept('^\\[1, "a"\\]$'), kept('^1\\.0e\\+20$'), kept('nil')],
    [1, 1, 1, 1, 1],
  );
  const binary = packedBatchOf('t', [{ v: new Uint8Array([0x61, 0xff]) }]);
  assert.equal(grep({}, { sections: { regexp: [rule('v', '^a\\?$')] } }, binary).count, 1);
});

test('a record whose field leads into text is kept, as Fluentd does when it gives up on one', () => {
  const odd = batchOf('t', ['{"u":"text"}', '{"u":{"n":"x"}}']);
  assert.deepEqual(texts(grep({}, { sections: { regexp: [rule('$.u.n', '/ann/')] } }, odd)), ['{"u":"text"}']);
});

test('a batch that all passes is handed on as it is', () => {
  const batch = batchOf('t', records);
  assert.equal(grep({}, { sections: { regexp: [rule('s', '/^|x/')] } }, batch), batch);
});
