/**
 * Records that the stores of a copy share: what a filter behind one store changes in place, the stores behind it see.
 * Source: Fluentd 1.16 out_copy.rb (`copy_mode no_copy`, `shallow`) and the references that Ruby's `dup` leaves shared.
 */
import type { Batch } from '../core/batch.ts';
import { stringifyJson } from '../core/json.ts';
import { copyFields, fieldKeys, getField, setField } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';

/** What one store gets, and what became of it. */
export class SharedRecords {
  readonly #batch: Batch;
  readonly #isWhole: boolean;
  readonly #rows = new Map<number, number>();
  readonly #changed = new Map<number, Fields>();

  /** `isWhole`: the record itself is shared; otherwise only what is nested in it. */
  constructor(batch: Batch, isWhole: boolean) {
    this.#batch = batch;
    this.#isWhole = isWhole;
    for (let row = 0; row < batch.count; row++) this.#rows.set(batch.offset(row), row);
  }
  /** A filter changed a record of `batch`, which came from here, in place into `after`. */
  note(batch: Batch, row: number, after: Fields): void {
    const own = this.#rows.get(batch.offset(row));
    if (own === undefined) return;
    const first = this.#batch.fields(own);
    const before = batch.fields(row);
    const known = this.#changed.get(own) ?? first;
    // Behind a filter that made a new record only what is nested is still the same.
    this.#changed.set(own, this.#isWhole && before === first ? after : withNested(known, before, after));
  }
  /** The records as the next store sees them. */
  after(): Batch {
    return this.#changed.size === 0 ? this.#batch : this.#batch.map((fields, row) => this.#changed.get(row) ?? fields);
  }
}

/** `shared` with the nested values of `after` that it has in common with `before`. */
function withNested(shared: Fields, before: Fields, after: Fields): Fields {
  const fields = copyFields(shared);
  for (const key of fieldKeys(shared)) {
    const value = getField(shared, key);
    const changed = getField(after, key);
    if (isNested(value) && isNested(changed) && isSame(value, getField(before, key))) setField(fields, key, changed);
  }
  return fields;
}

function isNested(value: Value | undefined): value is Value {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array);
}

function isSame(value: Value, other: Value | undefined): boolean {
  return value === other || (isNested(other) && stringifyJson(value) === stringifyJson(other));
}
