/**
 * The `fluentbit_throttle` filter, Fluent Bit's `throttle`: lets pass `rate` records an interval, on average over a window
 * of intervals. Source: Fluent Bit 5.1 filter_throttle/throttle.c, window.c.
 *
 * Time is the records' append time, and what was decided about a record is remembered: one that is read again, by an output
 * that is behind or routes anew, fares as it did before.
 */
import type { Batch } from '../core/batch.ts';
import { fluentbitForm } from '../core/fluentbit.ts';
import { boolean, duration, integer, number } from '../core/options.ts';
import type { OptionValues } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { ByShard, Decided } from './decided.ts';

const options = {
  rate: number('Records that pass in an interval, on average; 1 where it is not above 1.', { default: 1 }),
  window: integer()('Intervals over which the average goes; 5 where it is not above 1.', { default: 5 }),
  interval: duration('Length of an interval.', { default: 1000, isLenient: true }),
  printStatus: boolean('Says the rate in the log when an interval ends.', { default: false }),
};

export const fluentbitThrottleFilter = definePlugin({
  kind: 'filter',
  name: 'fluentbit_throttle',
  summary: 'Lets so many records pass in a time and drops the others, the way Fluent Bit’s throttle does.',
  options,
  fluentbit: fluentbitForm({
    names: ['throttle'],
    options: { rate: {}, window: {}, interval: {}, printStatus: {} },
    example: `[FILTER]
    Name     throttle
    Match    *
    Rate     1000
    Window   300
    Interval 1s`,
  }),
  example: `<filter app.**>
  @type fluentbit_throttle
  rate 1000
  window 300
  interval 1s
</filter>`,
  differences: [
    {
      peer: 'fluentbit',
      text: 'Counts by the clock, all records together. Here the time is that at which the journal took the record, and records of different receiving processes are counted apart, so that a record fares the same when it is read again. A restart begins a new window, as there.',
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Drops records without a word. Here they are counted as refused (`filtered`).',
    },
  ],
  check({ options: { interval } }) {
    if (interval === 0) throw new Error('Interval 0: expected a time above 0, such as 1s');
  },
  create({ options: values }, { log }) {
    const say = (counted: number) =>
      log.info(
        `throttle: the rate is ${counted / windowOf(values)} per ${values.interval} ms, the limit ${rateOf(values)}.`,
      );
    const shards = new ByShard(() => new ShardThrottle(values, values.printStatus ? say : undefined));
    return { apply: (batch) => shards.of(batch).apply(batch) };
  },
});

const rateOf = ({ rate }: OptionValues<typeof options>) => (rate > 1 ? rate : 1);
const windowOf = ({ window }: OptionValues<typeof options>) => (window > 1 ? window : 5);

/** What passed of one shard, by interval. */
class ShardThrottle {
  readonly #rate: number;
  readonly #intervalMs: number;
  readonly #say: ((counted: number) => void) | undefined;
  /** What passed in the intervals of the window; interval i is counted at i modulo its length. */
  readonly #counts: number[];
  #interval = Number.NEGATIVE_INFINITY;
  #total = 0;
  readonly #decided = new Decided();

  constructor(values: OptionValues<typeof options>, say: ((counted: number) => void) | undefined) {
    this.#rate = rateOf(values);
    this.#intervalMs = values.interval;
    this.#counts = Array.from({ length: windowOf(values) }, () => 0);
    this.#say = say;
  }
  apply(batch: Batch): Batch {
    this.#moveTo(Math.floor(batch.block.parts.appendMs / this.#intervalMs));
    const rows: number[] = [];
    for (let row = 0; row < batch.count; row++) if (this.#passes(batch.offset(row))) rows.push(row);
    return rows.length === batch.count ? batch : batch.select(rows);
  }
  #passes(offset: number): boolean {
    const known = this.#decided.get(offset);
    if (known !== undefined) return known;
    const passes = this.#total / this.#counts.length < this.#rate;
    if (passes) {
      this.#total++;
      this.#counts[this.#slot] = (this.#counts[this.#slot] as number) + 1;
    }
    this.#decided.set(offset, passes);
    return passes;
  }
  get #slot(): number {
    return this.#interval % this.#counts.length;
  }
  /** Leaves the intervals that are no longer in the window. Time never goes back. */
  #moveTo(interval: number): void {
    if (interval <= this.#interval) return;
    if (this.#interval === Number.NEGATIVE_INFINITY) {
      this.#interval = interval;
      return;
    }
    this.#say?.(this.#total);
    const length = this.#counts.length;
    const from = Math.max(this.#interval + 1, interval - length + 1);
    for (let one = from; one <= interval; one++) {
      this.#total -= this.#counts[one % length] as number;
      this.#counts[one % length] = 0;
    }
    this.#interval = interval;
  }
}
