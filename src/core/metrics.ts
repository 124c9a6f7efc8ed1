/** Counters and gauges, exposed in Prometheus form. Names follow Prometheus conventions; every metric has a help text. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** One registry per process (tests make their own). */
export class Metrics {
  readonly registry = new Registry();

  /** `collect` is called at each scrape, for counts that are kept elsewhere. */
  counter(
    name: string,
    help: string,
    labelNames: string[] = [],
    collect?: (counter: Counter) => void | Promise<void>,
  ): Counter {
    return this.#once(name, () => {
      const counter: Counter = new Counter({
        name,
        help,
        labelNames,
        registers: [this.registry],
        ...(collect ? { collect: () => collect(counter) } : {}),
      });
      return counter;
    });
  }
  /** `collect` is called at each scrape, to set the value late. */
  gauge(
    name: string,
    help: string,
    labelNames: string[] = [],
    collect?: (gauge: Gauge) => void | Promise<void>,
  ): Gauge {
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
