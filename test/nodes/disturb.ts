/** What happens to the cluster during the run, chosen by the seed. */
import { wait } from '../../bench/program.ts';
import type { Random } from '../crash/random.ts';
import type { ClusterNode, LocalCluster } from './cluster.ts';
import { cutKinds, type CutKind } from './network.ts';
import type { Outside } from './outside.ts';

/** What happens besides, while a node is cut off. */
const besides = ['nothing', 'kill', 'power', 'search', 'broker'] as const;
type Beside = (typeof besides)[number];

export interface Disturbance {
  readonly node: ClusterNode;
  readonly kind: CutKind;
  readonly cutMs: number;
  readonly beside: Beside;
}

/** Each node in turn, so that none is spared; the rest by chance. */
export function plan(nodes: readonly ClusterNode[], cuts: number, random: Random): Disturbance[] {
  return Array.from({ length: cuts }, (_, n) => ({
    node: nodes[n % nodes.length] as ClusterNode,
    kind: random.pick(cutKinds),
    cutMs: random.between(500, 8000),
    beside: random.isBelow(0.4) ? 'nothing' : random.pick(besides.slice(1)),
  }));
}

export function told({ node, kind, cutMs, beside }: Disturbance): string {
  const words: Readonly<Record<Beside, string>> = {
    nothing: '',
    kill: ', a pod killed meanwhile',
    power: ', its power lost meanwhile',
    search: ', OpenSearch killed meanwhile',
    broker: ', Kafka killed meanwhile',
  };
  return `${node.name} ${kind} for ${cutMs} ms${words[beside]}`;
}

/** Cuts, and lets the node in again. */
export async function disturb(
  { node, kind, cutMs, beside }: Disturbance,
  cluster: LocalCluster,
  outside: Outside,
  random: Random,
): Promise<void> {
  node.network.cut(kind);
  await wait(cutMs / 2);
  const pods = cluster.podsOn(node);
  // A server takes as long to start as it takes; the node joins again meanwhile.
  let started: Promise<void> = Promise.resolve();
  switch (beside) {
    case 'kill':
      await random.pick(cluster.pods).kill();
      break;
    case 'power':
      await Promise.all(pods.map((pod) => pod.crash()));
      for (const pod of pods) await pod.start();
      break;
    case 'search':
      await outside.search.kill();
      started = outside.search.restart();
      break;
    case 'broker':
      await outside.broker.kill();
      started = outside.broker.restart();
      break;
    case 'nothing':
  }
  await wait(cutMs / 2);
  cluster.rejoin(node);
  await started;
}
