/** The `msgpack` formatter: each record as one MessagePack map. Source: Fluentd 1.16 formatter_msgpack.rb. */
import { codecs } from '../core/batch.ts';
import type { Batch } from '../core/batch.ts';
import { encodeMsgpack } from '../core/msgpack.ts';
import { definePlugin } from '../core/plugin.ts';
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
