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
import { chmod, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../scripts/bundle.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Where the image has its Node. */
const node = '/usr/local/bin/node --disable-warning=ExperimentalWarning';

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

const [target] = process.argv.slice(2);
if (target === undefined) {
  console.error('usage: node deploy/images/bundle.ts DIRECTORY');
  process.exit(2);
}
const directory = resolve(target);

await rm(directory, { recursive: true, force: true });
await bundle({
  directory: join(directory, 'dist'),
  external: [/^@duckdb\/node-bindings/, /\.node$/],
  plugins: [
    {
      name: 'packages',
      moduleParsed({ id }) {
        notePackage(id);
      },
    },
  ],
  output: {
    // What CommonJS has and modules have not; packages look for their files by it.
    banner: ({ name }) => (name === 'main' ? `#!${node}` : ''),
    intro: 'const __dirname = import.meta.dirname;',
    minify: { compress: true, mangle: { keepNames: true }, codegen: { removeWhitespace: true } },
  },
});
const main = join(directory, 'dist', 'main.js');
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
await mkdir(dirname(join(page, 'shared/static/logo.svg')), { recursive: true });
await cp(swagger, join(page, 'static'), { recursive: true, filter: (path) => !/\.map$|swagger-ui\.js$/.test(path) });
await cp(join(swagger, 'logo.svg'), join(page, 'shared/static/logo.svg'));
