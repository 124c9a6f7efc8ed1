/**
 * Dead letters: records that an output or a filter refused for good, kept in a journal of their own.
 *
 * The payload of one is a JSON object:
 *
 *     output     id of the output, or `@router` for what a filter or step rejected
 *     reason     why, in full
 *     id         emission id: who replays it can tell that a record was kept twice after a crash
 *     tag        the record's tag when it was refused
 *     seconds, nanos   the record's time
 *     refusedMs  when it was refused, ms since 1970
 *     attempts   tries made
 *     record     the record as JSON, byte for byte as it was kept where no filter changed it
 *     raw, codec instead of `record` where the record is MessagePack: its bytes in base64, codec byte of the journal
 *
 * A letter may be there twice after a crash, never not at all: it is durable before the cursor moves past its record.
 */
import { codecs } from '../core/batch.ts';
import type { Batch } from '../core/batch.ts';
import { parseRecord, scanJson, stringifyJson } from '../core/json.ts';
import { decodeMsgpack } from '../core/msgpack.ts';
import type { AppendRequest } from '../core/plugin.ts';
import { isFields } from '../core/record.ts';
import type { Fields } from '../core/record.ts';

/** What is told about a refused record besides the record. */
export interface Refused {
  readonly output: string;
  readonly reason: string;
  readonly emissionId: string;
  readonly attempts: number;
  readonly refusedMs: number;
}

/** A dead letter as readers get it. */
export interface DeadLetter extends Refused {
  readonly tag: string;
  readonly seconds: number;
  readonly nanos: number;
  readonly fields: Fields;
  /** The record's JSON as it was kept; of a MessagePack record as JSON writes it. */
  readonly json: string;
}

/** Row `row` of the batch as a dead letter's payload. */
function encodeDeadLetter(refused: Refused, batch: Batch, row: number): string {
  const head = JSON.stringify({
    output: refused.output,
    reason: refused.reason,
    id: refused.emissionId,
    tag: batch.tag,
    seconds: batch.seconds(row),
    nanos: batch.nanos(row),
    refusedMs: refused.refusedMs,
    attempts: refused.attempts,
  });
  const { block } = batch;
  const isRaw = block.parts.codec === codecs.msgpack && !batch.isChanged(row);
  const record = isRaw
    ? `"raw":"${block.encoded(batch.index(row)).toString('base64')}","codec":${codecs.msgpack}`
    : `"record":${batch.json(row).toString()}`;
  return `${head.slice(0, -1)},${record}}`;
}

/** An append of dead letters, all of one output; the tag in the dead-letter journal is the output's id. */
export function deadLetterAppend(
  output: string,
  letters: readonly { readonly refused: Refused; readonly batch: Batch; readonly row: number }[],
): AppendRequest {
  const payloads = letters.map(({ refused, batch, row }) => encodeDeadLetter(refused, batch, row));
  return {
    tag: output,
    records: {
      codec: codecs.json,
      payloads,
      exact: payloads.map((payload) => scanJson(Buffer.from(payload)).exact),
      seconds: letters.map(({ batch, row }) => batch.seconds(row)),
      nanos: letters.map(({ batch, row }) => batch.nanos(row)),
    },
  };
}

/** Reads a dead letter's payload. Throws SyntaxError or TypeError for what is none. */
export function decodeDeadLetter(payload: Uint8Array): DeadLetter {
  const text = Buffer.from(payload).toString();
  const head: unknown = JSON.parse(text);
  if (typeof head !== 'object' || head === null) throw new TypeError('a dead letter must be a JSON object');
  const values = head as Readonly<Record<string, unknown>>;
  const { fields, json } = letterRecord(text, values['raw']);
  return {
    output: String(values['output']),
    reason: String(values['reason']),
    emissionId: String(values['id']),
    tag: String(values['tag']),
    seconds: Number(values['seconds']),
    nanos: Number(values['nanos']),
    refusedMs: Number(values['refusedMs']),
    attempts: Number(values['attempts']),
    fields,
    json,
  };
}

const recordMark = ',"record":';

function letterRecord(text: string, raw: unknown): { fields: Fields; json: string } {
  if (typeof raw === 'string') {
    const fields = decodeMsgpack(Buffer.from(raw, 'base64'));
    if (!isFields(fields)) throw new TypeError('a dead letter must hold a record');
    return { fields, json: stringifyJson(fields) };
  }
  // The mark cannot stand in a text before it: quotes are escaped there. Cut out, the record is as deep as it was when it
  // was taken; within the letter the deepest ones would be too deep to be parsed.
  const at = text.indexOf(recordMark);
  const json = at < 0 ? '' : text.slice(at + recordMark.length, -1);
  if (!json.startsWith('{')) throw new TypeError('a dead letter must hold a record');
  return { fields: parseRecord(json, scanJson(Buffer.from(json)).exact), json };
}
