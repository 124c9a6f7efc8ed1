/**
 * Schemas of each Kubernetes version that the chart is for, made from the OpenAPI document in the module k8s.io/kubernetes and
 * kept in `cacheDirectory()`. They are some 10 MB a version, and not ours to publish.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDirectory } from './contract.ts';
import { objectSchemas, type OpenApi } from './openapi-schemas.ts';

/** The last of each minor version that was to be had, and the checksum of its module. */
const sums: Readonly<Record<string, string>> = {
  '1.28.15': 'h1:d91N2Znk+E8REIJZlrD6za2JtIwvEypa0DB1IoU4fJ0=',
  '1.29.15': 'h1:hLcyf3XmxtfkubCEmmPX5QVD7lDclXjvEUrJeP283LM=',
  '1.30.14': 'h1:MrlKXh9uhLIJpyxOeXhcndzRVSvwiV9iJ8NgH8nqPsg=',
  '1.31.14': 'h1:UtjLfqvXLuSVDdJ4+NpQCIfFkKkLnAAVmxAEMsnkhjk=',
  '1.32.13': 'h1:5TGYdZ6YZqdp6h/Rp1vX/4TIoybMPdgv97LCZCtPuNQ=',
  '1.33.9': 'h1:g2DzjYhaiubzMxccj8o45C6plrJR3vKDyQP7sQg7uaw=',
  '1.34.4': 'h1:Yy6R4QB8C9kJPp25GFqEvX5XQwY5qzKeqD0Xx6oAcmk=',
  '1.37.2': 'h1:A2VDEiObzkYqFTKhSsn0ZEb0RlLEXpHWj93gi2HqEwE=',
};

/** From the oldest to the newest. */
export const kubernetesVersions: readonly string[] = Object.keys(sums);

/** Counted up when `objectSchemas` makes others of the same document. */
const generation = 1;

/** Where the schemas of a version lie, as files that kubeconform finds by `{{.ResourceKind}}{{.KindSuffix}}.json`. */
export function schemaDirectory(version: string): string {
  return join(cacheDirectory(), `kubernetes-schemas-${generation}`, version);
}

const run = promisify(execFile);

async function fetchSchemas(version: string, sum: string): Promise<void> {
  const directory = schemaDirectory(version);
  if (existsSync(directory)) return;
  // A module cache of its own: nobody else needs 100 MB of sources a version.
  const work = await mkdtemp(join(tmpdir(), 'kubernetes-module-'));
  try {
    const env = { ...process.env, GOMODCACHE: work, GOFLAGS: '-modcacherw' };
    const args = ['mod', 'download', '-json', `k8s.io/kubernetes@v${version}`];
    const { stdout } = await run('go', args, { cwd: work, env });
    const { Dir, Sum } = JSON.parse(stdout) as { Dir: string; Sum: string };
    if (Sum !== sum) throw new Error(`its checksum is ${Sum}, expected ${sum}`);
    const document = await readFile(join(Dir, 'api/openapi-spec/swagger.json'), 'utf8');
    const schemas = objectSchemas(JSON.parse(document) as OpenApi);
    const part = join(work, 'schemas');
    await mkdir(part);
    for (const [name, schema] of schemas) await writeFile(join(part, `${name}.json`), JSON.stringify(schema));
    await mkdir(join(directory, '..'), { recursive: true });
    // Whole or not at all, also where the temporary directory is another disk.
    const near = `${directory}.${process.pid}.part`;
    await run('cp', ['-r', part, near]);
    await rename(near, directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `the schemas of Kubernetes ${version} could not be made: ${reason}; "scripts/services get schemas" makes them, with Go and a network`,
      { cause: error },
    );
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** `schemas`, for `scripts/services get`: of all versions, where they are missing. @throws with what to do */
export const schemas = {
  name: 'schemas',
  async install(): Promise<void> {
    for (const [version, sum] of Object.entries(sums)) await fetchSchemas(version, sum);
  },
};
