/** Messages as JSON, which Fluentd takes on the same port: values one behind the other, with or without space between. */
import { OperatingError } from '../../core/errors.ts';
import { jsonDepthMax, parseExact } from '../../core/json.ts';
import type { Value } from '../../core/record.ts';

const QUOTE = 34;
const BACKSLASH = 92;
/** Values nest in a message around a record: message, entries, entry. */
const depthMax = jsonDepthMax - 1;

/** Cuts a stream of bytes into JSON arrays and objects. What it returned stays valid: bytes are never written twice. */
export class JsonFramer {
  readonly #bytesMax: number;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #depth = 0;
  #isInText = false;

  /** `bytesMax`: the largest value. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }
  get pendingBytes(): number {
    return this.#bytes.length;
  }
  add(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
  }
  /** The next whole value's text, or undefined: more is needed. @throws OperatingError PARSE_FAILED: the stream is broken for good */
  next(): Buffer | undefined {
    if (this.#depth === 0) this.#skipSpace();
    for (; this.#at < this.#bytes.length; this.#at++) {
      const byte = this.#bytes[this.#at] as number;
      if (this.#isInText) {
        if (byte === BACKSLASH) {
          // The escaped byte may not have come yet.
          if (this.#at + 1 >= this.#bytes.length) break;
          this.#at++;
        } else if (byte === QUOTE) this.#isInText = false;
      } else if (byte === QUOTE) this.#isInText = true;
      else if (byte === 91 || byte === 123) {
        if (++this.#depth > depthMax) throw problem(`nested deeper than ${depthMax} levels`);
      } else if ((byte === 93 || byte === 125) && --this.#depth === 0) return this.#take(this.#at + 1);
    }
    if (this.#bytes.length > this.#bytesMax) throw problem(`a value of more than ${this.#bytesMax} bytes`);
    return undefined;
  }
  #skipSpace(): void {
    while (this.#at < this.#bytes.length && (this.#bytes[this.#at] as number) <= 32) this.#at++;
    this.#bytes = this.#bytes.subarray(this.#at);
    this.#at = 0;
    const first = this.#bytes[0];
    if (first !== undefined && first !== 91 && first !== 123) throw problem('an array or object was expected');
  }
  #take(until: number): Buffer {
    const value = this.#bytes.subarray(0, until);
    this.#bytes = this.#bytes.subarray(until);
    this.#at = 0;
    return value;
  }
}

/** A JSON array or object, numbers as they were written. @throws OperatingError PARSE_FAILED */
export function parseJsonValue(text: string): Value {
  try {
    // What is no JSON must not reach the exact parser, which takes its text for valid.
    JSON.parse(text);
    return parseExact(`{"message":${text}}`).get('message') ?? null;
  } catch (error) {
    if (error instanceof SyntaxError) throw problem(error.message);
    throw error;
  }
}

function problem(found: string): OperatingError {
  return new OperatingError('PARSE_FAILED', `reading JSON: ${found}`);
}
