import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { batchOf, chunkOf, packedBatchOf } from '../../../test/fixture.ts';
import type { Batch } from '../../core/batch.ts';
import type { Instant } from '../../core/clock.ts';
import { LineEncoder } from './lines.ts';
import type { LineSettings } from './lines.ts';
import { fluentbitSettings, lineSettings } from './settings-fixture.ts';
import type { TypesOf } from './types.ts';

const at: Instant = { seconds: 1_709_618_820, nanos: 123_456_789 };

function encode(settings: LineSettings, batches: readonly Batch[], types?: TypesOf) {
  const encoder = new LineEncoder(settings);
  const { bytes, lines, refused } = encoder.encode(
    chunkOf(batches),
    (tag) => tag,
    () => types,
  );
  return { text: lines.map(({ from, until }) => bytes.toString('utf8', from, until)), lines, refused };
}
const lineOf = (settings: LineSettings, record: string, time = at): string | undefined =>
  encode(settings, [batchOf('m', [record], [time])]).text[0];

describe('as Fluentd’s plugin writes', () => {
  test('each type; null is left out, nested values are JSON text', () => {
    assert.equal(
      lineOf(
        lineSettings(),
        String.raw`{"s":"a \"b\" \\ ü","e":"","i":5,"neg":-5,"f":1.5,"one":1.0,"exp":1e20,"t":true,"n":null,"o":{"a":[1,"x"]},"l":"a\nb\/"}`,
      ),
      String.raw`m s="a \"b\" \\ ü",e="",i=5i,neg=-5i,f=1.5,one=1.0,exp=1.0e+20,t=true,o="{\"a\":[1,\"x\"]}",l="a` +
        '\nb/" 1709618820',
    );
  });
  test('cast_number_to_float', () => {
    const settings = lineSettings({ integers: 'float' });
    assert.equal(lineOf(settings, '{"i":5,"big":12345678901234567}'), 'm i=5.0,big=1.2345678901234568e+16 1709618820');
  });
  test('tags: texts of auto_tags, keys of tag_keys; blank ones are no tags', () => {
    const record = '{"h":"web 1","x":"a,b=c","n":7,"e":" ","v":1}';
    assert.equal(
      lineOf(lineSettings({ hasAutoTags: true }), record),
      String.raw`m,h=web\ 1,x=a\,b\=c n=7i,v=1i 1709618820`,
    );
    assert.equal(
      lineOf(lineSettings({ tagKeys: new Set(['n', 'e', 'h']) }), record),
      String.raw`m,h=web\ 1,n=7 x="a,b=c",v=1i 1709618820`,
    );
    // A backslash before a blank stays, unless another one before a comma would let a reader see the line end elsewhere.
    assert.equal(
      lineOf(lineSettings({ hasAutoTags: true }), String.raw`{"a":"x \\ y","b":"z\\","v":1}`),
      String.raw`m,a=x\ \\ y,b=z\_ v=1i 1709618820`,
    );
    assert.equal(
      lineOf(lineSettings({ hasAutoTags: true }), String.raw`{"a":"x \\ y","b":"p\\,q","v":1}`),
      String.raw`m,a=x\ \_\ y,b=p\\,q v=1i 1709618820`,
    );
  });
  test('sequence_tag counts records of one time, behind the other tags', () => {
    const settings = lineSettings({ tagKeys: new Set(['h']) }, { sequence: { tag: '_s', counts: 'time' } });
    const later = { seconds: at.seconds + 1, nanos: 0 };
    const batch = batchOf('m', ['{"h":"a","v":1}', '{"v":2}', '{"v":3}'], [at, at, later]);
    assert.deepEqual(encode(settings, [batch]).text, [
      'm,h=a,_s=0 v=1i 1709618820',
      'm,_s=1 v=2i 1709618820',
      'm,_s=0 v=3i 1709618821',
    ]);
  });
  test('the time key: numbers in units of the precision, ISO 8601; else it stays a field', () => {
    const settings = lineSettings({}, { precision: 'ms' });
    const timed = (value: string): string | undefined => lineOf(settings, `{"time":${value},"v":1}`);
    assert.equal(timed('1700000000000'), 'm v=1i 1700000000000');
    assert.equal(timed('"1700000000000"'), 'm v=1i 1700000000000');
    assert.equal(timed('1700000000000.9'), 'm v=1i 1700000000000');
    assert.equal(timed('"2024-03-05T06:07:00.5+01:00"'), 'm v=1i 1709615220500');
    assert.equal(timed('null'), 'm v=1i 1709618820123');
    assert.equal(timed('"noon"'), 'm v=1i,time_="noon" 1709618820123');
  });
  test('a field called time has another name where it is not the time', () => {
    assert.equal(lineOf(lineSettings({ timeKey: 'ts' }), '{"time":5,"v":1}'), 'm time_=5i,v=1i 1709618820');
  });
  test('precisions cut off, and before 1970 too', () => {
    const stamp = (precision: LineSettings['precision'], time: Instant): string | undefined =>
      lineOf(lineSettings({}, { precision }), '{"v":1}', time)?.split(' ').at(-1);
    assert.deepEqual(
      (['h', 'm', 's', 'ms', 'u', 'ns'] as const).map((precision) => stamp(precision, at)),
      ['474894', '28493647', '1709618820', '1709618820123', '1709618820123456', '1709618820123456789'],
    );
    const before = { seconds: -1, nanos: 999_999_999 };
    assert.deepEqual(
      (['h', 's', 'ms', 'ns'] as const).map((precision) => stamp(precision, before)),
      ['-1', '-1', '-1', '-1'],
    );
  });
  test('a record without a field is refused, its neighbours are not', () => {
    const settings = lineSettings({ hasAutoTags: true });
    const { text, refused } = encode(settings, [
      batchOf('m', ['{"v":1}', '{"s":"only a tag","n":null}', '{}', '{"v":2}']),
    ]);
    assert.equal(text.length, 2);
    assert.deepEqual(
      refused.map(({ row }) => row),
      [1, 2],
    );
    assert.match(refused[0]?.reason ?? '', /^OUTPUT_REFUSED: the record has no field/);
  });
  test('a retention policy from the record is not written', () => {
    const { text, lines } = encode(lineSettings({ policyKey: 'rp' }), [batchOf('m', ['{"v":1,"rp":"week"}'])]);
    assert.deepEqual([text[0], lines[0]?.policy], ['m v=1i 1709618820', 'week']);
  });
  test('what MessagePack holds and InfluxDB cannot: no infinity, bytes as text', () => {
    const batch = packedBatchOf('m', [{ inf: Number.POSITIVE_INFINITY, b: Buffer.from('x"y'), v: 1 }], [at]);
    assert.equal(encode(lineSettings(), [batch]).text[0], String.raw`m b="x\"y",v=1i 1709618820`);
  });
  test('integers beyond 64 bits are refused, or diverted', () => {
    const batch = batchOf('m', ['{"big":12345678901234567890}'], [at]);
    assert.match(encode(lineSettings(), [batch]).refused[0]?.reason ?? '', /"big" is an integer beyond 64 bits/);
    assert.equal(
      encode(lineSettings({}, { isDiverting: true }), [batch]).text[0],
      'm big__str="12345678901234567890" 1709618820',
    );
  });
});

describe('as Fluentd’s plugin for 2.x writes', () => {
  const settings = lineSettings(
    { isSorted: true, nested: 'flatten', timeKey: undefined, tagKeys: new Set(['z', 'a', 'o.t']) },
    { precision: 'ms', isTimeRounded: true, routeTag: 'fluentd' },
  );
  test('tags and fields by name, objects flattened, times rounded', () => {
    assert.equal(
      lineOf(settings, '{"y":1,"b":"x","z":"2","a":"1","o":{"t":"in","k":null,"l":[1]}}', {
        seconds: 5,
        nanos: 999_600_000,
      }),
      'm,a=1,fluentd=m,o.t=in,z=2 b="x",o.l="[1]",y=1i 6000',
    );
  });
  test('field_keys choose; a line of the record’s own is taken as it is', () => {
    assert.equal(lineOf(lineSettings({ fieldKeys: new Set(['b']) }), '{"a":1,"b":2}'), 'm b=2i 1709618820');
    const own = lineSettings({}, { lineKey: 'line' });
    assert.equal(lineOf(own, '{"line":"h2o v=1 5","a":1}'), 'h2o v=1 5');
    const encoder = new LineEncoder(own);
    const { bytes, lines } = encoder.encode(
      chunkOf([batchOf('h2o', ['{"line":"h2o v=1 5"}'])]),
      String,
      () => undefined,
    );
    assert.equal(lines[0] && encoder.refit(bytes, lines[0], new Map([['v', 'string']])), undefined);
    assert.match(
      encode(own, [batchOf('m', ['{"a":1}'])]).refused[0]?.reason ?? '',
      /has no line protocol under "line"/,
    );
  });
});

describe('as Fluent Bit writes', () => {
  const record = String.raw`{"host":"web 1","path":"/a,b=c","code":200,"dur":1.5,"ok":true,"msg":"say \"hi\" \\ é","nil":null,"arr":[1,2],"m":{"a":1},"empty":""}`;
  const time = { seconds: 1_709_287_200, nanos: 123_456_789 };
  test('texts as JSON first; floats with six digits', () => {
    assert.equal(
      lineOf(fluentbitSettings({ integers: 'suffixed' }), record, time),
      String.raw`m,_seq=0 host="web 1",path="/a,b=c",code=200i,dur=1.500000,ok=TRUE,msg="say \\\"hi\\\" \\\\ \\u00e9",empty="" 1709287200123456789`,
    );
    assert.equal(
      lineOf(fluentbitSettings(), '{"x":0.1234567,"y":2.0}', time),
      'm,_seq=0 x=0.1234567,y=2.000000 1709287200123456789',
    );
  });
  test('auto tags; an empty one is left out', () => {
    assert.equal(
      lineOf(fluentbitSettings({ hasAutoTags: true }), record, time),
      String.raw`m,_seq=0,host=web\ 1,path=/a\,b\=c,msg=say\ \\"hi\\"\ \\\\\ \\u00e9 code=200,dur=1.500000,ok=TRUE 1709287200123456789`,
    );
  });
  test('the sequence counts skipped records too, and begins again', () => {
    const settings = fluentbitSettings({ hasAutoTags: true });
    const encoder = new LineEncoder(settings);
    const next = (records: readonly string[]): string[] => {
      const { bytes, lines } = encoder.encode(chunkOf([batchOf('m', records)]), String, () => undefined);
      return lines.map(({ from, until }) => bytes.toString('utf8', from, until).split(' ')[0] as string);
    };
    assert.deepEqual(next(['{"v":1}', '{"s":"x"}', '{"v":1}']), ['m,_seq=0', 'm,_seq=2']);
    next(Array.from({ length: 99_996 }, () => '{"v":1}'));
    assert.deepEqual(next(['{"v":1}', '{"v":1}']), ['m,_seq=99999', 'm,_seq=0']);
  });
  test('equal times are moved on by a nanosecond', () => {
    const settings = fluentbitSettings({}, { sequence: undefined });
    const batch = batchOf('m', ['{"v":1}', '{"v":2}', '{"v":3}', '{"v":4}'], [time, time, time, at]);
    assert.deepEqual(
      encode(settings, [batch]).text.map((line) => line.split(' ').at(-1)),
      ['1709287200123456789', '1709287200123456790', '1709287200123456791', '1709618820123456789'],
    );
  });
  test('tags that the record lists', () => {
    const settings = fluentbitSettings({ tagsListKey: 'tags' }, { sequence: undefined });
    assert.equal(lineOf(settings, '{"tags":["a"],"a":"x","b":"y"}', time), 'm,a=x b="y" 1709287200123456789');
  });
});

describe('exactly once', () => {
  const identity = (precision: LineSettings['precision'], count: number, settings = lineSettings): Set<string> => {
    const batch = batchOf(
      'm',
      Array.from({ length: count }, () => '{"v":1}'),
      Array.from({ length: count }, () => at),
    );
    const { text } = encode(settings({}, { isExactlyOnce: true, precision }), [batch]);
    return new Set(text);
  };
  test('a thousand records of equal time and tags are as many points, at every precision', () => {
    for (const precision of ['h', 'm', 's', 'ms', 'u', 'ns'] as const)
      assert.equal(identity(precision, 1000).size, 1000, precision);
    assert.equal(identity('ns', 20_000).size, 20_000);
  });
  test('digits alone at seconds, a tag at nanoseconds, whose digits stay', () => {
    for (const line of identity('s', 10)) assert.match(line, /^m v=1i 1709618820\d{9}$/);
    for (const line of identity('ns', 10)) assert.match(line, /^m,_seq=[0-9a-z]{1,4} v=1i 1709618820123456789$/);
  });
  test('a record gets the same point whatever it is sent with', () => {
    const settings = lineSettings({}, { isExactlyOnce: true, precision: 'ms' });
    const batch = batchOf('m', ['{"v":1}', '{"v":2}', '{"v":3}'], [at, at, at]);
    const whole = encode(settings, [batch]).text;
    assert.deepEqual(encode(settings, [batch.select([2, 1])]).text, [whole[2], whole[1]]);
  });
  test('records made of one record are kept apart', () => {
    const settings = lineSettings({}, { isExactlyOnce: true });
    const batch = batchOf('m', ['{"v":1}'], [at]);
    const chunk = chunkOf([batch, batch, batch]);
    const batches = chunk.batches.map((one, k) => ({ ...one, emissionId: () => `s-0${k === 0 ? '' : `.${k - 1}`}` }));
    const { bytes, lines } = new LineEncoder(settings).encode({ ...chunk, batches }, String, () => undefined);
    assert.equal(new Set(lines.map(({ from, until }) => bytes.toString('utf8', from, until))).size, 3);
  });
});

describe('types that the server holds', () => {
  const record = '{"f":5,"i":5.0,"j":5.5,"s":7,"b":"yes"}';
  const types: TypesOf = new Map([
    ['f', 'float'],
    ['i', 'integer'],
    ['s', 'string'],
  ]);
  test('what loses nothing is converted', () => {
    const batch = batchOf('m', [record], [at]);
    assert.equal(encode(lineSettings(), [batch], types).text[0], 'm f=5.0,i=5i,j=5.5,s="7",b="yes" 1709618820');
  });
  test('what would is refused or diverted', () => {
    const batch = batchOf('m', [record], [at]);
    const more: TypesOf = new Map([...types, ['j', 'integer'], ['b', 'boolean']]);
    assert.match(
      encode(lineSettings(), [batch], more).refused[0]?.reason ?? '',
      /^OUTPUT_REFUSED: field type conflict: "j" is float, and the server holds integer/,
    );
    assert.equal(
      encode(lineSettings({}, { isDiverting: true }), [batch], more).text[0],
      'm f=5.0,i=5i,j__str="5.5",s="7",b__str="yes" 1709618820',
    );
  });
});
