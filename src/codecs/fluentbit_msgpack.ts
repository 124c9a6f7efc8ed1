/**
 * The `fluentbit_msgpack` formatter: records as Fluent Bit keeps them, one behind the other:
 * `92 92 d7 00 <seconds u32> <nanoseconds u32> df 00000000 df <fields u32> <fields>`. Source: Fluent Bit 5.1 flb_log_event_encoder.c.
 */
import { MsgpackWriter } from '../core/msgpack.ts';
import { definePlugin } from '../core/plugin.ts';
import { fieldEntries } from '../core/record.ts';
import { rowFormatter } from './rows.ts';

export const fluentbitMsgpackFormatter = definePlugin({
  kind: 'formatter',
  name: 'fluentbit_msgpack',
  summary: 'Writes each record as Fluent Bit keeps it: MessagePack with its time and empty metadata before it.',
  options: {},
  example: `<match **>
  @type file
  path /var/log/post2log/records
  <format>
    @type fluentbit_msgpack
  </format>
</match>`,
  create: () =>
    rowFormatter('application/msgpack', (batch, row, out) => {
      const writer = new MsgpackWriter();
      writer.shortArray(2);
      writer.shortArray(2);
      writer.eventTime(batch.seconds(row) >>> 0, batch.nanos(row));
      const entries = fieldEntries(batch.fields(row));
      mapHeader(writer, 0);
      mapHeader(writer, entries.length);
      for (const [key, value] of entries) {
        writer.value(key);
        writer.value(value);
      }
      out.bytes(writer.take());
    }),
});

/** Fluent Bit counts fields while it writes them, so their number always takes four bytes. */
function mapHeader(writer: MsgpackWriter, fields: number): void {
  const header = Buffer.alloc(5);
  header[0] = 0xdf;
  header.writeUInt32BE(fields, 1);
  writer.raw(header, 0, 5);
}
