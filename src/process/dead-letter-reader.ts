/** Reads the dead-letter journal for people, and appends letters again under their tag. */
import { codecs } from '../core/batch.ts';
import { scanJson, stringifyJson } from '../core/json.ts';
import { fieldEntries } from '../core/record.ts';
import type { DeadLetterRow } from '../admin/backend.ts';
import { decodeDeadLetter } from '../delivery/dead-letter.ts';
import type { DeadLetter } from '../delivery/dead-letter.ts';
import type { JournalDirectory, JournalWriter } from '../journal/contract.ts';

/** Read at a time from one shard. */
const sliceBytes = 1024 * 1024;
/** Source id of replayed records. */
const replaySource = 'replay';
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
      const { output, reason, tag, refusedMs, fields } = letter;
      rows.push({ id, output, reason, tag, refusedMs, record: JSON.parse(stringifyJson(fields)) as unknown });
      if (rows.length > 2 * limit) rows.splice(0, rows.length - limit);
    });
    return rows.toSorted((a, b) => a.refusedMs - b.refusedMs).slice(-limit);
  }
  /** Appends letters as records again. Refused requests are left out: they never were records. */
  async replay(ids: readonly string[] | 'all', generation: number): Promise<number> {
    const wanted = ids === 'all' ? undefined : new Set(ids);
    let count = 0;
    this.#writer ??= this.#openWriter();
    const writer = await this.#writer;
    let pending: Promise<unknown> = Promise.resolve();
    await this.#each(({ id, letter }) => {
      if ((wanted && !wanted.has(id)) || letter.output === requestOutput || fieldEntries(letter.fields).length === 0)
        return;
      count++;
      const payload = stringifyJson(letter.fields);
      const exact = scanJson(Buffer.from(payload)).exact;
      const records = {
        codec: codecs.json,
        payloads: [payload],
        exact: [exact],
        seconds: [letter.seconds],
        nanos: [letter.nanos],
      };
      const appended = writer.append({ tag: letter.tag, records, source: replaySource, generation });
      pending = Promise.all([pending, appended]);
    });
    await pending;
    return count;
  }
  async close(): Promise<void> {
    const writer = await this.#writer?.catch(() => undefined);
    await writer?.close();
    await this.#directory.close();
  }
  async #each(take: (found: Found) => void): Promise<void> {
    for (const { shard, firstOffset, durableOffset } of this.#directory.shards()) {
      const reader = await this.#directory.reader(shard);
      try {
        for (let from = firstOffset; from < durableOffset;) {
          const { frames, next } = await reader.read(from, durableOffset, sliceBytes);
          for (const { block } of frames) {
            for (let row = 0; row < block.count; row++) {
              take({ id: `${shard}-${block.parts.firstOffset + row}`, letter: decodeDeadLetter(block.encoded(row)) });
            }
          }
          if (next === from) break;
          from = next;
        }
      } finally {
        await reader.close();
      }
    }
  }
}
