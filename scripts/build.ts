/**
 * `npm run build`: the program for those who install it, in dist/, as bundle.ts lays it out. Packages stay outside.
 * `-- DIRECTORY` writes elsewhere; with `--no-types` the declarations of the contract are left out.
 */
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { bundle } from './bundle.ts';

const root = resolve(import.meta.dirname, '..');
const words = process.argv.slice(2);
const directory = resolve(words.find((word) => !word.startsWith('-')) ?? join(root, 'dist'));

await bundle({ directory });
if (!words.includes('--no-types')) {
  const { status } = spawnSync(
    join(root, 'node_modules/.bin/tsc'),
    ['-p', join(root, 'tsconfig.build.json'), '--emitDeclarationOnly', '--outDir', directory],
    { stdio: 'inherit' },
  );
  process.exitCode = status ?? 1;
}
