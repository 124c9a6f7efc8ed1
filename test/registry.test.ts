/** The walk over the registry: what the contract promises of every plugin and every error code. */
import assert from 'node:assert/strict';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { check } from '../src/cli/check.ts';
import { pageName } from '../src/cli/reference-pages.ts';
import { errorTable } from '../src/core/errors.ts';
import { spellings, type OptionTable } from '../src/core/options.ts';
import type { Plugin, PluginKind, SectionTable } from '../src/core/plugin.ts';
import { Registry, isPlugin } from '../src/core/registry.ts';
import { pluginTable } from '../src/plugin-table.ts';
import { builtinPlugins } from '../src/plugins.ts';
import { root } from './files.ts';

/** Where plugins of a kind live. */
const folders: Readonly<Record<PluginKind, string>> = {
  source: 'sources',
  parser: 'codecs',
  formatter: 'codecs',
  filter: 'filters',
  step: 'steps',
  join: 'joins',
  output: 'outputs',
};

/** The file that must define the plugin: named as configurations name it, alone or as a folder's index. */
function definingFile(plugin: Plugin): string | undefined {
  const folder = `src/${folders[plugin.kind]}`;
  return [`${folder}/${plugin.name}.ts`, `${folder}/${plugin.name}/index.ts`].find((path) =>
    existsSync(join(root, path)),
  );
}

/** Tests that import the file, by what they import. */
const testedFiles = new Set(
  globSync('src/**/*.test.ts', { cwd: root }).flatMap((path) =>
    [...readFileSync(join(root, path), 'utf8').matchAll(/from '(\.[^']+)'/g)].map(([, from = '']) =>
      join(dirname(path), from),
    ),
  ),
);

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

/** Names of the options in sections, at any depth. */
function sectionOptions(sections: SectionTable): string[] {
  return Object.values(sections).flatMap((section) => [
    ...Object.keys(section.options),
    ...sectionOptions(section.sections ?? {}),
  ]);
}

function differenceProblems(where: string, plugin: Plugin): string[] {
  const known = new Set([
    ...Object.keys(plugin.options),
    ...sectionOptions(plugin.sections ?? {}),
    ...Object.keys(plugin.fluentbit?.properties ?? {}),
  ]);
  return (plugin.differences ?? []).flatMap(({ text, options = [] }) => [
    ...(/^[A-Z`].{15,}\.$/s.test(text) ? [] : [`${where}: a difference is no sentence: ${text}`]),
    ...options.filter((name) => !known.has(name)).map((name) => `${where}: a difference names no option: ${name}`),
  ]);
}

/** What is wrong with the way it is written in Fluent Bit's configurations. */
function formProblems(where: string, plugin: Plugin): string[] {
  const { options = {}, properties = {}, repeated = {}, ignored = {} } = plugin.fluentbit ?? {};
  const problems: string[] = [];
  const taken = new Set<string>();
  const take = (spelling: string) => {
    const key = spelling.toLowerCase();
    if (taken.has(key)) problems.push(`${where}: Fluent Bit's ${spelling} is declared twice`);
    taken.add(key);
  };
  for (const [name, option] of Object.entries(options)) {
    const spec = plugin.options[name];
    if (!spec) problems.push(`${where}: its Fluent Bit form names no option: ${name}`);
    else for (const spelling of [option.name ?? spellings(name, spec, 'fluentbit')].flat()) take(spelling);
  }
  for (const [name, spec] of Object.entries(properties)) {
    if (plugin.options[name] && options[name]) problems.push(`${where}: ${name} is an option and a property`);
    if (spec.summary.length < 10) problems.push(`${where}: property ${name} has no summary`);
    for (const spelling of spellings(name, spec, 'fluentbit')) take(spelling);
  }
  for (const spelling of [...Object.keys(repeated), ...Object.keys(ignored)]) {
    if (spelling !== spelling.toLowerCase()) problems.push(`${where}: ${spelling} is not in lower case`);
    take(spelling);
  }
  if (!plugin.fluentbit?.lower && Object.keys({ ...repeated, ...properties }).length > 0)
    problems.push(`${where}: properties that nothing turns into options`);
  return problems;
}

function pluginProblems(plugin: Plugin): string[] {
  const where = `${plugin.kind} ${plugin.name}`;
  const problems = [
    ...optionProblems(where, plugin.options),
    ...differenceProblems(where, plugin),
    ...formProblems(where, plugin),
  ];
  for (const [name, section] of Object.entries(plugin.sections ?? {})) {
    problems.push(...optionProblems(`${where} <${name}>`, section.options));
    if (section.summary.length < 10) problems.push(`${where} <${name}> has no summary`);
  }
  if (!/^[A-Z].{15,}/.test(plugin.summary)) problems.push(`${where}: its summary is no sentence`);
  if (!plugin.example.includes('@type') && plugin.fluentbit?.example === undefined)
    problems.push(`${where}: its example has no @type`);
  const file = definingFile(plugin);
  if (file === undefined) problems.push(`${where}: no file in src/${folders[plugin.kind]} is named after it`);
  // What a step without create does is the router's, and tested there.
  else if (plugin.create !== undefined && !testedFiles.has(file)) problems.push(`${where}: no test imports ${file}`);
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

  test('the table names plugins as their files do', () => {
    const declared = builtinPlugins.map(({ kind, name, aliases, fluentbit }) => ({
      kind,
      name,
      aliases: aliases ?? [],
      fluentbit: fluentbit ? (fluentbit.names ?? [name]) : [],
    }));
    const named = pluginTable.map(({ kind, name, aliases = [], fluentbit = [] }) => ({
      kind,
      name,
      aliases,
      fluentbit,
    }));
    assert.deepEqual(named, declared);
  });

  test('the table names every plugin that there is', async () => {
    const exported = await Promise.all(
      globSync(`src/{${[...new Set(Object.values(folders))].join(',')}}/{*.ts,*/index.ts}`, { cwd: root })
        .filter((path) => !/\.(?:test|fuzz)\.ts$|-fixture\.ts$/.test(path))
        .map(async (path) => Object.values((await import(join(root, path))) as Record<string, unknown>)),
    );
    const missing = exported
      .flat()
      .filter((one) => isPlugin(one) && !builtinPlugins.includes(one))
      .map((one) => `${(one as Plugin).kind} ${(one as Plugin).name}`);
    assert.deepEqual(missing, []);
  });

  test('a plugin is loaded when somebody asks for it, and not before', () => {
    const filter = builtinPlugins.find(({ kind, name }) => kind === 'filter' && name === 'grep') as Plugin;
    let loads = 0;
    const lazy = { kind: 'filter', name: 'other', aliases: ['also'], fluentbit: ['Bit'] } as const;
    const registry = new Registry([{ ...lazy, load: () => (loads++, filter) }]);
    new Registry().useFrom(registry);
    assert.ok(registry.has('filter', 'also') && !registry.has('output', 'also'));
    assert.deepEqual(registry.names('filter'), ['also', 'other']);
    assert.deepEqual(registry.fluentbitNames('filter'), ['bit']);
    assert.equal(loads, 0);
    assert.equal(registry.get('filter', 'also'), filter);
    assert.equal(registry.getFluentbit('filter', 'BIT'), filter);
    assert.equal(loads, 2);
  });

  test('a bad plugin is found', () => {
    const broken = {
      kind: 'filter',
      name: 'no_such_file',
      summary: 'bad.',
      example: '',
      options: {},
      differences: [{ peer: 'fluentd', text: 'bad', options: ['none'] }],
      isPost2logPlugin: true,
      create: () => ({ apply: (batch) => batch }),
    } satisfies Plugin;
    const problems = pluginProblems(broken).join('\n');
    for (const expected of [
      /summary is no sentence/,
      /example has no @type/,
      /no file in src\/filters/,
      /no reference page/,
      /a difference is no sentence/,
      /a difference names no option/,
    ])
      assert.match(problems, expected);
  });
});

/** Runs `post2log check` over a configuration text; gives what it printed and its exit status. */
async function checked(text: string): Promise<{ status: number; out: string; err: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-registry-'));
  try {
    const path = join(directory, 'fluent.conf');
    writeFileSync(path, text);
    let [out, err] = ['', ''];
    const status = await check({
      path,
      env: {},
      registry: new Registry(builtinPlugins),
      out: (piece) => (out += piece),
      err: (piece) => (err += piece),
    });
    return { status, out, err };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

describe('examples', () => {
  for (const plugin of builtinPlugins)
    if (plugin.fluentbit?.example !== undefined && plugin.kind !== 'parser')
      test(`the Fluent Bit example of ${plugin.kind} ${plugin.name} loads`, async () => {
        const example = plugin.fluentbit?.example ?? '';
        const rest = [
          ...(example.includes('[INPUT]') ? [] : ['[INPUT]\n    Name stdin\n']),
          ...(example.includes('[OUTPUT]') ? [] : ['[OUTPUT]\n    Name null\n    Match *\n']),
        ];
        const { status, err } = await checked(`${example}\n${rest.join('')}`);
        assert.equal(status, 0, err);
        assert.match(err, /: ok\n$/);
      });
  for (const plugin of builtinPlugins.filter(({ example }) => example !== ''))
    test(`the example of ${plugin.kind} ${plugin.name} loads`, async () => {
      const { status, out, err } = await checked(plugin.example);
      assert.equal(status, 0, err);
      assert.ok(out.includes(plugin.name) || plugin.kind === 'formatter', out);
      const warnings = err.split('\n').filter((line) => line.includes('warning') && !line.includes('no <source>'));
      assert.deepEqual(
        warnings.filter((line) => !/: ok, \d+ warning/.test(line)),
        [],
      );
    });

  test('no secret is shown', async () => {
    const secrets = builtinPlugins.flatMap((plugin) =>
      Object.entries(plugin.options)
        .filter(([, spec]) => spec.kind === 'secret')
        .map(([name, spec]) => ({ plugin, spelling: spellings(name, spec, 'fluentd')[0] ?? name })),
    );
    assert.ok(secrets.length > 0);
    for (const { plugin, spelling } of secrets) {
      const section = plugin.kind === 'source' ? 'source' : plugin.kind === 'filter' ? 'filter **' : 'match **';
      const { out, err } = await checked(
        `<${section}>\n  @type ${plugin.name}\n  ${spelling} never-shown\n</${section.split(' ')[0]}>\n`,
      );
      assert.doesNotMatch(out + err, /never-shown/, `${plugin.kind} ${plugin.name}: ${spelling}`);
    }
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
