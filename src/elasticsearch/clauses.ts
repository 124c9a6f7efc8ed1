/** Pieces of the servers' query language (query DSL). */
import type { FieldVariant } from './mapping.ts';

/** A query, or a part of one. */
export type Clause = Readonly<Record<string, unknown>>;

export const everything: Clause = { match_all: {} };
export const nothing: Clause = { match_none: {} };

/** All of them at once. */
export function all(clauses: readonly Clause[]): Clause {
  const [first] = clauses;
  if (clauses.includes(nothing)) return nothing;
  const some = clauses.filter((clause) => clause !== everything);
  if (some.length === 0) return first === undefined ? everything : first;
  return some.length === 1 ? (some[0] ?? everything) : { bool: { filter: some } };
}

/** At least one of them. */
export function any(clauses: readonly Clause[]): Clause {
  if (clauses.includes(everything)) return everything;
  const some = clauses.filter((clause) => clause !== nothing);
  if (some.length === 0) return nothing;
  return some.length === 1 ? (some[0] ?? nothing) : { bool: { should: some, minimum_should_match: 1 } };
}

/** All but what it finds. */
export function not(clause: Clause): Clause {
  if (clause === everything) return nothing;
  return clause === nothing ? everything : { bool: { must_not: [clause] } };
}

export function exists(field: string): Clause {
  return { exists: { field } };
}

export function term(field: string, value: string | boolean): Clause {
  return { term: { [field]: { value } } };
}

/** One of some values. */
export function oneOf(field: string, values: readonly string[]): Clause {
  const different = [...new Set(values)];
  const [first] = different;
  if (first === undefined) return nothing;
  return different.length === 1 ? term(field, first) : { terms: { [field]: different } };
}

export function regexp(field: string, value: string): Clause {
  return { regexp: { [field]: { value } } };
}

export function range(field: string, bounds: Readonly<Record<string, string>>): Clause {
  return { range: { [field]: bounds } };
}

/** Only where the indices have it so, and inside of the documents that hold it. */
export function placed(field: FieldVariant, clause: Clause): Clause {
  if (clause === nothing) return nothing;
  const { indices, nestedPath } = field;
  const inIndices = indices ? all([{ terms: { _index: indices } }, clause]) : clause;
  return nestedPath === undefined
    ? inIndices
    : { nested: { path: nestedPath, query: inIndices, ignore_unmapped: true } };
}
