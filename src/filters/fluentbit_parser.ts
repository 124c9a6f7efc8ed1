/** The `fluentbit_parser` filter, Fluent Bit's `parser`. Source: Fluent Bit 5.1 filter_parser/filter_parser.c. */
import { compileFluentbitAccessor } from '../codecs/fluentbit-accessor.ts';
import { DirectField } from '../codecs/direct-field.ts';
import { parseTexts } from '../codecs/parse-texts.ts';
import type { Batch } from '../core/batch.ts';
import type { Instant } from '../core/clock.ts';
import { fluentbitForm } from '../core/fluentbit.ts';
import { boolean, text } from '../core/options.ts';
import type { OptionValues } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { ParsedRecord, Parser, PluginConfig } from '../core/plugin.ts';
import { fieldEntries, fieldsFromEntries, getField } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';

const options = {
  keyName: text("The field to parse, or a record accessor ($a['b']).", { required: true }),
  reserveData: boolean('Keeps the other fields; they go over what is parsed.', { default: false }),
  preserveKey: boolean('Keeps the field itself.', { default: false }),
};

export const fluentbitParserFilter = definePlugin({
  kind: 'filter',
  name: 'fluentbit_parser',
  summary: 'Parses a field of the record with the first parser that takes it, the way Fluent Bit’s parser does.',
  options,
  usesParser: true,
  fluentbit: fluentbitForm({
    names: ['parser'],
    options: { keyName: { name: 'Key_Name' }, reserveData: {}, preserveKey: {} },
    repeated: { parser: 'Name of a parser; several are tried in written order.' },
    ignored: { unescape_key: 'deprecated there, and without effect' },
    lower({ pairs, parser, at, error }) {
      const parsers = pairs.flatMap((pair) => parser(pair.value, pair.valueAt ?? pair.at) ?? []);
      if (parsers.length === 0) error(at, 'Parser is required, the name of a parser that is defined');
      return { parsers };
    },
  }),
  example: `<filter app.**>
  @type fluentbit_parser
  key_name log
  reserve_data true
  <parse>
    @type json
  </parse>
</filter>`,
  check({ options: { keyName }, parser, parsers }) {
    compileFluentbitAccessor(keyName);
    if (!parser && !parsers) throw new Error('a section <parse> is required but missing');
  },
  create(config, context) {
    const models = config.parsers ?? (config.parser ? [config.parser] : []);
    return createFilter(
      config,
      models.map((model) => context.parser(model)),
    );
  },
});

function createFilter({ options: values }: PluginConfig<typeof options>, parsers: readonly Parser[]) {
  const { keyName } = values;
  // Only a plain key is known as one that the others are told from.
  const isPlain = !keyName.startsWith('$');
  const accessor = compileFluentbitAccessor(keyName);
  const get = (fields: Fields) => (isPlain ? getField(fields, keyName) : accessor.get(fields));
  const parse = (batch: Batch): Batch => {
    const parsed = parseFields(batch, get, parsers);
    const times: (Instant | undefined)[] = [];
    return batch.map((fields, row) => {
      const found = parsed[row];
      if (!found) return fields;
      times[row] = found.time;
      return merged(fields, found.fields, isPlain ? keyName : undefined, values);
    }, times);
  };
  const direct = isPlain ? parsers[0]?.direct : undefined;
  if (!direct) return { apply: parse };
  const { reserveData: keepsOthers, preserveKey: keepsField } = values;
  const field = new DirectField(direct, { key: keyName, keepsOthers, keepsField });
  return { apply: (batch: Batch): Batch => field.apply(batch, parse) };
}

/** What each row's field gave: of the first parser that takes it. */
function parseFields(
  batch: Batch,
  get: (fields: Fields) => Value | undefined,
  parsers: readonly Parser[],
): (ParsedRecord | undefined)[] {
  const parsed: (ParsedRecord | undefined)[] = [];
  let left: { readonly row: number; readonly text: Buffer | string }[] = [];
  for (let row = 0; row < batch.count; row++) {
    const value = get(batch.fields(row));
    if (typeof value === 'string') left.push({ row, text: value });
    else if (value instanceof Uint8Array)
      left.push({ row, text: Buffer.from(value.buffer, value.byteOffset, value.length) });
  }
  for (const parser of parsers) {
    const texts = left.map(({ text: one }) => one);
    parseTexts(parser, texts, (found, index) => {
      const { row } = left[index] as (typeof left)[number];
      if (!('problem' in found)) parsed[row] ??= found;
    });
    left = left.filter(({ row }) => parsed[row] === undefined);
  }
  return parsed;
}

function merged(
  fields: Fields,
  parsed: Fields,
  key: string | undefined,
  { reserveData, preserveKey }: OptionValues<typeof options>,
): Fields {
  if (!reserveData && !preserveKey) return parsed;
  const kept = fieldEntries(fields).filter(([name]) => (name === key ? preserveKey : reserveData));
  return kept.length === 0 ? parsed : fieldsFromEntries([...fieldEntries(parsed), ...kept]);
}
