/**
 * What an image holds of npm's packages: its bill of materials and their licences.
 *
 *     node deploy/images/contents.ts ALL.json DIRECTORY
 *
 * ALL.json is what `npm sbom` says of package-lock.json. Kept of it are the packages whose files the bundler took
 * (DIRECTORY/packages.json), and for the image with store and explorer those of DuckDB and of the page. Node is added.
 * Writes DIRECTORY/{slim,full}/{sbom.cdx.json,THIRD-PARTY-LICENSES}.
 */
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Component {
  readonly 'bom-ref': string;
  readonly type: string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses?: readonly { readonly license?: { readonly id?: string; readonly name?: string } }[];
}
interface Bill {
  readonly metadata: { readonly component: { readonly 'bom-ref': string } };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

const root = fileURLToPath(new URL('../..', import.meta.url));
/** What the explorer's page is made of; its build leaves nothing else in. */
const pagePackages = ['react', 'react-dom', 'uplot', '@tanstack/react-query', '@tanstack/react-virtual'];
const storePackages = /^@duckdb\/node-bindings(?:-linux-(?:x64|arm64))?$/;

const [allPath = '', directory = ''] = process.argv.slice(2);
const all = JSON.parse(await readFile(allPath, 'utf8')) as Bill;
/** Where each package lies, by its name and version. */
const bundled = JSON.parse(await readFile(join(directory, 'packages.json'), 'utf8')) as Readonly<
  Record<string, string>
>;

const slim = all.components.filter((component) => Object.hasOwn(bundled, component['bom-ref']));
const wanted = closure(
  all.components.filter(({ name }) => storePackages.test(name) || pagePackages.includes(name)),
  ({ name }) => !name.startsWith('@types/') && (!name.startsWith('@duckdb/node-bindings-') || storePackages.test(name)),
);
for (const [variant, components] of [
  ['slim', slim],
  ['full', all.components.filter((component) => slim.includes(component) || wanted.has(component))],
] as const) {
  await mkdir(join(directory, variant), { recursive: true });
  await writeFile(join(directory, variant, 'sbom.cdx.json'), `${JSON.stringify(billOf(components), undefined, 1)}\n`);
  await writeFile(join(directory, variant, 'THIRD-PARTY-LICENSES'), await licensesOf(components));
  console.log(`${variant}: ${components.length} packages`);
}

/** Components, and all that they need and `isTaken` takes. */
function closure(first: readonly Component[], isTaken: (component: Component) => boolean): Set<Component> {
  const byRef = new Map(all.components.map((component) => [component['bom-ref'], component]));
  const needs = new Map(all.dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
  const found = new Set<Component>();
  const look = (component: Component): void => {
    if (found.has(component) || !isTaken(component)) return;
    found.add(component);
    for (const ref of needs.get(component['bom-ref']) ?? []) {
      const next = byRef.get(ref);
      if (next) look(next);
    }
  };
  for (const component of first) look(component);
  return found;
}

function billOf(components: readonly Component[]): unknown {
  const version = process.versions.node;
  const node = {
    'bom-ref': `node@${version}`,
    type: 'application',
    name: 'node',
    version,
    purl: `pkg:generic/node@${version}`,
    licenses: [{ license: { id: 'MIT' } }],
  };
  const refs = new Set([...components.map((component) => component['bom-ref']), all.metadata.component['bom-ref']]);
  const dependencies = all.dependencies
    .filter(({ ref }) => refs.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((one) => refs.has(one)) }));
  return { ...all, components: [node, ...components], dependencies };
}

/** Each text once, behind the packages that it is of. */
async function licensesOf(components: readonly Component[]): Promise<string> {
  const packagesOf = new Map<string, string[]>();
  for (const component of components) {
    const { name, version, licenses } = component;
    const path = join(root, bundled[component['bom-ref']] ?? `node_modules/${name}`);
    const files = (await readdir(path).catch((): string[] => [])).filter((file) =>
      /^(?:licen[cs]e|notice|copying)/i.test(file),
    );
    const texts = await Promise.all(files.map((file) => readFile(join(path, file), 'utf8').catch(() => '')));
    const ids = (licenses ?? []).map(({ license }) => license?.id ?? license?.name ?? 'unknown').join(', ');
    const text = texts.map((one) => one.replaceAll('\r\n', '\n').trim()).join('\n\n');
    packagesOf.set(text, [...(packagesOf.get(text) ?? []), `${name} ${version}: ${ids}\n`]);
  }
  return [...packagesOf].map(([text, packages]) => `${'='.repeat(80)}\n${packages.join('')}\n${text}\n\n`).join('');
}
