/** What tests of Fluent Bit's filters need: a [FILTER] as the dialect reads it, applied to records. Not used by the program. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../src/config/load.ts';
import type { ReadConfig } from '../src/config/load.ts';
import type { PluginModel } from '../src/config/model.ts';
import type { Filter, Plugin, PluginContext } from '../src/core/plugin.ts';
import { Registry } from '../src/core/registry.ts';
import { builtinPlugins } from '../src/plugins.ts';
import { batchOf, contextOf, texts } from './fixture.ts';

const registry = new Registry(builtinPlugins);

/** Reads one [FILTER] between an input and an output; `lines` are its properties, `sections` what else stands in the file. */
async function readFilter(plugin: Plugin, lines: readonly string[], sections = ''): Promise<ReadConfig> {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-filter-'));
  try {
    writeFileSync(join(directory, 'parsers.conf'), sections);
    const path = join(directory, 'a.conf');
    const name = plugin.fluentbit?.names?.[0] ?? plugin.name;
    const filter = [`Name ${name}`, ...lines].map((line) => `    ${line}\n`).join('');
    writeFileSync(
      path,
      `[SERVICE]\n    Parsers_File parsers.conf\n[INPUT]\n    Name dummy\n[FILTER]\n    Match *\n${filter}[OUTPUT]\n    Name null\n    Match *\n`,
    );
    return await readConfig({ path, env: {}, registry });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The plugin that a [FILTER] becomes; fails where it has mistakes. */
export async function filterModel(plugin: Plugin, lines: readonly string[], sections = ''): Promise<PluginModel> {
  const { loaded, problems } = await readFilter(plugin, lines, sections);
  const action = loaded?.model.labels['@ROOT']?.[0]?.action;
  assert.ok(action?.kind === 'filter' || action?.kind === 'retag', JSON.stringify(problems));
  return action.plugin;
}

/** What is said about a [FILTER], without places. */
export async function filterProblems(plugin: Plugin, lines: readonly string[], sections = ''): Promise<string[]> {
  return (await readFilter(plugin, lines, sections)).problems.map(({ text }) => text);
}

/** A running filter. */
export async function makeFilter(
  plugin: Plugin,
  lines: readonly string[],
  { sections = '', context = contextOf(builtinPlugins) }: { sections?: string; context?: PluginContext } = {},
): Promise<Filter> {
  const model = await filterModel(plugin, lines, sections);
  assert.ok(plugin.kind === 'filter' && plugin.name === model.type);
  return plugin.create(model, context);
}

/** What a [FILTER] makes of records, as JSON texts. */
export async function filtered(
  plugin: Plugin,
  lines: readonly string[],
  records: readonly string[],
  sections = '',
): Promise<string[]> {
  const filter = await makeFilter(plugin, lines, { sections });
  return texts(filter.apply(batchOf('app.web', records), () => assert.fail('nothing is rejected')));
}
