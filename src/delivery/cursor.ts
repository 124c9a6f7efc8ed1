/**
 * Cursor files: `<dataDir>/cursors/<name>.0` and `.1`, one pair an output.
 *
 * Each file is a slot; commits write them in turn, so that a torn write leaves the commit before it whole:
 *
 *     0   4  magic `P2LC`
 *     4   4  format version, u32 LE: 1
 *     8   4  length of the payload in bytes, u32 LE
 *    12   4  CRC-32 (zlib) over bytes 16 to the payload's end, u32 LE
 *    16   8  sequence, u64 LE: goes up by one with each commit of this output
 *    24   n  payload: one JSON object (CursorState), UTF-8; what lies behind it is left from longer commits
 *
 * A commit is one write and one fdatasync. The slot with the highest sequence among the valid ones counts. A slot whose
 * write or sync failed is not synced again: it is removed and made anew, and the same slot is tried next, so the good
 * one stays. The directory is synced after a slot was made. `<name>` is the output's id, percent-encoded.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Clock } from '../core/clock.ts';
import { crashPoint } from '../core/crash-point.ts';
import type { Disk, DiskFile } from '../core/disk.ts';
import type { Log } from '../core/log.ts';
import type { CountsCursor, ShardCursor } from './progress.ts';
import type { StagedCursor } from './staged-chunks.ts';

/** Everything that is committed together. */
export interface CursorState {
  readonly id: string;
  readonly counts: CountsCursor;
  readonly shards: Readonly<Record<string, ShardCursor>>;
  /** What the output's commit() returned. */
  readonly state?: unknown;
  /** What its secondary's did. */
  readonly secondaryState?: unknown;
  /** What is staged. */
  readonly staged?: StagedCursor;
  /** Frames of older generations are routed by this one; 0: by their own. */
  readonly backfillGeneration: number;
  /** The output was removed from the configuration and has nothing left. */
  readonly isClosed: boolean;
}

const magic = 0x434c3250;
const version = 1;
const headerBytes = 24;
/** Longest encoded name used as it is: with slot and `.bad` endings it stays below the 255 bytes of common file systems. */
const nameLengthMax = 180;

/** The cursors of a data directory. One CursorFile at a time for each output. */
export class CursorStore {
  readonly #directory: string;
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(directory: string, disk: Disk, clock: Clock, log: Log) {
    this.#directory = directory;
    this.#disk = disk;
    this.#clock = clock;
    this.#log = log;
  }
  /** Makes the directory. */
  prepare(): Promise<void> {
    return this.#disk.makeDirectory(this.#directory);
  }
  /** The last commits of all outputs that ever ran here. Unreadable pairs are left for open() to tell about. */
  async list(): Promise<CursorState[]> {
    const names = new Set<string>();
    for (const file of await this.#disk.list(this.#directory)) {
      const match = /^(.*)\.[01]$/.exec(file);
      if (match) names.add(match[1] as string);
    }
    const states: CursorState[] = [];
    for (const name of names) {
      const slots = await this.#readSlots(name);
      const best = newest(slots);
      if (best) states.push(best.state);
    }
    return states;
  }
  /** Opens an output's cursor. One that cannot be read is set aside, loudly: the output starts from the oldest record kept. */
  async open(id: string): Promise<CursorFile> {
    const name = cursorName(id);
    const slots = await this.#readSlots(name);
    const best = newest(slots);
    if (!best && slots.some((slot) => slot.length > 0)) await this.#setAside(id, name);
    return new CursorFile(this.#disk, this.#directory, name, best?.state, best?.slot, best?.sequence ?? 0);
  }
  async #setAside(id: string, name: string): Promise<void> {
    for (const slot of [0, 1]) {
      const path = join(this.#directory, `${name}.${slot}`);
      if (await this.#disk.stat(path)) await this.#disk.rename(path, `${path}.bad-${this.#clock.nowMs()}`);
    }
    await this.#disk.syncDirectory(this.#directory);
    this.#log.error(
      { output: id },
      `reading the cursor of output ${id}: no valid commit in ${join(this.#directory, name)}.*; set aside as .bad-*, the output starts from the oldest record kept and may deliver records again`,
    );
  }
  async #readSlots(name: string): Promise<Slot[]> {
    const slots: Slot[] = [];
    for (const slot of [0, 1]) {
      const bytes = await this.#disk.readFile(join(this.#directory, `${name}.${slot}`));
      slots.push({ slot, length: bytes?.length ?? 0, commit: bytes && decodeCommit(bytes) });
    }
    return slots;
  }
}

interface Commit {
  readonly sequence: number;
  readonly state: CursorState;
}
interface Slot {
  readonly slot: number;
  readonly length: number;
  readonly commit: Commit | undefined;
}

function newest(slots: readonly Slot[]): (Commit & { slot: number }) | undefined {
  let best: (Commit & { slot: number }) | undefined;
  for (const { slot, commit } of slots)
    if (commit && (!best || commit.sequence > best.sequence)) best = { ...commit, slot };
  return best;
}

/** One output's cursor. */
export class CursorFile {
  /** The commit that was found, or undefined for an output that never committed. */
  readonly found: CursorState | undefined;
  /** The output's id as it is in names of files. */
  readonly name: string;
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #files: (DiskFile | undefined)[] = [undefined, undefined];
  #slot: number;
  #sequence: number;

  constructor(
    disk: Disk,
    directory: string,
    name: string,
    found: CursorState | undefined,
    slot: number | undefined,
    sequence: number,
  ) {
    this.#disk = disk;
    this.#directory = directory;
    this.name = name;
    this.found = found;
    this.#slot = slot === 0 ? 1 : 0;
    this.#sequence = sequence;
  }
  /** Makes the state durable. One call at a time. Throws the disk's error; the commit before stays valid then. */
  async commit(state: CursorState): Promise<void> {
    crashPoint('cursor.before-commit');
    const slot = this.#slot;
    const sequence = this.#sequence + 1;
    try {
      const file = (this.#files[slot] ??= await this.#openSlot(slot));
      await file.write([encodeCommit(sequence, state)], 0);
      await file.sync();
    } catch (error) {
      await this.#dropSlot(slot);
      throw error;
    }
    this.#sequence = sequence;
    this.#slot = 1 - slot;
    crashPoint('cursor.after-commit');
  }
  async close(): Promise<void> {
    for (const slot of [0, 1]) {
      await this.#files[slot]?.close();
      this.#files[slot] = undefined;
    }
  }
  async #openSlot(slot: number): Promise<DiskFile> {
    // Where somebody deleted the data directory it is made anew, as the journal does.
    await this.#disk.makeDirectory(this.#directory);
    const file = await this.#disk.open(this.#path(slot), 'write');
    await this.#disk.syncDirectory(this.#directory);
    return file;
  }
  async #dropSlot(slot: number): Promise<void> {
    const file = this.#files[slot];
    this.#files[slot] = undefined;
    // The error that brought us here is the one to tell; a slot that stays is overwritten by the next try.
    await file?.close().catch(() => undefined);
    await this.#disk.remove(this.#path(slot)).catch(() => undefined);
  }
  #path(slot: number): string {
    return join(this.#directory, `${this.name}.${slot}`);
  }
}

/** An output's id as a file name: letters, digits, `-` and `_` stay, other bytes become `%xx`; very long ones end in their hash. */
function cursorName(id: string): string {
  let name = '';
  for (const byte of Buffer.from(id)) {
    const char = String.fromCharCode(byte);
    name += /[A-Za-z0-9_-]/.test(char) ? char : `%${byte.toString(16).padStart(2, '0')}`;
  }
  if (name.length <= nameLengthMax) return name;
  const hash = createHash('sha256').update(id).digest('hex').slice(0, 32);
  return `${name.slice(0, nameLengthMax - 33)}~${hash}`;
}

function encodeCommit(sequence: number, state: CursorState): Buffer {
  const payload = Buffer.from(JSON.stringify(state));
  const bytes = Buffer.alloc(headerBytes + payload.length);
  bytes.writeUInt32LE(magic, 0);
  bytes.writeUInt32LE(version, 4);
  bytes.writeUInt32LE(payload.length, 8);
  bytes.writeBigUInt64LE(BigInt(sequence), 16);
  payload.copy(bytes, headerBytes);
  bytes.writeUInt32LE(crc32(bytes.subarray(16)), 12);
  return bytes;
}

/** The commit in a slot, or undefined when it is torn, corrupt or of another format. */
function decodeCommit(bytes: Buffer): Commit | undefined {
  if (bytes.length < headerBytes || bytes.readUInt32LE(0) !== magic || bytes.readUInt32LE(4) !== version)
    return undefined;
  const end = headerBytes + bytes.readUInt32LE(8);
  if (end > bytes.length || crc32(bytes.subarray(16, end)) !== bytes.readUInt32LE(12)) return undefined;
  const state: unknown = JSON.parse(bytes.toString('utf8', headerBytes, end));
  return { sequence: Number(bytes.readBigUInt64LE(16)), state: state as CursorState };
}
