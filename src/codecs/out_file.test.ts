import assert from 'node:assert/strict';
import { test } from 'node:test';
import { format, records } from '../../test/formatting.ts';
import { jsonFormatter } from './json.ts';
import { outFileFormatter } from './out_file.ts';

process.env['TZ'] = 'UTC';

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
  const first = (options: Record<string, unknown>) => format(outFileFormatter, options).split('\t')[0];
  assert.equal(first({ timeType: 'unixtime' }), '1709618820');
  assert.equal(first({ timeType: 'float' }), '1709618820.00000000');
  assert.throws(() => format(outFileFormatter, { timezone: 'Nowhere/Else' }), /Nowhere\/Else/);
});
