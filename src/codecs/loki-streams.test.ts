import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf, written } from '../../test/fixture.ts';
import { compileLoki } from './loki-streams.ts';
import type { LokiOptions } from './loki-streams.ts';

const plain: LokiOptions = {
  labels: [],
  labelKeys: [],
  structuredMetadata: [],
  structuredMetadataMapKeys: [],
  removeKeys: [],
  lineFormat: 'json',
  dropSingleKey: 'off',
  autoKubernetesLabels: false,
};
const times = [{ seconds: 1_709_287_200, nanos: 5 }];

/** What is pushed for one record. */
function pushed(options: Partial<LokiOptions>, record: string): unknown {
  const { formatter, opening, closing } = compileLoki({ ...plain, ...options });
  const rows = written(formatter, batchOf('app.web', [record], times));
  const { streams } = JSON.parse(opening + rows + closing) as { streams: { stream: unknown; values: unknown[][] }[] };
  assert.equal(streams.length, 1);
  assert.deepEqual(streams[0]?.values[0]?.[0], '1709287200000000005');
  const [, line, metadata] = streams[0]?.values[0] ?? [];
  return [streams[0]?.stream, line, ...(metadata === undefined ? [] : [metadata])];
}

test('labels that never change make one stream; without any it is job=fluent-bit', () => {
  assert.deepEqual(pushed({}, '{"log":"é"}'), [{ job: 'fluent-bit' }, '{"log":"\\u00e9"}']);
  assert.deepEqual(pushed({ labels: ['a=b', 'c=d'] }, '{}'), [{ a: 'b', c: 'd' }, '{}']);
  const { opening } = compileLoki({ ...plain, labels: ['a=b'] });
  assert.equal(opening, '{"streams":[{"stream":{"a":"b"},"values":[');
});

test('labels of fields and of the tag; those fields do not stand in the line again', () => {
  const options = {
    labels: ['job=fb', 'tag=$TAG', "kind=$m['k']"],
    labelKeys: ['$level', "$m['x y']"],
    removeKeys: ['r', "$o['p']"],
  };
  assert.deepEqual(pushed(options, '{"level":"info","m":{"k":"v","x y":1},"r":1,"o":{"p":2,"q":3},"log":"t"}'), [
    { job: 'fb', tag: 'app.web', kind: 'v', level: 'info', m_x_y: '1' },
    '{"m":{},"o":{"q":3},"log":"t"}',
  ]);
  assert.deepEqual(pushed(options, '{"log":"t"}'), [{ job: 'fb', tag: 'app.web' }, '{"log":"t"}']);
  assert.deepEqual(pushed({ labelKeys: ['$none'] }, '{}'), [{ job: 'fluent-bit' }, '{}']);
});

test('labels of the pod, their names made of letters, digits and _', () => {
  const record = '{"kubernetes":{"labels":{"app.kubernetes.io/name":"n","9x":"9","n":1}}}';
  const [labels] = pushed({ autoKubernetesLabels: true }, record) as [unknown];
  assert.deepEqual(labels, { app_kubernetes_io_name: 'n', _9x: '9' });
});

test('structured metadata of fields and of maps', () => {
  const options = { structuredMetadata: ['trace=$t', 'fixed=1'], structuredMetadataMapKeys: ['$meta'] };
  assert.deepEqual(pushed(options, '{"t":"abc","meta":{"a b":"c","n":[1]},"log":"x"}'), [
    { job: 'fluent-bit' },
    '{"log":"x"}',
    { a_b: 'c', n: '[1]', trace: 'abc', fixed: '1' },
  ]);
});

test('key_value, and records with one field left', () => {
  const line = (options: Partial<LokiOptions>, record: string) => (pushed(options, record) as unknown[])[1];
  const record = '{"n":1,"f":1.5,"w":2.0,"t":true,"nil":null,"s":"a b","l":[1,"x"],"m":{"k":"v","o":{}}}';
  assert.equal(
    line({ lineFormat: 'key_value' }, record),
    'n=1 f=1.5 w=2.0 t=true nil=null s="a b" l="[1 "x"]" m="map[k:"v" o:"map[]"]"',
  );
  const numbers = '{"t":1e-7,"l":1e21,"u":1e+22,"d":0.1234567890123456789,"b":9007199254740993,"s":"\u007fé"}';
  assert.equal(line({ lineFormat: 'key_value' }, '{"t":1e-7,"l":1e21,"w":3.0}'), 't=1e-07 l=1e+21 w=3.0');
  assert.equal(
    line({}, numbers),
    '{"t":1e-07,"l":1e+21,"u":1e+22,"d":0.1234567890123457,"b":9007199254740993,"s":"\\u007f\\u00e9"}',
  );
  assert.equal(line({ dropSingleKey: 'on' }, '{"log":"a b"}'), '"a b"');
  assert.equal(line({ dropSingleKey: 'raw' }, '{"log":"a b"}'), 'a b');
  assert.equal(line({ dropSingleKey: 'raw' }, '{"log":{"a":1}}'), '{"a":1}');
  assert.equal(line({ dropSingleKey: 'on', lineFormat: 'key_value' }, '{"log":"a b"}'), 'a b');
});

test('what cannot be read is said', () => {
  for (const [options, text] of [
    [{ labels: ['job'] }, /label job/],
    [{ labels: ['job='] }, /label job=/],
    [{ labelKeys: ['log'] }, /label_keys: log/],
    [{ structuredMetadataMapKeys: ['m'] }, /structured_metadata_map_keys: m/],
    [{ labels: ['$a[x]'] }, /record accessor/],
  ] as const)
    assert.throws(() => compileLoki({ ...plain, ...options }), text);
});
