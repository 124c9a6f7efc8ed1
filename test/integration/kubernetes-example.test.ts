/** deploy/examples/kubernetes on a node of its own: a real API server, a real OpenSearch, the configurations' own paths and names. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { root } from '../files.ts';
import { atEnd } from '../program.ts';
import { startService } from '../services/fixture.ts';
import { kubernetes, whyNoKubernetes } from '../services/kubernetes.ts';
import { opensearch } from '../services/opensearch.ts';

const script = join(root, 'deploy/examples/kubernetes/run');
const skip = await whyNoKubernetes();

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

function run(
  context: TestContext,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(script, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    // It cleans up by itself; what it started ends with it.
    atEnd(context, () => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM');
      return Promise.resolve();
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (piece: string) => (output += piece));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

async function chapter(context: TestContext, form: 'docker' | 'cri'): Promise<void> {
  const [cluster, search] = await Promise.all([startService(context, kubernetes), startService(context, opensearch)]);
  const { https = '', ca = '', token = '' } = cluster.addresses;
  const { code, output } = await run(context, [form], {
    OPENSEARCH: search.addresses['http']?.replace('http://', ''),
    KUBERNETES: https.replace('https://', ''),
    KUBERNETES_CA: ca,
    KUBERNETES_TOKEN: token,
    // A test runner below a test runner would speak to this one.
    NODE_TEST_CONTEXT: undefined,
  });
  assert.equal(code, 0, output);
  assert.match(output, /pass 9\n/, output);
}

// Nine starts of the program, behind those of two servers: more than others take, where all cores are busy.
const timeout = 600_000;

test('the chapter’s steps hold on a node whose logs Docker wrote', { skip, timeout }, (context) =>
  chapter(context, 'docker'),
);

test('the chapter’s steps hold on a node whose logs containerd wrote', { skip, timeout }, (context) =>
  chapter(context, 'cri'),
);

test('the example says what it needs and takes', async (context) => {
  const wrong = await run(context, ['podman'], {});
  assert.equal(wrong.code, 2);
  assert.match(wrong.output, /usage: .*\[docker\|cri\]/);
});
