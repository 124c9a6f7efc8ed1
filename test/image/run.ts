/**
 * `npm run image`: does the steps of deploy/images/Dockerfile without Docker (steps.ts), then measures both images: the size of
 * the tree, the time until it is ready as the Dockerfile's user on a read-only root file system, memory at rest. `-- --keep DIRECTORY` leaves the trees there. Needs root. The last line is `N passed, N failed`.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../files.ts';
import { imageConfig, parseDockerfile } from './dockerfile.ts';
import { measure } from './measure.ts';
import { makeImage } from './steps.ts';

/** Set inside the namespace: the directory for the trees. */
const inside = 'P2L_IMAGE_DIRECTORY';
/** Of all files, unpacked. */
const bytesMax = { full: 180e6, slim: 125e6 };
const readyMsMax = 1000;
/** Of a collector at rest: PSS, and what a limit in Kubernetes is held against. */
const idleBytesMax = 70e6;

const args = process.argv.slice(2);
const at = args.indexOf('--keep');
const kept = at < 0 ? undefined : args[at + 1];
const directory = process.env[inside] ?? kept ?? mkdtempSync('/var/tmp/p2l-image-');
/** What was mounted there is gone with its namespace; should it not be, then nothing beyond it is removed. */
const remove = (): void => void execFileSync('rm', ['-rf', '--one-file-system', directory]);
if (process.env[inside] === undefined) {
  if (kept !== undefined) remove();
  mkdirSync(directory, { recursive: true });
  const run = spawnSync('unshare', ['--mount', '--', process.execPath, import.meta.filename, ...args], {
    stdio: 'inherit',
    env: { ...process.env, [inside]: directory },
  });
  if (kept === undefined) remove();
  process.exit(run.status ?? 1);
}

const stages = parseDockerfile(readFileSync(join(root, 'deploy/images/Dockerfile'), 'utf8'));
const platform = process.arch === 'arm64' ? 'linux-arm64' : 'linux-x64';
makeImage(
  { stages, context: root, directory, node: join(root, `node_modules/node-${platform}/bin/node`), log: console.log },
  'full',
);

let failed = 0;
let passed = 0;
function expect(isOk: boolean, text: string): void {
  if (isOk) passed++;
  else failed++;
  console.log(`${isOk ? 'ok    ' : 'FAILED'} ${text}`);
}
const figures: Record<string, unknown> = {};
for (const name of ['slim', 'full'] as const) {
  const figure = await measure(
    join(directory, name),
    imageConfig(stages, name),
    join(directory, `${name}.run`),
    readyMsMax,
  );
  figures[name] = figure;
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  expect(
    figure.bytes <= bytesMax[name],
    `${name}: ${mb(figure.bytes)} in ${figure.files} files (${mb(figure.packedBytes)} with gzip -6), at most ${mb(bytesMax[name])}`,
  );
  expect(
    figure.readyMs <= readyMsMax,
    `${name}: ready after ${figure.readyMs.toFixed(0)} ms (best of ${figure.starts}), ${figure.readyCpuMs} ms of CPU, at most ${readyMsMax} ms`,
  );
  const { rssBytes, pssBytes, anonymousBytes, workingSetBytes, usageBytes, keptBytes, group } = figure.idle;
  const rest = `PSS ${mb(pssBytes)}, working set ${mb(workingSetBytes)} (${group})`;
  expect(
    name === 'full' || Math.max(pssBytes, workingSetBytes) <= idleBytesMax,
    `${name}: a collector at rest: ${rest}${name === 'full' ? '' : `, both at most ${mb(idleBytesMax)}`}; RSS ${mb(rssBytes)}, anonymous ${mb(anonymousBytes)}, charged with all that was read ahead ${mb(usageBytes)}, PSS once the kernel took back what it could ${mb(keptBytes)}`,
  );
  expect(figure.isHealthy, `${name}: the health check says ready`);
  expect(
    name === 'slim'
      ? figure.missingPages.every((page) => /^\/ 503$|^\/docs\/\S* 404$/.test(page))
      : figure.missingPages.length === 0,
    `${name}: pages of the admin server that are missing: ${figure.missingPages.join(', ') || 'none'}`,
  );
  const listed = ['node', 'fastify', 'pino', `@duckdb/node-bindings-${platform}`, 'react'];
  const isListed = (one: string): boolean => figure.components.includes(one);
  expect(
    name === 'slim' ? listed.slice(0, 3).every(isListed) && !listed.slice(3).some(isListed) : listed.every(isListed),
    `${name}: the bill of materials has ${figure.components.length} components`,
  );
  expect(figure.hasManifests, `${name}: generate k8s prints manifests`);
  expect(figure.exitCode === 0, `${name}: ends with 0 after SIGTERM to process 1 (${figure.exitCode})`);
  expect(figure.orphans === 0, `${name}: process 1 leaves no zombies (${figure.orphans})`);
  expect(
    name === 'full' ? figure.storeSaid === '' : /this installation has no store/.test(figure.storeSaid),
    `${name}: P2L_STORE=on: ${figure.storeSaid || 'runs'}`,
  );
}
if (kept !== undefined) writeFileSync(join(kept, 'figures.json'), `${JSON.stringify(figures, undefined, 1)}\n`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
