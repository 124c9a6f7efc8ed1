/**
 * Nodes of a cluster that lose each other: `npm run test:nodes -- --cuts 20 --seed 7`.
 *
 * The chart is rendered, and what it renders runs as it is written: commands, variables, mounts, probes, rights, on three nodes made
 * of namespaces of this machine, with a real API server, OpenSearch and Kafka. Pods on two nodes write lines, whose files are rotated;
 * somebody outside calls the receivers. Node after node is cut off from all others and joins again, while pods, servers or the node's power fail.
 * Then every line, and every postback that was answered, is once in the explorer's store, once in OpenSearch and once in Kafka, and one
 * search at the explorer finds records of all pods on both nodes. Exit 0: no problem found. 1: problems; the directory is
 * kept. 2: arguments, or something is missing that it needs.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { runCrashTest } from '../crash/outcome.ts';
import { whyNoKubernetes } from '../services/kubernetes.ts';
import { installPackage } from '../services/packages.ts';
import { whyNoHelm } from './helm.ts';
import { Outside } from './outside.ts';
import { runNodes } from './scenario.ts';

function readOptions() {
  const { values } = parseArgs({
    options: {
      cuts: { type: 'string', default: '20' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
      keep: { type: 'boolean', default: false },
    },
  });
  const whole = (name: 'cuts' | 'seed'): number => {
    if (/^\d+$/.test(values[name])) return Number(values[name]);
    throw new Error(`--${name} ${values[name]}: expected a whole number`);
  };
  return { cuts: whole('cuts'), seed: whole('seed'), isKept: values.keep };
}

/** Installs what is missing, and begins anew in namespaces of its own, which end with all that is in them. */
async function enter(): Promise<void> {
  const { cuts, seed, isKept } = readOptions();
  installPackage('nft', 'nftables');
  installPackage('ip', 'iproute2');
  installPackage('setpriv', 'util-linux');
  const why = whyNoHelm() || (await whyNoKubernetes());
  if (why !== false) {
    console.log(`nothing was run: ${why}\n0 passed, 0 failed, 1 skipped`);
    return;
  }
  await Outside.install();
  const words = ['--cuts', String(cuts), '--seed', String(seed), ...(isKept ? ['--keep'] : [])];
  const namespaces = ['--mount', '--net', '--pid', '--fork', '--mount-proc', '--kill-child=SIGKILL'];
  const child = spawn(
    'unshare',
    [...namespaces, process.execPath, ...process.execArgv, import.meta.filename, ...words],
    {
      env: { ...process.env, P2L_NODES: 'inside' },
      stdio: 'inherit',
    },
  );
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => child.kill('SIGTERM'));
  const [code] = (await once(child, 'exit')) as [number | null];
  process.exitCode = code ?? 1;
}

if (process.env['P2L_NODES'] === 'inside') {
  await runCrashTest('test:nodes', () => {
    const { cuts, seed, isKept } = readOptions();
    return {
      headline: `nodes that lose each other: --cuts ${cuts} --seed ${seed}`,
      prefix: 'p2l-nodes-',
      isKept,
      run: (directory) => runNodes(directory, { cuts, seed }),
    };
  });
  // Servers and nodes end with the namespaces.
  process.exit();
}
await enter().catch((error: unknown) => {
  console.error(`test:nodes: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 2;
});
