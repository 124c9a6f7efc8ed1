/** What is gone before it was read: counted in bytes, over all runs of a source, and said. */
import type { SourceContext } from '../../core/plugin.ts';

/** Source state beside the files' positions: all bytes that were lost. */
const lostKey = 'lostBytes';

export class Losses {
  readonly #context: SourceContext;
  readonly #count: (bytes: number) => void;
  #bytes = 0;

  constructor(context: SourceContext) {
    this.#context = context;
    this.#count = (bytes) =>
      context.metrics
        .counter(
          'tail_lost_bytes_total',
          'Bytes of files that were seen and were gone before they were read, over all runs.',
          ['source'],
        )
        .inc({ source: context.id }, bytes);
  }
  /** Goes on from what earlier runs lost. */
  open(): void {
    const known = this.#context.state.get(lostKey);
    if (typeof known === 'number') this.#bytes = known;
    this.#count(this.#bytes);
  }
  /** Says what was lost, and counts it; `state` is to be made durable with what it belongs to. */
  add(bytes: number, what: string): void {
    if (bytes > 0) {
      this.#bytes += bytes;
      this.#count(bytes);
      this.#context.log.error(`${what}. ${bytes} bytes that were not read yet are lost.`);
    } else this.#context.log.info(`${what}.`);
  }
  get state(): Readonly<Record<string, number>> {
    return this.#bytes > 0 ? { [lostKey]: this.#bytes } : {};
  }
}
