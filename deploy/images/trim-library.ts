/**
 * Takes names out of a shared library that nobody looks up: those of C++ namespaces that the library alone uses. DuckDB's
 * exports 54,000 of them, 4 MB of names, and looks them up when it is loaded; what is called from outside is its C interface.
 * `strip` cannot: to the loader they are in use.
 *
 *     node deploy/images/trim-library.ts LIBRARY NAMESPACES…
 *
 * ELF (System V ABI, gabi 4), 64 bits, little-endian. Symbols that are defined in the library and are of a namespace whose
 * name begins with one of NAMESPACES, by their mangled name, become hidden, which loaders bind to the library itself without a look at their name, and lose the name. The
 * table of names shrinks, and the segment that it is in becomes two, which are mapped where they were: no address
 * changes. The second one's entry takes the place of PT_NOTE (the build id). Section headers, which no loader reads, go.
 *
 *     before   | headers, symbols | names …                | versions, relocations | code … |
 *     after    | headers, symbols | names | (nothing here) | versions, relocations | code … |     as it is mapped
 */
import { readFileSync, writeFileSync } from 'node:fs';

const loadable = 1;
const note = 4;
const hidden = 2;
/** Of an entry of the program header. */
interface Segment {
  type: number;
  flags: number;
  offset: number;
  address: number;
  fileBytes: number;
  memoryBytes: number;
  align: number;
}
/** Entries of the dynamic section. */
const tag = { needed: 1, strtab: 5, symtab: 6, strsz: 10, soname: 14, rpath: 15, runpath: 29, versym: 0x6fff_fff0 };
const verneed = 0x6fff_fffe;
const verneedCount = 0x6fff_ffff;
const verdef = 0x6fff_fffc;
/** Entries whose value is a place in the table of names. */
const named = [tag.needed, tag.soname, tag.rpath, tag.runpath];
const symbolBytes = 24;

class Library {
  readonly bytes: Buffer;
  readonly segments: Segment[] = [];

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    if (bytes.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') throw new Error('no ELF file of 64 bits, little-endian');
    const start = this.word(32);
    for (let index = 0; index < bytes.readUInt16LE(56); index++) {
      const at = start + index * bytes.readUInt16LE(54);
      const [offset, address, , fileBytes, memoryBytes, align] = [8, 16, 24, 32, 40, 48].map((by) =>
        this.word(at + by),
      );
      this.segments.push({
        type: bytes.readUInt32LE(at),
        flags: bytes.readUInt32LE(at + 4),
        offset: offset ?? 0,
        address: address ?? 0,
        fileBytes: fileBytes ?? 0,
        memoryBytes: memoryBytes ?? 0,
        align: align ?? 0,
      });
    }
  }
  word(at: number): number {
    return Number(this.bytes.readBigUInt64LE(at));
  }
  /** Where in the file what is mapped at an address is. */
  offsetOf(address: number): number {
    const found = this.segments.find(
      (one) => one.type === loadable && address >= one.address && address < one.address + one.fileBytes,
    );
    if (!found) throw new Error(`nothing is mapped at 0x${address.toString(16)}`);
    return address - found.address + found.offset;
  }
  /** Offsets of the values of the dynamic section, by their tag; `named` ones may stand more than once. */
  dynamic(): [number, number][] {
    const section = this.segments.find(({ type }) => type === 2);
    if (!section) throw new Error('no dynamic section');
    const found: [number, number][] = [];
    for (let at = section.offset; this.word(at) !== 0; at += 16) found.push([this.word(at), at + 8]);
    return found;
  }
}

/** A table of names under construction: each once. */
class Names {
  readonly #old: Buffer;
  readonly #parts: Buffer[] = [Buffer.from([0])];
  readonly #places = new Map<string, number>([['', 0]]);
  #length = 1;

  constructor(old: Buffer) {
    this.#old = old;
  }
  textAt(place: number): string {
    return this.#old.toString('latin1', place, this.#old.indexOf(0, place));
  }
  /** The new place of what is at an old one. */
  keep(place: number): number {
    const text = this.textAt(place);
    const known = this.#places.get(text);
    if (known !== undefined) return known;
    const at = this.#length;
    this.#places.set(text, at);
    this.#parts.push(Buffer.from(`${text}\0`, 'latin1'));
    this.#length += text.length + 1;
    return at;
  }
  toBuffer(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** The library without the names of these namespaces, and of all that begin so. @throws Error saying what is not as it should be */
export function trimLibrary(original: Buffer, namespaces: readonly string[]): Buffer {
  // In mangled names each part follows its length.
  const unwanted = new RegExp(`\\d(?:${namespaces.join('|')})`);
  const library = new Library(Buffer.from(original));
  const { bytes, segments } = library;
  const dynamic = library.dynamic();
  const value = (wanted: number): number => {
    const at = dynamic.find(([one]) => one === wanted)?.[1];
    if (at === undefined) throw new Error(`the dynamic section has no entry 0x${wanted.toString(16)}`);
    return library.word(at);
  };
  if (dynamic.some(([one]) => one === verdef)) throw new Error('it defines versions, whose names are not looked for');
  const [tableAt, tableBytes] = [library.offsetOf(value(tag.strtab)), value(tag.strsz)];
  const names = new Names(Buffer.from(bytes.subarray(tableAt, tableAt + tableBytes)));

  for (const [one, at] of dynamic)
    if (named.includes(one)) bytes.writeBigUInt64LE(BigInt(names.keep(library.word(at))), at);
  keepVersions(bytes, library.offsetOf(value(verneed)), value(verneedCount), names);
  const symbols = { from: library.offsetOf(value(tag.symtab)), to: tableAt };
  if (symbols.from >= symbols.to) throw new Error('the names are not behind the symbols');
  keepSymbols(bytes, symbols, unwanted, names);

  const table = names.toBuffer();
  bytes.fill(0, tableAt, tableAt + tableBytes);
  table.copy(bytes, tableAt);
  const sizeAt = dynamic.find(([one]) => one === tag.strsz)?.[1] ?? 0;
  bytes.writeBigUInt64LE(BigInt(table.length), sizeAt);
  return withoutHole(library, tableAt + table.length, tableAt + tableBytes, segments);
}

/** Versions that are asked for of other libraries: files, and the names of their versions. */
function keepVersions(bytes: Buffer, start: number, count: number, names: Names): void {
  for (let at = start, left = count; left > 0; left--, at += bytes.readUInt32LE(at + 12)) {
    bytes.writeUInt32LE(names.keep(bytes.readUInt32LE(at + 4)), at + 4);
    let entry = at + bytes.readUInt32LE(at + 8);
    for (let more = bytes.readUInt16LE(at + 2); more > 0; more--, entry += bytes.readUInt32LE(entry + 12))
      bytes.writeUInt32LE(names.keep(bytes.readUInt32LE(entry + 8)), entry + 8);
  }
}

function keepSymbols(bytes: Buffer, { from, to }: { from: number; to: number }, unwanted: RegExp, names: Names): void {
  for (let at = from + symbolBytes; at + symbolBytes <= to; at += symbolBytes) {
    const place = bytes.readUInt32LE(at);
    const isDefined = bytes.readUInt16LE(at + 6) !== 0;
    if (isDefined && unwanted.test(names.textAt(place))) {
      bytes.writeUInt32LE(0, at);
      bytes.writeUInt8((bytes.readUInt8(at + 5) & ~3) | hidden, at + 5);
    } else bytes.writeUInt32LE(names.keep(place), at);
  }
}

/** Leaves out what lies between two places of one segment, as far as pages reach. */
function withoutHole({ bytes }: Library, from: number, to: number, segments: readonly Segment[]): Buffer {
  const page = Math.max(...segments.filter(({ type }) => type === loadable).map(({ align }) => align));
  const [start, end] = [Math.ceil(from / page) * page, Math.floor(to / page) * page];
  const around = segments.find(
    (one) => one.type === loadable && one.offset <= from && one.offset + one.fileBytes >= to,
  );
  if (!around || around.offset % page !== 0 || around.address % page !== 0)
    throw new Error('the names are in no segment');
  if (end <= start) return bytes;
  const isNote = segments.findIndex(({ type }) => type === note);
  if (isNote < 0) throw new Error('no entry of the program header is free');

  const gap = end - start;
  const behind: Segment = {
    ...around,
    offset: start,
    address: around.address + end - around.offset,
    fileBytes: around.offset + around.fileBytes - end,
    memoryBytes: around.offset + around.memoryBytes - end,
  };
  const before: Segment = { ...around, fileBytes: start - around.offset, memoryBytes: start - around.offset };
  const made = segments
    .filter((_, index) => index !== isNote)
    .flatMap((one) => {
      if (one === around) return [before, behind];
      return [one.offset >= end ? { ...one, offset: one.offset - gap } : one];
    });
  const last = Math.max(...made.map(({ offset, fileBytes }) => offset + fileBytes));
  const result = Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]).subarray(0, last);
  writeSegments(result, made);
  return result;
}

function writeSegments(bytes: Buffer, segments: readonly Segment[]): void {
  const start = Number(bytes.readBigUInt64LE(32));
  for (const [index, one] of segments.entries()) {
    const at = start + index * bytes.readUInt16LE(54);
    bytes.writeUInt32LE(one.type, at);
    bytes.writeUInt32LE(one.flags, at + 4);
    const words = [one.offset, one.address, one.address, one.fileBytes, one.memoryBytes, one.align];
    for (const [position, word] of words.entries()) bytes.writeBigUInt64LE(BigInt(word), at + 8 + position * 8);
  }
  // No section headers: their place, number, and the one with their names.
  bytes.writeBigUInt64LE(0n, 40);
  bytes.writeUInt32LE(0, 60);
}

if (import.meta.main) {
  const [path, ...namespaces] = process.argv.slice(2);
  if (path === undefined || namespaces.length === 0) {
    console.error('usage: node deploy/images/trim-library.ts LIBRARY NAMESPACES…');
    process.exit(2);
  }
  const original = readFileSync(path);
  const trimmed = trimLibrary(original, namespaces);
  writeFileSync(path, trimmed);
  console.log(`${path}: ${original.length} bytes, now ${trimmed.length}`);
}
