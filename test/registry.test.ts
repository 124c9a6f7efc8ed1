/** The walk over the registry: what the contract promises of every plugin and every error code. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pageName } from '../src/cli/reference-pages.ts';
import { errorTable } from '../src/core/errors.ts';
import { spellings, type OptionTable } from '../src/core/options.ts';
import type { Plugin, PluginKind } from '../src/core/plugin.ts';
import { Registry } from '../src/core/registry.ts';
import { builtinPlugins } from '../src/plugins.ts';
import { root } from './files.ts';

/** Where plugins of a kind live. */
const folders: Readonly<Record<PluginKind, string>> = {
  source: 'sources',
  parser: 'codecs',
  formatter: 'codecs',
  filter: 'filters',
  step: 'steps',
  output: 'outputs',
};

/** The file that must define the plugin: named as configurations name it, alone or as a folder's index. */
function definingFile(plugin: Plugin): string | undefined {
  const folder = `src/${folders[plugin.kind]}`;
  return [`${folder}/${plugin.name}.ts`, `${folder}/${plugin.name}/index.ts`].find((path) =>
    existsSync(join(root, path)),
  );
}

function testsBeside(path: string): string[] {
  const pattern = path.endsWith('/index.ts')
    ? path.replace('index.ts', '*.test.ts')
    : path.replace(/\.ts$/, '{,.*}.test.ts');
  return globSync(pattern, { cwd: root });
}

/** What is wrong with a table of options; `where` names it. */
function optionProblems(where: string, options: OptionTable): string[] {
  const problems: string[] = [];
  const taken = new Map<string, string>();
  for (const [name, spec] of Object.entries(options)) {
    const option = `${where}: option ${name}`;
    if (!/^[a-z][a-zA-Z0-9]*$/.test(name)) problems.push(`${option} is not camelCase`);
    if (spec.summary.length < 10) problems.push(`${option} has no summary`);
    if (spec.kind === 'text' && /(?:password|secret|token)$/i.test(name))
      problems.push(`${option} sounds like a secret and is shown as text`);
    if (spec.isRequired !== !spec.schema.safeParse(undefined).success)
      problems.push(`${option}: its schema and isRequired disagree`);
    for (const dialect of ['fluentd', 'fluentbit'] as const)
      for (const spelling of spellings(name, spec, dialect)) {
        const key = `${dialect}:${spelling.toLowerCase()}`;
        if (taken.has(key)) problems.push(`${option}: ${spelling} is also ${taken.get(key)}`);
        taken.set(key, name);
      }
  }
  return problems;
}

function pluginProblems(plugin: Plugin): string[] {
  const where = `${plugin.kind} ${plugin.name}`;
  const problems = optionProblems(where, plugin.options);
  for (const [name, section] of Object.entries(plugin.sections ?? {})) {
    problems.push(...optionProblems(`${where} <${name}>`, section.options));
    if (section.summary.length < 10) problems.push(`${where} <${name}> has no summary`);
  }
  if (!/^[A-Z].{15,}/.test(plugin.summary)) problems.push(`${where}: its summary is no sentence`);
  if (!plugin.example.includes('@type')) problems.push(`${where}: its example has no @type`);
  const file = definingFile(plugin);
  if (file === undefined) problems.push(`${where}: no file in src/${folders[plugin.kind]} is named after it`);
  else if (testsBeside(file).length === 0) problems.push(`${where}: no test beside ${file}`);
  if (!existsSync(join(root, 'docs/reference', pageName(plugin))))
    problems.push(`${where}: no reference page; run npm run docs`);
  return problems;
}

describe('the registry', () => {
  test('every plugin keeps the promises of the contract', () => {
    const problems = builtinPlugins.flatMap(pluginProblems);
    if (problems.length > 0) assert.fail(`\n${problems.join('\n')}`);
  });

  test('names and aliases are unique within a kind', () => {
    const registry = new Registry(builtinPlugins);
    assert.equal(registry.all().length, builtinPlugins.length);
  });

  test('a bad plugin is found', () => {
    const broken = {
      kind: 'filter',
      name: 'no_such_file',
      summary: 'bad.',
      example: '',
      options: {},
      isPost2logPlugin: true,
      create: () => ({ apply: (batch) => batch }),
    } satisfies Plugin;
    const problems = pluginProblems(broken).join('\n');
    for (const expected of [
      /summary is no sentence/,
      /example has no @type/,
      /no file in src\/filters/,
      /no reference page/,
    ])
      assert.match(problems, expected);
  });
});

describe('the error table', () => {
  const tests = globSync(['src/**/*.test.ts', 'test/**/*.test.ts', 'docs/**/*.test.ts'], { cwd: root })
    .filter((path) => path !== 'test/registry.test.ts')
    .map((path) => readFileSync(join(root, path), 'utf8'));
  const documented = readFileSync(join(root, 'docs/errors.md'), 'utf8');
  test('each error code is documented and raised by some test', () => {
    const problems = Object.keys(errorTable).flatMap((code) => [
      ...(documented.includes(`\`${code}\``) ? [] : [`${code} is not in docs/errors.md; run npm run docs`]),
      ...(tests.some((text) => new RegExp(`\\b${code}\\b`).test(text)) ? [] : [`${code} is raised by no test`]),
    ]);
    if (problems.length > 0) assert.fail(`\n${problems.join('\n')}`);
  });
});
