/**
 * The `fluentbit_msgpack` formatter: records as Fluent Bit keeps them, one behind the other:
 * `92 92 d7 00 <seconds u32> <nanoseconds u32> 80 <record>`. Source: Fluent Bit 5.1 flb_log_event_encoder.c.
 */
import { MsgpackWriter } from '../core/msgpack.ts';
import { definePlugin } from '../core/plugin.ts';
import { rowFormatter } from './rows.ts';

const emptyMap = Buffer.from([0x80]);

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
      writer.raw(emptyMap, 0, 1);
      writer.value(batch.fields(row));
      out.bytes(writer.take());
    }),
});
