/** What the bench of outputs measures of each. */

/** A way of an output through which records go. */
export interface OutputCase {
  readonly name: string;
  /** Writes so many records as requests once; gives what it wrote, or its beginning. */
  prepare(count: number): () => Buffer | Promise<Buffer>;
  /** Records per CPU second that it must reach; undefined: it is only shown. */
  readonly mustReach: number | undefined;
}
