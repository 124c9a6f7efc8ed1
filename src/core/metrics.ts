/** Counters and gauges, exposed in Prometheus form. Names follow Prometheus conventions; every metric has a help text. */
import { createRequire } from 'node:module';
import type { Counter, Gauge, Histogram, Registry } from 'prom-client';

/**
 * The parts that are used, each from its file: the package's entry also loads a client for push gateways, summaries and an API
 * for tracing, 8 MB and 40 ms at the start.
 */
const load = createRequire(import.meta.url);
type PromClient = typeof import('prom-client');
const NewCounter = load('prom-client/lib/counter.js') as PromClient['Counter'];
const NewGauge = load('prom-client/lib/gauge.js') as PromClient['Gauge'];
const NewHistogram = load('prom-client/lib/histogram.js') as PromClient['Histogram'];
const NewRegistry = load('prom-client/lib/registry.js') as PromClient['Registry'];

/** One registry per process (tests make their own). */
export class Metrics {
  readonly registry: Registry = new NewRegistry();

  /** `collect` is called at each scrape, for counts that are kept elsewhere. */
  counter(
    name: string,
    help: string,
    labelNames: string[] = [],
    collect?: (counter: Counter) => void | Promise<void>,
  ): Counter {
    return this.#once(name, () => {
      const counter: Counter = new NewCounter({
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
      const gauge: Gauge = new NewGauge({
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
    return this.#once(name, () => new NewHistogram({ name, help, buckets, labelNames, registers: [this.registry] }));
  }
  #once<T>(name: string, make: () => T): T {
    return (this.registry.getSingleMetric(name) as T | undefined) ?? make();
  }
}
