/**
 * A header that says with each record which one it is, so that a post2log that reads it twice stores it once:
 * `post2log-origin`: stream, offset, ordinal, and how many offsets before and behind the stream never carries, separated by
 * spaces (core/origin.ts).
 */
import { visitOrigins } from '../../codecs/part-origins.ts';
import { encodeOrigin, originHeader } from '../../kafka/origin-header.ts';
import { OriginBuilder, Origins, joinOrdinals, streamOf } from '../../core/origin.ts';
import type { RowOrigin } from '../../core/origin.ts';
import type { ChunkBatch } from '../../core/plugin.ts';

export class OriginHeaders {
  readonly #output: string;
  readonly #streams = new Map<string, string>();

  /** `output`: the id of the output that sends. */
  constructor(output: string) {
    this.#output = output;
  }
  /** The header of each row of a part that `isSent`. */
  of(part: ChunkBatch, isSent: (row: number) => boolean): (row: number) => readonly [string, Buffer] | undefined {
    const origins = sentOrigins(part, isSent, (from) => this.#stream(from));
    return (row) => {
      const origin = origins.get(row);
      return origin && [originHeader, encodeOrigin(origin)];
    };
  }
  #stream(from: string): string {
    const known = this.#streams.get(from);
    if (known !== undefined) return known;
    const stream = streamOf(from, this.#output);
    this.#streams.set(from, stream);
    return stream;
  }
}

/** The origin of each row that is sent, with what lies between them and is not. */
function sentOrigins(
  part: ChunkBatch,
  isSent: (row: number) => boolean,
  stream: (from: string) => string,
): ReadonlyMap<number, RowOrigin> {
  const builder = new OriginBuilder();
  const rows: number[] = [];
  const { shard, firstOffset, offsets } = part.batch.block.parts;
  visitOrigins(part, (origin, row, index) => {
    const own = row < 0 ? -1 : part.ordinal(row);
    const joined = origin && joinOrdinals(origin.ordinal, own);
    const sent =
      origin && joined !== undefined
        ? { ...origin, stream: stream(origin.stream), ordinal: joined }
        : {
            stream: stream(shard),
            offset: offsets ? (offsets[index] as number) : firstOffset + index,
            ordinal: own,
            before: 0,
            after: 0,
          };
    if (row < 0) builder.pass(sent);
    else if (isSent(row)) {
      builder.add(sent);
      rows.push(row);
    }
  });
  const origins = new Origins(builder.runs);
  const found = new Map<number, RowOrigin>();
  for (const [place, row] of rows.entries()) {
    const origin = origins.at(place);
    if (origin) found.set(row, origin);
  }
  return found;
}
