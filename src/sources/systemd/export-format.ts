/**
 * Reads the journal's export format (systemd, "Journal Export Formats"), as `journalctl --output=export` writes it:
 *
 * - An entry is a run of fields, ended by an empty line.
 * - A field is `NAME=text` and a line feed; or, where the value has a line feed or other control bytes in it, `NAME`, a line
 *   feed, the value's length as 64 bits (little endian), the value, and a line feed.
 * - `__CURSOR`, `__REALTIME_TIMESTAMP` (microseconds) and others that begin with two underscores are the entry's place.
 *
 * A field may stand in an entry more than once.
 */

const LF = 10;
const EQUALS = 61;

/** One entry, its fields in written order. */
export interface JournalEntry {
  readonly fields: readonly (readonly [name: string, value: Buffer])[];
  /** It was larger than it may be: values are missing. */
  readonly isCut: boolean;
}

/** What came is not the export format. Told from other errors by tests. */
export class ExportFormatError extends Error {}

/** systemd limits names to 64 bytes; a line without `=` that is longer than this is none. */
const nameBytesMax = 1024;

/** Takes the stream piece by piece. After an error it takes no more. */
export class ExportReader {
  readonly #entryBytesMax: number;
  #rest: Buffer = Buffer.alloc(0);
  #fields: (readonly [string, Buffer])[] = [];
  #entryBytes = 0;
  #isCut = false;
  /** Bytes of a value that is too large, which are passed over. */
  #skip = 0;
  /** The rest of a line that is too long is passed over. */
  #isInLongLine = false;
  #read = 0;

  /** `entryBytesMax`: larger entries are cut, and said to be. */
  constructor(entryBytesMax: number) {
    this.#entryBytesMax = entryBytesMax;
  }
  /** The entries that end in what came. @throws ExportFormatError with the offset */
  add(chunk: Buffer): JournalEntry[] {
    const entries: JournalEntry[] = [];
    let text = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, text.length);
        this.#skip -= skipped;
        text = this.#advance(text, skipped);
        if (this.#skip > 0) break;
      }
      if (this.#isInLongLine) {
        const end = text.indexOf(LF);
        text = this.#advance(text, end < 0 ? text.length : end + 1);
        if (end < 0) break;
        this.#isInLongLine = false;
      }
      const used = this.#field(text, entries);
      if (used === undefined) break;
      text = this.#advance(text, used);
    }
    this.#rest = text;
    return entries;
  }
  #advance(text: Buffer, bytes: number): Buffer {
    this.#read += bytes;
    return text.subarray(bytes);
  }
  /** Takes one line or value; gives how many bytes it was, undefined where not all of it is there. */
  #field(text: Buffer, entries: JournalEntry[]): number | undefined {
    const end = text.indexOf(LF);
    if (end < 0) return this.#long(text);
    if (end === 0) {
      if (this.#fields.length > 0 || this.#isCut) entries.push(this.#entry());
      return 1;
    }
    const equals = text.indexOf(EQUALS);
    if (equals >= 0 && equals < end) {
      if (equals > nameBytesMax) throw this.#error('a name is longer than a name can be');
      this.#push(text.toString('utf8', 0, equals), text.subarray(equals + 1, end));
      return end + 1;
    }
    return this.#binary(text, end);
  }
  /** A line whose end is not there yet: a value may be as long as an entry, and longer ones are passed over as they come. */
  #long(text: Buffer): number | undefined {
    if (text.length <= nameBytesMax) return undefined;
    const equals = text.indexOf(EQUALS);
    if (equals < 0 || equals > nameBytesMax) throw this.#error('a name is longer than a name can be');
    if (text.length <= this.#entryBytesMax + nameBytesMax) return undefined;
    this.#isCut = true;
    this.#isInLongLine = true;
    return text.length;
  }
  #binary(text: Buffer, end: number): number | undefined {
    if (end > nameBytesMax) throw this.#error('a name is longer than a name can be');
    const from = end + 9;
    if (text.length < from) return undefined;
    const long = text.readBigUInt64LE(end + 1);
    if (long > BigInt(Number.MAX_SAFE_INTEGER - from - 1)) throw this.#error('the length of a value is no length');
    const length = Number(long);
    if (length > this.#entryBytesMax) {
      this.#isCut = true;
      this.#skip = length + 1;
      return from;
    }
    if (text.length < from + length + 1) return undefined;
    if (text[from + length] !== LF) throw this.#error('a line feed was expected behind a value');
    this.#push(text.toString('utf8', 0, end), text.subarray(from, from + length));
    return from + length + 1;
  }
  #push(name: string, value: Buffer): void {
    this.#entryBytes += name.length + value.length;
    if (this.#entryBytes > this.#entryBytesMax && !name.startsWith('__')) this.#isCut = true;
    // A copy: what came is used again by nobody, but a small value should not keep a large piece.
    else this.#fields.push([name, Buffer.from(value)]);
  }
  #entry(): JournalEntry {
    const entry = { fields: this.#fields, isCut: this.#isCut };
    this.#fields = [];
    this.#entryBytes = 0;
    this.#isCut = false;
    return entry;
  }
  #error(problem: string): ExportFormatError {
    return new ExportFormatError(`${problem}, at byte ${this.#read}`);
  }
}
