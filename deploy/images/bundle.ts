/**
 * The program and its packages as few files, for the image: a fifth of the bytes, and a start that reads 70 files in place of
 * 1,500. What stays outside: DuckDB's native packages, beside it in node_modules, and the static files of @fastify/swagger-ui.
 *
 *     node deploy/images/bundle.ts DIRECTORY
 *
 * DIRECTORY/dist/main.js   what is run; its first line names the image's Node
 * DIRECTORY/dist/core/     everything else. Files that look for what lies beside them (`../../web/dist`, `../../package.json`,
 *                          `./password-thread.js`) are as deep here as in the sources and in dist/ of the package.
 * DIRECTORY/docs-page/     what the page at /docs shows: dist/static and dist/core/static of an image that has it
 * DIRECTORY/packages.json  what was taken of node_modules, for contents.ts
 *
 * Names are kept, so that stack traces can be read.
 */
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { pluginTable } from '../../src/plugin-table.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const source = (path: string): string => join(root, 'src', path);

/** Where the image has its Node. */
const node = '/usr/local/bin/node --disable-warning=ExperimentalWarning';
/** Programs and threads of their own, what plugin packages import, and the plugins, each loaded when a configuration names it. */
const entries = {
  main: source('main.ts'),
  'plugin-api': source('core/plugin-api.ts'),
  'password-thread': source('admin/password-thread.ts'),
  'opening-probe': source('store/opening-probe.ts'),
  ...Object.fromEntries(pluginFiles().map((file) => [file, source(`${file}.ts`)])),
};

/** Files of plugins, without ending: they are named after them. */
function pluginFiles(): string[] {
  const folders = ['sources', 'codecs', 'filters', 'steps', 'joins', 'outputs'];
  const files = folders.flatMap((folder) =>
    pluginTable.flatMap(({ name }) => [`${folder}/${name}`, `${folder}/${name}/index`]),
  );
  return [...new Set(files)].filter((file) => existsSync(source(`${file}.ts`)));
}

interface Named {
  readonly name: string;
  readonly version: string;
}
/** Paths of the packages that files were taken of. */
const packages = new Set<string>();
function notePackage(id: string): void {
  const path = /(?:^|\/)(node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1];
  if (path !== undefined) packages.add(path);
}

/** Parts of packages that a source loads with createRequire, to have no more of them: imports here, which the bundler follows. */
function withImports(code: string): string | undefined {
  if (!code.includes('createRequire(import.meta.url)')) return undefined;
  const imports: string[] = [];
  const changed = code.replace(/\bload\(('[\w@][^']*')\)/g, (_, path: string) => {
    imports.push(`import part${imports.length} from ${path};\n`);
    return `part${imports.length - 1}`;
  });
  return imports.length === 0 ? undefined : `${imports.join('')}${changed}`;
}

const [target] = process.argv.slice(2);
if (target === undefined) {
  console.error('usage: node deploy/images/bundle.ts DIRECTORY');
  process.exit(2);
}
const directory = resolve(target);
const core = join(directory, 'dist', 'core');

await rm(directory, { recursive: true, force: true });
await build({
  configFile: false,
  root,
  logLevel: 'warn',
  publicDir: false,
  ssr: { noExternal: true },
  plugins: [
    {
      name: 'packages',
      enforce: 'pre',
      transform: (code) => withImports(code),
      moduleParsed({ id }) {
        notePackage(id);
      },
    },
  ],
  build: {
    ssr: true,
    emptyOutDir: true,
    target: 'node24',
    outDir: core,
    rolldownOptions: {
      input: entries,
      external: [/^@duckdb\/node-bindings/, /\.node$/],
      output: {
        format: 'esm',
        entryFileNames: '[name].js',
        chunkFileNames: '[name]-[hash].js',
        // What CommonJS has and modules have not; packages look for their files by it.
        intro: 'const __dirname = import.meta.dirname;',
        minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
      },
    },
  },
});
const main = join(directory, 'dist', 'main.js');
await writeFile(main, `#!${node}\nimport './core/main.js';\n`);
await chmod(main, 0o755);
await cp(join(root, 'package.json'), join(directory, 'package.json'));
const taken: Record<string, string> = {};
for (const path of [...packages].toSorted()) {
  const { name, version } = JSON.parse(await readFile(join(root, path, 'package.json'), 'utf8')) as Named;
  taken[`${name}@${version}`] = path;
}
await writeFile(join(directory, 'packages.json'), `${JSON.stringify(taken, undefined, 1)}\n`);

const swagger = join(root, 'node_modules/@fastify/swagger-ui/static');
const page = join(directory, 'docs-page');
await mkdir(dirname(join(page, 'core/static/logo.svg')), { recursive: true });
await cp(swagger, join(page, 'static'), { recursive: true, filter: (path) => !/\.map$|swagger-ui\.js$/.test(path) });
await cp(join(swagger, 'logo.svg'), join(page, 'core/static/logo.svg'));
