/** The `msgpack` formatter and parser: MessagePack maps. Source: Fluentd 1.16 formatter_msgpack.rb, parser_msgpack.rb. */
import { codecs } from '../core/batch.ts';
import type { Batch } from '../core/batch.ts';
import { errorText } from '../core/errors.ts';
import { encodeMsgpack, decodeMsgpackEach } from '../core/msgpack.ts';
import { text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { Parsed, Parser } from '../core/plugin.ts';
import { isFields } from '../core/record.ts';
import { limited } from './parse-texts.ts';
import { checkReading, compileFinish, recordOptions } from './record-reading.ts';
import { rowFormatter } from './rows.ts';

/** A record's bytes: as they came in where they were MessagePack and no filter changed them. */
function packed(batch: Batch, row: number): Uint8Array {
  const isRaw = batch.block.parts.codec === codecs.msgpack && !batch.isChanged(row);
  return isRaw ? batch.block.encoded(batch.index(row)) : encodeMsgpack(batch.fields(row));
}

/** Array of two, then an EventTime: fixext 8 of type 0. */
const entryHead = Buffer.from([0x92, 0xd7, 0x00]);

/**
 * `[time, record]` entries one after the other, as Fluentd buffers records for outputs without a format of their own
 * (event.rb to_msgpack_stream).
 */
export const entriesFormatter = rowFormatter('application/x-msgpack', (batch, row, out) => {
  const time = Buffer.alloc(8);
  time.writeUInt32BE(batch.seconds(row) >>> 0, 0);
  time.writeUInt32BE(batch.nanos(row), 4);
  out.bytes(entryHead);
  out.bytes(time);
  out.bytes(packed(batch, row));
});

export const msgpackFormatter = definePlugin({
  kind: 'formatter',
  name: 'msgpack',
  summary: 'Writes each record as one MessagePack map, one after the other; as it came in where no filter changed it.',
  options: {},
  example: `<match **>
  @type file
  path /var/log/post2log/packed
  path_suffix .msgpack
  <format>
    @type msgpack
  </format>
</match>`,
  create: () => rowFormatter('application/x-msgpack', (batch, row, out) => out.bytes(packed(batch, row))),
});

/** Maps and arrays in one text: far more than any record has, and some 100 MB of memory. */
const containersMax = 1_000_000;

export const msgpackParser = definePlugin({
  kind: 'parser',
  name: 'msgpack',
  summary: 'Takes MessagePack maps, a record each, also from within an array.',
  options: { ...recordOptions, timeKey: text("The field that holds the record's time; none unless set.") },
  example: `<source>
  @type stdin
  tag packed
  <parse>
    @type msgpack
  </parse>
</source>`,
  differences: [
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Makes a record of an array or a single value, which most outputs then fail on. Here an array gives a record for each map in it, and what is no map is refused.',
    },
  ],
  check: ({ options }) => checkReading(options),
  create({ options }, { clock }) {
    const finish = compileFinish(options, clock);
    const parseAll = (input: Buffer | string): readonly Parsed[] => {
      const bytes = typeof input === 'string' ? Buffer.from(input, 'latin1') : input;
      const found: Parsed[] = [];
      try {
        for (const { value, at } of decodeMsgpackEach(bytes, containersMax))
          for (const one of Array.isArray(value) && value.length > 0 ? value : [value])
            found.push(
              isFields(one)
                ? finish.fields(one)
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
