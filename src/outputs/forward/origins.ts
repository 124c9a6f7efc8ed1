/** Which records a message carries, for the option that says so. */
import { visitOrigins } from '../../codecs/part-origins.ts';
import { OriginBuilder, joinOrdinals, streamOf } from '../../core/origin.ts';
import type { OriginRun } from '../../core/origin.ts';
import type { ChunkBatch } from '../../core/plugin.ts';

/** Gathers the origins of the parts of one message, in the order of its entries. */
export class PacketOrigins {
  readonly #output: string;
  readonly #builder = new OriginBuilder();
  readonly #streams = new Map<string, string>();

  /** `output`: the id of the output that sends. */
  constructor(output: string) {
    this.#output = output;
  }
  get runs(): readonly OriginRun[] {
    return this.#builder.runs;
  }
  /** `refused`: rows of the part that are not in the message. */
  add(part: ChunkBatch, refused: ReadonlySet<number>): void {
    if (refused.size === 0 && this.#addWhole(part)) return;
    const { shard, firstOffset } = part.batch.block.parts;
    visitOrigins(part, (origin, row, index) => {
      const own = row < 0 ? -1 : part.ordinal(row);
      const joined = origin && joinOrdinals(origin.ordinal, own);
      const sent =
        origin && joined !== undefined
          ? { ...origin, stream: this.#stream(origin.stream), ordinal: joined }
          : { stream: this.#stream(shard), offset: firstOffset + index, ordinal: own, before: 0, after: 0 };
      if (row < 0 || refused.has(row)) this.#builder.pass(sent);
      else this.#builder.add(sent);
    });
  }
  /** A frame that nothing was taken out of, and nothing added to. */
  #addWhole({ batch, span }: ChunkBatch): boolean {
    const { shard, firstOffset, origins } = batch.block.parts;
    const { count } = batch;
    if (!span || count === 0 || batch.index(count - 1) - batch.index(0) + 1 !== count) return false;
    const offset = batch.offset(0);
    if (!origins) {
      const stream = this.#stream(shard);
      this.#builder.addRun({
        stream,
        rows: count,
        offset,
        ordinal: -1,
        before: offset - span.from,
        after: span.to - offset - count,
      });
      return true;
    }
    if (count !== batch.block.count || span.from > firstOffset || origins.runs.some(({ stream }) => stream === ''))
      return false;
    for (const run of origins.runs) this.#builder.addRun({ ...run, stream: this.#stream(run.stream) });
    return true;
  }
  #stream(from: string): string {
    const known = this.#streams.get(from);
    if (known !== undefined) return known;
    const stream = streamOf(from, this.#output);
    this.#streams.set(from, stream);
    return stream;
  }
}
