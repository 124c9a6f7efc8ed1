/** What the store is for Prometheus. Rates and lag of its output are among those of all outputs. */
import type { Metrics } from '../core/metrics.ts';
import type { StoreStatus } from '../store/contract.ts';
import type { StoreProcess } from './store-process.ts';

/** Adds them. The store is asked once for each scrape; while it does not answer, what only it knows is left out. */
export function addStoreMetrics(metrics: Metrics, store: StoreProcess): void {
  let asked: Promise<StoreStatus | undefined> | undefined;
  const status = (): Promise<StoreStatus | undefined> => {
    asked ??= store.status().finally(() => (asked = undefined));
    return asked;
  };
  const gauge = (name: string, help: string, valueOf: (status: StoreStatus) => number): void => {
    metrics.gauge(name, help, [], async (one) => {
      one.reset();
      const found = await status();
      if (found) one.set(valueOf(found));
      else one.remove();
    });
  };
  metrics.counter('store_inserted_records_total', 'Records given to the store that it has taken.', [], (counter) => {
    counter.reset();
    counter.inc(store.inserted);
  });
  metrics.counter('store_restarts_total', 'Times the process of the store was started again.', [], (counter) => {
    counter.reset();
    counter.inc(store.restarts);
  });
  gauge('store_records', 'Records in the store.', ({ records }) => records);
  gauge('store_bytes', 'Bytes of the store on disk.', ({ bytes }) => bytes);
  gauge('store_partitions', 'Partitions of the store.', ({ partitions }) => partitions.length);
  gauge(
    'store_partitions_set_aside',
    'Partitions that could not be read and were moved away.',
    (found) => found.setAside.length,
  );
}
