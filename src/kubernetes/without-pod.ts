/** The count of records that a filter let go on without their pod. */
import type { PluginContext } from '../core/plugin.ts';

/** Counts records by the reason why nothing is known of their pod. */
export type CountWithoutPod = (reason: 'absent' | 'unavailable', count: number) => void;

export function countWithoutPod({ metrics }: PluginContext): CountWithoutPod {
  const counter = metrics.counter(
    'kubernetes_records_without_pod_total',
    'Records that went on without metadata of their pod, by reason; counted each time they are filtered.',
    ['reason'],
  );
  return (reason, count) => counter.inc({ reason }, count);
}
