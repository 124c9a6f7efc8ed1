/** Renders docs/compatibility.md from what the dialect, the plugins and the list of waived cases declare. Pure. */
import type { DialectDifference } from '../config/fluentd/differences.ts';
import type { LaterPlugins } from '../config/fluentd/later-plugins.ts';
import type { Difference, Verdict } from '../core/difference.ts';
import { spellings } from '../core/options.ts';
import type { OptionTable } from '../core/options.ts';
import type { Plugin, PluginKind, SectionTable } from '../core/plugin.ts';
import { code, generatedNote, kindHeadings, kinds, pageName, sentence, table } from './reference-pages.ts';
import type { Page } from './reference-pages.ts';

/** What the page is made of. */
export interface CompatibilitySources {
  readonly plugins: readonly Plugin[];
  /** Plugins that later versions will have. */
  readonly later: readonly LaterPlugins[];
  readonly language: readonly DialectDifference[];
  readonly buffers: readonly DialectDifference[];
  readonly routing: readonly DialectDifference[];
  /** The same of Fluent Bit's dialect. */
  readonly fluentbit: {
    readonly language: readonly DialectDifference[];
    readonly storage: readonly DialectDifference[];
    readonly routing: readonly DialectDifference[];
  };
  /** Options of `<buffer>`. */
  readonly bufferOptions: OptionTable;
  /** Recorded cases of the peers that do not pass, with their reasons. One that begins with `needs` is a gap, any other is on purpose. */
  readonly waivers: Readonly<Record<string, string>>;
}

const verdictWords: Readonly<Record<Verdict, string>> = {
  better: 'better',
  different: 'different',
  unsupported: 'not supported',
};

/** docs/compatibility.md: where this program differs from Fluentd and Fluent Bit. */
export function compatibilityPage(sources: CompatibilitySources): Page {
  return {
    path: 'compatibility.md',
    text: [
      generatedNote,
      '# Compatibility\n',
      'A configuration is read as what it looks like: `[SECTION]` and indented keys are Fluent Bit\u2019s classic form, `pipeline:` and',
      '`service:` its YAML, everything else Fluentd\u2019s.\n',
      '- [Fluentd](#fluentd)\n- [Fluent Bit](#fluent-bit)\n',
      '# Fluentd\n',
      'post2log runs Fluentd configurations (the v1 and the older v0.12 spelling) for the plugins it has; what it was compared',
      'with is Fluentd 1.16.11. Where Fluentd would lose or corrupt a record, or would go on with a configuration that does not',
      'say what it means, post2log does the safe thing. This page lists where the two differ: *better* says that something',
      'which Fluentd loses, corrupts or leaves unsaid is kept or said here.\n',
      '`post2log check -c FILE` says the same about your configuration, plugin by plugin, with a warning for each value that reads',
      'differently than it looks.\n',
      '## What this version has\n',
      ...kinds.map((kind) => pluginList(kind, sources.plugins)).filter((line) => line !== ''),
      'Any other plugin is an error that names it. These are known and come with later versions: `check` shows a configuration that',
      'has them, `run` refuses it.\n',
      ...kinds.map((kind) => laterList(kind, sources.later)).filter((line) => line !== ''),
      '## Configuration\n',
      dialectTable(sources.language),
      '## Buffers\n',
      'There is one buffer, the journal; a `<buffer>` section says how chunks are cut, flushed and retried.\n',
      dialectTable(sources.buffers),
      ignoredTable([['', sources.bufferOptions]]),
      '## Routing\n',
      dialectTable(sources.routing),
      'Kept as they are: `*` is one part of a tag and `a.**` also matches `a`; `{a,b}`, several patterns in one `<match>`,',
      '`/regexp/`; the first `<match>` takes the record; a `<filter>` behind it does not apply; `^` in a rule also matches behind a',
      'line break; a missing key matches a rule only with `invert`; an undefined `$3` is empty.\n',
      '## Plugins\n',
      ...kinds.flatMap((kind) => pluginParts(kind, sources.plugins)),
      ...waiverPart('fluentd', sources.waivers),
      ...fluentbitPart(sources),
    ].join('\n'),
  };
}

function fluentbitPart({ plugins, fluentbit, waivers }: CompatibilitySources): string[] {
  const known = plugins.filter((plugin) => plugin.fluentbit !== undefined && plugin.kind !== 'parser');
  const lists = fluentbitKinds.map(([word, own]) => {
    const names = known
      .filter(({ kind }) => own.includes(kind))
      .map((plugin) => `[${plugin.fluentbit?.names?.[0] ?? plugin.name}](reference/${pageName(plugin)})`);
    return names.length === 0 ? '' : `**${word}**: ${names.sort().join(', ')}.\n`;
  });
  return [
    '# Fluent Bit\n',
    'post2log runs Fluent Bit configurations, classic and YAML, for the plugins it has; what it was compared with is Fluent Bit 5.1.1.',
    'Where Fluent Bit would lose or corrupt a record, post2log does the safe thing. Fluent Bit\u2019s other plugins are errors that name',
    'them as known.\n',
    '## What this version has of it\n',
    ...lists.filter((line) => line !== ''),
    'Parsers are [`[PARSER]`](reference/parser-fluentbit.md) sections in a file of their own, or `parsers` in YAML.\n',
    '## Its configuration\n',
    dialectTable(fluentbit.language, 'Fluent Bit'),
    '## Where records wait\n',
    dialectTable(fluentbit.storage, 'Fluent Bit'),
    '## Its routing\n',
    dialectTable(fluentbit.routing, 'Fluent Bit'),
    'Kept as they are: `*` in Match is any text; every output whose Match fits gets a record; Match_Regex begins at the beginning of the',
    'tag; filters run in written order, before all outputs; one input and one output need no Match.\n',
    '## Its plugins\n',
    ...fluentbitPlugins(plugins),
    ...waiverPart('fluentbit', waivers),
  ];
}

const fluentbitKinds: readonly (readonly [string, readonly PluginKind[]])[] = [
  ['Inputs', ['source']],
  ['Filters', ['filter', 'step', 'join']],
  ['Outputs', ['output']],
];

function fluentbitPlugins(plugins: readonly Plugin[]): string[] {
  return kinds.flatMap((kind) =>
    sortedOf(kind, plugins).flatMap((plugin) => {
      const own = (plugin.differences ?? []).filter(({ peer }) => peer === 'fluentbit');
      const ignored = Object.entries(plugin.fluentbit?.ignored ?? {});
      if (own.length === 0 && ignored.length === 0) return [];
      const lines = own.map(({ verdict, text }) => `- *${verdictWords[verdict ?? 'different']}*: ${sentence(text)}`);
      return [
        `### Fluent Bit: ${plugin.fluentbit?.names?.[0] ?? plugin.name} (${kind})\n`,
        ...(lines.length === 0 ? [] : [`${lines.join('\n')}\n`]),
        ...(ignored.length === 0
          ? []
          : [
              table(
                ['property without effect', 'because'],
                ignored.map(([name, why]) => [code(name), why]),
              ),
            ]),
      ];
    }),
  );
}

function sortedOf(kind: PluginKind, plugins: readonly Plugin[]): Plugin[] {
  return plugins.filter((plugin) => plugin.kind === kind).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function pluginList(kind: PluginKind, plugins: readonly Plugin[]): string {
  const names = sortedOf(kind, plugins).map((plugin) => {
    const also = plugin.aliases?.length ? ` (${plugin.aliases.map(code).join(', ')})` : '';
    return `[${plugin.name}](reference/${pageName(plugin)})${also}`;
  });
  return names.length === 0 ? '' : `**${kindHeadings[kind]}**: ${names.join(', ')}.\n`;
}

function laterList(kind: PluginKind, later: readonly LaterPlugins[]): string {
  const names = later.flatMap((row) => (row.kind === kind ? row.names.map(code) : []));
  return names.length === 0 ? '' : `Later ${kindHeadings[kind].toLowerCase()}: ${names.join(', ')}.\n`;
}

function dialectTable(differences: readonly DialectDifference[], peer = 'Fluentd'): string {
  const rows = differences.map(({ verdict, theirs, ours, why }) => [verdictWords[verdict], theirs, ours, why ?? '']);
  const hasReasons = rows.some((row) => row[3] !== '');
  const head = ['', peer, 'post2log', ...(hasReasons ? ['why'] : [])];
  return table(
    head,
    rows.map((row) => row.slice(0, head.length)),
  );
}

/** Options that are taken without effect, by table; the name before a table is the section it belongs to. */
function ignoredTable(tables: readonly (readonly [string, OptionTable])[]): string {
  const rows = tables.flatMap(([owner, options]) =>
    Object.entries(options).flatMap(([name, spec]) =>
      spec.ignored === undefined
        ? []
        : [[`${owner}${code(spellings(name, spec, 'fluentd')[0] ?? name)}`, spec.ignored]],
    ),
  );
  return rows.length === 0 ? '' : table(['option without effect', 'because'], rows);
}

function optionTables(plugin: Plugin): (readonly [string, OptionTable])[] {
  const inner = (sections: SectionTable, path: string): (readonly [string, OptionTable])[] =>
    Object.entries(sections).flatMap(([name, section]) => [
      [`${path}${code(`<${name}>`)} `, section.options] as const,
      ...inner(section.sections ?? {}, `${path}${code(`<${name}>`)} `),
    ]);
  return [['', plugin.options], ...inner(plugin.sections ?? {}, '')];
}

function pluginParts(kind: PluginKind, plugins: readonly Plugin[]): string[] {
  return sortedOf(kind, plugins).flatMap((plugin) => {
    const own = (plugin.differences ?? []).filter(({ peer }) => peer === 'fluentd');
    const ignored = ignoredTable(optionTables(plugin));
    if (own.length === 0 && ignored === '') return [];
    const lines = own.map((difference) => `- ${differenceText(plugin, difference)}`);
    return [
      `### ${plugin.name} (${plugin.kind})\n`,
      ...(lines.length === 0 ? [] : [`${lines.join('\n')}\n`]),
      ...(ignored === '' ? [] : [ignored]),
    ];
  });
}

function differenceText(plugin: Plugin, difference: Difference): string {
  const tables = optionTables(plugin);
  const names = (difference.options ?? []).map((name) => {
    const spec = tables.map(([, options]) => options[name]).find((found) => found !== undefined);
    return code(spec ? (spellings(name, spec, 'fluentd')[0] ?? name) : name);
  });
  const about = names.length === 0 ? '' : ` (${names.join(', ')})`;
  return `*${verdictWords[difference.verdict ?? 'different']}*${about}: ${sentence(difference.text)}`;
}

function waiverPart(family: 'fluentd' | 'fluentbit', waivers: Readonly<Record<string, string>>): string[] {
  const peer = family === 'fluentd' ? 'Fluentd' : 'Fluent Bit';
  const own = Object.entries(waivers).filter(([name]) => name.startsWith(`${family}/`));
  const gaps = own.filter(([, reason]) => reason.startsWith('needs '));
  const chosen = own.filter(([, reason]) => !reason.startsWith('needs '));
  const rows = chosen.map(([name, reason]) => [code(name.slice(family.length + 1)), sentence(reason)]);
  return [
    `## Recorded behaviour of ${peer}\n`,
    `The real ${peer} was run on some hundreds of configurations and inputs, and what it did was recorded; post2log is run on the`,
    'same ones.\n',
    ...(rows.length === 0
      ? []
      : ['In these cases it does something else on purpose:\n', table(['case', 'because'], rows)]),
    ...(gaps.length === 0
      ? []
      : [`In ${gaps.length} ${gaps.length === 1 ? 'case' : 'cases'} it does not yet do what ${peer} does.\n`]),
  ];
}
