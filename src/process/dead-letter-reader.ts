/** Reads the dead-letter journal for people, and appends letters again under their tag. */
import { codecs, replaySource } from '../core/batch.ts';
import { scanJson } from '../core/json.ts';
import type { DeadLetterRow } from '../admin/backend.ts';
import { decodeDeadLetter } from '../delivery/dead-letter.ts';
import type { DeadLetter } from '../delivery/dead-letter.ts';
import type { JournalDirectory, JournalWriter } from '../journal/contract.ts';

/** Read at a time from one shard. */
const sliceBytes = 1024 * 1024;
/** Output name of refused requests, which have no record to replay. */
const requestOutput = '@request';

interface Found {
  readonly id: string;
  readonly letter: DeadLetter;
}

export class DeadLetterReader {
  readonly #directory: JournalDirectory;
  readonly #openWriter: () => Promise<JournalWriter>;
  #writer: Promise<JournalWriter> | undefined;

  /** `directory`: the dead-letter journal. `openWriter`: a writer of the main journal for what is replayed. */
  constructor(directory: JournalDirectory, openWriter: () => Promise<JournalWriter>) {
    this.#directory = directory;
    this.#openWriter = openWriter;
  }
  /** The newest letters, oldest first. */
  async newest(limit: number): Promise<DeadLetterRow[]> {
    const rows: DeadLetterRow[] = [];
    await this.#each(({ id, letter }) => {
      const { output, reason, tag, refusedMs, json } = letter;
      rows.push({ id, output, reason, tag, refusedMs, record: JSON.parse(json) as unknown });
      if (rows.length > 2 * limit) rows.splice(0, rows.length - limit);
    });
    return rows.toSorted((a, b) => a.refusedMs - b.refusedMs).slice(-limit);
  }
  /**
   * Appends letters as records again, a slice at a time. Refused requests are left out: they never were records.
   * @throws OperatingError JOURNAL_FULL and what else appending throws: what was appended until then is replayed.
   */
  async replay(ids: readonly string[] | 'all', generation: number): Promise<number> {
    const wanted = ids === 'all' ? undefined : new Set(ids);
    let count = 0;
    const writer = await this.#openedWriter();
    let appends: Promise<unknown>[] = [];
    const take = ({ id, letter }: Found): void => {
      if ((wanted && !wanted.has(id)) || letter.output === requestOutput || letter.json === '{}') return;
      const records = {
        codec: codecs.json,
        payloads: [letter.json],
        exact: [scanJson(Buffer.from(letter.json)).exact],
        seconds: [letter.seconds],
        nanos: [letter.nanos],
      };
      appends.push(writer.append({ tag: letter.tag, records, source: replaySource, generation }));
    };
    await this.#each(take, async () => {
      const results = await Promise.allSettled(appends);
      appends = [];
      count += results.filter(({ status }) => status === 'fulfilled').length;
      for (const result of results) if (result.status === 'rejected') throw result.reason;
    });
    return count;
  }
  #openedWriter(): Promise<JournalWriter> {
    this.#writer ??= this.#openWriter().catch((error: unknown) => {
      this.#writer = undefined;
      throw error;
    });
    return this.#writer;
  }
  async close(): Promise<void> {
    const writer = await this.#writer?.catch(() => undefined);
    await writer?.close();
    await this.#directory.close();
  }
  /** Gives all letters to `take`; behind each slice `settle` is waited for. */
  async #each(take: (found: Found) => void, settle: () => Promise<void> = async () => {}): Promise<void> {
    for (const { shard, firstOffset, durableOffset } of this.#directory.shards()) {
      const reader = await this.#directory.reader(shard);
      try {
        for (let from = firstOffset; from < durableOffset;) {
          const { frames, next } = await reader.read(from, durableOffset, sliceBytes);
          for (const { block } of frames) {
            for (let row = 0; row < block.count; row++) {
              const found = decoded(`${shard}-${block.parts.firstOffset + row}`, block.encoded(row));
              if (found) take(found);
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

/** A letter that is none, which a newer or damaged version may have written, must not hide the others. */
function decoded(id: string, payload: Uint8Array): Found | undefined {
  try {
    return { id, letter: decodeDeadLetter(payload) };
  } catch {
    return undefined;
  }
}
