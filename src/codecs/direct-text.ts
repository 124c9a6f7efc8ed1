/** A text as the one field of a record, by its bytes. */
import { isUtf8 } from 'node:buffer';
import type { ByteWriter } from '../core/bytes.ts';
import { writeTextInside } from '../core/json-object.ts';
import type { DirectParser } from '../core/plugin.ts';
import { noTime } from './direct-json.ts';

const QUOTE = 34;
const CLOSE = 125;

export class DirectText implements DirectParser {
  readonly time = noTime;
  readonly names: readonly string[];
  readonly #opening: Buffer;

  /** `key`: one that plain fields hold. */
  constructor(key: string) {
    this.names = [key];
    this.#opening = Buffer.from(`{${JSON.stringify(key)}:"`);
  }
  write(bytes: Buffer, from: number, until: number, out: ByteWriter): boolean {
    out.bytes(this.#opening);
    const found = writeTextInside(bytes, from, until, out);
    out.byte(QUOTE);
    out.byte(CLOSE);
    return found === 0 || isUtf8(bytes.subarray(from, until));
  }
}
