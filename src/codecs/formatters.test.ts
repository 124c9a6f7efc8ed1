import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteWriter } from '../core/bytes.ts';
import { batchOf, configOf, contextOf, packedBatchOf, written } from '../core/fixture.ts';
import type { Plugin } from '../core/plugin.ts';
import { builtinPlugins } from '../plugins.ts';
import { csvFormatter } from './csv.ts';
import { hashFormatter } from './hash.ts';
import { compileInject } from './inject.ts';
import { jsonFormatter } from './json.ts';
import { ltsvFormatter } from './ltsv.ts';
import { outFileFormatter } from './out_file.ts';
import { singleValueFormatter } from './single_value.ts';
import { stdoutFormatter } from './stdout.ts';
import { tsvFormatter } from './tsv.ts';

process.env['TZ'] = 'UTC';

/** The input of the cases recorded from Fluentd 1.16. */
const records = [
  '{"a":"x","n":5,"o":{"k":["v",null]},"msg":"hello \\"q\\", tab\\tnl\\nend"}',
  '{"a":"","n":1.50,"msg":"ünï 日本 /slash <&>"}',
  '{"a":null,"b":true,"msg":"plain"}',
  '{"n":-3,"a":[1,2],"msg":""}',
];
const batch = batchOf('app.x', records);

function format(plugin: Plugin, options: Record<string, unknown> = {}, input = batch): string {
  assert.equal(plugin.kind, 'formatter');
  if (plugin.kind !== 'formatter') return '';
  const config = configOf(plugin, options);
  plugin.check?.(config);
  return written(plugin.create(config, contextOf(builtinPlugins)), input);
}

test('json copies unchanged records and prints changed ones', () => {
  assert.equal(format(jsonFormatter), records.map((one) => `${one}\n`).join(''));
  assert.equal(format(jsonFormatter, { addNewline: false }), records.join(''));
  assert.equal(format(jsonFormatter, { newline: 'crlf' }), records.map((one) => `${one}\r\n`).join(''));
  assert.equal(format(jsonFormatter, {}, batch.select([2, 0])), `${records[2]}\n${records[0]}\n`);
  const changed = batch.map((fields, row) => (row === 2 ? { b: 1 } : fields));
  assert.equal(format(jsonFormatter, {}, changed), `${records[0]}\n${records[1]}\n{"b":1}\n${records[3]}\n`);
});

test('out_file: time, tag and JSON', () => {
  const lines = format(outFileFormatter).split('\n');
  assert.equal(lines[0], `2024-03-05T06:07:00+00:00\tapp.x\t${records[0]}`);
  const options = { delimiter: 'SPACE', outputTag: false, timeFormat: '%d/%b/%Y:%H:%M:%S %z', timezone: '+0900' };
  assert.equal(format(outFileFormatter, options).split('\n')[1], `05/Mar/2024:15:07:01 +0900 ${records[1]}`);
  assert.equal(
    format(outFileFormatter, { utc: true, delimiter: 'COMMA' }).split('\n')[0],
    `2024-03-05T06:07:00Z,app.x,${records[0]}`,
  );
  assert.equal(format(outFileFormatter, { outputTime: false, outputTag: false }), format(jsonFormatter));
  assert.throws(() => format(outFileFormatter, { timezone: 'Nowhere/Else' }), /Nowhere\/Else/);
});

test('stdout: the line that seed and Fluentd print', () => {
  const times = [{ seconds: 1_682_675_863, nanos: 291_989_606 }];
  const one = batchOf('post2log', ['{"p1":"v1"}'], times);
  assert.equal(format(stdoutFormatter, {}, one), '2023-04-28 09:57:43.291989606 +0000 post2log: {"p1":"v1"}\n');
  assert.deepEqual(format(stdoutFormatter, { outputType: 'hash' }).split('\n').slice(0, 2), [
    '2024-03-05 06:07:00.000000000 +0000 app.x: {"a"=>"x", "n"=>5, "o"=>{"k"=>["v", nil]}, "msg"=>"hello \\"q\\", tab\\tnl\\nend"}',
    '2024-03-05 06:07:01.000000000 +0000 app.x: {"a"=>"", "n"=>1.5, "msg"=>"ünï 日本 /slash <&>"}',
  ]);
  assert.equal(
    format(stdoutFormatter, { outputType: 'ltsv' }).split('\n').slice(0, 2).join('\n'),
    '2024-03-05 06:07:00.000000000 +0000 app.x: a:x\tn:5\to:{"k"=>["v", nil]}\tmsg:hello "q", tab nl\nend',
  );
});

test('the line formats, as recorded', () => {
  assert.equal(
    format(csvFormatter, { fields: ['a', 'n', 'msg', 'o', 'nope'] }),
    '"x","5","hello ""q"", tab\tnl\nend","{""k""=>[""v"", nil]}",""\n"","1.5","ünï 日本 /slash <&>","",""\n"","","plain","",""\n"[1, 2]","-3","","",""\n',
  );
  assert.equal(
    format(csvFormatter, { fields: ['a', 'n', 'msg', 'o'], forceQuotes: false, delimiter: ';' }),
    'x;5;"hello ""q"", tab\tnl\nend";"{""k""=>[""v"", nil]}"\n"";1.5;ünï 日本 /slash <&>;\n;;plain;\n[1, 2];-3;"";\n',
  );
  assert.equal(
    format(tsvFormatter, { keys: ['a', 'n', 'msg', 'o'] }),
    'x\t5\thello "q", tab\tnl\nend\t{"k"=>["v", nil]}\n\t1.5\tünï 日本 /slash <&>\t\n\t\tplain\t\n[1, 2]\t-3\t\t\n',
  );
  assert.equal(
    format(ltsvFormatter, { delimiter: ',', labelDelimiter: '=', replacement: '_' }),
    'a=x,n=5,o={"k"=>["v"_ nil]},msg=hello "q"_ tab\tnl\nend\na=,n=1.5,msg=ünï 日本 /slash <&>\na=,b=true,msg=plain\nn=-3,a=[1_ 2],msg=\n',
  );
  assert.equal(format(singleValueFormatter, { messageKey: 'a' }), 'x\n\n\n[1, 2]\n');
  assert.equal(
    format(singleValueFormatter, { messageKey: 'msg', addNewline: false }),
    'hello "q", tab\tnl\nendünï 日本 /slash <&>plain',
  );
  assert.equal(format(hashFormatter).split('\n')[2], '{"a"=>nil, "b"=>true, "msg"=>"plain"}');
  assert.throws(() => format(csvFormatter, { fields: [''] }), /fields is empty/);
});

test('bytes leave a single value as they came', () => {
  const binary = packedBatchOf('t', [{ message: new Uint8Array([0x61, 0xff]) }]);
  const out = new ByteWriter();
  contextOf(builtinPlugins).formatter('single_value').write(binary, 0, 1, out);
  assert.equal(out.view().toString('hex'), '61ff0a');
});

test('inject, as recorded', () => {
  const times = [
    { seconds: 1_709_618_828, nanos: 123_456_789 },
    { seconds: 1_709_650_799, nanos: 1 },
  ];
  const two = batchOf('app.x', ['{"a":1}', '{"a":2}'], times);
  const injected = (inject: Parameters<typeof compileInject>[0]) =>
    format(jsonFormatter, {}, compileInject(inject)(two)).trim().split('\n');
  assert.deepEqual(injected({ hostnameKey: 'host', hostname: 'my-host', workerIdKey: 'wid', tagKey: 't' }), [
    '{"a":1,"host":"my-host","wid":0,"t":"app.x"}',
    '{"a":2,"host":"my-host","wid":0,"t":"app.x"}',
  ]);
  assert.deepEqual(
    injected({
      tagKey: 'tag',
      timeKey: 'at',
      timeType: 'string',
      timeFormat: '%Y-%m-%d %H:%M:%S.%3N %z',
      timezone: '+0530',
    }),
    [
      '{"a":1,"tag":"app.x","at":"2024-03-05 11:37:08.123 +0530"}',
      '{"a":2,"tag":"app.x","at":"2024-03-05 20:29:59.000 +0530"}',
    ],
  );
  assert.deepEqual(injected({ timeKey: 'at', timeType: 'string' })[0], '{"a":1,"at":"2024-03-05T06:07:08+00:00"}');
  assert.deepEqual(injected({ timeKey: 'at' }), ['{"a":1,"at":1709618828.123456}', '{"a":2,"at":1709650799.0}']);
  assert.deepEqual(injected({ timeKey: 'a', timeType: 'unixtime' }), ['{"a":1709618828}', '{"a":1709650799}']);
  assert.deepEqual(injected({ timeKey: 'at', timeType: 'unixtime_millis' }), [
    '{"a":1,"at":1709618828123}',
    '{"a":2,"at":1709650799000}',
  ]);
  assert.deepEqual(injected({ timeKey: 'at', timeType: 'unixtime_nanos' }), [
    '{"a":1,"at":1709618828123456789}',
    '{"a":2,"at":1709650799000000001}',
  ]);
  assert.deepEqual(injected({ tagKey: '1' })[0], '{"a":1,"1":"app.x"}');
  assert.equal(compileInject({})(two), two);
});
