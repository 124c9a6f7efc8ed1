/** Helm with a real API server, as a person with a kubeconfig has it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { chartPath, type KubernetesObject } from '../helm/chart.ts';
import { temporaryDirectory, until } from '../program.ts';
import type { Running } from '../services/contract.ts';
import { startService } from '../services/fixture.ts';
import type { Cluster } from '../services/kubernetes-cluster.ts';
import { helm } from '../services/kubernetes-tools.ts';
import { clusterOf, kubernetes } from '../services/kubernetes.ts';
import { ApiObjects } from './api-objects.ts';

export interface HelmAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The objects of YAML documents. */
export function objectsOf(manifests: string): KubernetesObject[] {
  return parseAllDocuments(manifests)
    .map((document) => {
      assert.deepEqual(document.errors, []);
      return document.toJS() as KubernetesObject | null;
    })
    .filter((object) => object !== null);
}

export class HelmCluster {
  readonly cluster: Cluster;
  readonly namespace = 'logging';
  readonly objects: ApiObjects;
  readonly #directory: string;
  readonly #server: Running;

  private constructor(server: Running, directory: string) {
    this.#server = server;
    this.#directory = directory;
    this.cluster = clusterOf(server);
    this.objects = new ApiObjects(this.cluster, this.namespace);
  }
  static async start(context: TestContext): Promise<HelmCluster> {
    const helmCluster = new HelmCluster(await startService(context, kubernetes), await temporaryDirectory(context));
    writeFileSync(helmCluster.kubeconfig, helmCluster.#configuration(), { mode: 0o600 });
    await helmCluster.cluster.createNamespace(helmCluster.namespace);
    return helmCluster;
  }
  get kubeconfig(): string {
    return join(this.#directory, 'kubeconfig');
  }
  /** Waits until the API has what a definition has brought. */
  untilServed(path: string): Promise<unknown> {
    return until(`${path} to be served`, async () => (await this.cluster.request('GET', path)).status === 200);
  }
  async helm(...args: string[]): Promise<HelmAnswer> {
    const home = this.#directory;
    const env = { PATH: process.env['PATH'], HOME: home, KUBECONFIG: this.kubeconfig };
    const options = { env, cwd: home, maxBuffer: 64 * 1024 * 1024 };
    try {
      return { code: 0, ...(await promisify(execFile)(helm.path, [...args, '-n', this.namespace], options)) };
    } catch (error) {
      return error as HelmAnswer;
    }
  }
  /** Helm, which has to be content; what it printed. */
  async must(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.helm(...args);
    assert.equal(code, 0, `helm ${args.join(' ')}\n${stderr}`);
    return stdout;
  }
  /** A release of the chart: `install`, or `upgrade`. */
  async release(word: 'install' | 'upgrade', name: string, values: object): Promise<string> {
    const path = join(this.#directory, `${name}.yaml`);
    writeFileSync(path, JSON.stringify(values));
    return this.must(word, name, chartPath, '-f', path);
  }
  /** What helm says that a release is made of. */
  async manifest(name: string): Promise<KubernetesObject[]> {
    return objectsOf(await this.must('get', 'manifest', name));
  }
  #configuration(): string {
    const { https = '', ca = '', token = '' } = this.#server.addresses;
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'tests',
      contexts: [{ name: 'tests', context: { cluster: 'tests', user: 'admin', namespace: this.namespace } }],
      clusters: [{ name: 'tests', cluster: { server: https, 'certificate-authority': ca } }],
      users: [{ name: 'admin', user: { token: readFileSync(token, 'utf8') } }],
    });
  }
}
