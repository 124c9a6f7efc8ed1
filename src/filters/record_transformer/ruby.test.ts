import assert from 'node:assert/strict';
import { test } from 'node:test';
import pino from 'pino';
import { batchOf, configOf, contextOf, pairs, texts } from '../../../test/fixture.ts';
import type { Batch } from '../../core/batch.ts';
import { ConfigError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { copyFields } from '../../core/record.ts';
import { recordTransformerFilter as plugin } from './index.ts';

process.env['TZ'] = 'UTC';

function apply(
  record: Record<string, string>,
  input: Batch,
  options: Record<string, unknown> = {},
  rejected: string[] = [],
  log?: Log,
): Batch {
  if (plugin.kind !== 'filter') throw new TypeError('not a filter');
  const config = configOf(plugin, { enableRuby: true, ...options }, { sections: { record: [pairs(record)] } });
  try {
    plugin.check?.(config);
  } catch (error) {
    if (!(error instanceof ConfigError) || error.problems.some(({ severity }) => severity === undefined)) throw error;
  }
  const filter = plugin.create(config, contextOf([], log));
  return filter.apply(input, (row, reason) => rejected.push(`${row}: ${reason}`));
}
const reform = (record: Record<string, string>, input: string[], options: Record<string, unknown> = {}) =>
  texts(apply(record, batchOf('a.b.c.d', input), options));

test('expressions, as recorded', () => {
  assert.deepEqual(
    reform(
      {
        lvl: '${record["code"].to_i >= 500 ? "error" : record["code"].to_i >= 400 ? "warn" : "ok"}',
        sn: '${record["o"]&.fetch("k", "dflt")}',
        m: '${record["p"] =~ /^\\/api/ ? "api" : "web"}',
        resc: '${Integer(record["code"]) rescue -1}',
        or: '${record["x"] || record["y"] || "none"}',
        empty: '${record["p"].to_s.empty?}',
      },
      ['{"code":"503","o":{"k":"v"},"p":"/api/x"}', '{"code":404,"p":"/x","y":"why"}', '{"n":1}'],
    ),
    [
      '{"code":"503","o":{"k":"v"},"p":"/api/x","lvl":"error","sn":"v","m":"api","resc":503,"or":"none","empty":false}',
      '{"code":404,"p":"/x","y":"why","lvl":"warn","sn":null,"m":"web","resc":404,"or":"why","empty":false}',
      '{"n":1,"lvl":"ok","sn":null,"m":"web","resc":-1,"or":"none","empty":true}',
    ],
  );
});

test('values of every kind become what records hold', () => {
  const record = {
    time: '${time}',
    sym: '${:a}',
    float: '${2 * 1.5}',
    big: '${2 ** 70}',
    hash: '${{a: [:b, 1..2], "c" => /x/, 7 => nil}}',
    nested: '{"k": "${tag}", "${tag}": ["${record[\\"n\\"]}", 1, true, null], "t": "n=${record[\\"n\\"]}"}',
    same: '${record["o"]}',
    text: 'n=${record["n"]} [${record["o"]}]',
    '${tag_parts[0]}_key': 'x',
  };
  assert.deepEqual(reform(record, ['{"n":5,"o":{"z":1}}']), [
    '{"n":5,"o":{"z":1},"time":"2024-03-05 06:07:00 +0000","sym":"a","float":3.0,"big":1180591620717411303424,"hash":{"a":["b","1..2"],"c":"(?-mix:x)","7":null},"nested":{"k":"a.b.c.d","a.b.c.d":[5,1,true,null],"t":"n=5"},"same":{"z":1},"text":"n=5 [{\\"z\\"=>1}]","a_key":"x"}',
  ]);
  assert.deepEqual(reform({ a: '${record["n"]}', b: '${nil}' }, ['{"n":5}'], { autoTypecast: false }), [
    '{"n":5,"a":"5","b":""}',
  ]);
  assert.deepEqual(
    reform({ c: '${record["n"] + 1}', d: '${{"b" => 1}}' }, ['{"n":12345678901234567890,"f":1.0,"1":2}']),
    ['{"n":12345678901234567890,"f":1.0,"1":2,"c":12345678901234567891,"d":{"b":1}}'],
  );
});

test('what expressions change in the record is seen as in Ruby: not in the new one, but for what both share', () => {
  const batch = batchOf('t', ['{"a":"xx","o":{"k":1,"l":[1]},"n":1}']);
  const changed = apply(
    {
      gone: '${record.delete("n"); record.keys.join(",")}',
      inner: '${record["o"].delete("k")}',
      list: '${record["o"]["l"] << 2; 3}',
      text: '${record["a"].gsub!("x", "y"); 4}',
      set: '${record["new"] = 5}',
      again: '${record["new"]}',
    },
    batch,
  );
  assert.deepEqual(texts(changed), [
    '{"a":"yy","o":{"l":[1,2]},"n":1,"gone":"a,o","inner":1,"list":3,"text":4,"set":5,"again":5}',
  ]);
  assert.deepEqual(texts(batch.map(copyFields)), ['{"a":"xx","o":{"k":1,"l":[1]},"n":1}']);
  assert.deepEqual(
    reform({ x: '${record.delete("a")}' }, ['{"a":1,"b":2,"c":3}'], { renewRecord: true, keepKeys: ['a', 'b'] }),
    ['{"a":1,"b":2,"x":1}'],
  );
});

test('a record on which an expression raises is rejected, the others are not', () => {
  const rejected: string[] = [];
  const lines: string[] = [];
  const log = pino({ base: null, level: 'warn' }, { write: (line: string) => lines.push(line) });
  const input = batchOf('t', ['{"a":"secret"}', '{"b":1}', '{"a":"x"}', '{"c":1}']);
  const passed = apply({ up: '${record["a"].upcase}', same: 'ok' }, input, {}, rejected, log);
  assert.deepEqual(texts(passed), ['{"a":"secret","up":"SECRET","same":"ok"}', '{"a":"x","up":"X","same":"ok"}']);
  assert.deepEqual(rejected, ['1: expression_failed', '3: expression_failed']);
  assert.equal(lines.length, 1);
  assert.match(
    lines[0] ?? '',
    /failed to expand `record\[\\"a\\"\]\.upcase` \(NoMethodError\); such records go to @ERROR/,
  );
  rejected.length = 0;
  apply({ x: '${record["n"].zap}' }, batchOf('t', ['{"n":1}']), {}, rejected);
  apply({ x: '${3000.times { 3000.times { } }}' }, batchOf('t', ['{"n":1}']), {}, rejected);
  apply({ x: '${a = [1]; a << a; a}' }, batchOf('t', ['{"n":1}']), {}, rejected);
  assert.deepEqual(rejected, ['0: expression_failed', '0: expression_limit', '0: expression_limit']);
});

test('an expression that takes too long is stopped, and only its record', () => {
  const rejected: string[] = [];
  const slow = `${'a'.repeat(60)}!`;
  const passed = apply(
    { m: '${record["a"].match?(/^(a|aa)*$/)}' },
    batchOf('t', ['{"a":"aa"}', `{"a":"${slow}"}`, '{"a":"b"}']),
    {},
    rejected,
  );
  assert.deepEqual(texts(passed), ['{"a":"aa","m":true}', '{"a":"b","m":false}']);
  assert.deepEqual(rejected, ['1: time_limit']);
});

test('renew_time_key takes a Time, a number or text', () => {
  const times = (value: string) => {
    const batch = apply({ t: value }, batchOf('t', ['{"n":1}']), { renewTimeKey: 't', removeKeys: ['t'] });
    return [batch.seconds(0), batch.nanos(0), ...texts(batch)];
  };
  assert.deepEqual(times('${time + 60}'), [1_709_618_880, 0, '{"n":1}']);
  assert.deepEqual(times('${1000.5}'), [1000, 500_000_000, '{"n":1}']);
  assert.deepEqual(times('${"2000"}'), [2000, 0, '{"n":1}']);
});

test('a replay of a batch gives the same records', () => {
  const run = () =>
    reform({ id: '${SecureRandom.uuid}', now: '${Time.now.to_i}', r: '${rand}' }, ['{"n":1}', '{"n":2}']);
  const [first, second] = [run(), run()];
  assert.deepEqual(first, second);
  assert.notEqual(first[0]?.slice(8), first[1]?.slice(8));
  assert.match(first[0] ?? '', /"now":0,/);
});

test('what is not taken is an error with its place; what can only raise is a warning', () => {
  if (plugin.kind !== 'filter') throw new TypeError('not a filter');
  const at = { file: 'a.conf', line: 7, column: 5 };
  const valueAt = { file: 'a.conf', line: 7, column: 12 };
  const record = (key: string, value: string) => ({ ...pairs({}), pairs: [{ key, value, at, valueAt }] });
  const problems = (key: string, value: string) => {
    const config = configOf(plugin, { enableRuby: true }, { sections: { record: [record(key, value)] } });
    try {
      plugin.check?.(config);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return error.problems.map(({ at, severity, text }) => `${at?.line}:${at?.column} ${severity ?? 'error'} ${text}`);
    }
    return [];
  };
  assert.deepEqual(problems('host', '${system("id")} x ${record["a"].upcase}'), [
    '7:14 error <record> host: in ${system("id")} x ${record["a"].upcase}: function system is not taken: expressions only compute values',
  ]);
  assert.match(
    problems('m', '${record["a"].frob}')[0] ?? '',
    /^7:26 warning .*no value has a method frob; records on which/,
  );
  assert.match(problems('m', '${message}')[0] ?? '', /a field of the record is record\["message"\]/);
  assert.match(problems('m', '${1 +}')[0] ?? '', /^7:17 error .*ends where a value was expected/);
  assert.match(
    problems('m', '{"a": ["${`id`}"]}')[0] ?? '',
    /^7:12 error <record> m: in \$\{`id`\}: commands are not run/,
  );
  assert.match(problems('a]', 'x')[0] ?? '', /^7:6 error .*without its \[/);
  assert.deepEqual(problems('ok', '${record["a"]}'), []);
});
