/**
 * Where a join's records enter the journal again. Each append carries the records and the rows they were made of
 * (taken.ts), so after any crash both are there or neither.
 *
 * A port outlives the instance of its plugin: what one has given is appended also when another has taken its place.
 */
import { RecordGatherer } from '../../codecs/encode.ts';
import type { EncodedRecords } from '../../core/batch.ts';
import type { Clock, Instant } from '../../core/clock.ts';
import { crashPoint } from '../../core/crash-point.ts';
import { OperatingError, errorText } from '../../core/errors.ts';
import { joinSourceIn } from '../../core/join-source.ts';
import type { Log } from '../../core/log.ts';
import { OriginBuilder } from '../../core/origin.ts';
import type { RowOrigin } from '../../core/origin.ts';
import type { Fields } from '../../core/record.ts';
import type { JournalAppend, JournalWriter } from '../../journal/contract.ts';
import { TakenSlots } from './taken.ts';
import type { RowId, Taking } from './taken.ts';

/** Encoded bytes of one append, nearly: enough that its frame costs nothing, and far below what the journal takes at once. */
const appendBytesMax = 1024 * 1024;
/** Waits before an append is tried again: a journal that is full gets room within its housekeeping. */
const retryMsMin = 100;
const retryMsMax = 2000;
/** Least time between two lines about appends that fail. */
const sayMs = 10_000;

/** A row on its way through a join. */
export interface PortRow extends RowId {
  /** It is over: durable in the journal, or refused. Called once. */
  end(taking: Taking | undefined, refused?: string): void;
}

/** A record on its way back into the journal. */
export interface Outgoing {
  readonly tag: string;
  /** As the router knows it: core/join-source.ts. */
  readonly source: string;
  readonly generation: number;
  readonly time: Instant;
  /** The record, or its JSON where it is as it came. */
  readonly record: Fields | Buffer;
  readonly bytes: number;
  readonly origin: RowOrigin | undefined;
  readonly rows: readonly PortRow[];
}

export interface PortOptions {
  readonly id: string;
  readonly writer: JournalWriter;
  readonly clock: Clock;
  readonly log: Log;
  readonly hasShard: (shard: string) => boolean;
  /** Told of each generation under which records are appended, and where. */
  onAppended(generation: number, shard: string): void;
}

export class JoinPort {
  readonly #options: PortOptions;
  readonly #slots = new Map<string, TakenSlots>();
  #waiting: Outgoing[] = [];
  #running: Promise<void> | undefined;
  #wake: () => void = () => undefined;
  #isClosed = false;
  #saidMs = Number.NEGATIVE_INFINITY;

  constructor(options: PortOptions) {
    this.#options = options;
    for (const source of options.writer.state.keys()) if (joinSourceIn(source).id === options.id) this.#slotsOf(source);
  }
  /** Whether an earlier start took the row into a record that is durable. */
  hasTaken(row: RowId): boolean {
    for (const slots of this.#slots.values()) if (slots.hasTaken(row)) return true;
    return false;
  }
  /** Takes a record; it is appended behind those before it. */
  give(outgoing: Outgoing): void {
    this.#waiting.push(outgoing);
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
  }
  /** All that was given is over. */
  get isSettled(): boolean {
    return this.#running === undefined;
  }
  /** Resolves when all that was given is over. Rejects when the port is closed before that. */
  async settled(): Promise<void> {
    while (this.#running) await this.#running;
    if (this.#isClosed) throw new OperatingError('JOURNAL_CLOSED', 'appending joined records: the program is stopping');
  }
  onCommit(): () => void {
    const committed = [...this.#slots.values()].map((slots) => slots.onCommit());
    return () => {
      for (const run of committed) run();
      this.#wake();
    };
  }
  /** Appends no more, and clears what the journal need not know any longer. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wake();
    await this.#running;
    for (const [source, slots] of this.#slots) {
      const state = slots.clearing();
      const records = { codec: 1, payloads: [], exact: [], seconds: [], nanos: [] } as const;
      // It would only spare the next start some rows to look at.
      if (state) await this.#append({ tag: '', source, generation: 0, records, state }).catch(() => undefined);
    }
  }

  async #run(): Promise<void> {
    // Those that are given in this turn go together.
    await Promise.resolve();
    while (this.#waiting.length > 0 && !this.#isClosed) {
      const taken = this.#takeRun();
      for (const { records, rows } of this.#encode(taken))
        await this.#appendSafely(taken[0] as Outgoing, records, rows);
    }
  }
  /** Those in front that can go into one append. */
  #takeRun(): Outgoing[] {
    const first = this.#waiting[0] as Outgoing;
    let count = 0;
    let bytes = 0;
    for (const one of this.#waiting) {
      const isSame = one.tag === first.tag && one.source === first.source && one.generation === first.generation;
      if (!isSame || bytes >= appendBytesMax) break;
      bytes += one.bytes;
      count++;
    }
    return this.#waiting.splice(0, count);
  }
  #encode(taken: readonly Outgoing[]): { records: EncodedRecords; rows: readonly PortRow[] }[] {
    const gatherer = new RecordGatherer();
    const sound: Outgoing[] = [];
    for (const outgoing of taken)
      try {
        if (Buffer.isBuffer(outgoing.record)) gatherer.addJson(outgoing.record, outgoing.time);
        else gatherer.add(outgoing.record, outgoing.time);
        sound.push(outgoing);
      } catch (error) {
        for (const row of outgoing.rows) row.end(undefined, errorText(error));
      }
    return gatherer.take().map((records) => {
      const own = sound.splice(0, records.payloads.length);
      const rows = own.flatMap((outgoing) => outgoing.rows);
      if (!own.some(({ origin }) => origin)) return { records, rows };
      const builder = new OriginBuilder();
      for (const { origin } of own) builder.add(origin);
      return { records: { ...records, origins: builder.runs }, rows };
    });
  }
  /** Appends, however often that has to be tried. */
  async #appendSafely(
    { tag, source, generation }: Outgoing,
    records: EncodedRecords,
    rows: readonly PortRow[],
  ): Promise<void> {
    const slots = this.#slotsOf(source);
    for (let waitMs = retryMsMin; ; waitMs = Math.min(retryMsMax, waitMs * 2)) {
      while (slots.isFull && !this.#isClosed) await this.#pause(retryMsMax);
      if (this.#isClosed) return;
      const taking = slots.take(rows);
      try {
        crashPoint('join.before-append');
        await this.#append({ tag, source, generation, records, state: taking.state });
        crashPoint('join.after-append');
        for (const row of rows) row.end(taking);
        return;
      } catch (error) {
        taking.failed();
        if (error instanceof OperatingError && error.code === 'RECORD_TOO_LARGE') {
          this.#refuse(rows, error);
          return;
        }
        this.#say(error);
        await this.#pause(waitMs);
      }
    }
  }
  #refuse(rows: readonly PortRow[], error: OperatingError): void {
    const { id, log } = this.#options;
    log.error({ output: id }, `joining records in ${id}: ${error.message}; they are refused`);
    for (const row of rows) row.end(undefined, 'joined_too_large');
  }
  async #append(request: JournalAppend): Promise<void> {
    const { writer } = this.#options;
    // Before, so that nobody forgets the generation while it is on its way; a failed one costs only that it is kept longer.
    this.#options.onAppended(request.generation, writer.shard);
    await writer.append(request);
    this.#options.onAppended(request.generation, writer.shard);
  }
  /** Until the time is over, or a commit made room, or the port is closed. */
  #pause(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(waitMs, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }
  #slotsOf(source: string): TakenSlots {
    let found = this.#slots.get(source);
    if (!found) {
      const { writer, hasShard } = this.#options;
      this.#slots.set(source, (found = new TakenSlots(writer.state.get(source), hasShard)));
    }
    return found;
  }
  #say(error: unknown): void {
    const { id, clock, log } = this.#options;
    if (this.#isClosed || clock.monotonicMs() - this.#saidMs < sayMs) return;
    this.#saidMs = clock.monotonicMs();
    log.warn({ output: id }, `appending joined records of ${id}: ${errorText(error)}; they wait, it is tried again`);
  }
}
