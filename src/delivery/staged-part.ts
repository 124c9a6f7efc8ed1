/** Records of a staged chunk on their way to the output. */
import type { Batch } from '../core/batch.ts';
import { emissionIdOf } from './part.ts';
import type { ChunkPart } from './part.ts';

/** Told of rows of a staged chunk that are over, by their numbers in it. */
interface StagedOwner {
  finish(from: number, to: number): void;
  /** Why its rows are to be refused instead of written. */
  readonly dropReason: string | undefined;
}

export class StagedPart implements ChunkPart {
  readonly batch: Batch;
  readonly heldBytes: number;
  /** Its offsets are done for the cursor already. */
  readonly shard = undefined;
  readonly #owner: StagedOwner;
  /** Done offsets are told by ranges of rows, of which targets know nothing. */
  readonly span = undefined;
  /** Below a staged record others are staged, and other parts may be anywhere. */
  readonly doneBelow = 0;
  /** Number of each row in its chunk, ascending. */
  readonly #numbers: readonly number[];
  /** By index in the batch's block. */
  readonly #ordinals: Int32Array | undefined;

  constructor(
    owner: StagedOwner,
    batch: Batch,
    numbers: readonly number[],
    ordinals: Int32Array | undefined,
    heldBytes: number,
  ) {
    this.#owner = owner;
    this.batch = batch;
    this.heldBytes = heldBytes;
    this.#numbers = numbers;
    this.#ordinals = ordinals;
  }
  get bytes(): number {
    return this.batch.totalBytes();
  }
  get appendMs(): number {
    return this.batch.block.parts.appendMs;
  }
  emissionId(row: number): string {
    return emissionIdOf(this.batch, row, this.ordinal(row));
  }
  ordinal(row: number): number {
    return this.#ordinals?.[this.batch.index(row)] ?? -1;
  }
  get dropReason(): string | undefined {
    return this.#owner.dropReason;
  }
  finish(): void {
    let from = 0;
    for (let row = 1; row <= this.#numbers.length; row++) {
      if (this.#numbers[row] === (this.#numbers[row - 1] as number) + 1) continue;
      this.#owner.finish(this.#numbers[from] as number, (this.#numbers[row - 1] as number) + 1);
      from = row;
    }
  }
  finishers(): (() => void)[] {
    const owner = this.#owner;
    return this.#numbers.map((number) => () => owner.finish(number, number + 1));
  }
  split(groups: readonly (readonly number[])[]): StagedPart[] {
    return groups.map((rows) => {
      const bytes = (this.heldBytes * rows.length) / this.batch.count;
      const numbers = rows.map((row) => this.#numbers[row] as number);
      return new StagedPart(this.#owner, this.batch.select(rows), numbers, this.#ordinals, bytes);
    });
  }
}
