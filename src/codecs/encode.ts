/** Records on their way into the journal. */
import { codecs } from '../core/batch.ts';
import type { Codec, EncodedRecords } from '../core/batch.ts';
import type { Instant } from '../core/clock.ts';
import { jsonDepthMax, parseExact, scanJson, stringifyJson } from '../core/json.ts';
import { encodeMsgpack } from '../core/msgpack.ts';
import type { PackedRecords } from '../core/packed-records.ts';
import { Float, needsExactKey } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';

const OPEN = 123;
const CLOSE = 125;

/** Gathers records and gives them as few appends as their order and codecs allow. */
export class RecordGatherer {
  readonly #runs: {
    codec: Codec;
    payloads: (string | Uint8Array)[];
    exact: boolean[];
    seconds: number[];
    nanos: number[];
  }[] = [];
  count = 0;

  /** Adds a record: as JSON, or as MessagePack where it holds bytes or numbers that JSON cannot. */
  add(fields: Fields, time: Instant): void {
    const form = formOf(fields, 0);
    if (form === forms.packed) this.#push(codecs.msgpack, encodeMsgpack(fields), true, time);
    else this.#push(codecs.json, stringifyJson(fields), form === forms.exact, time);
  }
  /**
   * Adds a valid JSON object: as it is from brace to brace, but for one whose keys may be written with escapes or twice, which
   * readers of its text would not find, or find twice.
   */
  addJson(json: Buffer, time: Instant): void {
    const { exact, tooDeep } = scanJson(json);
    if (tooDeep) throw new RangeError(`a record nested deeper than ${jsonDepthMax} levels`);
    if (exact) return this.add(parseExact(json.toString()), time);
    this.#push(codecs.json, json.subarray(json.indexOf(OPEN), json.lastIndexOf(CLOSE) + 1), false, time);
  }
  /** Adds records that are encoded. */
  addPacked({ payloads, seconds, nanos }: PackedRecords): void {
    for (const [i, payload] of payloads.entries())
      this.#push(codecs.json, payload, false, { seconds: seconds[i] as number, nanos: nanos[i] as number });
  }
  /** What was added, in order; the gatherer is empty then. */
  take(): EncodedRecords[] {
    this.count = 0;
    return this.#runs.splice(0);
  }
  #push(codec: Codec, payload: string | Uint8Array, exact: boolean, time: Instant): void {
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
  return formOf(value, 0) !== forms.packed;
}

/** How a value can be kept: as JSON that plain objects hold, as JSON that needs exact fields, as MessagePack. */
const forms = { plain: 0, exact: 1, packed: 2 } as const;
type Form = (typeof forms)[keyof typeof forms];

/**
 * Looks at the values instead of at their text, which costs a fifth of scanJson. Errs to the safe side as that does.
 * @throws RangeError for what is nested too deep
 */
function formOf(value: Value, depth: number): Form {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed() ? forms.plain : forms.exact;
    case 'number':
      return Number.isFinite(value) ? forms.plain : forms.packed;
    case 'boolean':
      return forms.plain;
    case 'bigint':
      return forms.exact;
    default:
      break;
  }
  if (value === null) return forms.plain;
  if (value instanceof Float) return forms.exact;
  if (value instanceof Uint8Array) return forms.packed;
  if (depth >= jsonDepthMax) throw new RangeError(`a record nested deeper than ${jsonDepthMax} levels`);
  let form: Form = forms.plain;
  const see = (inner: Value): void => {
    const found = formOf(inner, depth + 1);
    if (found > form) form = found;
  };
  if (Array.isArray(value)) value.forEach(see);
  else if (value instanceof Map) {
    form = forms.exact;
    value.forEach(see);
  } else
    for (const key in value) {
      if (needsExactKey(key) || !key.isWellFormed()) form = Math.max(form, forms.exact) as Form;
      see(value[key] as Value);
    }
  return form;
}
