/** What sources took and refused, as metrics. Counted in plain numbers and handed over when somebody asks. */
import type { Metrics } from '../core/metrics.ts';
import { PackedRecords } from '../core/packed-records.ts';
import type { AppendRequest } from '../core/plugin.ts';

/** Distinct tags counted on their own; tags come from outside, and every one would be a time series for ever. */
const tagsMax = 200;
const otherTags = '(other)';

export class SourceCounts {
  readonly #received = new Map<string, { records: number; bytes: number }>();
  readonly #refused = new Map<string, { source: string; reason: string; tag: string; count: number }>();
  readonly #tags = new Set<string>();

  constructor(metrics: Metrics) {
    metrics.counter('records_received_total', 'Records made durable, by source.', ['source'], (counter) => {
      counter.reset();
      for (const [source, { records }] of this.#received) counter.inc({ source }, records);
    });
    metrics.counter(
      'received_bytes_total',
      'Bytes of these records, as the journal holds them.',
      ['source'],
      (counter) => {
        counter.reset();
        for (const [source, { bytes }] of this.#received) counter.inc({ source }, bytes);
      },
    );
    metrics.counter(
      'requests_refused_total',
      'Requests or lines that a source did not accept, by reason and tag.',
      ['source', 'reason', 'tag'],
      (counter) => {
        counter.reset();
        for (const { count, ...labels } of this.#refused.values()) counter.inc(labels, count);
      },
    );
  }
  /** An append that counts what became durable. */
  counting(
    source: string,
    append: (request: AppendRequest) => Promise<number>,
  ): (request: AppendRequest) => Promise<number> {
    const counts = this.#received.get(source) ?? { records: 0, bytes: 0 };
    this.#received.set(source, counts);
    return async (request) => {
      const offset = await append(request);
      const { records } = request;
      counts.records += records.seconds.length;
      if (records instanceof PackedRecords) counts.bytes += records.bytes.length;
      else for (const payload of records.payloads) counts.bytes += Buffer.byteLength(payload);
      return offset;
    };
  }
  refused(source: string, reason: string, tag: string, count: number): void {
    if (!this.#tags.has(tag) && this.#tags.size < tagsMax) this.#tags.add(tag);
    const counted = this.#tags.has(tag) ? tag : otherTags;
    const key = JSON.stringify([source, reason, counted]);
    const known = this.#refused.get(key);
    if (known) known.count += count;
    else this.#refused.set(key, { source, reason, tag: counted, count });
  }
}
