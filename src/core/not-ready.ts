/**
 * Thrown by a filter that cannot work on a batch yet, because something outside has not answered. The router keeps what came
 * before, the dispatcher leaves the shard alone until `ready`, and the filter is called again with the same batch.
 */
export class NotReady extends Error {
  /** Resolves when calling again makes sense, which may be early; never rejects. The filter bounds the wait, nobody else does. */
  readonly ready: Promise<unknown>;

  constructor(ready: Promise<unknown>) {
    super('not ready yet');
    this.name = 'NotReady';
    this.ready = ready;
  }
}
