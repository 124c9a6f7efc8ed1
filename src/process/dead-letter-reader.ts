/** Reads the dead-letter journal for people, appends letters again under their tag, and drops what nobody wants. */
import { codecs, replaySource, replaySourceOf } from '../core/batch.ts';
import { parseShown, scanJson } from '../core/json.ts';
import type { Metrics } from '../core/metrics.ts';
import type { DeadLetterChoice, DeadLetterDetail, DeadLetterRow } from '../admin/backend.ts';
import { decodeDeadLetter } from '../delivery/dead-letter.ts';
import type { DeadLetter } from '../delivery/dead-letter.ts';
import type { JournalDirectory, JournalWriter } from '../journal/contract.ts';
import type { DeadLetterMarks } from './dead-letter-marks.ts';

/** Read at a time from one shard. */
const sliceBytes = 1024 * 1024;
/** Output name of refused requests, which have no record to replay. */
const requestOutput = '@request';

interface Found {
  readonly shard: string;
  readonly offset: number;
  readonly letter: DeadLetter;
}

/** What stands where a letter cannot be read. */
type Unreadable = Pick<Found, 'shard' | 'offset'> & { readonly letter: { readonly output: string } };

export interface DeadLetterReaderOptions {
  /** The dead-letter journal. */
  readonly directory: JournalDirectory;
  readonly marks: DeadLetterMarks;
  readonly metrics: Metrics;
  /** A writer of the main journal for what is replayed. */
  openWriter(): Promise<JournalWriter>;
}

export class DeadLetterReader {
  readonly #options: DeadLetterReaderOptions;
  readonly #counted: (output: string, what: 'replayed' | 'dropped') => void;
  #writer: Promise<JournalWriter> | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: DeadLetterReaderOptions) {
    this.#options = options;
    const { metrics } = options;
    const counters = {
      replayed: metrics.counter('dead_letters_replayed_total', 'Dead letters appended again, by output.', ['output']),
      dropped: metrics.counter('dead_letters_dropped_total', 'Dead letters dropped by a person, by output.', [
        'output',
      ]),
    };
    this.#counted = (output, what) => counters[what].inc({ output });
  }
  /** The newest letters that are not done with and fit, oldest first. */
  async newest(limit: number, choice: DeadLetterChoice = {}): Promise<DeadLetterRow[]> {
    const rows: DeadLetterRow[] = [];
    await this.#each(choice, (found) => {
      rows.push(rowOf(found));
      if (rows.length > 2 * limit) rows.splice(0, rows.length - limit);
    });
    return rows.toSorted((a, b) => a.refusedMs - b.refusedMs).slice(-limit);
  }
  /** One letter with all that is known of it; undefined: there is none, or it is done with. */
  async show(id: string): Promise<DeadLetterDetail | undefined> {
    let detail: DeadLetterDetail | undefined;
    await this.#each({ ids: [id] }, (found) => {
      const { emissionId, attempts, seconds, nanos } = found.letter;
      detail = { ...rowOf(found), emissionId, attempts, time: { seconds, nanos } };
    });
    return detail;
  }
  /**
   * Appends letters as records again, a slice at a time; they are done then. `isRouted`: for all outputs that the
   * configuration gives them, through its filters; else for the output that refused each, as it was for that one. Refused requests are left out: they never
   * were records.
   * @throws OperatingError JOURNAL_FULL and what else appending throws: what was appended until then is replayed.
   */
  replay(choice: DeadLetterChoice, generation: number, isRouted = false): Promise<number> {
    return this.#inTurn(async () => {
      let count = 0;
      const writer = await this.#openedWriter();
      let appends: { readonly found: Found; readonly appended: Promise<unknown> }[] = [];
      const take = (found: Found): void => {
        const { letter } = found;
        if (letter.output === requestOutput || letter.json === '{}') return;
        const records = {
          codec: codecs.json,
          payloads: [letter.json],
          exact: [scanJson(Buffer.from(letter.json)).exact],
          seconds: [letter.seconds],
          nanos: [letter.nanos],
        };
        const source = isRouted ? replaySource : replaySourceOf(letter.output);
        const appended = writer.append({ tag: letter.tag, records, source, generation });
        appends.push({ found, appended });
      };
      await this.#each(choice, take, async () => {
        const taken = appends;
        appends = [];
        const results = await Promise.allSettled(taken.map(({ appended }) => appended));
        const over = taken.filter((_, i) => results[i]?.status === 'fulfilled').map(({ found }) => found);
        await this.#finish(over, 'replayed');
        count += over.length;
        for (const result of results) if (result.status === 'rejected') throw result.reason;
      });
      await this.#free();
      return count;
    });
  }
  /** Gives letters up. They were counted as refused when they were refused; here they are counted as dropped. */
  drop(choice: DeadLetterChoice): Promise<number> {
    return this.#inTurn(async () => {
      let count = 0;
      let taken: (Found | Unreadable)[] = [];
      const take = (found: Found | Unreadable): void => void taken.push(found);
      const settle = async (): Promise<void> => {
        await this.#finish(taken, 'dropped');
        count += taken.length;
        taken = [];
      };
      await this.#each(choice, take, settle, isEverything(choice) ? take : undefined);
      await this.#free();
      return count;
    });
  }
  async close(): Promise<void> {
    await this.#turn;
    const writer = await this.#writer?.catch(() => undefined);
    await writer?.close();
    await this.#options.directory.close();
  }

  /** One after the other: a letter that is being replayed must not be dropped or replayed again meanwhile. */
  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(run);
    this.#turn = result.catch(() => undefined);
    return result;
  }
  async #finish(found: readonly (Found | Unreadable)[], what: 'replayed' | 'dropped'): Promise<void> {
    if (found.length === 0) return;
    const { directory, marks } = this.#options;
    const offsets = new Map<string, number[]>();
    for (const { shard, offset } of found) {
      const list = offsets.get(shard) ?? [];
      offsets.set(shard, list);
      list.push(offset);
    }
    await marks.add(offsets, new Set(directory.shards().map(({ shard }) => shard)));
    for (const { letter } of found) this.#counted(letter.output, what);
  }
  /** Deletes segments all of whose letters are done. */
  async #free(): Promise<void> {
    const { directory, marks } = this.#options;
    const done = await marks.done();
    const firsts = new Map(directory.shards().map(({ shard, firstOffset }) => [shard, firstOffset]));
    await directory.retain((shard) => done.get(shard)?.endFrom(firsts.get(shard) ?? 0) ?? 0, 0);
  }
  #openedWriter(): Promise<JournalWriter> {
    this.#writer ??= this.#options.openWriter().catch((error: unknown) => {
      this.#writer = undefined;
      throw error;
    });
    return this.#writer;
  }
  /** Gives all letters that fit and are not done with to `take`; behind each slice `settle` is waited for. */
  async #each(
    choice: DeadLetterChoice,
    take: (found: Found) => void,
    settle: () => Promise<void> = async () => {},
    takeUnreadable: (found: Unreadable) => void = () => undefined,
  ): Promise<void> {
    const { directory, marks } = this.#options;
    const done = await marks.done();
    const isWanted = compileChoice(choice);
    for (const { shard, firstOffset, durableOffset } of directory.shards()) {
      const reader = await directory.reader(shard);
      try {
        for (let from = firstOffset; from < durableOffset;) {
          const { frames, next } = await reader.read(from, durableOffset, sliceBytes);
          for (const { block } of frames) {
            for (let row = 0; row < block.count; row++) {
              const offset = block.parts.firstOffset + row;
              if (done.get(shard)?.has(offset) === true) continue;
              const letter = decoded(block.encoded(row));
              if (!letter) takeUnreadable({ shard, offset, letter: { output: 'unreadable' } });
              else if (isWanted(idOf(shard, offset), letter)) take({ shard, offset, letter });
            }
          }
          await settle();
          if (next === from) break;
          from = next;
        }
      } finally {
        await reader.close();
      }
    }
  }
}

function compileChoice({ ids, output, reason }: DeadLetterChoice): (id: string, letter: DeadLetter) => boolean {
  const wanted = ids && new Set(ids);
  return (id, letter) =>
    (!wanted || wanted.has(id)) &&
    (output === undefined || letter.output === output) &&
    (reason === undefined || letter.reason.includes(reason));
}

function isEverything({ ids, output, reason }: DeadLetterChoice): boolean {
  return ids === undefined && output === undefined && reason === undefined;
}

function idOf(shard: string, offset: number): string {
  return `${shard}-${offset}`;
}

function rowOf({ shard, offset, letter }: Found): DeadLetterRow {
  const { output, reason, tag, refusedMs, json } = letter;
  return { id: idOf(shard, offset), output, reason, tag, refusedMs, record: parseShown(json) };
}

/** A letter that is none, which a newer or damaged version may have written, must not hide the others. */
function decoded(payload: Uint8Array): DeadLetter | undefined {
  try {
    return decodeDeadLetter(payload);
  } catch {
    return undefined;
  }
}
