/** What skaffold.yaml makes of variables of the environment: by skaffold itself, or by helm alone, given what skaffold gives it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { parse } from 'yaml';
import { root } from '../files.ts';
import { at, helm as runHelm, render, type KubernetesObject } from '../helm/chart.ts';
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

const templates = at(parse(readFileSync(configPath, 'utf8')), 'deploy.helm.releases.0.setValueTemplates') as Readonly<
  Record<string, string>
>;

/** Each variable of skaffold.yaml with the default that it has there. */
export function variableDefaults(): Record<string, string> {
  const found = Object.values(templates).map((template) => /default "([^"]*)" \.(P2L_\w+)/.exec(template) ?? []);
  const pairs = found.map(([, fallback, variable]) => [variable, fallback] as const);
  return Object.fromEntries(pairs.filter(([variable]) => variable !== undefined)) as Record<string, string>;
}

/** A chart whose only document is what the templates of its values say: skaffold's templates have the functions that helm's have. */
const expander = {
  'Chart.yaml': 'apiVersion: v2\nname: expander\nversion: 0.0.0\n',
  'templates/values.json':
    '{{- $all := dict }}{{ range $name, $text := .Values.templates }}{{ $_ := set $all $name (tpl $text $.Values.env) }}{{ end -}}\n{{ toJson $all }}\n',
};

/** As skaffold does it: each template's text behind `--set`, an @ at its end taken off. */
async function renderByHelm(context: TestContext, variables: Variables): Promise<KubernetesObject[]> {
  const chart = await temporaryDirectory(context);
  mkdirSync(join(chart, 'templates'));
  for (const [name, content] of Object.entries(expander)) writeFileSync(join(chart, name), content);
  const expanded = runHelm(['template', 'expander', chart, '-f', '-'], JSON.stringify({ templates, env: variables }));
  assert.equal(expanded.status, 0, expanded.stderr);
  const texts = parse(expanded.stdout) as Record<string, string>;
  const args = Object.entries(texts).flatMap(([name, text]) => ['--set', `${name}=${text.replace(/@$/, '')}`]);
  return render({}, { args });
}

export const byHelm: Renderer = { name: 'helm', render: renderByHelm };
export const bySkaffold: Renderer = { name: 'skaffold', render: renderBySkaffold };
