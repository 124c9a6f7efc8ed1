/** What skaffold.yaml makes of variables of the environment: by skaffold itself, or by helm alone with the same values. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { parse } from 'yaml';
import { root } from '../files.ts';
import { at, render, type KubernetesObject } from '../helm/chart.ts';
import { temporaryDirectory } from '../program.ts';
import { helm, skaffold } from '../services/kubernetes-tools.ts';
import { objectsOf } from './helm-cluster.ts';

export type Variables = Readonly<Record<string, string>>;

export interface Renderer {
  readonly name: 'helm' | 'skaffold';
  render(context: TestContext, variables: Variables, ...args: string[]): Promise<KubernetesObject[]>;
}

const configPath = join(root, 'skaffold.yaml');

/** As `VARIABLE=… skaffold render` prints it. Neither a cluster nor Docker is asked for anything. */
async function renderBySkaffold(
  context: TestContext,
  variables: Variables,
  ...args: string[]
): Promise<KubernetesObject[]> {
  const home = await temporaryDirectory(context);
  const bin = join(home, 'bin');
  mkdirSync(bin);
  symlinkSync(helm.path, join(bin, 'helm'));
  const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}`, HOME: home, SKAFFOLD_UPDATE_CHECK: 'false', ...variables };
  const fixed = ['render', '--filename', configPath, '--digest-source=none', '--interactive=false', '--offline=true'];
  const ran = spawnSync(skaffold.path, [...fixed, ...args], { env, cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 });
  assert.equal(ran.status, 0, ran.stderr);
  return objectsOf(ran.stdout);
}

/** Names of values, with the variable and the default that skaffold.yaml has for each. */
export function variableValues(): Map<string, { readonly variable: string; readonly fallback: string }> {
  const templates = at(parse(readFileSync(configPath, 'utf8')), 'deploy.helm.releases.0.setValueTemplates');
  const found = new Map<string, { variable: string; fallback: string }>();
  for (const [name, template] of Object.entries(templates as Record<string, string>)) {
    const [, fallback, variable] = /default "([^"]*)" \.(P2L_\w+)/.exec(template) ?? [];
    if (fallback !== undefined && variable !== undefined) found.set(name, { variable, fallback });
  }
  return found;
}

/** The values as text, as the environment has them. */
function renderByHelm(_context: TestContext, variables: Variables): Promise<KubernetesObject[]> {
  const values: Record<string, unknown> = {};
  for (const [name, { variable, fallback }] of variableValues()) {
    const [first = '', second] = name.split('.');
    const text = variables[variable] === undefined || variables[variable] === '' ? fallback : variables[variable];
    values[first] = second === undefined ? text : { ...(values[first] as object | undefined), [second]: text };
  }
  return Promise.resolve(render(values));
}

export const byHelm: Renderer = { name: 'helm', render: renderByHelm };
export const bySkaffold: Renderer = { name: 'skaffold', render: renderBySkaffold };
