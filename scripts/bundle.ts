/**
 * The program as few files, for npm (build.ts) and for images (deploy/images/bundle.ts). Finding, linking and evaluating
 * files is most of a start, and each leaves something in memory; with enough of them V8 even takes Node's own loader for hot and
 * brings in its optimizing compilers, 7 MB of Node's file that a collector at rest never needs. What is asked for by its path
 * keeps it:
 *
 *     main.js               what is run
 *     core/plugin-api.js    what plugin packages import
 *     plugin-table.js       asks for plugins by paths from its own place: sources/tail/index.js …
 *     shared/               the rest, as deep as the rooms, so that paths from there to package.json and web/dist hold; threads
 *                           and programs of their own are looked for beside it
 */
import { rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { rolldown } from 'rolldown';
import type { OutputOptions, Plugin } from 'rolldown';
import { pluginTable } from '../src/plugin-table.ts';

export interface BundleOptions {
  /** Where it is written; nothing else is left there. */
  readonly directory: string;
  /** What of the packages stays outside, by what it is imported as; without it all of them. */
  readonly external?: readonly RegExp[];
  readonly plugins?: readonly Plugin[];
  readonly output?: OutputOptions;
}

const root = resolve(import.meta.dirname, '..');
const sourceOf = (path: string): string => join(root, 'src', `${path}.ts`);

/** Files by their path below src/, without ending. */
const named = ['main', 'core/plugin-api', ...pluginTable.map(({ path }) => path)];
/** Files that are looked for beside the one that wants them, which is among the shared ones. */
const beside = ['admin/password-thread', 'store/opening-probe'];
/** What processes begin with. Files that the same of them load at once are one file: no process loads what is another's. */
const begun: Readonly<Record<string, readonly string[]>> = {
  command: ['cli/command-line'],
  run: ['cli/run', 'cli/loading', 'cli/run-single', 'cli/run-deliver'],
  receive: ['cli/run', 'cli/run-receive'],
  store: ['cli/run', 'cli/run-store'],
  probe: ['store/opening-probe'],
};
/** What small collectors name: what that loads beside is one file too. */
const collecting = ['sources/tail/index', 'outputs/forward/index', 'outputs/http/index', 'codecs/none', 'codecs/cri'];
const table = 'plugin-table';

/** Writes it. */
export async function bundle({ directory, external, plugins = [], output = {} }: BundleOptions): Promise<void> {
  rmSync(directory, { recursive: true, force: true });
  const users = new Map<string, string>();
  const built = await rolldown({
    input: Object.fromEntries([
      ...named.map((path) => [path, sourceOf(path)]),
      ...beside.map((path) => [`shared/${basename(path)}`, sourceOf(path)]),
    ]) as Record<string, string>,
    platform: 'node',
    preserveEntrySignatures: 'allow-extension',
    external: (id) => (external ? external.some((one) => one.test(id)) : !/^[./]/.test(id)),
    plugins: [...plugins, usersOf(users), ascii],
    onLog: (level, log, say) => {
      // A module that one command imports at once and another when it needs it.
      if (log.code !== 'INEFFECTIVE_DYNAMIC_IMPORT') say(level, log);
    },
  });
  await built.write({
    ...output,
    dir: directory,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: ({ name }) => (name === table ? '[name].js' : 'shared/[name]-[hash].js'),
    codeSplitting: {
      groups: [
        { name: table, test: /\/src\/plugin-table\.ts$/, priority: 2 },
        { debugName: 'users', name: (id) => users.get(id) ?? null, includeDependenciesRecursively: false, priority: 1 },
      ],
    },
  });
  await built.close();
}

/** All characters beyond ASCII as escapes: V8 keeps sources as they are, and one such character doubles the bytes of its file. */
const ascii: Plugin = {
  name: 'ascii',
  generateBundle(_, files) {
    for (const file of Object.values(files))
      if (file.type === 'chunk')
        file.code = file.code.replace(
          /[^\0-\x7f]/g,
          (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
        );
  },
};

/** Notes for each module which of `begun` load it at once, as one word. */
function usersOf(users: Map<string, string>): Plugin {
  return {
    name: 'users-of',
    buildEnd() {
      const closure = (paths: readonly string[]): Set<string> => {
        const found = new Set<string>();
        const open = paths.map(sourceOf);
        for (let id = open.pop(); id !== undefined; id = open.pop()) {
          if (found.has(id)) continue;
          found.add(id);
          open.push(...(this.getModuleInfo(id)?.importedIds ?? []));
        }
        return found;
      };
      for (const [name, paths] of Object.entries(begun))
        for (const id of closure(paths)) users.set(id, users.has(id) ? `${users.get(id)}-${name}` : name);
      for (const id of closure(collecting)) if (!users.has(id)) users.set(id, 'collect');
    },
  };
}
