/**
 * `npm run build`: the program for those who install it, in dist/. Sources are put together in fewer files, because finding
 * and opening files is most of a start: a third of its CPU less. What is asked for by its path keeps it: plugins, threads,
 * other processes, the contract for plugin packages. Packages stay outside.
 * `-- DIRECTORY` writes elsewhere; with `--no-types` the declarations of the contract are left out.
 */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { rolldown } from 'rolldown';
import { pluginTable } from '../src/plugin-table.ts';

const root = resolve(import.meta.dirname, '..');
const words = process.argv.slice(2);
const output = resolve(words.find((word) => !word.startsWith('-')) ?? join(root, 'dist'));

/** Files by their path below src/, without ending. */
const named = ['main', 'core/plugin-api', ...pluginTable.map(({ path }) => path)];
/** Files that are looked for beside the one that wants them, which is among the shared ones. */
const beside = ['admin/password-thread', 'store/opening-probe'];
/** Folder of what files share: as deep as the rooms, so that paths from there to package.json and web/dist hold. */
const shared = 'shared';
/** It asks for plugins by paths from its own place. */
const table = 'plugin-table';
const sourceOf = (path: string): string => join(root, 'src', `${path}.ts`);

rmSync(output, { recursive: true, force: true });
const bundle = await rolldown({
  input: Object.fromEntries([
    ...named.map((path) => [path, sourceOf(path)]),
    ...beside.map((path) => [`${shared}/${path.replace(/.*\//, '')}`, sourceOf(path)]),
  ]) as Record<string, string>,
  platform: 'node',
  external: (id) => !/^[./]/.test(id),
  onLog: (level, log, say) => {
    // A module that one command imports at once and another when it needs it.
    if (log.code !== 'INEFFECTIVE_DYNAMIC_IMPORT') say(level, log);
  },
});
await bundle.write({
  dir: output,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: ({ name }) => (name === table ? '[name].js' : `${shared}/[name]-[hash].js`),
  codeSplitting: { groups: [{ name: table, test: /\/src\/plugin-table\.ts$/ }] },
});
await bundle.close();
if (!words.includes('--no-types')) {
  const { status } = spawnSync(
    join(root, 'node_modules/.bin/tsc'),
    ['-p', join(root, 'tsconfig.build.json'), '--emitDeclarationOnly', '--outDir', output],
    { stdio: 'inherit' },
  );
  process.exitCode = status ?? 1;
}
