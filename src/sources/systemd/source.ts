/**
 * Reads the journal on and on. Each append carries the cursor of its last entry as this source's state, so that after a
 * crash reading goes on behind the last entry that is in the journal of this program.
 */
import { RecordGatherer, fitsJson } from '../../codecs/encode.ts';
import { sleep } from '../../core/clock.ts';
import type { Instant } from '../../core/clock.ts';
import { OperatingError, errorText } from '../../core/errors.ts';
import type { EncodedRecords } from '../../core/batch.ts';
import type { Source, SourceContext } from '../../core/plugin.ts';
import { noRecords } from '../tail/appending.ts';
import { fieldText, recordOf } from './entry-fields.ts';
import type { Naming } from './entry-fields.ts';
import { ExportReader } from './export-format.ts';
import type { JournalEntry } from './export-format.ts';
import { matchArguments } from './matches.ts';
import type { Matches } from './matches.ts';
import type { JournalReading, OpenJournal } from './reader.ts';

export interface SystemdSettings {
  readonly tag: string;
  /** Puts the unit in place of the first * of the tag. */
  readonly expandsTag: boolean;
  readonly path: string | undefined;
  readonly matches: Matches;
  readonly readFromHead: boolean;
  readonly naming: Naming;
  /** Where another program got to; asked once, where there is no state yet. */
  readonly importCursor: () => Promise<string | undefined>;
}

const cursorKey = 'cursor';
/** An entry larger than the journal of this program takes is refused alone; systemd's own limit of a field is higher. */
const entryBytesMax = 16 * 1024 * 1024;
/** How long to wait before journalctl is started again, and an append tried again; grows to the second. */
const retryMs = 1000;
const retryMsMax = 30_000;

export class SystemdSource implements Source {
  readonly #context: SourceContext;
  readonly #settings: SystemdSettings;
  readonly #open: OpenJournal;
  #cursor: string | undefined;
  #reading: JournalReading | undefined;
  #running: Promise<void> = Promise.resolve();
  #isStopped = false;
  #wake = (): void => undefined;

  constructor(settings: SystemdSettings, context: SourceContext, open: OpenJournal) {
    this.#settings = settings;
    this.#context = context;
    this.#open = open;
  }
  async start(): Promise<void> {
    const known = this.#context.state.get(cursorKey);
    this.#cursor = typeof known === 'string' ? known : await this.#settings.importCursor();
    this.#running = this.#run();
  }
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#reading?.stop();
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    let waitMs = retryMs;
    let said: string | undefined;
    while (!this.#isStopped) {
      const before = this.#cursor;
      const reason = await this.#readOnce();
      if (this.#isStopped) return;
      if (this.#cursor !== before) waitMs = retryMs;
      if (reason !== said)
        this.#context.log.warn(`systemd source ${this.#context.id}: ${reason}; it is started again until it works.`);
      said = reason;
      await this.#wait(waitMs);
      waitMs = Math.min(waitMs * 2, retryMsMax);
    }
  }
  #wait(ms: number): Promise<void> {
    return Promise.race([sleep(this.#context.clock, ms), new Promise<void>((resolve) => (this.#wake = resolve))]);
  }
  /** One run of journalctl; gives why it ended. */
  async #readOnce(): Promise<string> {
    if (this.#cursor === undefined && !this.#settings.readFromHead) {
      const problem = await this.#findTail();
      if (problem !== undefined || this.#isStopped) return problem ?? '';
    }
    const from = this.#cursor === undefined ? [] : [`--after-cursor=${this.#cursor}`];
    return this.#follow(['--follow', '--no-tail', ...from], (entries) => this.#take(entries));
  }
  /** The last entry there is: what comes behind it is read, after a crash too. Undefined when it was found, or there is none. */
  async #findTail(): Promise<string | undefined> {
    let last: JournalEntry | undefined;
    const reason = await this.#follow(['--lines=1'], (entries) => {
      last = entries.at(-1) ?? last;
      return Promise.resolve();
    });
    if (!/exit code 0/.test(reason)) return reason;
    const cursor = last && fieldText(last, '__CURSOR');
    // In a journal without entries all that comes is new.
    if (cursor !== undefined) await this.#append(this.#settings.tag, noRecords, cursor);
    return undefined;
  }
  async #follow(more: readonly string[], take: (entries: readonly JournalEntry[]) => Promise<void>): Promise<string> {
    const { path, matches } = this.#settings;
    const place = path === undefined ? [] : [`--directory=${path}`];
    const reading = this.#open([
      '--output=export',
      '--quiet',
      '--no-pager',
      ...place,
      ...more,
      ...matchArguments(matches),
    ]);
    this.#reading = reading;
    const reader = new ExportReader(entryBytesMax);
    try {
      for await (const chunk of reading.output) {
        await take(reader.add(chunk));
        if (this.#isStopped) break;
      }
    } catch (error) {
      reading.stop();
      await reading.ended;
      return `reading what journalctl writes: ${errorText(error)}`;
    }
    return reading.ended;
  }

  /** Appends entries in order, those of one tag and codec together. */
  async #take(entries: readonly JournalEntry[]): Promise<void> {
    let run: { tag: string; isJson: boolean; gathered: RecordGatherer; cursor: string | undefined } | undefined;
    const flush = async (): Promise<void> => {
      const done = run;
      run = undefined;
      if (done) for (const records of done.gathered.take()) await this.#append(done.tag, records, done.cursor);
    };
    for (const entry of entries) {
      const cursor = fieldText(entry, '__CURSOR');
      const tag = this.#tagOf(entry);
      if (entry.isCut) {
        await flush();
        await this.#refuse(entry, tag, cursor, `an entry of more than ${entryBytesMax} bytes`);
        continue;
      }
      const fields = recordOf(entry, this.#settings.naming);
      const isJson = fitsJson(fields);
      if (run && (run.tag !== tag || run.isJson !== isJson)) await flush();
      run ??= { tag, isJson, gathered: new RecordGatherer(), cursor };
      run.gathered.add(fields, timeOf(entry) ?? this.#context.clock.now());
      run.cursor = cursor ?? run.cursor;
    }
    await flush();
  }
  #tagOf(entry: JournalEntry): string {
    const { tag, expandsTag } = this.#settings;
    if (!expandsTag || !tag.includes('*')) return tag;
    const unit = fieldText(entry, '_SYSTEMD_UNIT') ?? 'unknown';
    return tag.replace('*', () => unit);
  }
  /** Waits while the journal of this program is full: what is read stays where it is. */
  async #append(tag: string, records: EncodedRecords, cursor: string | undefined): Promise<void> {
    const state = cursor === undefined ? {} : { state: { [cursorKey]: cursor } };
    for (let waitMs = retryMs; ; waitMs = Math.min(waitMs * 2, retryMsMax))
      try {
        await this.#context.append({ tag, records, sync: 'interval', ...state });
        this.#cursor = cursor ?? this.#cursor;
        return;
      } catch (error) {
        if (!(error instanceof OperatingError)) throw error;
        // It was not accepted; the next start reads it again.
        if (error.code === 'JOURNAL_CLOSED' || this.#isStopped) throw error;
        if (error.code === 'RECORD_TOO_LARGE') return this.#appendEach(tag, records, cursor);
        this.#context.log.warn(`systemd source ${this.#context.id}: ${error.message}; it is tried again.`);
        await this.#wait(waitMs);
      }
  }
  /** One of them is too large: it alone is refused. */
  async #appendEach(tag: string, records: EncodedRecords, cursor: string | undefined): Promise<void> {
    for (let row = 0; row < records.payloads.length; row++) {
      const one: EncodedRecords = {
        codec: records.codec,
        payloads: records.payloads.slice(row, row + 1),
        exact: records.exact.slice(row, row + 1),
        seconds: records.seconds.slice(row, row + 1),
        nanos: records.nanos.slice(row, row + 1),
      };
      // The cursor goes with the last one: until then a crash reads all of them again.
      const isLast = row === records.payloads.length - 1;
      if (records.payloads.length > 1) await this.#append(tag, one, isLast ? cursor : undefined);
      else {
        this.#context.refused('record_too_large', tag);
        await this.#append(tag, noRecords, cursor);
      }
    }
  }
  async #refuse(entry: JournalEntry, tag: string, cursor: string | undefined, problem: string): Promise<void> {
    this.#context.refused('record_too_large', tag);
    const raw = Buffer.concat(
      entry.fields.flatMap(([name, value]) => [Buffer.from(`${name}=`), value, Buffer.from('\n')]),
    );
    try {
      await this.#context.keepRefused({ reason: 'record_too_large', tag, raw, detail: { problem } });
    } catch (error) {
      this.#context.log.error(`keeping a refused entry of the journal: ${errorText(error)}; it is lost.`);
    }
    await this.#append(tag, noRecords, cursor);
  }
}

/** When journald took it. */
function timeOf(entry: JournalEntry): Instant | undefined {
  const text = fieldText(entry, '__REALTIME_TIMESTAMP');
  if (text === undefined || !/^\d{1,19}$/.test(text)) return undefined;
  const micros = BigInt(text);
  return { seconds: Number(micros / 1_000_000n), nanos: Number(micros % 1_000_000n) * 1000 };
}
