/** The `store` output: records into the program's own store, where queries and the explorer find them. Exactly once. */
import { writeJson } from '../codecs/rows.ts';
import type { RefusedRow } from '../codecs/rows.ts';
import { visitOrigins } from '../codecs/part-origins.ts';
import { ByteWriter } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import type { Batch } from '../core/batch.ts';
import { OperatingError, errorText } from '../core/errors.ts';
import { joinOrdinals } from '../core/origin.ts';
import { fluentbitForm } from '../core/fluentbit.ts';
import { definePlugin } from '../core/plugin.ts';
import type { Chunk, ChunkBatch, Output, OutputContext, WriteResult } from '../core/plugin.ts';
import { RangeSet } from '../core/ranges.ts';
import type { HeldStore, StoredBatch } from '../core/record-store.ts';

/**
 * Shortest time between the starts of two writes: while the store is idle a record is in it at once, and under load ten
 * commits a second, each with an fsync, carry whatever came between them. A record is found well within a second.
 */
const gatherMs = 100;
/** A chunk of this size follows the one before at once: there is more than a commit costs. */
const fullBytes = 1024 * 1024;

export const storeOutput = definePlugin({
  kind: 'output',
  name: 'store',
  fluentbit: fluentbitForm({
    lower: () => ({ chunkKeys: [], isImmediate: true }),
    example: `[OUTPUT]
    Name  store
    Match *`,
  }),
  summary: "Keeps records in the program's own store, for `post2log query` and the explorer. Exactly once.",
  options: {},
  // The store is started again within a second; what waits for it then should not wait for a minute.
  buffer: { flushMode: 'immediate', retry: { waitMs: 100, waitMsMax: 5000 } },
  example: `<match app.**>
  @type store
</match>`,
  create: (_config, context) => new StoreOutput(context),
});

class StoreOutput implements Output {
  readonly #context: OutputContext;
  #store: HeldStore | undefined;

  constructor(context: OutputContext) {
    this.#context = context;
  }
  open(): Promise<void> {
    this.#store ??= this.#context.store.hold();
    return Promise.resolve();
  }
  async write(chunk: Chunk, signal: AbortSignal): Promise<WriteResult> {
    const { clock } = this.#context;
    const startedMs = clock.monotonicMs();
    const { batches, refused } = storedBatches(chunk);
    if (!this.#store) throw new OperatingError('STORE_UNAVAILABLE', 'writing to the store: it is not open');
    await this.#store.insert(batches, signal);
    const restMs = chunk.bytes >= fullBytes ? 0 : startedMs + gatherMs - clock.monotonicMs();
    // The next chunk grows meanwhile.
    if (restMs > 0) await pause(clock, restMs, signal);
    return { refused };
  }
  close(): Promise<void> {
    this.#store?.release();
    this.#store = undefined;
    return Promise.resolve();
  }
}

/** Waits; less where the signal aborts. */
function pause(clock: Clock, waitMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = clock.after(waitMs, end);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  });
}

/** A chunk as the store takes it, and the rows that are no records. */
function storedBatches(chunk: Chunk): { batches: StoredBatch[]; refused: RefusedRow[] } {
  const out = new ByteWriter();
  const refused: RefusedRow[] = [];
  let first = 0;
  const made = chunk.batches.flatMap((part): (StoredBatch | Encoded)[] => {
    const at = first;
    first += part.batch.count;
    if (part.batch.block.parts.origins) return originBatches(part, at, out, refused);
    return [wholeBatch(part) ?? encodedBatch(part, at, out, refused)];
  });
  // Taken at the end: growing moves what was written.
  const bytes = out.view();
  const batches = made.map((one) => ('batch' in one ? { ...one.batch, payload: bytes.subarray(...one.range) } : one));
  return { batches, refused };
}

function headOf({ batch, span, doneBelow }: ChunkBatch) {
  const { shard, source, appendMs } = batch.block.parts;
  return { shard, source, tag: batch.tag, appendMs, span, doneBelow };
}

/** A frame that nothing changed passes as it lies in the journal. */
function wholeBatch(part: ChunkBatch): StoredBatch | undefined {
  const { batch } = part;
  const whole = part.span && batch.wholeJson();
  if (!whole) return undefined;
  const { firstOffset, seconds, nanos } = batch.block.parts;
  const offsets = new Float64Array(batch.count);
  for (let row = 0; row < batch.count; row++) offsets[row] = firstOffset + row;
  const { payload, bounds } = whole;
  const times = batch.hasOwnTimes ? timesOf(batch, allRows(batch)) : { seconds, nanos };
  return { ...headOf(part), ordinals: undefined, offsets, ...times, payload, bounds };
}

interface Encoded {
  readonly batch: Omit<StoredBatch, 'payload'>;
  /** Of its payload in what was written. */
  readonly range: readonly [number, number];
}

/** `first`: number of its first row in the chunk. */
function encodedBatch(part: ChunkBatch, first: number, out: ByteWriter, refused: RefusedRow[]): Encoded {
  const { batch } = part;
  const offsetOf = (row: number): number => batch.offset(row);
  return encodeRows(batch, first, orderedRows(part), offsetOf, (row) => part.ordinal(row), headOf(part), out, refused);
}

/** Writes rows, which are in the store's order. */
function encodeRows(
  batch: Batch,
  first: number,
  ordered: readonly number[],
  offsetOf: (row: number) => number,
  ordinalOf: (row: number) => number,
  head: ReturnType<typeof headOf>,
  out: ByteWriter,
  refused: RefusedRow[],
): Encoded {
  const start = out.length;
  const rows: number[] = [];
  const bounds = [0];
  for (const row of ordered) {
    const before = out.length;
    try {
      writeJson(batch, row, out);
    } catch (error) {
      // What cannot be decoded, which only a damaged or foreign record is.
      out.truncate(before);
      refused.push({ row: first + row, reason: `no record: ${errorText(error)}` });
      continue;
    }
    rows.push(row);
    bounds.push(out.length - start);
  }
  const ordinals = Int32Array.from(rows, (row) => ordinalOf(row));
  const stored = {
    ...head,
    offsets: Float64Array.from(rows, (row) => offsetOf(row)),
    ordinals: ordinals.every((ordinal) => ordinal < 0) ? undefined : ordinals,
    ...timesOf(batch, rows),
    bounds: Uint32Array.from(bounds),
  };
  return { batch: stored, range: [start, out.length] };
}

function timesOf(batch: Batch, rows: readonly number[]): { seconds: Float64Array; nanos: Uint32Array } {
  return {
    seconds: Float64Array.from(rows, (row) => batch.seconds(row)),
    nanos: Uint32Array.from(rows, (row) => batch.nanos(row)),
  };
}

function allRows({ count }: Batch): number[] {
  return Array.from({ length: count }, (_, row) => row);
}

/** Rows in the store's order: filters may have changed it. */
function orderedRows(part: ChunkBatch): number[] {
  const { batch } = part;
  const rows = allRows(batch);
  if (part.span) return rows;
  return rows.sort((a, b) => batch.offset(a) - batch.offset(b) || part.ordinal(a) - part.ordinal(b));
}

// ---------------------------------------------------------------------------------------------------- origins

/** Records of one stream in a part, and what is done with them. */
interface StreamRows {
  readonly stream: string;
  readonly rows: { readonly row: number; readonly offset: number; readonly ordinal: number }[];
  /** Done ranges by ordinal. */
  readonly covered: Map<number, RangeSet>;
}

/**
 * A part of whose records some came from another program: each counts under its origin, so that the store leaves out what
 * it has taken from an earlier arrival. The others count as ever, but the part's range is not done with them alone.
 */
function originBatches(part: ChunkBatch, first: number, out: ByteWriter, refused: RefusedRow[]): Encoded[] {
  const streams = new Map<string, StreamRows>();
  const own: number[] = [];
  visitOrigins(part, (origin, row) => {
    const ordinal = origin && joinOrdinals(origin.ordinal, row < 0 ? -1 : part.ordinal(row));
    if (!origin || ordinal === undefined) {
      if (row >= 0) own.push(row);
      return;
    }
    let into = streams.get(origin.stream);
    if (!into) streams.set(origin.stream, (into = { stream: origin.stream, rows: [], covered: new Map() }));
    let ranges = into.covered.get(ordinal);
    if (!ranges) into.covered.set(ordinal, (ranges = new RangeSet()));
    ranges.add(origin.offset - origin.before, origin.offset + 1 + origin.after);
    if (row >= 0) into.rows.push({ row, offset: origin.offset, ordinal });
  });
  const made = [...streams.values()].map((rows) => streamBatch(part, first, rows, out, refused));
  if (own.length === 0) return made;
  own.sort((a, b) => part.batch.offset(a) - part.batch.offset(b) || part.ordinal(a) - part.ordinal(b));
  const offsetOf = (row: number): number => part.batch.offset(row);
  const head = { ...headOf(part), span: undefined };
  return [...made, encodeRows(part.batch, first, own, offsetOf, (row) => part.ordinal(row), head, out, refused)];
}

function streamBatch(
  part: ChunkBatch,
  first: number,
  { stream, rows, covered }: StreamRows,
  out: ByteWriter,
  refused: RefusedRow[],
): Encoded {
  rows.sort((a, b) => a.offset - b.offset || a.ordinal - b.ordinal);
  // Two arrivals of one record in one frame: the second is left out here, those in other frames by the store.
  const once = rows.filter(
    ({ offset, ordinal }, i) => offset !== rows[i - 1]?.offset || ordinal !== rows[i - 1]?.ordinal,
  );
  const byRow = new Map(once.map((one) => [one.row, one]));
  const head = {
    ...headOf(part),
    shard: stream,
    span: undefined,
    doneBelow: 0,
    covered: [...covered].flatMap(([ordinal, ranges]) =>
      pairsOf(ranges.flat()).map(([low, high]) => ({ ordinal, low, high })),
    ),
  };
  const offsetOf = (row: number): number => byRow.get(row)?.offset ?? 0;
  const ordinalOf = (row: number): number => byRow.get(row)?.ordinal ?? -1;
  const inOrder = once.map(({ row }) => row);
  return encodeRows(part.batch, first, inOrder, offsetOf, ordinalOf, head, out, refused);
}

function pairsOf(flat: readonly number[]): [number, number][] {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i] as number, flat[2 * i + 1] as number]);
}
