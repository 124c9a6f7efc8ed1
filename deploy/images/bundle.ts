/**
 * The program and its packages as few files, for the image: a sixth of the bytes, and a start that reads 20 files in place of
 * 1,500. What stays outside: DuckDB's native packages, beside it in node_modules, and the static files of @fastify/swagger-ui.
 *
 *     node deploy/images/bundle.ts DIRECTORY
 *
 * DIRECTORY/dist/          as scripts/bundle.ts lays it out; the first line of main.js names the image's Node
 * DIRECTORY/docs-page/     what the page at /docs shows: dist/static and dist/shared/static of an image that has it, large files
 *                          packed (src/admin/packed-files.ts)
 * DIRECTORY/packages.json  what was taken of node_modules, for contents.ts
 *
 * Names of functions and classes are kept, so that stack traces can be read.
 */
import { chmod, cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { bundle } from '../../scripts/bundle.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Where the image has its Node, and what bin/post2log says of room for old memory. A first line takes one argument, no more. */
const node = '/usr/local/bin/node --initial-old-space-size=64';

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
    banner: ({ name }) => (name === 'main' ? `#!${node}` : ''),
    // What CommonJS has and modules have not; packages look for their files by it.
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
await mkdir(join(page, 'static'));
for (const name of await readdir(swagger)) {
  // The page loads the bundle; the same without its libraries is for those who bundle themselves.
  if (/\.map$|^swagger-ui\.js$/.test(name)) continue;
  const bytes = await readFile(join(swagger, name));
  const isLarge = bytes.length > 10_000;
  await writeFile(join(page, 'static', isLarge ? `${name}.gz` : name), isLarge ? gzipSync(bytes, { level: 9 }) : bytes);
}
await cp(join(swagger, 'logo.svg'), join(page, 'shared/static/logo.svg'));
