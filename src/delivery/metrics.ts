/** What delivery counts for Prometheus. Counters begin at 0 with the process; the durable counts are in the cursors. */
import type { Metrics } from '../core/metrics.ts';

/** Buckets for one write, in seconds: from a local file to a target that is nearly timing out. */
const writeBuckets = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60];

export class DeliveryMetrics {
  readonly delivered: (output: string, count: number, bytes: number) => void;
  readonly refused: (output: string, reason: string, count: number) => void;
  readonly retried: (output: string, count: number) => void;
  readonly observe: (output: string, seconds: number) => void;
  readonly noRoute: (tag: string, count: number) => void;

  constructor(
    metrics: Metrics,
    lags: () => Iterable<{
      readonly id: string;
      readonly waiting: number;
      readonly lagMs: number;
      readonly queuedBytes: number;
    }>,
  ) {
    const delivered = metrics.counter('records_delivered_total', 'Records an output delivered.', ['output']);
    const refused = metrics.counter(
      'output_records_refused_total',
      'Records an output, or the router (output="@router"), refused, by reason.',
      ['output', 'reason'],
    );
    const bytes = metrics.counter(
      'delivered_bytes_total',
      'Bytes of the records that an output delivered, as the journal holds them.',
      ['output'],
    );
    const retries = metrics.counter('output_retries_total', 'Writes that failed and are tried again.', ['output']);
    const retried = metrics.counter(
      'output_retried_records_total',
      'Records of such writes, each as often as it is tried again.',
      ['output'],
    );
    const writes = metrics.histogram('output_write_seconds', 'Time that successful writes took.', writeBuckets, [
      'output',
    ]);
    const noRoute = metrics.counter(
      'records_no_route_total',
      'Records that no route took, by tag; tags beyond a bound count as "other".',
      ['tag'],
    );
    this.delivered = (output, count, size) => {
      delivered.inc({ output }, count);
      bytes.inc({ output }, size);
    };
    this.refused = (output, reason, count) => refused.inc({ output, reason }, count);
    this.retried = (output, count) => {
      retries.inc({ output });
      retried.inc({ output }, count);
    };
    this.observe = (output, seconds) => writes.observe({ output }, seconds);
    this.noRoute = (tag, count) => noRoute.inc({ tag }, count);
    metrics.gauge('output_lag_records', 'Durable records that an output is not done with.', ['output'], (gauge) => {
      gauge.reset();
      for (const { id, waiting } of lags()) gauge.set({ output: id }, waiting);
    });
    metrics.gauge('output_lag_seconds', 'Age of the oldest record that an output holds.', ['output'], (gauge) => {
      gauge.reset();
      for (const { id, lagMs } of lags()) gauge.set({ output: id }, lagMs / 1000);
    });
    metrics.gauge('output_queue_bytes', 'Bytes of records that an output holds in memory.', ['output'], (gauge) => {
      gauge.reset();
      for (const { id, queuedBytes } of lags()) gauge.set({ output: id }, queuedBytes);
    });
  }
}
