/** Clusters of a process: one for each way to reach one, whichever filters use it. */
import { createHash } from 'node:crypto';
import { realDisk } from '../core/disk.ts';
import type { PluginContext } from '../core/plugin.ts';
import { LiveCluster } from './cluster.ts';
import type { Cluster, ClusterSettings } from './contract.ts';

export function sharedCluster(context: PluginContext, settings: ClusterSettings): Cluster {
  const digest = createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 16);
  return context.shared(`kubernetes-${digest}`, (directory) => {
    const { clock, log } = context;
    return new LiveCluster({ settings, directory, disk: realDisk, clock, log });
  });
}

/** Where a program in a pod finds the API. Source: Kubernetes, "Accessing the Kubernetes API from a Pod". */
export function clusterUrl(env: NodeJS.ProcessEnv): string | undefined {
  const host = env['KUBERNETES_SERVICE_HOST'];
  const port = env['KUBERNETES_SERVICE_PORT'];
  if (!host || !port) return undefined;
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The node that the program runs on, as the downward API says it: K8S_NODE_NAME for Fluentd's filter, NODE_NAME for Fluent Bit. */
export function nodeNameOf(env: NodeJS.ProcessEnv): string | undefined {
  return [env['K8S_NODE_NAME'], env['NODE_NAME']].map((name) => name?.trim()).find((name) => name);
}

/** @throws Error where the text is no address */
export function checkUrl(url: string, option: string): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== 'http:' && parsed?.protocol !== 'https:')
    throw new Error(`${option} ${url}: expected http://host:port or https://host:port`);
  if (parsed.username !== '' || parsed.password !== '')
    throw new Error(`${option} holds a user or a password: the API takes a token, from a file`);
}

/** Where the kubelet puts what a pod needs to reach the API. */
export const serviceAccountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';
