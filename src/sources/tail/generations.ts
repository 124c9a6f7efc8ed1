/**
 * What lies under a path in turn: the file that rotation put aside is read to its end before the next one, also when
 * several were put aside, copied or compressed while nobody looked. They are found beside the path and known by their
 * bytes.
 */
import type { Clock } from '../../core/clock.ts';
import { Archive } from './archive.ts';
import type { Contents, Seen } from './contents.ts';
import type { FileStart, FollowedFile, Place } from './file.ts';
import type { FollowedFiles } from './followed-files.ts';
import type { Losses } from './losses.ts';
import { emptyHead, isContentKey, keyOf } from './position.ts';
import type { Position } from './position.ts';
import type { Places } from './places.ts';
import { siblingsOf } from './siblings.ts';
import type { Listings, Sibling } from './siblings.ts';

/** A copy or a compressed file that is being written is left alone until nobody wrote it for so long. */
const quietMs = 10_000;
/**
 * So long for a compressed file that ends too early: on a machine that has much to do compressing pauses too, and what was
 * taken for the whole would be read again, or its rest never.
 */
const tornQuietMs = 10 * 60_000;
/** How often a directory is listed again that changed while its files were looked at. */
const looksMax = 4;
/** Such files known at a time; one that was forgotten is looked into again. */
const tornMax = 1024;
/** What was written longer ago is no news, whatever is known of it; positions of files that are gone are kept longer. */
const newsMsMax = 29 * 86_400_000;

interface Parts {
  readonly clock: Clock;
  readonly places: () => Places;
  readonly losses: Losses;
  /** Files that are followed. */
  readonly files: FollowedFiles;
  /** Is the path looked for itself? */
  readonly isWanted: (path: string) => boolean;
  readonly open: (path: string, place: Place) => Promise<FollowedFile | undefined>;
}

/** What a look beside a path found. */
export interface Gathered {
  /** Files that were taken up, what was written last at the end. */
  readonly opened: readonly FollowedFile[];
  /** How much there is of what was known, by its key. */
  readonly sizes: ReadonlyMap<string, number>;
  /** Something is being written; the look is to be repeated. */
  readonly isIncomplete: boolean;
}

interface Found extends Gathered {
  readonly opened: FollowedFile[];
  readonly sizes: Map<string, number>;
  isIncomplete: boolean;
}

export class Generations {
  readonly #parts: Parts;
  /** Paths beside which to look again. */
  readonly #again = new Set<string>();
  /** Compressed files that ended too early, and how they were then: nothing is looked into twice. */
  readonly #torn = new Map<string, { readonly bytes: number; readonly modifiedMs: number }>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }
  /** Paths beside which something was being written at the last look. */
  takeIncomplete(): string[] {
    const names = [...this.#again];
    this.#again.clear();
    return names;
  }
  /** Takes up what rotation put aside of the file at a path and was not read. */
  async gather(name: string, listings?: Listings): Promise<Gathered> {
    const sinceMs = this.#sinceMs(name);
    const found: Found = { opened: [], sizes: new Map(), isIncomplete: false };
    let before: string | undefined;
    for (let look = 0; sinceMs !== undefined && look < looksMax; look++) {
      const siblings = await siblingsOf(name, listings ?? new Map());
      // Rotation may go on meanwhile, and give them other names.
      const seen = siblings.map((sibling) => `${keyOf(sibling)} ${sibling.path}`).join('\n');
      if (seen === before) break;
      before = seen;
      for (const sibling of siblings) await this.#take(name, sibling, sinceMs, found);
      if (listings || siblings.length === 0) break;
    }
    if (found.isIncomplete) this.#again.add(name);
    return found;
  }
  async #take(name: string, sibling: Sibling, sinceMs: number, all: Found): Promise<void> {
    // Some tools set times to whole seconds.
    if (!this.#isOpen(sibling, Math.floor(sinceMs / 1000) * 1000)) return;
    if (this.#isStillTorn(sibling)) {
      all.isIncomplete = true;
      return;
    }
    const file = await this.#parts.open(sibling.path, async (seen, contents) => {
      this.#noteTorn(sibling, contents instanceof Archive && contents.isTorn);
      const found = await this.#judge(name, sibling, seen, contents, sinceMs);
      if (found.sized !== undefined) all.sizes.set(found.sized, seen.size);
      if (found.isIncomplete === true) all.isIncomplete = true;
      return found.start;
    });
    if (file) all.opened.push(file);
  }
  #isStillTorn(sibling: Sibling): boolean {
    const torn = this.#torn.get(keyOf(sibling));
    return (
      torn?.bytes === sibling.bytes &&
      torn.modifiedMs === sibling.modifiedMs &&
      this.#parts.clock.nowMs() - sibling.modifiedMs < tornQuietMs
    );
  }
  #noteTorn(sibling: Sibling, isTorn: boolean): void {
    const key = keyOf(sibling);
    this.#torn.delete(key);
    if (!isTorn) return;
    const { bytes, modifiedMs } = sibling;
    this.#torn.set(key, { bytes, modifiedMs });
    if (this.#torn.size > tornMax) this.#torn.delete(this.#torn.keys().next().value as string);
  }
  /** Those that are read before the one under the path, in the order in which they were written. */
  chain(name: string, current: FollowedFile | undefined): void {
    const before = this.#parts.files
      .of(name)
      .filter((file) => file !== current && file.rotatedMs !== undefined && !file.isPassed)
      .toSorted((a, b) => a.modifiedMs - b.modifiedMs);
    for (const [index, file] of [...before, current].entries()) if (file) file.waitsFor = before[index - 1];
  }
  /**
   * Says and counts what is gone of files whose records went under a path: what is known of them is nowhere. `sizes`: how
   * much there is of those that were found.
   */
  settle(name: string, sizes: ReadonlyMap<string, number>): void {
    const { clock, losses, files } = this.#parts;
    const places = this.#parts.places();
    for (const [key, position] of places.unsettled(name, (one) => files.get(one) !== undefined)) {
      const found = sizes.get(key);
      const what = isContentKey(key) ? 'was cut or written anew' : 'is gone';
      const rest = found === undefined ? 'whether that was all is not known' : `${found} bytes of it were found`;
      losses.add(
        (position.seen ?? 0) - Math.max(position.position, found ?? 0),
        `${position.path} ${what} after ${position.position} bytes of it were read; ${rest}`,
      );
      places.leave(key, { ...position, goneMs: clock.nowMs() });
    }
  }
  /** Since when files are wanted that were under a path; undefined: none of it was ever read. */
  #sinceMs(name: string): number | undefined {
    const known = this.#parts
      .places()
      .of(name)
      .map(([, position]) => position);
    const followed = this.#parts.files.of(name).map((file) => file.state());
    const since = [...known, ...followed].flatMap(({ sinceMs }) => sinceMs ?? []);
    return since.length === 0 ? undefined : Math.min(...since);
  }
  /** May there be something in it that was not read? As far as that can be told without its bytes. */
  #isOpen(sibling: Sibling, sinceMs: number): boolean {
    const { files, isWanted } = this.#parts;
    const key = keyOf(sibling);
    if (files.get(key) || isWanted(sibling.path) || sibling.bytes === 0 || sibling.modifiedMs < sinceMs) return false;
    const known = this.#parts.places().get(key);
    // An inode is used again soon; only the birth says that it is the same file.
    if (!known || known.born === undefined || known.born !== sibling.born) return true;
    return sibling.isCompressed ? known.goneMs === undefined : sibling.bytes > known.position;
  }
  async #judge(
    name: string,
    sibling: Sibling,
    seen: Seen,
    contents: Contents,
    sinceMs: number,
  ): Promise<{ start?: FileStart | undefined; sized?: string; isIncomplete?: boolean }> {
    const places = this.#parts.places();
    const nowMs = this.#parts.clock.nowMs();
    const isTorn = contents instanceof Archive && contents.isTorn;
    const isQuiet = nowMs - seen.modifiedMs >= (isTorn ? tornQuietMs : quietMs);
    if (this.#parts.files.get(keyOf(seen.id))) return {};
    if (contents instanceof Archive && (contents.isChanging || (isTorn && !isQuiet))) return { isIncomplete: true };
    for (const file of this.#parts.files.of(name)) {
      const how = await file.compare(seen, contents);
      if (how === 'other') continue;
      return how === 'part' && !isQuiet ? { isIncomplete: true } : {};
    }
    const known = await places.knows(name, seen, contents);
    if (known) {
      const position = { ...known.position, path: sibling.path, name };
      if (known.key !== keyOf(seen.id) && !isContentKey(known.key)) places.drop(known.key);
      if (seen.size > known.position.position)
        return { start: places.startAt(sibling.path, position, seen), sized: known.key };
      // By its bytes, whatever becomes of this file; and by its inode, so that it is not looked into again.
      places.leaveContent({ ...known.position, name, goneMs: nowMs });
      places.leave(keyOf(seen.id), { ...withoutBirth(position), ...bornOf(seen), goneMs: nowMs });
      return { sized: known.key };
    }
    if (seen.modifiedMs <= sinceMs || seen.modifiedMs < nowMs - newsMsMax) return {};
    return {
      start: places.startAt(sibling.path, { path: sibling.path, name, position: 0, head: emptyHead, sinceMs }, seen),
    };
  }
}

function withoutBirth({ born: _born, ...position }: Position): Position {
  return position;
}
function bornOf({ id }: Seen): { born?: string } {
  return id.born === undefined ? {} : { born: id.born };
}
