/** The `out_file` formatter: time, tag and JSON on a line. Source: Fluentd 1.16 formatter_out_file.rb. */
import { boolean, choice, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { lineEnd, newlineOptions } from './newline.ts';
import { rowFormatter, writeJson } from './rows.ts';
import { compileTime, zoneOf } from './strftime.ts';

const numericTime = {
  unixtime: (seconds: number) => String(seconds),
  // Fluentd writes eight zeros for a whole second, and loses the digits of fractions that begin with a zero.
  float: (seconds: number, nanos: number) => `${seconds}.${nanos === 0 ? '00000000' : String(nanos).padStart(9, '0')}`,
} as const;

export const outFileFormatter = definePlugin({
  kind: 'formatter',
  name: 'out_file',
  summary: 'Writes time, tag and the record as JSON on a line, separated by tabs.',
  options: {
    newline: newlineOptions.newline,
    outputTime: boolean('Writes the time.', { default: true }),
    outputTag: boolean('Writes the tag.', { default: true }),
    delimiter: text('What separates them: SPACE, COMMA, else a tab.', { default: '\t' }),
    timeType: choice(['string', 'unixtime', 'float'])('How the time is written.', { default: 'string' }),
    timeFormat: text('How the time is written (strftime); ISO 8601 unless set.'),
    localtime: boolean("Writes the time in this machine's zone.", { default: true }),
    utc: boolean('Writes the time in UTC.', { default: false }),
    timezone: text('Writes the time in this zone: +09:00 or Asia/Tokyo.'),
  },
  example: `<match **>
  @type file
  path /var/log/post2log/all
  <format>
    @type out_file
    delimiter SPACE
    time_format %d/%b/%Y:%H:%M:%S %z
  </format>
</match>`,
  check: ({ options }) => void zoneOf(options),
  create({ options }) {
    const delimiter = /SPACE/i.test(options.delimiter) ? ' ' : /COMMA/i.test(options.delimiter) ? ',' : '\t';
    const end = lineEnd({ newline: options.newline });
    const time = options.timeType === 'string' ? compileTime(options) : numericTime[options.timeType];
    const endBytes = Buffer.from(end);
    // Neighbours mostly have second and tag in common: their head is encoded once.
    let head = '';
    let headBytes = Buffer.alloc(0);
    return rowFormatter('text/plain', (batch, row, out) => {
      const timeText = options.outputTime ? time(batch.seconds(row), batch.nanos(row)) + delimiter : '';
      const text = options.outputTag ? timeText + batch.tag + delimiter : timeText;
      if (text !== head) {
        head = text;
        headBytes = Buffer.from(text);
      }
      out.bytes(headBytes);
      writeJson(batch, row, out, true);
      out.bytes(endBytes);
    });
  },
});
