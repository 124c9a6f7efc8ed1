/** The chart rendered by the real helm, and what it rendered, for tests. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { root } from '../files.ts';

export const helmPath = process.env['HELM'] ?? join(homedir(), '.cache', 'post2log', 'helm-3.22.0');
export const chartPath = join(root, 'deploy', 'helm', 'post2log');

export type KubernetesObject = Readonly<Record<string, unknown>>;

export interface Release {
  readonly name?: string;
  readonly namespace?: string;
  readonly kubeVersion?: string;
  /** Further arguments, such as --set. */
  readonly args?: readonly string[];
}

export interface Answer {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function helm(args: readonly string[], input = ''): Answer {
  return spawnSync(helmPath, args, { encoding: 'utf8', input, maxBuffer: 64 * 1024 * 1024 });
}

function template(values: object, release: Release, path = chartPath): Answer {
  const { name = 'post2log', namespace = 'logging', kubeVersion = '1.34.0', args = [] } = release;
  const place = ['template', name, path, '-n', namespace, '--kube-version', kubeVersion];
  return helm([...place, '-f', '-', ...args], JSON.stringify(values));
}

/** The objects that these values give. */
export function render(values: object = {}, release: Release = {}): KubernetesObject[] {
  const { status, stdout, stderr } = template(values, release);
  assert.equal(status, 0, stderr);
  return parseAllDocuments(stdout)
    .map((document) => {
      assert.deepEqual(document.errors, []);
      return document.toJS() as KubernetesObject | null;
    })
    .filter((object) => object !== null);
}

/** What helm says of values that it refuses. */
export function refusal(values: object, release: Release = {}): string {
  const { status, stderr } = template(values, release);
  assert.notEqual(status, 0, 'helm takes these values');
  return stderr;
}

/** What helm prints after an installation. It prints that only there, so a copy of the chart makes an object of it. */
export function notes(values: object): string {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-chart-'));
  try {
    const copy = join(directory, 'post2log');
    cpSync(chartPath, copy, { recursive: true });
    cpSync(join(copy, 'templates', 'NOTES.txt'), join(copy, 'notes'));
    writeFileSync(join(copy, 'templates', 'notes.yaml'), 'notes: {{ tpl (.Files.Get "notes") . | toJson }}\n');
    const { status, stdout, stderr } = template(values, { args: ['--show-only', 'templates/notes.yaml'] }, copy);
    assert.equal(status, 0, stderr);
    return String(at(parseAllDocuments(stdout)[0]?.toJS(), 'notes'));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** What lies at a path such as `spec.template.spec`; undefined where there is nothing. */
export function at(object: unknown, path: string): unknown {
  let here = object;
  for (const step of path.split('.')) {
    if (typeof here !== 'object' || here === null) return undefined;
    here = (here as Record<string, unknown>)[step];
  }
  return here;
}

/** The elements of the list at a path. */
export function list(object: unknown, path: string): KubernetesObject[] {
  const found = at(object, path);
  return Array.isArray(found) ? (found as KubernetesObject[]) : [];
}

export const nameOf = (object: unknown): string => String(at(object, 'metadata.name'));

export function all(objects: readonly KubernetesObject[], kind: string): KubernetesObject[] {
  return objects.filter((object) => object['kind'] === kind);
}

/** The one object of a kind with a name; the only one of the kind where none is given. */
export function one(objects: readonly KubernetesObject[], kind: string, name?: string): KubernetesObject {
  const found = all(objects, kind).filter((object) => name === undefined || nameOf(object) === name);
  const [object] = found;
  if (object && found.length === 1) return object;
  const there = objects.map((other) => `${String(other['kind'])}/${nameOf(other)}`).join(' ');
  return assert.fail(`${kind} ${name ?? ''}: ${found.length} of ${there}`);
}

/** The element with this name of the list at a path. */
export function named(object: unknown, path: string, name: string): KubernetesObject {
  const found = list(object, path).find((element) => element['name'] === name);
  return found ?? assert.fail(`no ${name} in ${JSON.stringify(at(object, path))}`);
}

export const podPath = 'spec.template.spec';

/** The container post2log of a workload, or another one. */
export function container(workload: KubernetesObject, name = 'post2log'): KubernetesObject {
  return named(workload, `${podPath}.containers`, name);
}

/** Environment of a container as the kubelet would make it; what comes from Secrets or from the pod gets a stand-in. */
export function environment(part: KubernetesObject): Record<string, string> {
  const text = (entry: KubernetesObject): string =>
    'value' in entry ? String(entry['value']) : `of-${String(entry['name'])}`;
  return Object.fromEntries(list(part, 'env').map((entry) => [String(entry['name']), text(entry)]));
}

/** Files of the ConfigMap behind a volume of a workload. */
export function filesOf(
  objects: readonly KubernetesObject[],
  workload: KubernetesObject,
  volume = 'config',
): Record<string, string> {
  const name = String(at(named(workload, `${podPath}.volumes`, volume), 'configMap.name'));
  return at(one(objects, 'ConfigMap', name), 'data') as Record<string, string>;
}

const checked = new Map<string, Promise<Checked>>();

interface Checked {
  readonly stdout: string;
  readonly stderr: string;
}

/** What `post2log check` says of a workload's configuration, with the workload's own environment; it must say no warning. */
export async function check(objects: readonly KubernetesObject[], workload: KubernetesObject): Promise<string> {
  const { stdout, stderr } = await runCheck(filesOf(objects, workload), environment(container(workload)));
  assert.doesNotMatch(stderr, /warning:/);
  return stdout;
}

/** What it says on standard error where the pod lacks the workload's environment. */
export async function warnings(objects: readonly KubernetesObject[], workload: KubernetesObject): Promise<string> {
  return (await runCheck(filesOf(objects, workload), {})).stderr;
}

/** Checks `post2log.conf` among these files; what was checked before is not checked again. */
export function runCheck(
  files: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>>,
): Promise<Checked> {
  const key = JSON.stringify([files, env]);
  const known = checked.get(key) ?? runNewCheck(files, env);
  checked.set(key, known);
  return known;
}

async function runNewCheck(
  files: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>>,
): Promise<Checked> {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-chart-'));
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
    const args = ['check', '--config', join(directory, 'post2log.conf')];
    const { PATH, HOME } = process.env;
    return await promisify(execFile)(join(root, 'bin', 'post2log'), args, { env: { PATH, HOME, ...env } }).catch(
      (error: unknown) => assert.fail(`${String(at(error, 'stderr'))}\n${files['post2log.conf'] ?? ''}`),
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}
