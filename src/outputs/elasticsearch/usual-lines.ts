/**
 * The two lines of a record whose document is its own bytes with the time before them, written without a text for each: what
 * is the same for all records, and for those of a second, is made once.
 */
import { isAscii } from 'node:buffer';
import { compileStrftime } from '../../codecs/strftime.ts';
import type { TimeFormat } from '../../codecs/strftime.ts';
import type { Batch, Block } from '../../core/batch.ts';
import type { ByteWriter } from '../../core/bytes.ts';
import type { Placed } from './lines.ts';
import { writeMembersBehind } from './raw-document.ts';

/** Directives that give the same for all of a second, and nothing that JSON escapes; and such characters. */
const usualFormat = /^(?:%[YmdHMSFTDyjeIp]|[\w:.+ /-])*$/;
const zone = { kind: 'offset', seconds: 0 } as const;
const behindTime = Buffer.from('Z"');

export class UsualLines {
  readonly #text: TimeFormat;
  readonly #digits: 3 | 9;
  /** `{"@timestamp":"` */
  readonly #opening: string;
  #seconds = Number.NaN;
  /** And the time up to its fraction. */
  #before = Buffer.alloc(0);
  #first = Buffer.alloc(0);
  /** What the first line is for. */
  placed: Placed | undefined;
  #block: Block | undefined;
  #isAscii = false;

  private constructor(timeKey: string, format: string, digits: 3 | 9) {
    this.#text = compileStrftime(`${format}.`, zone);
    this.#opening = `{${JSON.stringify(timeKey)}:"`;
    this.#digits = digits;
  }
  /** Undefined where times have another form. */
  static for(settings: {
    readonly timeKey: string;
    readonly timeKeyFormat: string;
    readonly timeKeyNanos: boolean;
  }): UsualLines | undefined {
    const { timeKey, timeKeyFormat, timeKeyNanos } = settings;
    if (!usualFormat.test(timeKeyFormat) || !isAscii(Buffer.from(timeKey))) return undefined;
    return new UsualLines(timeKey, timeKeyFormat, timeKeyNanos ? 9 : 3);
  }
  begin(): void {
    this.placed = undefined;
  }
  /** The first lines of what follows. */
  use(placed: Placed, line: string): Placed {
    this.placed = placed;
    this.#first = Buffer.from(line);
    this.#block = undefined;
    return placed;
  }
  /** False: nothing was written, because something has to be escaped. */
  write(batch: Batch, row: number, out: ByteWriter): boolean {
    const { block } = batch;
    if (block !== this.#block) {
      this.#block = block;
      this.#isAscii = block.pieces.every((bytes) => isAscii(bytes)) && isAscii(this.#first);
    }
    if (!this.#isAscii) return false;
    const seconds = batch.seconds(row);
    if (seconds !== this.#seconds) {
      this.#seconds = seconds;
      this.#before = Buffer.from(this.#opening + this.#text(seconds, 0));
    }
    out.bytes(this.#first);
    out.bytes(this.#before);
    const nanos = batch.nanos(row);
    writeDigits(this.#digits === 3 ? Math.floor(nanos / 1e6) : nanos, this.#digits, out);
    out.bytes(behindTime);
    writeMembersBehind(batch, row, out);
    out.byte(10);
    return true;
  }
}

function writeDigits(value: number, count: number, out: ByteWriter): void {
  const room = out.room(count);
  const start = out.length;
  let left = value;
  for (let at = start + count - 1; at >= start; at--) {
    const rest = Math.floor(left / 10);
    room[at] = 48 + left - rest * 10;
    left = rest;
  }
  out.advance(start + count);
}
