/** Records on their way into a store, as the output `store` hands them over. */
import type { StoredBatch } from '../src/core/record-store.ts';
import { randomNumbers, recordJson } from './store-records.ts';

/** Records of a batch, about what a journal frame holds under load. */
const batchRecords = 1024;
/** Records per second of record time. */
const recordsPerSecond = 300;
/** 2026-11-21 00:00 UTC. */
const firstSeconds = 1_795_219_200;

/** Makes records number `from` to `to` as batches of one tag each. The same numbers give the same records. */
export class RecordMaker {
  readonly #random = randomNumbers(1);
  #next = 0;
  /** Bytes of the JSON made so far. */
  jsonBytes = 0;

  /** Records made so far. */
  get count(): number {
    return this.#next;
  }
  /** The next batches, with at least `count` records in all. */
  make(count: number): StoredBatch[] {
    const batches: StoredBatch[] = [];
    for (let made = 0; made < count; made += batchRecords)
      batches.push(this.#batch(Math.min(batchRecords, count - made)));
    return batches;
  }

  #batch(count: number): StoredBatch {
    const from = this.#next;
    this.#next += count;
    const isPostback = Math.floor(from / batchRecords) % 5 < 2;
    const offsets = new Float64Array(count);
    const seconds = new Float64Array(count);
    const nanos = new Uint32Array(count);
    const bounds = new Uint32Array(count + 1);
    const texts: string[] = [];
    for (let i = 0; i < count; i++) {
      const n = from + i;
      offsets[i] = n;
      seconds[i] = firstSeconds + Math.floor(n / recordsPerSecond);
      nanos[i] = (n % recordsPerSecond) * 1_000_000;
      const json = recordJson(n, isPostback, this.#random);
      texts.push(json);
      // ASCII only: a character is a byte.
      bounds[i + 1] = (bounds[i] as number) + json.length;
    }
    this.jsonBytes += bounds[count] as number;
    return {
      shard: 'bench',
      source: isPostback ? 'postback' : 'tail',
      tag: isPostback ? 'postback' : 'kube.production',
      appendMs: (seconds[0] as number) * 1000,
      span: { from, to: from + count },
      doneBelow: from,
      offsets,
      ordinals: undefined,
      seconds,
      nanos,
      payload: Buffer.from(texts.join(''), 'latin1'),
      bounds,
    };
  }
}
