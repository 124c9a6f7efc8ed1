/** The `msgpack` parser: MessagePack maps, one behind the other. Source: Fluentd 1.16 parser_msgpack.rb. */
import { errorText } from '../core/errors.ts';
import { decodeMsgpackEach } from '../core/msgpack.ts';
import { text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { Parsed, Parser } from '../core/plugin.ts';
import { isFields } from '../core/record.ts';
import { limited } from './parse-texts.ts';
import { checkReading, compileFinish, recordOptions } from './record-reading.ts';

/** Maps and arrays in one text: far more than any record has, and some 100 MB of memory. */
const containersMax = 1_000_000;

export const msgpackParser = definePlugin({
  kind: 'parser',
  name: 'msgpack',
  summary: 'Takes MessagePack maps, a record each.',
  options: { ...recordOptions, timeKey: text("The field that holds the record's time; none unless set.") },
  example: `<source>
  @type stdin
  tag packed
  <parse>
    @type msgpack
  </parse>
</source>`,
  check: ({ options }) => checkReading(options),
  create({ options }, { clock }) {
    const finish = compileFinish(options, clock);
    const parseAll = (input: Buffer | string): readonly Parsed[] => {
      const bytes = typeof input === 'string' ? Buffer.from(input, 'latin1') : input;
      const found: Parsed[] = [];
      try {
        for (const { value, at } of decodeMsgpackEach(bytes, containersMax))
          found.push(
            isFields(value)
              ? finish.fields(value)
              : { kind: 'mismatch', problem: `expected a MessagePack map at byte ${at}` },
          );
      } catch (error) {
        found.push({ kind: 'mismatch', problem: errorText(error) });
      }
      return found;
    };
    const parser: Parser = {
      parse: (input) =>
        parseAll(input)[0] ?? { kind: 'mismatch', problem: 'expected a MessagePack map, found nothing' },
      parseAll,
    };
    return options.nullValuePattern === undefined ? parser : limited(parser, options.timeout);
  },
});
