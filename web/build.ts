/**
 * `npm run build:web`: builds the explorer into web/dist; `--if-stale` (what `npm start` says) only when its sources,
 * their configuration or the lock file changed since. web/dist/.stamp holds the hash of all of them. A new build
 * replaces the old one by a rename, so that a running program never serves half of one.
 */
import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const web = import.meta.dirname;
const root = join(web, '..');
const dist = join(web, 'dist');

/** What the page is made of. Tests and the development server are no part of it. */
const patterns = [
  'web/*.{ts,html,json}',
  'web/{src,public}/**/*',
  'src/store/query/*.ts',
  'package-lock.json',
  'tsconfig.json',
];

function sourcesHash(): string {
  const hash = createHash('sha256');
  const paths = globSync(patterns, { cwd: root, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
  for (const path of paths)
    hash
      .update(`${path.slice(root.length)}\0`)
      .update(readFileSync(path))
      .update('\0');
  return hash.digest('hex');
}

async function isFresh(hash: string): Promise<boolean> {
  return (await readFile(join(dist, '.stamp'), 'utf8').catch(() => '')) === hash;
}

async function buildInto(outDir: string): Promise<void> {
  const { build } = await import('vite');
  await build({ configFile: join(web, 'vite.config.ts'), logLevel: 'warn', build: { outDir, emptyOutDir: true } });
}

async function replaceDist(built: string): Promise<void> {
  const old = `${built}-old`;
  await rename(dist, old).catch(() => undefined);
  await rename(built, dist);
  await rm(old, { recursive: true, force: true });
}

const onlyIfStale = process.argv.includes('--if-stale');
const hash = sourcesHash();
if (onlyIfStale && (await isFresh(hash))) process.exit(0);
const startMs = performance.now();
const built = join(root, '.cache', `web-${process.pid}`);
try {
  await buildInto(built);
  await writeFile(join(built, '.stamp'), hash);
  await replaceDist(built);
  console.error(`post2log: built the explorer in ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
} catch (error) {
  await rm(built, { recursive: true, force: true });
  const hasOld = await stat(join(dist, 'index.html')).catch(() => undefined);
  const text = error instanceof Error ? error.message : String(error);
  console.error(
    `post2log: building the explorer in ${web}: ${text}; ${hasOld ? 'the one built before is served' : 'there will be no explorer'}; run npm ci, which installs what it needs`,
  );
  // Receiving does not depend on the explorer: `npm start` goes on without a new one.
  process.exit(onlyIfStale ? 0 : 1);
}
