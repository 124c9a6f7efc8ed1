/**
 * Kubernetes' API server with etcd behind it, as one server: RBAC on, tokens of service accounts as a cluster gives them, no
 * kubelet and no controllers, so that nothing happens to a pod but what a test does. The API server is built from its Go
 * modules, whose versions and checksums kube-apiserver/go.mod and go.sum pin; etcd is Debian's.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../free-port.ts';
import type { Running, Service } from './contract.ts';
import { buildGoProgram, goProgramPath, type GoProgram } from './go.ts';
import { Cluster } from './kubernetes-cluster.ts';
import { installPackage } from './packages.ts';
import { ServerProcess } from './server-process.ts';

/** Some 15 minutes of two cores the first time, seconds where Go's build cache has it. */
const program: GoProgram = {
  name: 'kube-apiserver',
  partOf: 'kubernetes',
  version: '1.37.2',
  package: 'k8s.io/kubernetes/cmd/kube-apiserver',
  // Without its version the API server believes to be 0.0 and refuses to start.
  variables: {
    'k8s.io/component-base/version.gitVersion': 'v1.37.2',
    'k8s.io/component-base/version.gitMajor': '1',
    'k8s.io/component-base/version.gitMinor': '37',
    'k8s.io/component-base/version.gitTreeState': 'clean',
  },
};

/** Who may do everything; the file of tokens names it. */
const adminToken = 'tests-of-post2log-may-do-all';

/**
 * Why tests have no API server: false where it is built, or can be within `limitMs` because Go's build cache has most of it. For
 * `skip`: a test run must not depend on a build of a quarter of an hour.
 */
export async function whyNoKubernetes(limitMs = 60_000): Promise<string | false> {
  try {
    await buildGoProgram(program, limitMs);
    return false;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function openssl(directory: string, ...args: string[]): void {
  const made = spawnSync('openssl', args, { cwd: directory, encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`openssl ${args.join(' ')} failed:\n${made.stderr}`);
}

/** `ca` vouches for `server`; `accounts` signs the tokens of service accounts. */
function makeCertificates(directory: string): void {
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const make = (name: string, ...more: string[]): void =>
    openssl(directory, ...request, '-keyout', `${name}.key`, '-out', `${name}.pem`, ...more);
  make('ca', '-subj', '/CN=post2log tests');
  const names = 'IP:127.0.0.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc';
  const byCa = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-addext', 'basicConstraints=CA:FALSE'];
  make('server', '-subj', '/CN=kube-apiserver', ...byCa, '-addext', `subjectAltName=${names}`);
  openssl(directory, 'genrsa', '-out', 'accounts.key', '2048');
}

class KubernetesServer implements Running {
  readonly addresses: Readonly<Record<string, string>>;
  readonly #parts: readonly ServerProcess[];

  /** In the order in which they start. */
  constructor(addresses: Readonly<Record<string, string>>, parts: readonly ServerProcess[]) {
    this.addresses = addresses;
    this.#parts = parts;
  }
  get pids(): readonly number[] {
    return this.#parts.flatMap(({ pids }) => pids);
  }
  async stop(): Promise<void> {
    for (const part of this.#parts.toReversed()) await part.stop();
  }
  async kill(): Promise<void> {
    await Promise.all(this.#parts.map((part) => part.kill()));
  }
  async restart(): Promise<void> {
    await this.stop();
    for (const part of this.#parts) await part.restart();
  }
}

function startEtcd(directory: string, url: string, peerUrl: string): Promise<ServerProcess> {
  const home = join(directory, 'etcd');
  mkdirSync(home);
  const peers = ['--initial-advertise-peer-urls', peerUrl, '--listen-peer-urls', peerUrl, '--initial-cluster'];
  return ServerProcess.start({
    name: 'etcd',
    program: 'etcd',
    args: [
      '--data-dir',
      'data',
      '--listen-client-urls',
      url,
      '--advertise-client-urls',
      url,
      ...peers,
      `default=${peerUrl}`,
    ],
    directory: home,
    addresses: { url },
    isReady: async () => (await fetch(`${url}/health`)).ok,
  });
}

function startApiServer(directory: string, etcd: string, port: number, cluster: Cluster): Promise<ServerProcess> {
  return ServerProcess.start({
    name: 'kube-apiserver',
    program: goProgramPath(program),
    args: [
      `--etcd-servers=${etcd}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      `--secure-port=${port}`,
      '--endpoint-reconciler-type=none',
      '--service-cluster-ip-range=10.96.0.0/24',
      '--tls-cert-file=server.pem',
      '--tls-private-key-file=server.key',
      '--token-auth-file=tokens.csv',
      '--authorization-mode=RBAC',
      '--service-account-issuer=https://kubernetes.default.svc',
      '--service-account-key-file=accounts.key',
      '--service-account-signing-key-file=accounts.key',
      // It waits for the accounts that a controller makes, and there is none.
      '--disable-admission-plugins=ServiceAccount',
      '--profiling=false',
      `--cert-dir=${directory}`,
    ],
    directory,
    addresses: { url: cluster.url },
    isReady: async () => (await cluster.request('GET', '/readyz')).status === 200,
  });
}

const clusters = new WeakMap<Running, Cluster>();

/** The cluster of a server that was started here, with the rights of its administrator. */
export function clusterOf(running: Running): Cluster {
  const cluster = clusters.get(running);
  if (cluster === undefined) throw new Error('this is no API server that was started here');
  return cluster;
}

export const kubernetes: Service = {
  name: 'kubernetes',
  async install() {
    installPackage('openssl', 'openssl');
    installPackage('etcd', 'etcd-server');
    await buildGoProgram(program);
  },
  async start(directory) {
    makeCertificates(directory);
    writeFileSync(join(directory, 'admin.token'), adminToken);
    writeFileSync(join(directory, 'tokens.csv'), `${adminToken},admin,admin,"system:masters"\n`);
    const [client, peer, port] = [await freePort(), await freePort(), await freePort()];
    const cluster = new Cluster(`https://127.0.0.1:${port}`, join(directory, 'ca.pem'), adminToken);
    const etcd = await startEtcd(directory, `http://127.0.0.1:${client}`, `http://127.0.0.1:${peer}`);
    const apiServer = await startApiServer(directory, etcd.addresses['url'] ?? '', port, cluster).catch(
      async (error: unknown) => {
        await etcd.kill();
        throw error;
      },
    );
    const addresses = { https: cluster.url, ca: cluster.caPath, token: join(directory, 'admin.token') };
    const running = new KubernetesServer(addresses, [etcd, apiServer]);
    clusters.set(running, cluster);
    return running;
  },
};
