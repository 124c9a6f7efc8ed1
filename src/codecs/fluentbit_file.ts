/** The `fluentbit_file` formatter: the forms of Fluent Bit's file output. Source: Fluent Bit 5.1 out_file/file.c. */
import type { Batch } from '../core/batch.ts';
import type { ByteWriter } from '../core/bytes.ts';
import { boolean, choice, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { fieldEntries, getField } from '../core/record.ts';
import type { Fields } from '../core/record.ts';
import { epochMicros, epochNanos } from './fluentbit-dates.ts';
import { writeFluentbitText } from './fluentbit-text.ts';
import { rowFormatter, writeJson } from './rows.ts';

type WriteRow = (batch: Batch, row: number, out: ByteWriter) => void;

export const fluentbitFileFormatter = definePlugin({
  kind: 'formatter',
  name: 'fluentbit_file',
  summary:
    'Writes records the way Fluent Bit’s file output does: with tag and time, as csv, as ltsv, or by a template.',
  options: {
    layout: choice(['out_file', 'csv', 'ltsv', 'template'])('The form of the lines.', { default: 'out_file' }),
    delimiter: text('What stands between values; csv: a comma, ltsv: a tab.'),
    hasNames: boolean('Begins files of csv with the names of the first record’s fields.', { default: false }),
    labelDelimiter: text('What stands between a label and its value in ltsv.', { default: ':' }),
    template: text('The line of template; {key} is a value, {time} the time.', { default: '{time} {message}' }),
  },
  example: `<match **>
  @type stdout
  <format>
    @type fluentbit_file
    layout csv
  </format>
</match>`,
  create: ({ options: { layout, delimiter, hasNames, labelDelimiter, template } }) => {
    const write = {
      out_file: tagged,
      csv: csvRow(delimiter ?? ','),
      ltsv: ltsvRow(delimiter ?? '\t', labelDelimiter),
      template: templateRow(template),
    }[layout];
    const rows = rowFormatter('text/plain', write);
    if (!hasNames || layout !== 'csv') return rows;
    return { ...rows, begin: (batch, row, out) => csvNames(batch.fields(row), delimiter ?? ',', out) };
  },
});

function tagged(batch: Batch, row: number, out: ByteWriter): void {
  out.text(`${batch.tag}: [${epochNanos(batch.seconds(row), batch.nanos(row))}, `);
  writeJson(batch, row, out);
  out.text(']\n');
}

function csvRow(delimiter: string): WriteRow {
  return (batch, row, out) => {
    out.text(epochNanos(batch.seconds(row), batch.nanos(row)));
    for (const [, value] of fieldEntries(batch.fields(row))) {
      out.text(delimiter);
      writeFluentbitText(value, out);
    }
    out.text('\n');
  };
}

function csvNames(fields: Fields, delimiter: string, out: ByteWriter): void {
  const names = fieldEntries(fields).map(([key]) => `"${key}"`);
  out.text(`${['timestamp', ...names].join(delimiter)}\n`);
}

function ltsvRow(delimiter: string, label: string): WriteRow {
  return (batch, row, out) => {
    out.text(`"time"${label}${epochMicros(batch.seconds(row), batch.nanos(row))}`);
    for (const [key, value] of fieldEntries(batch.fields(row))) {
      out.text(`${delimiter}"${key}"${label}`);
      writeFluentbitText(value, out);
    }
    out.text('\n');
  };
}

/** `{key}` where the record has it; what begins the word `time`, such as `{t}`, is the time. Other braces stay. */
function templateRow(template: string): WriteRow {
  const pieces = template.split(/(\{[^{}]*\})/);
  return (batch, row, out) => {
    const fields = batch.fields(row);
    const time = epochMicros(batch.seconds(row), batch.nanos(row));
    for (const [index, piece] of pieces.entries())
      if (index % 2 === 0) out.text(piece);
      else writePlaceholder(piece, fields, time, out);
    out.text('\n');
  };
}

function writePlaceholder(piece: string, fields: Fields, time: string, out: ByteWriter): void {
  const key = piece.slice(1, -1);
  const value = getField(fields, key);
  if ('time'.startsWith(key)) out.text(time);
  else if (value === undefined) out.text(piece);
  else if (typeof value === 'string') out.text(value);
  else if (value instanceof Uint8Array) out.bytes(value);
  else writeFluentbitText(value, out);
}
