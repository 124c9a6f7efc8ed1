/**
 * A chunk as the messages that carry it, byte for byte as Fluentd 1.16 out_forward.rb send_data_actual writes them:
 *
 *   93                          array of 3
 *   str                         tag
 *   db u32                      entries: str 32, whatever their size; dd u32: an array 32 without an option map, and from
 *                               Fluent Bit, whose compressed entries are bin 32 (c6 u32)
 *     92 d7 00 u32 u32 map      each: [event time, record], or as Fluent Bit has it [[event time, {}], record]
 *
 * With a tag that depends on the record each is a message of its own, as Fluent Bit has it: 94, tag, time, record, option.
 *
 *   map                         option: size, compressed (not with an array), chunk (where an acknowledgement is wanted), and with exactly_once
 *                               the records' origins (core/origin.ts packOrigins)
 *
 * Records that lie as MessagePack in the journal are copied. Times outside of 32 bits are sent as integers, which
 * receivers take as well; their nanoseconds are lost.
 */
import { promisify } from 'node:util';
import { gzip, zstdCompress } from 'node:zlib';
import { compileFluentbitTemplate } from '../../codecs/fluentbit-accessor.ts';
import type { RefusedRow } from '../../codecs/rows.ts';
import { originsOption } from '../../codecs/forward-handshake.ts';
import { codecs } from '../../core/batch.ts';
import type { Batch, Block } from '../../core/batch.ts';
import { errorText } from '../../core/errors.ts';
import { writeJsonPacked } from '../../core/json-msgpack.ts';
import { MsgpackWriter, encodeMsgpack } from '../../core/msgpack.ts';
import { packOrigins } from '../../core/origin.ts';
import type { Chunk, ChunkBatch } from '../../core/plugin.ts';
import type { Value } from '../../core/record.ts';
import { PacketOrigins } from './origins.ts';

const compressors = { gzip: promisify(gzip), zstd: promisify(zstdCompress) };
const uint32Max = 0xffff_ffff;

export interface EncodeSettings {
  readonly compress: 'text' | 'gzip' | 'zstd';
  /** In place of the records' own. */
  readonly tag?: string | undefined;
  /** Whether that is a text with accessors (`$log`, `$TAG[1]`): each record is a message of its own then. */
  readonly isTagTemplate?: boolean;
  readonly isTimeInteger: boolean;
  /** Entries are [[time, {}], record]. */
  readonly hasMetadata?: boolean;
  /** False: the option map comes only where something in it is needed. */
  readonly sendsOptions?: boolean;
  /** False: entries that are not compressed are an array, and the option map says that they are logs. */
  readonly packsEntries?: boolean;
  /** Options besides, as they are written. */
  readonly extraOptions?: Readonly<Record<string, string>> | undefined;
  /** An acknowledgement is wanted. */
  readonly hasAck: boolean;
  /** The sending output's id, for the records' origins; undefined: none are sent. */
  readonly originOf: string | undefined;
}

/** One message on its way. */
export interface ForwardPacket {
  readonly parts: readonly Buffer[];
  /** What the acknowledgement must say; undefined: none is wanted. */
  readonly chunk: string | undefined;
  readonly records: number;
}

/** One message, or one for each tag where tag is no chunk key. Records that cannot be written are named. */
export async function encodeChunk(
  chunk: Chunk,
  settings: EncodeSettings,
): Promise<{ readonly messages: readonly ForwardPacket[]; readonly refused: readonly RefusedRow[] }> {
  const refused: RefusedRow[] = [];
  if (settings.isTagTemplate === true) return encodeEach(chunk, settings);
  const groups = new Map<string, { part: ChunkBatch; first: number }[]>();
  let first = 0;
  for (const part of chunk.batches) {
    const tag = settings.tag ?? part.batch.tag;
    const group = groups.get(tag) ?? [];
    groups.set(tag, group);
    group.push({ part, first });
    first += part.batch.count;
  }
  const messages: ForwardPacket[] = [];
  for (const [tag, parts] of groups) {
    const id = messageId(chunk.id, messages.length);
    const message = await encodeMessage(tag, id, parts, settings, refused);
    if (message.records > 0) messages.push(message);
  }
  return { messages, refused };
}

/** The first message has the chunk's own id. */
function messageId(chunk: string, ordinal: number): string {
  return ordinal === 0 ? chunk : `${chunk.slice(0, -8)}${ordinal.toString(16).padStart(8, '0')}`;
}

function ackOf(id: string): string {
  return `${Buffer.from(id, 'hex').toString('base64')}\n`;
}

/** A message for each record, its tag filled from it. */
function encodeEach(
  chunk: Chunk,
  { tag: template = '', hasAck, extraOptions, isTimeInteger }: EncodeSettings,
): { readonly messages: readonly ForwardPacket[]; readonly refused: readonly RefusedRow[] } {
  const tagOf = compileFluentbitTemplate(template);
  const messages: ForwardPacket[] = [];
  const refused: RefusedRow[] = [];
  let row = 0;
  for (const part of chunk.batches)
    for (let at = 0; at < part.batch.count; at++, row++) {
      const writer = new MsgpackWriter();
      writer.shortArray(4);
      const fields = part.batch.fields(at);
      writer.value(tagOf({ tag: part.batch.tag, fields, captures: [] }));
      const id = hasAck ? ackOf(messageId(chunk.id, messages.length)) : undefined;
      try {
        writeTime(part.batch, at, isTimeInteger, writer);
        writer.value(fields);
      } catch (error) {
        refused.push({ row, reason: errorText(error) });
        continue;
      }
      writer.value({ ...extraOptions, fluent_signal: 0, ...(id !== undefined && { chunk: id }) });
      messages.push({ parts: [writer.take()], chunk: id, records: 1 });
    }
  return { messages, refused };
}

async function encodeMessage(
  tag: string,
  id: string,
  parts: readonly { readonly part: ChunkBatch; readonly first: number }[],
  settings: EncodeSettings,
  refused: RefusedRow[],
): Promise<ForwardPacket> {
  const writer = new MsgpackWriter();
  const { compress, originOf } = settings;
  const origins = originOf === undefined ? undefined : new PacketOrigins(originOf);
  let records = 0;
  for (const { part, first } of parts) {
    const refusedBefore = refused.length;
    records += writeRows(part.batch, first, settings, writer, refused);
    origins?.add(part, new Set(refused.slice(refusedBefore).map(({ row }) => row - first)));
  }
  const entries = compress === 'text' ? writer.take() : await compressors[compress](writer.take());
  const chunk = settings.hasAck ? ackOf(id) : undefined;
  const extra = settings.extraOptions ?? {};
  const isPacked = settings.packsEntries !== false || compress !== 'text';
  const option: Record<string, Value> = {
    ...extra,
    size: records,
    ...(isPacked && { compressed: compress }),
    // Fluent Bit says that these are logs.
    ...(settings.packsEntries === false && { fluent_signal: 0 }),
    ...(chunk !== undefined && { chunk }),
    ...(origins && { [originsOption]: packOrigins(origins.runs) as unknown as Value }),
  };
  const isNeeded = chunk !== undefined || origins !== undefined || compress !== 'text' || Object.keys(extra).length > 0;
  const hasOption = settings.sendsOptions !== false || isNeeded;
  const head = new MsgpackWriter();
  head.shortArray(hasOption ? 3 : 2);
  head.value(tag);
  const length = Buffer.alloc(5);
  // Without an option map it is no PackedForward: the entries are an array.
  const areBytes = isPacked && hasOption;
  length[0] = areBytes ? (settings.packsEntries === false ? 0xc6 : 0xdb) : 0xdd;
  length.writeUInt32BE(areBytes ? entries.length : records, 1);
  head.raw(length, 0, 5);
  return { parts: [head.take(), entries, ...(hasOption ? [encodeMsgpack(option)] : [])], chunk, records };
}

function writeTime(batch: Batch, row: number, isInteger: boolean, writer: MsgpackWriter): void {
  const seconds = batch.seconds(row);
  if (isInteger || seconds < 0 || seconds > uint32Max) writer.value(seconds);
  else writer.eventTime(seconds, batch.nanos(row));
}

/** Returns how many rows were written. */
function writeRows(
  batch: Batch,
  first: number,
  { isTimeInteger, hasMetadata }: EncodeSettings,
  writer: MsgpackWriter,
  refused: RefusedRow[],
): number {
  const { block } = batch;
  const { codec, exact } = block.parts;
  for (let row = 0; row < batch.count; row++) {
    const start = writer.length;
    writer.shortArray(2);
    if (hasMetadata === true) writer.shortArray(2);
    writeTime(batch, row, isTimeInteger, writer);
    if (hasMetadata === true) writer.value({});
    if (codec === codecs.msgpack && !batch.isChanged(row)) {
      const { payload, bounds } = block.parts;
      const index = batch.index(row);
      writer.raw(payload, bounds[index] as number, bounds[index + 1] as number);
      continue;
    }
    try {
      if (codec === codecs.json && !batch.isChanged(row) && exact[batch.index(row)] === 0) {
        const { payload, from, until } = jsonAt(block, batch.index(row));
        writeJsonPacked(payload, from, until, writer);
      } else writer.value(batch.fields(row));
    } catch (error) {
      // An integer beyond 64 bits; or what cannot be decoded, which only a damaged or foreign record is.
      writer.truncate(start);
      refused.push({ row: first + row, reason: errorText(error) });
    }
  }
  return batch.count - refused.filter(({ row }) => row >= first).length;
}

/** Where a record's JSON lies. */
function jsonAt(block: Block, index: number): { payload: Buffer; from: number; until: number } {
  if (block.shared) {
    const payload = block.encoded(index);
    return { payload, from: 0, until: payload.length };
  }
  const { payload, bounds } = block.parts;
  return { payload, from: bounds[index] as number, until: bounds[index + 1] as number };
}
