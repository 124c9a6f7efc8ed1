import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf, modelOf } from '../../test/fixture.ts';
import { format } from '../../test/formatting.ts';
import { csvFormatter } from './csv.ts';
import { ltsvFormatter } from './ltsv.ts';
import { stdoutFormatter } from './stdout.ts';

process.env['TZ'] = 'UTC';

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

test('the formatter of the record has options of its own', () => {
  const one = batchOf('a', ['{"x":1,"y":"z"}']);
  const ltsv = modelOf(ltsvFormatter, { delimiter: '|', labelDelimiter: '=' });
  assert.equal(
    format(stdoutFormatter, { outputType: 'ltsv' }, one, ltsv),
    '2024-03-05 06:07:00.000000000 +0000 a: x=1|y=z\n',
  );
  const csv = modelOf(csvFormatter, { fields: ['y', 'x'] });
  assert.equal(
    format(stdoutFormatter, { outputType: 'csv' }, one, csv),
    '2024-03-05 06:07:00.000000000 +0000 a: "z","1"\n',
  );
});
