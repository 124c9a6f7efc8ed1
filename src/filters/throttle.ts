/**
 * The `throttle` filter of Fluentd: lets so many records of each group pass in a period. Source: fluent-plugin-throttle
 * 0.0.5 filter_throttle.rb.
 */
import { boolean, integer, list } from '../core/options.ts';
import type { OptionValues } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { Batch } from '../core/batch.ts';
import { getField, isFields } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';
import { ByShard, Decided } from './decided.ts';

/** Groups that are counted at a time: some ten megabytes. Beyond it the one that was seen longest ago begins anew. */
const groupsMax = 100_000;

const options = {
  groupKey: list('Fields that make a group; dots lead into objects.', { default: ['kubernetes.container_name'] }),
  groupBucketPeriodS: integer(1)('Length of a period in seconds.', { default: 60 }),
  groupBucketLimit: integer(1)('Records of a group that pass in a period.', { default: 6000 }),
  groupDropLogs: boolean('Drops what is above the limit; false: only says so.', { default: true }),
  groupResetRateS: integer(-1)(
    'A group that was above its limit passes again once so few of its records come in a second; -1: with the next period. Default: what the limit allows.',
  ),
  groupWarningDelayS: integer(1)('Seconds between two warnings about a group.', { default: 10 }),
};
type Values = OptionValues<typeof options>;

export const throttleFilter = definePlugin({
  kind: 'filter',
  name: 'throttle',
  summary: 'Lets so many records of each group pass in a period and drops the others.',
  options,
  example: `<filter kubernetes.**>
  @type throttle
  group_key kubernetes.namespace_name, kubernetes.container_name
  group_bucket_period_s 60
  group_bucket_limit 6000
</filter>`,
  differences: [
    {
      peer: 'fluentd',
      text: 'Counts by the clock, all records together. Here the time is that at which the journal took the record, and records of different receiving processes are counted apart, so that a record fares the same when it is read again.',
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Drops records without a count. Here they are counted as refused (`filtered`).',
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'A record with a text where `group_key` leads into an object fails. Here it belongs to the group of those without that field.',
      options: ['groupKey'],
    },
  ],
  check({ options: values }) {
    const allowed = rateLimitOf(values);
    if (values.groupResetRateS !== undefined && values.groupResetRateS > allowed)
      throw new Error(
        `group_reset_rate_s ${values.groupResetRateS}: must not be above group_bucket_limit / group_bucket_period_s, which is ${allowed}`,
      );
  },
  create({ options: values }, { log }) {
    const shards = new ByShard(() => new Groups(values, (text) => log.warn(`throttle: ${text}`)));
    return { apply: (batch) => shards.of(batch).apply(batch) };
  },
});

const rateLimitOf = ({ groupBucketLimit, groupBucketPeriodS }: Values) =>
  Math.floor(groupBucketLimit / groupBucketPeriodS);

interface Group {
  rateCount: number;
  rateSinceMs: number;
  ratePerSecond: number;
  /** Records of this period; undefined: above the limit until the group passes again. */
  count: number | undefined;
  periodMs: number;
  warnedMs: number | undefined;
}

/** The groups of one shard. */
class Groups {
  readonly #values: Values;
  readonly #resetRate: number;
  readonly #say: (text: string) => void;
  readonly #paths: readonly (readonly string[])[];
  /** In the order in which they were seen last. */
  readonly #groups = new Map<string, Group>();
  readonly #decided = new Decided();

  constructor(values: Values, say: (text: string) => void) {
    this.#values = values;
    this.#resetRate = values.groupResetRateS ?? rateLimitOf(values);
    this.#say = say;
    this.#paths = values.groupKey.map((key) => key.split('.'));
  }
  apply(batch: Batch): Batch {
    const nowMs = batch.block.parts.appendMs;
    const rows: number[] = [];
    for (let row = 0; row < batch.count; row++) {
      const offset = batch.offset(row);
      let passes = this.#decided.get(offset);
      if (passes === undefined) {
        passes = this.#passes(batch.fields(row), nowMs) || !this.#values.groupDropLogs;
        this.#decided.set(offset, passes);
      }
      if (passes) rows.push(row);
    }
    return rows.length === batch.count ? batch : batch.select(rows);
  }
  #passes(fields: Fields, nowMs: number): boolean {
    const { groupBucketLimit, groupBucketPeriodS } = this.#values;
    const name = JSON.stringify(this.#paths.map((path) => keyText(dig(fields, path))));
    const group = this.#take(name, nowMs);
    this.#measure(group, nowMs);
    const periodOf = (ms: number): number => Math.floor(Math.floor(ms / 1000) / groupBucketPeriodS);
    if (periodOf(nowMs) > periodOf(group.periodMs)) {
      if (group.count === undefined && this.#resetRate !== -1 && group.ratePerSecond >= this.#resetRate)
        return this.#refuse(name, group, nowMs);
      group.count = 0;
      group.periodMs = nowMs;
    } else if (group.count === undefined) return this.#refuse(name, group, nowMs);
    group.count++;
    if (group.count <= groupBucketLimit) return true;
    group.count = undefined;
    return this.#refuse(name, group, nowMs);
  }
  /** The group, now the one seen last. Those not seen for two periods go. */
  #take(name: string, nowMs: number): Group {
    const group = this.#groups.get(name) ?? {
      rateCount: 0,
      rateSinceMs: nowMs,
      ratePerSecond: 0,
      count: 0,
      periodMs: nowMs,
      warnedMs: undefined,
    };
    this.#groups.delete(name);
    this.#groups.set(name, group);
    const [oldest] = this.#groups;
    const isOld = oldest && nowMs - oldest[1].rateSinceMs > 2000 * this.#values.groupBucketPeriodS;
    if (oldest && oldest[1] !== group && (isOld || this.#groups.size > groupsMax)) this.#groups.delete(oldest[0]);
    return group;
  }
  #measure(group: Group, nowMs: number): void {
    group.rateCount++;
    const sinceMs = nowMs - group.rateSinceMs;
    if (sinceMs < 1000) return;
    group.ratePerSecond = Math.round(group.rateCount / (sinceMs / 1000));
    group.rateCount = 0;
    group.rateSinceMs = nowMs;
  }
  #refuse(name: string, group: Group, nowMs: number): false {
    const { groupWarningDelayS, groupBucketLimit, groupBucketPeriodS } = this.#values;
    if (group.warnedMs === undefined || nowMs - group.warnedMs >= groupWarningDelayS * 1000) {
      group.warnedMs = nowMs;
      this.#say(
        `group ${name} is above its limit of ${groupBucketLimit} records in ${groupBucketPeriodS} s, with about ${group.ratePerSecond} a second.`,
      );
    }
    return false;
  }
}

function dig(fields: Fields, path: readonly string[]): Value | undefined {
  let value: Value | undefined = fields;
  for (const key of path) value = value !== undefined && isFields(value) ? getField(value, key) : undefined;
  return value;
}

/** False and null are as if they were not there. */
function keyText(value: Value | undefined): unknown {
  if (value === undefined || value === null || value === false) return null;
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Map) return [...value];
  return value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value;
}
