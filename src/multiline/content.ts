/** Texts that are joined: strings, and bytes where they are no UTF-8. */
import { isUtf8 } from 'node:buffer';
import { subjectOf } from '../codecs/onigmo.ts';

export type Content = string | Uint8Array;

/** Bytes as a field holds them: text where they are UTF-8. */
export function valueOf(bytes: Buffer | string): Content {
  if (typeof bytes === 'string') return bytes;
  const text = bytes.toString('utf8');
  return !text.includes('\uFFFD') || isUtf8(bytes) ? text : new Uint8Array(bytes);
}

/** What expressions are matched with. */
export function matchedText(content: Content): string {
  if (typeof content === 'string') return content;
  return subjectOf(Buffer.from(content.buffer, content.byteOffset, content.length)).text;
}

const LF = 10;

/** Texts that grow into one. */
export class GrowingText {
  #parts: Content[] = [];
  #endsLine = false;
  bytes = 0;

  get isEmpty(): boolean {
    return this.bytes === 0;
  }
  add(content: Content): void {
    const { length } = content;
    if (length === 0) return;
    this.#parts.push(content);
    // A character of a string is at most three bytes; its count is near enough for a limit.
    this.bytes += length;
    this.#endsLine = typeof content === 'string' ? content.endsWith('\n') : content.at(-1) === LF;
  }
  /** Ends the line, unless it has an end or there is none. */
  endLine(): void {
    if (!this.isEmpty && !this.#endsLine) this.add('\n');
  }
  /** What was joined; it begins anew. */
  take(): Content {
    const parts = this.#parts;
    this.#parts = [];
    this.bytes = 0;
    this.#endsLine = false;
    if (parts.length === 1) return parts[0] as Content;
    if (parts.every((part) => typeof part === 'string')) return parts.join('');
    return valueOf(Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part))));
  }
  /** The texts so far. */
  parts(): readonly Content[] {
    return this.#parts;
  }
}
