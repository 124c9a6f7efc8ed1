import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import type { Batch } from '../../core/batch.ts';
import { batchOf, configOf, contextOf, pairs, texts } from '../../../test/fixture.ts';
import { copyFields } from '../../core/record.ts';
import { recordTransformerFilter } from './index.ts';

process.env['TZ'] = 'UTC';

/** The input of the cases recorded from Fluentd 1.16. */
const records = [
  '{"a":"x","n":5,"o":{"a":{"b":"deep","c":1},"s":"t"},"arr":[1,{"k":"v"}]}',
  '{"a":null,"n":"7","o":{}}',
  '{"b":1}',
  '{"a":"ü\\"q\\"","n":1.5,"o":"str","arr":[]}',
];

function run(
  options: Record<string, unknown>,
  record: Record<string, string>,
  input: Batch,
  rejected: string[] = [],
): Batch {
  const plugin = recordTransformerFilter;
  if (plugin.kind !== 'filter') throw new TypeError('not a filter');
  const config = configOf(plugin, options, { sections: { record: [pairs(record)] } });
  plugin.check?.(config);
  return plugin.create(config, contextOf([])).apply(input, (row, reason) => rejected.push(`${row}: ${reason}`));
}
const reform = (options: Record<string, unknown>, record: Record<string, string>, input = records) =>
  texts(run(options, record, batchOf('a.b.c.d', input)));

test('placeholders, as recorded', () => {
  const lines = reform(
    {},
    {
      tag: '${tag}',
      p1: '${tag_parts[1]}',
      pneg: '${tag_parts[-1]}',
      pfx: '${tag_prefix[1]}',
      sfx: '${tag_suffix[1]}',
      h: '${hostname}',
      tm: '${time}',
      deep: '${record["o"]["a"]["b"]}',
      a: 'pre-${record["a"]}-post',
      single: '${record["n"]}',
      mixn: 'n=${record["n"]}',
      obj: '${record["o"]}',
      objmix: 'o=${record["o"]}',
      arr: '${record["arr"]}',
      unk: '${nosuch}',
      prange: '${tag_parts[0..1]}',
      oob: '${tag_parts[9]}',
      sq: "${record['a']}",
      lit: '$${x}',
      hashkey: '${record["missing"]["x"]}',
    },
  );
  const fixed = `"tag":"a.b.c.d","p1":"b","pneg":"d","pfx":"a.b","sfx":"b.c.d","h":"${hostname()}"`;
  const nulls = '"unk":null,"prange":null,"oob":null,"sq":null,"lit":"$","hashkey":null';
  assert.deepEqual(lines, [
    `{"a":"pre-x-post","n":5,"o":{"a":{"b":"deep","c":1},"s":"t"},"arr":[1,{"k":"v"}],${fixed},"tm":"2024-03-05 06:07:00 +0000","deep":null,"single":5,"mixn":"n=5","obj":{"a":{"b":"deep","c":1},"s":"t"},"objmix":"o={\\"a\\"=>{\\"b\\"=>\\"deep\\", \\"c\\"=>1}, \\"s\\"=>\\"t\\"}",${nulls}}`,
    `{"a":"pre--post","n":"7","o":{},${fixed},"tm":"2024-03-05 06:07:01 +0000","deep":null,"single":"7","mixn":"n=7","obj":{},"objmix":"o={}","arr":null,${nulls}}`,
    `{"b":1,${fixed},"tm":"2024-03-05 06:07:02 +0000","deep":null,"a":"pre--post","single":null,"mixn":"n=","obj":null,"objmix":"o=","arr":null,${nulls}}`,
    `{"a":"pre-ü\\"q\\"-post","n":1.5,"o":"str","arr":[],${fixed},"tm":"2024-03-05 06:07:03 +0000","deep":null,"single":1.5,"mixn":"n=1.5","obj":"str","objmix":"o=str",${nulls}}`,
  ]);
});

test('types of lone placeholders and of literals', () => {
  const record = {
    n: '${record["n"]}',
    o2: '${record["o"]}',
    num: '12',
    bool: 'true',
    js: '{"x": 1, "${tag}": ["${record[\\"n\\"]}", "${tag_parts[0]}"]}',
    mix: '${record["n"]}!',
    none: '${record["zzz"]}',
    empty: '',
  };
  assert.deepEqual(
    reform({}, record)[0],
    '{"a":"x","n":5,"o":{"a":{"b":"deep","c":1},"s":"t"},"arr":[1,{"k":"v"}],"o2":{"a":{"b":"deep","c":1},"s":"t"},"num":"12","bool":"true","js":{"x":1,"a.b.c.d":[5,"a"]},"mix":"5!","none":null,"empty":""}',
  );
  assert.deepEqual(
    reform(
      { autoTypecast: false },
      { n: '${record["n"]}', o2: '${record["o"]}', none: '${record["zzz"]}', js: '{"x": "${tag}"}' },
    )[3],
    '{"a":"ü\\"q\\"","n":"1.5","o":"str","arr":[],"o2":"str","none":"","js":{"x":"a.b.c.d"}}',
  );
});

test('every line sees the record as it came; keys keep their place', () => {
  assert.deepEqual(reform({}, { n: '1', z: '${record["n"]}', a: '${record["z"]}' }).slice(1), [
    '{"a":null,"n":"1","o":{},"z":"7"}',
    '{"b":1,"n":"1","z":null,"a":null}',
    '{"a":null,"n":"1","o":"str","arr":[],"z":1.5}',
  ]);
});

test('removing and keeping', () => {
  assert.deepEqual(
    reform({ removeKeys: ['a', 'tmp'] }, { copy: '${record["a"]}', tmp: 'x' })[2],
    '{"b":1,"copy":null}',
  );
  assert.deepEqual(reform({ removeKeys: ['a', '$.o.a.b', '$["o"]["s"]', '$.nope.x', '$.arr[0]'] }, {}), [
    '{"n":5,"o":{"a":{"c":1}},"arr":[{"k":"v"}]}',
    '{"n":"7","o":{}}',
    '{"b":1}',
    '{"n":1.5,"o":"str","arr":[]}',
  ]);
  assert.deepEqual(
    reform(
      { renewRecord: true, keepKeys: ['a', '$.o.a.b', 'missing'], removeKeys: ['new2'] },
      { new: '${record["n"]}' },
    ),
    ['{"a":"x","new":5}', '{"a":null,"new":"7"}', '{"new":null}', '{"a":"ü\\"q\\"","new":1.5}'],
  );
  assert.throws(() => reform({ keepKeys: ['a'] }, {}), /`renew_record` must be true to use `keep_keys`/);
});

test('renew_time_key, as recorded; what has no number is rejected', () => {
  const input = [
    '{"ts":1000}',
    '{"ts":1000.5}',
    '{"ts":"2000"}',
    '{"x":1}',
    '{"ts":"abc"}',
    '{"ts":null}',
    '{"ts":true}',
    '{"ts":1e300}',
  ];
  const rejected: string[] = [];
  const batch = run({ renewTimeKey: 'ts' }, {}, batchOf('t', input), rejected);
  const times = Array.from({ length: batch.count }, (_, row) => [batch.seconds(row), batch.nanos(row)]);
  assert.deepEqual(times, [
    [1000, 0],
    [1000, 500_000_000],
    [2000, 0],
    [1_709_618_823, 0],
    [0, 0],
    [0, 0],
  ]);
  assert.deepEqual(
    rejected.map((text) => text.slice(0, 2)),
    ['6:', '7:'],
  );
});

test('records that plain objects cannot hold keep their digits and order', () => {
  assert.deepEqual(
    reform({}, { copy: '${record["n"]}', text: '<${record["n"]}>', '0': 'zero' }, [
      '{"n":12345678901234567890,"2":1.0}',
      '{"n":1}',
    ]),
    [
      '{"n":12345678901234567890,"2":1.0,"0":"zero","copy":12345678901234567890,"text":"<12345678901234567890>"}',
      '{"n":1,"0":"zero","copy":1,"text":"<1>"}',
    ],
  );
});

test('a record is not changed for others that hold it', () => {
  const batch = batchOf('t', records);
  run({ removeKeys: ['$.o.a.b', 'a'] }, { n: 'x' }, batch);
  assert.deepEqual(texts(batch.map(copyFields)), records);
});

test('keys have placeholders too', () => {
  assert.deepEqual(
    reform({}, { '${tag_parts[0]}_x': '1', 'n_${record["n"]}': 'y', '${nosuch}': 'z', '{"a${tag}"': 'w' }, ['{"n":1}']),
    ['{"n":1,"a_x":"1","n_1":"y","":"z","{\\"aa.b.c.d\\"":"w"}'],
  );
  assert.deepEqual(reform({}, { '${record["n"]}': 'x', js: '{"1": {"${record[\\"n\\"]}": 2}}' }, ['{"n":7}']), [
    '{"n":7,"7":"x","js":{"1":{"7":2}}}',
  ]);
  assert.deepEqual(reform({}, { js: '[{"7": [{"8": 1}]}]' }, ['{"n":7}']), ['{"n":7,"js":[{"7":[{"8":1}]}]}']);
});
