/** Counters and gauges, exposed in Prometheus form. Names follow Prometheus conventions; every metric has a help text. */
// The parts that are used, each from its file: the package's entry also loads a client for push gateways, summaries and an
// API for tracing, 8 MB and 40 ms at the start.
import Counter from 'prom-client/lib/counter.js';
import Gauge from 'prom-client/lib/gauge.js';
import Histogram from 'prom-client/lib/histogram.js';
import Registry from 'prom-client/lib/registry.js';

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
