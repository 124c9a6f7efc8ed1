/** Counters and gauges, exposed in Prometheus form. Names follow Prometheus conventions; every metric has a help text. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** One registry per process (tests make their own). */
export class Metrics {
  readonly registry = new Registry();

  counter(name: string, help: string, labelNames: string[] = []): Counter {
    return this.#once(name, () => new Counter({ name, help, labelNames, registers: [this.registry] }));
  }
  /** `collect` is called at each scrape, to set the value late. */
  gauge(name: string, help: string, labelNames: string[] = [], collect?: (gauge: Gauge) => void): Gauge {
    return this.#once(name, () => {
      const gauge: Gauge = new Gauge({
        name,
        help,
        labelNames,
        registers: [this.registry],
        ...(collect ? { collect: () => collect(gauge) } : {}),
      });
      return gauge;
    });
  }
  histogram(name: string, help: string, buckets: number[], labelNames: string[] = []): Histogram {
    return this.#once(name, () => new Histogram({ name, help, buckets, labelNames, registers: [this.registry] }));
  }
  #once<T>(name: string, make: () => T): T {
    return (this.registry.getSingleMetric(name) as T | undefined) ?? make();
  }
}

/** What both sources and outputs count; see `core/metrics.ts` for the names. */
export interface RecordCounters {
  /** Adds to records_refused_total{reason,tag}: a record that was taken or offered and will not be delivered. */
  refused(reason: string, tag: string, count: number): void;
}
