/** A filter that is for some records: those that its condition is true for go through it, the others stay as they are. */
import { compileCondition } from '../codecs/fluentbit-condition.ts';
import type { Condition } from '../codecs/fluentbit-condition.ts';
import { eachGuarded } from '../codecs/guarded-match.ts';
import type { ConditionModel } from '../config/model.ts';
import type { Batch } from '../core/batch.ts';
import type { Instant } from '../core/clock.ts';
import type { Filter, RejectRecord } from '../core/plugin.ts';

/** The filter itself where there is no condition. */
export function conditional(filter: Filter, model: ConditionModel | undefined): Filter {
  if (!model) return filter;
  const condition = compileCondition(model);
  return {
    apply(batch, reject, changed) {
      const { taken, late } = rowsFor(condition, batch, reject);
      if (taken.length === 0 && late.size === 0) return batch;
      const given = batch.select(taken);
      const made = filter.apply(
        given,
        (row, reason) => reject(taken[row] as number, reason),
        changed && ((row, fields) => changed(taken[row] as number, fields)),
      );
      if (late.size === 0 && taken.length === batch.count) return made;
      return merged(batch, taken, late, made);
    },
  };
}

/** A record whose condition takes too long to tell is rejected: neither with nor without the filter would it be right. */
function rowsFor(
  { holds, matches }: Condition,
  batch: Batch,
  reject: RejectRecord,
): { taken: number[]; late: ReadonlySet<number> } {
  const taken: number[] = [];
  const late = new Set<number>();
  eachGuarded(
    batch.count,
    matches,
    (row) => {
      if (holds(batch.tag, batch.fields(row))) taken.push(row);
    },
    (row) => {
      late.add(row);
      reject(row, 'time_limit');
    },
  );
  return { taken, late };
}

/** The batch with what the filter made of some of its records: in the same order, without those that it dropped. */
function merged(batch: Batch, taken: readonly number[], late: ReadonlySet<number>, made: Batch): Batch {
  const madeRows = new Map<number, number>();
  let next = 0;
  for (const row of taken) if (next < made.count && made.index(next) === batch.index(row)) madeRows.set(row, next++);
  const isTaken = new Set(taken);
  const times: (Instant | undefined)[] = [];
  for (const [row, madeRow] of madeRows) if (made.hasOwnTimes) times[row] = made.time(madeRow);
  return batch.map((fields, row) => {
    if (late.has(row)) return undefined;
    if (!isTaken.has(row)) return fields;
    const madeRow = madeRows.get(row);
    return madeRow === undefined ? undefined : made.fields(madeRow);
  }, times);
}
