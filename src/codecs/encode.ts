/** Records on their way into the journal. */
import { codecs } from '../core/batch.ts';
import type { Codec, EncodedRecords } from '../core/batch.ts';
import type { Instant } from '../core/clock.ts';
import { jsonDepthMax, scanJson, stringifyJson } from '../core/json.ts';
import { encodeMsgpack } from '../core/msgpack.ts';
import { fieldEntries, isFields } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';

/** Gathers records and gives them as few appends as their order and codecs allow. */
export class RecordGatherer {
  readonly #runs: { codec: Codec; payloads: Uint8Array[]; exact: boolean[]; seconds: number[]; nanos: number[] }[] = [];
  count = 0;

  /** Adds a record: as JSON, or as MessagePack where it holds bytes or numbers that JSON cannot. */
  add(fields: Fields, time: Instant): void {
    if (!fitsJson(fields)) return this.#push(codecs.msgpack, encodeMsgpack(fields), true, time);
    this.addJson(Buffer.from(stringifyJson(fields)), time);
  }
  /** Adds a valid JSON object as it is. */
  addJson(json: Buffer, time: Instant): void {
    const { exact, tooDeep } = scanJson(json);
    if (tooDeep) throw new RangeError(`a record nested deeper than ${jsonDepthMax} levels`);
    this.#push(codecs.json, json, exact, time);
  }
  /** What was added, in order; the gatherer is empty then. */
  take(): EncodedRecords[] {
    this.count = 0;
    return this.#runs.splice(0);
  }
  #push(codec: Codec, payload: Uint8Array, exact: boolean, time: Instant): void {
    let run = this.#runs.at(-1);
    if (run?.codec !== codec) this.#runs.push((run = { codec, payloads: [], exact: [], seconds: [], nanos: [] }));
    run.payloads.push(payload);
    run.exact.push(exact);
    run.seconds.push(time.seconds);
    run.nanos.push(time.nanos);
    this.count++;
  }
}

/** True for a value that JSON can hold: no bytes, no NaN or infinity in it. */
export function fitsJson(value: Value): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (value instanceof Uint8Array) return false;
  if (Array.isArray(value)) return value.every(fitsJson);
  return !isFields(value) || fieldEntries(value).every(([, inner]) => fitsJson(inner));
}
