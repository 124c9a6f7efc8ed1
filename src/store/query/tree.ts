/** What a query is made of once it has been read. The same tree is turned into DuckDB SQL here and, later, into other stores' languages. */

/** Characters [start, end) of the query's text, counted in UTF-16 units. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export type QueryTree =
  | { readonly kind: 'all' }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly QueryTree[] }
  | { readonly kind: 'not'; readonly operand: QueryTree }
  | FieldTest;

/** A test of one field, or of all of a record's values. */
export interface FieldTest {
  readonly kind: 'test';
  /**
   * Keys joined by dots, as written; undefined: any value of the record (free text: a phrase or wildcard). `_time _tag _source _id`
   * are the record's own; times are ISO 8601 or ms since 1970, relative ones have been resolved.
   */
  readonly field: string | undefined;
  readonly test: ValueTest;
  readonly at: Span;
}

export type ValueTest =
  /** The words in this order, whole words, ASCII case ignored: `log:"timed out"`, `p1:v1`. */
  | { readonly kind: 'phrase'; readonly text: string }
  /** The whole value, character for character: `level:="error"`. */
  | { readonly kind: 'exact'; readonly text: string }
  /** The whole value (free text: anywhere in a value, ends of words at its ends as in a phrase), ASCII case ignored. */
  | { readonly kind: 'wildcard'; readonly parts: readonly WildcardPart[] }
  /** A regular expression of RE2, found anywhere in the value: `path:~"^/v[12]/"`. Not for free text. */
  | { readonly kind: 'regexp'; readonly source: string }
  | { readonly kind: 'compare'; readonly operator: '<' | '<=' | '>' | '>='; readonly value: string }
  | { readonly kind: 'range'; readonly from: Bound | undefined; readonly to: Bound | undefined }
  /** `field:*` */
  | { readonly kind: 'exists' };

/** End of a range: `[a TO b]` is inclusive, `{a TO b}` is not. */
export interface Bound {
  readonly value: string;
  readonly isInclusive: boolean;
}

/** `any` is `*`: no or more characters. `one` is `?`: exactly one. */
export type WildcardPart = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'any' | 'one' };
