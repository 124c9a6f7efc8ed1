/** The `fluentbit_json` formatter: a record with its time as one more key. Source: Fluent Bit 5.1 flb_pack.c (flb_pack_msgpack_to_json_format). */
import { codecs } from '../core/batch.ts';
import type { Batch } from '../core/batch.ts';
import type { ByteWriter } from '../core/bytes.ts';
import { stringifyJson } from '../core/json.ts';
import { boolean, choice, text } from '../core/options.ts';
import type { OptionValues } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { getField } from '../core/record.ts';
import { EpochDouble, isoMicros, epochDouble, milliseconds, sqlMicros } from './fluentbit-dates.ts';
import { KeyFinder } from './key-finder.ts';
import { writeJson } from './rows.ts';

/** How `json_date_format` calls the forms of a time. */
const fluentbitDateFormats = [
  'double',
  'epoch',
  'epoch_ms',
  'epoch_ms_double',
  'iso8601',
  'java_sql_timestamp',
] as const;
type DateFormat = (typeof fluentbitDateFormats)[number];

/** What each form writes: JSON. */
const dates: Readonly<Record<DateFormat, (seconds: number, nanos: number) => string>> = {
  double: epochDouble,
  epoch: String,
  epoch_ms: (seconds, nanos) => String(milliseconds(seconds, nanos)),
  epoch_ms_double: (seconds, nanos) =>
    `${milliseconds(seconds, nanos)}.${String(Math.floor(nanos / 1000) % 1000).padStart(3, '0')}`,
  iso8601: (seconds, nanos) => `"${isoMicros(seconds, nanos)}"`,
  java_sql_timestamp: (seconds, nanos) => `"${sqlMicros(seconds, nanos)}"`,
};

/** `json_date_key` and `json_date_format` of the outputs that write JSON; `false` as key writes no time. */
export const fluentbitJsonProperties = {
  jsonDateKey: text('The key of the time; false: no time is written.', { default: 'date', fluentbit: 'json_date_key' }),
  jsonDateFormat: choice(fluentbitDateFormats)('How the time is written.', {
    default: 'double',
    fluentbit: 'json_date_format',
    isLenient: true,
  }),
} as const;

/** Options of the formatter as these say. */
export function fluentbitJsonOptions(
  properties: OptionValues<typeof fluentbitJsonProperties>,
): Record<string, unknown> {
  const { jsonDateKey, jsonDateFormat } = properties;
  return { dateKey: /^(?:false|off|no)$/i.test(jsonDateKey) ? '' : jsonDateKey, dateFormat: jsonDateFormat };
}

export const fluentbitJsonFormatter = definePlugin({
  kind: 'formatter',
  name: 'fluentbit_json',
  summary: 'Writes each record as a JSON object with its time as one more key, the way Fluent Bit does.',
  options: {
    dateKey: text(
      'The key of the time; where the record has it, the record’s value stays. Empty: no time is written.',
      {
        default: 'date',
      },
    ),
    dateFormat: choice(fluentbitDateFormats)('How the time is written.', { default: 'double' }),
    isLine: boolean('Writes a line feed behind each record.', { default: true }),
  },
  example: `<match **>
  @type stdout
  <format>
    @type fluentbit_json
    date_format iso8601
  </format>
</match>`,
  differences: [
    {
      peer: 'fluentbit',
      text: 'Writes non-ASCII text as `\\u…`, numbers with at most 16 digits, and bytes that are not UTF-8 as characters from U+E000. Here text is UTF-8, and numbers keep the digits they arrived with.',
    },
  ],
  create({ options: { dateKey, dateFormat, isLine } }) {
    const date = dates[dateFormat];
    const opening = dateKey === '' ? '' : `{${stringifyJson(dateKey)}:`;
    const finder = new KeyFinder([dateKey]);
    // A record is decoded only where the key's text stands somewhere in it, or an escape that could hide it.
    const hasKey = (batch: Batch, row: number) => {
      const isRaw = batch.block.parts.codec === codecs.json && !batch.isChanged(row);
      if (isRaw && !finder.mayBeIn(batch.block, batch.index(row))) return false;
      return getField(batch.fields(row), dateKey) !== undefined;
    };
    const double = dateFormat === 'double' ? new EpochDouble(opening) : undefined;
    const writeRow = (batch: Batch, row: number, out: ByteWriter) => {
      if (opening === '' || hasKey(batch, row)) return writeJson(batch, row, out);
      if (double) double.write(batch.seconds(row), batch.nanos(row), out);
      else out.text(opening + date(batch.seconds(row), batch.nanos(row)));
      const start = out.length;
      writeJson(batch, row, out);
      // The record's own brace becomes the comma behind the time, or nothing where it has no fields.
      afterDate(out, start);
    };
    return {
      contentType: isLine ? 'application/x-ndjson' : 'application/json',
      write(batch, from, to, out) {
        for (let row = from; row < to; row++) {
          writeRow(batch, row, out);
          if (isLine) out.byte(10);
        }
      },
    };
  },
});

const blank = 32;
const comma = 44;
const brace = 123;
const closing = 125;

/** Joins a record's JSON, which begins at `start`, to what stands before it. Journals may hold records with blanks around. */
function afterDate(out: ByteWriter, start: number): void {
  let own = start;
  while (out.at(own) !== brace) out.put(own++, blank);
  let at = own + 1;
  while (at < out.length && out.at(at) <= blank) at++;
  if (out.at(at) !== closing) out.put(own, comma);
  else {
    out.truncate(start);
    out.byte(closing);
  }
}
