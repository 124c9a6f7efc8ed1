/**
 * Runs a joining plugin as an output: gives it the rows of chunks in order, and what it makes of them to its port. A row is
 * held, which keeps the cursor back, until the record it went into is durable in the journal; so a crash gives all rows of
 * an unfinished record again, and none of a finished one twice.
 */
import type { Clock, Instant, Timer } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import { joinSource, joinSourceIn } from '../../core/join-source.ts';
import type { Joiner, JoinerInput, JoinerOutlet, JoinerResult } from '../../core/joiner.ts';
import { joinOrdinals, streamOf } from '../../core/origin.ts';
import type { RowOrigin } from '../../core/origin.ts';
import type { Chunk, ChunkBatch, HeldRow, Output, WriteResult } from '../../core/plugin.ts';
import type { Fields } from '../../core/record.ts';
import type { Log } from '../../core/log.ts';
import type { JoinPort, PortRow } from './port.ts';
import type { Taking } from './taken.ts';

/** Joins that a record may go through, as it may enter labels (router.ts): ends loops, which write to the journal here. */
const hopsMax = 32;

export interface JoinOutputOptions {
  readonly id: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Makes the plugin's joiner. */
  create(outlet: JoinerOutlet): Joiner;
  /** Its port; resolves once the journal can be written. */
  port(): Promise<JoinPort>;
}

export class JoinOutput implements Output {
  readonly #options: JoinOutputOptions;
  readonly #joiner: Joiner;
  #port: JoinPort | undefined;
  #timer: Timer | undefined;
  #timerDueMs = 0;
  #isClosed = false;

  constructor(options: JoinOutputOptions) {
    this.#options = options;
    this.#joiner = options.create({
      emit: (parts, result) => this.#emit(parts.map(rowOf), result),
      pass: (input) => this.#pass(rowOf(input)),
    });
  }
  async open(): Promise<void> {
    this.#port = await this.#options.port();
  }
  async write(chunk: Chunk): Promise<WriteResult> {
    const port = this.#opened();
    const rows: JoinRow[] = [];
    const nowMs = this.#options.clock.monotonicMs();
    for (const batch of chunk.batches)
      for (let row = 0; row < batch.batch.count; row++) {
        const own = new JoinRow(this.#options.id, batch, row);
        rows.push(own);
        if (port.hasTaken(own)) own.end(undefined);
        else if (joinSourceIn(own.source).hops >= hopsMax) this.#refuseLoop(own);
        else this.#safely(() => this.#joiner.add(own, nowMs), own);
      }
    this.#arm();
    await port.settled();
    for (const row of rows) row.detach();
    return {
      held: {
        rows: rows.map((_, row) => row),
        take: (finishers) => {
          for (const [i, finisher] of finishers.entries()) rows[i]?.holdBy(finisher);
        },
      },
    };
  }
  onCommit(): () => void {
    return this.#port?.onCommit() ?? (() => undefined);
  }
  letGo(mayKeep: boolean): boolean {
    if (!this.#isClosed && this.#port) this.#safely(() => this.#joiner.finish(mayKeep));
    this.#arm();
    return this.#port?.isSettled !== false;
  }
  close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    return Promise.resolve();
  }

  /** A fault of the plugin costs the row that it met, and is said. */
  #safely(run: () => void, row?: JoinRow): void {
    try {
      run();
    } catch (error) {
      const { id, log } = this.#options;
      log.error({ output: id, err: error }, `joining records in ${id} failed unexpectedly`);
      row?.end(undefined, `join_failed: ${errorText(error)}`);
    }
  }
  #opened(): JoinPort {
    if (!this.#port) throw new TypeError('a join is written to before it is open');
    return this.#port;
  }
  #emit(rows: readonly JoinRow[], { tag, time, fields, way = 'joined' }: JoinerResult): void {
    const [first] = rows;
    if (!first) throw new TypeError('a joined record is made of no record');
    const bytes = rows.reduce((sum, row) => sum + row.bytes, 0);
    this.#opened().give({
      tag,
      source: joinSource(first.source, this.#options.id, way),
      generation: first.generation,
      time,
      record: (rows.length === 1 && fields === first.fields && first.json) || fields,
      bytes,
      origin: first.origin,
      rows,
    });
  }
  #refuseLoop(row: JoinRow): void {
    const { tag, time, fields } = row;
    this.#emit([row], { tag, time, fields, way: { error: 'hop_limit' } });
  }
  #pass(row: JoinRow): void {
    this.#emit([row], row);
  }
  /** Waits for what the joiner has to do next. */
  #arm(): void {
    const { clock } = this.#options;
    const { dueMs } = this.#joiner;
    if (this.#timer && (dueMs === undefined || this.#timerDueMs > dueMs || this.#isClosed)) {
      this.#timer.cancel();
      this.#timer = undefined;
    }
    if (dueMs === undefined || this.#timer || this.#isClosed) return;
    this.#timerDueMs = dueMs;
    this.#timer = clock.after(Math.max(0, dueMs - clock.monotonicMs()), () => {
      this.#timer = undefined;
      this.#safely(() => this.#joiner.flush(clock.monotonicMs()));
      this.#arm();
    });
  }
}

/** A row in a joiner's hands. */
class JoinRow implements JoinerInput, PortRow {
  readonly tag: string;
  readonly time: Instant;
  readonly fields: Fields;
  readonly bytes: number;
  readonly shard: string;
  readonly offset: number;
  readonly ordinal: number;
  readonly source: string;
  readonly generation: number;
  readonly origin: RowOrigin | undefined;
  /** As it lies in the journal, while it is at hand. */
  json: Buffer | undefined;
  #holder: HeldRow | undefined;
  /** It is over; what is to be told once the progress knows it. */
  #over: { readonly taking: Taking | undefined; readonly refused: string | undefined } | undefined;

  constructor(id: string, part: ChunkBatch, row: number) {
    const { batch } = part;
    const { shard, source, generation = 0 } = batch.block.parts;
    this.tag = batch.tag;
    this.time = batch.time(row);
    this.fields = batch.fields(row);
    this.bytes = batch.sizeBytes(row);
    this.shard = shard;
    this.offset = batch.offset(row);
    this.ordinal = part.ordinal(row);
    this.source = source;
    this.generation = generation;
    this.json = batch.rawJson(row);
    this.origin = originOf(id, part, row);
  }
  detach(): void {
    this.json = undefined;
  }
  end(taking: Taking | undefined, refused?: string): void {
    if (this.#over) return;
    this.#over = { taking, refused };
    this.#finish();
  }
  holdBy(holder: HeldRow): void {
    this.#holder = holder;
    this.#finish();
  }
  #finish(): void {
    if (!this.#holder || !this.#over) return;
    this.#holder.finish(this.#over.refused);
    this.#over.taking?.done();
  }
}

/** A joined record keeps the origin of its first part, as it does not pass any other way. */
function originOf(id: string, part: ChunkBatch, row: number): RowOrigin | undefined {
  const { batch } = part;
  const origin = batch.block.parts.origins?.at(batch.index(row));
  const ordinal = origin && joinOrdinals(origin.ordinal, part.ordinal(row));
  if (!origin || ordinal === undefined) return undefined;
  return { ...origin, stream: streamOf(origin.stream, id), ordinal };
}

function rowOf(input: JoinerInput): JoinRow {
  if (!(input instanceof JoinRow)) throw new TypeError('a joiner gave a record that it did not get');
  return input;
}
