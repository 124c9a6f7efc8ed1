/** Renders the reference from what the code declares: plugins, variables, errors. Pure, and the same text every time. */
import { toJsonSchema } from '@valibot/to-json-schema';
import type { errorTable } from '../core/errors.ts';
import { spellings, type OptionKind, type OptionSpec, type OptionTable } from '../core/options.ts';
import type { Plugin, PluginKind, SectionTable } from '../core/plugin.ts';

/** A generated file: path relative to docs/, and its whole text. */
export interface Page {
  readonly path: string;
  readonly text: string;
}

/** Opens every generated page. */
export const generatedNote =
  '<!-- Made by `npm run docs` from the declarations in src/. Change those, not this file. -->\n';

/** Kinds in the order in which records meet them, with the heading of their part of the index. */
export const kindHeadings: Readonly<Record<PluginKind, string>> = {
  source: 'Sources',
  parser: 'Parsers',
  filter: 'Filters',
  step: 'Router steps',
  join: 'Joins',
  formatter: 'Formatters',
  output: 'Outputs',
};
/** All kinds, in that order. */
export const kinds = Object.keys(kindHeadings) as PluginKind[];

/** How each kind of option is called in the tables, and how it is written in the Fluentd dialect. */
const kindWords: Readonly<Record<OptionKind, { word: string; written: string }>> = {
  text: { word: 'text', written: 'As it stands, or in quotes: `"…"` knows escapes and `#{…}`, `\'…\'` is literal.' },
  secret: { word: 'secret', written: 'Text. Shown as `******` wherever options are shown.' },
  integer: { word: 'integer', written: 'A whole number.' },
  number: { word: 'number', written: 'A number, with a fraction or without.' },
  boolean: { word: 'boolean', written: '`true`, `yes` or the name alone; `false` or `no`.' },
  duration: {
    word: 'duration',
    written: 'A whole number with `s`, `m`, `h` or `d`, or a number of seconds: `10s`, `5m`, `0.5`.',
  },
  bytes: {
    word: 'bytes',
    written: 'A whole number of bytes, or with `k`, `m`, `g` or `t` (powers of 1024): `512k`, `8m`.',
  },
  choice: { word: 'one of', written: 'One of the words named.' },
  list: { word: 'list', written: 'Words with commas between them, or a JSON array of texts.' },
  map: { word: 'map', written: 'A JSON object, or `name:value` pairs with commas between them.' },
  pattern: {
    word: 'pattern',
    written: 'A regular expression in Ruby (Onigmo) syntax: `/…/`, with `i` and `m` behind it.',
  },
};

/** All pages that come from the plugins: one each, their index, and the JSON Schema. */
export function pluginPages(plugins: readonly Plugin[]): Page[] {
  const sorted = kinds.flatMap((kind) =>
    plugins.filter((plugin) => plugin.kind === kind).toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  );
  return [
    { path: 'reference/index.md', text: indexPage(sorted) },
    { path: 'reference/plugins.schema.json', text: `${JSON.stringify(jsonSchema(sorted), undefined, 2)}\n` },
    ...sorted.map((plugin) => ({ path: `reference/${pageName(plugin)}`, text: pluginPage(plugin) })),
  ];
}

/** File name of a plugin's page. Kinds share names (`stdout` is a filter, a formatter and an output), so the kind stands in it. Exported for tests. */
export function pageName(plugin: Plugin): string {
  return `${plugin.kind}-${plugin.name}.md`;
}

function indexPage(plugins: readonly Plugin[]): string {
  const parts = kinds.flatMap((kind) => {
    const rows = plugins.filter((plugin) => plugin.kind === kind);
    return rows.length === 0
      ? []
      : [
          `## ${kindHeadings[kind]}\n`,
          table(
            ['name', 'what it does'],
            rows.map((plugin) => [`[${plugin.name}](${pageName(plugin)})`, plugin.summary]),
          ),
        ];
  });
  const words = Object.values(kindWords).map(({ word, written }) => [word, written]);
  return [
    generatedNote,
    '# Reference\n',
    'See also the [environment variables](variables.md), [`<buffer>`](buffer.md), [what Fluent Bit has for every plugin](fluentbit.md)',
    'and the [errors](../errors.md). For editors and other programs:',
    '[plugins.schema.json](plugins.schema.json), the options of every plugin as JSON Schema.\n',
    ...parts,
    '## How values are written\n',
    table(['kind', 'in a configuration'], words),
  ].join('\n');
}

function pluginPage(plugin: Plugin): string {
  const aliases = plugin.aliases?.length ? `Also known as ${plugin.aliases.map(code).join(', ')}.\n` : undefined;
  const sections = sectionParts(plugin.sections ?? {});
  return [
    generatedNote,
    `# ${plugin.name} (${plugin.kind})\n`,
    `${sentence(plugin.summary)}\n`,
    aliases,
    ...nestedPart(plugin),
    ...(plugin.example === '' ? [] : ['## Example\n', `\`\`\`\n${plugin.example.trim()}\n\`\`\`\n`]),
    '## Options\n',
    optionTable(plugin.options),
    ...sections,
    ...fluentbitPart(plugin),
  ]
    .filter((part) => part !== undefined)
    .join('\n');
}

/** How Fluent Bit's configurations write it. */
function fluentbitPart(plugin: Plugin): string[] {
  const form = plugin.fluentbit;
  if (!form) return [];
  const names = (form.names ?? [plugin.name]).map((name) => code(`Name ${name}`)).join(' or ');
  const header = {
    source: 'INPUT',
    filter: 'FILTER',
    step: 'FILTER',
    join: 'FILTER',
    output: 'OUTPUT',
    parser: 'PARSER',
    formatter: '',
  };
  const rows = [
    ...Object.entries(form.options ?? {}).flatMap(([name, option]) => {
      const spec = plugin.options[name];
      if (!spec) return [];
      const [first = name, ...older] = [option.name ?? spellings(name, spec, 'fluentbit')].flat();
      const value = option.default === undefined ? defaultText(spec) : defaultText(spec, option.default);
      const kind = option.unit === 'ms' ? 'milliseconds' : kindText(spec);
      return [[code(first), kind, value, `${sentence(spec.summary)}${alsoText(older)}`]];
    }),
    ...Object.entries(form.properties ?? {}).map(([name, spec]) => {
      const [first = name, ...older] = spellings(name, spec, 'fluentbit');
      const ignored = spec.ignored === undefined ? '' : ` Has no effect here: ${spec.ignored}.`;
      return [code(first), kindText(spec), defaultText(spec), `${sentence(spec.summary)}${alsoText(older)}${ignored}`];
    }),
    ...Object.entries(form.repeated ?? {}).map(([name, summary]) => [
      code(name),
      'text, may be repeated',
      '',
      sentence(summary),
    ]),
    ...Object.entries(form.ignored ?? {}).map(([name, why]) => [code(name), '', '', `Has no effect here: ${why}.`]),
  ];
  return [
    '\n## In Fluent Bit configurations\n',
    plugin.kind === 'parser'
      ? 'As `[PARSER]` with a `Name`, in a file that `Parsers_File` of `[SERVICE]` names; in YAML an entry of `parsers`.\n'
      : `As \`[${header[plugin.kind]}]\` with ${names}. Keys are compared without case.\n`,
    ...(form.example === undefined ? [] : [`\`\`\`\n${form.example.trim()}\n\`\`\`\n`]),
    rows.length === 0 ? 'No properties of its own.\n' : table(['property', 'kind', 'default', 'meaning'], rows),
  ];
}

const alsoText = (older: readonly string[]): string =>
  older.length === 0 ? '' : ` Also: ${older.map(code).join(', ')}.`;

/** What else the plugin takes inside: `<parse>`, `<format>`, `<inject>`, `<buffer>`. */
function nestedPart(plugin: Plugin): string[] {
  const taken: string[] = [];
  if ('usesParser' in plugin && plugin.usesParser) taken.push('a `<parse>` section with a parser');
  if (plugin.kind === 'output') {
    if (plugin.defaultFormatter)
      taken.push(
        `a \`<format>\` section (default [${plugin.defaultFormatter}](formatter-${plugin.defaultFormatter}.md))`,
      );
    if (plugin.usesInject) taken.push('an `<inject>` section');
    taken.push('a [`<buffer>`](buffer.md) section', 'a `<secondary>` section');
  }
  return taken.length === 0 ? [] : [`Takes ${taken.join(', ')}.\n`];
}

/** The sections of a plugin and those inside them; `path` says inside which. */
function sectionParts(sections: SectionTable, path = ''): string[] {
  return Object.entries(sections).flatMap(([name, section]) => {
    const own = `${path}\`<${name}>\``;
    const often = `${section.isRequired ? 'Required' : 'Optional'}${section.isMany ? '; may stand more than once' : ''}.`;
    return [
      `\n## Section ${own}\n`,
      `${sentence(section.summary)} ${often}\n`,
      section.isFreeform ? 'Takes any pairs of name and value.\n' : optionTable(section.options),
      ...sectionParts(section.sections ?? {}, `${own} in `),
    ];
  });
}

function optionTable(options: OptionTable): string {
  const rows: string[][] = [];
  let numbered = '';
  for (const [name, spec] of Object.entries(options)) {
    const [first = name, ...older] = spellings(name, spec, 'fluentd');
    // `regexp1` to `regexp20` are one row; the first of them gives the meaning.
    const series = /^(.+?)\d+$/.exec(first)?.[1] ?? '';
    const last = rows.at(-1);
    if (last && series !== '' && series === numbered) {
      last[0] = `${last[0]?.split(' … ')[0]} … ${code(first)}`;
      continue;
    }
    numbered = series;
    const also = older.length === 0 ? '' : ` Also: ${older.map(code).join(', ')}.`;
    const ignored = spec.ignored === undefined ? '' : ` Has no effect here: ${spec.ignored}.`;
    rows.push([code(first), kindText(spec), defaultText(spec), `${sentence(spec.summary)}${also}${ignored}`]);
  }
  return rows.length === 0 ? 'None.\n' : table(['option', 'kind', 'default', 'meaning'], rows);
}

function kindText(spec: OptionSpec): string {
  return spec.kind === 'choice' ? (spec.choices ?? []).map(code).join(', ') : kindWords[spec.kind].word;
}

function defaultText(spec: OptionSpec, given?: unknown): string {
  if (spec.isRequired && given === undefined) return '**required**';
  const value = given ?? spec.schema.safeParse(undefined).data;
  if (value === undefined) return '';
  if (value === '') return 'empty';
  if (spec.kind === 'duration') return code(durationText(Number(value)));
  if (spec.kind === 'bytes') return code(bytesText(Number(value)));
  if (Array.isArray(value)) return value.length === 0 ? 'empty' : code(value.join(','));
  return code(typeof value === 'string' ? value : JSON.stringify(value));
}

function durationText(ms: number): string {
  const units: [string, number][] = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
  ];
  const unit = units.find(([, size]) => ms >= size && ms % size === 0);
  return unit ? `${ms / unit[1]}${unit[0]}` : `${ms / 1000}s`;
}

function bytesText(bytes: number): string {
  const units: [string, number][] = [
    ['g', 1024 ** 3],
    ['m', 1024 ** 2],
    ['k', 1024],
  ];
  const unit = units.find(([, size]) => bytes >= size && bytes % size === 0);
  return unit ? `${bytes / unit[1]}${unit[0]}` : String(bytes);
}

/** Options as they stand in the pipeline model: names in camelCase, durations in ms, sizes in bytes. */
function jsonSchema(plugins: readonly Plugin[]): unknown {
  const definitions = plugins.map((plugin) => [`${plugin.kind}.${plugin.name}`, pluginSchema(plugin)] as const);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'post2log plugins',
    description: 'The options of each plugin by kind and name; durations in milliseconds, sizes in bytes.',
    $defs: Object.fromEntries(definitions),
  };
}

function pluginSchema(plugin: Plugin): Record<string, unknown> {
  const sections = Object.entries(plugin.sections ?? {}).map(([name, section]) => [
    name,
    {
      type: 'array',
      description: section.summary,
      ...(section.isMany ? {} : { maxItems: 1 }),
      items: section.isFreeform ? { type: 'object' } : optionsSchema(section.options),
    },
  ]);
  return {
    ...optionsSchema(plugin.options),
    description: plugin.summary,
    ...(sections.length === 0 ? {} : { 'x-sections': Object.fromEntries(sections) }),
  };
}

function optionsSchema(options: OptionTable): Record<string, unknown> {
  const required = Object.entries(options).filter(([, spec]) => spec.isRequired);
  return {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(
      Object.entries(options).map(([name, spec]) => {
        const { $schema: _, ...schema } = toJsonSchema(spec.schema.source, { typeMode: 'input', errorMode: 'ignore' });
        return [
          name,
          {
            ...schema,
            description: spec.summary,
            ...(spec.kind === 'secret' ? { writeOnly: true } : {}),
            'x-kind': spec.kind,
            'x-fluentd': spellings(name, spec, 'fluentd')[0],
          },
        ];
      }),
    ),
    ...(required.length === 0 ? {} : { required: required.map(([name]) => name) }),
  };
}

/** What the variables page needs to know of a variable; config/env.ts makes them. */
interface VariableText {
  readonly name: string;
  readonly summary: string;
  readonly form: string;
  readonly default: unknown;
  readonly place: 'program' | 'chart';
}

/** docs/reference/variables.md: the `P2L_*` variables, in their order. */
export function variablesPage(variables: readonly VariableText[]): Page {
  const rowsOf = (place: VariableText['place']) =>
    variables
      .filter((variable) => variable.place === place)
      .map(({ name, form, default: value, summary }) => [
        code(name),
        form,
        variableDefault(form, value),
        sentence(summary),
      ]);
  const head = ['variable', 'holds', 'default', 'meaning'];
  return {
    path: 'reference/variables.md',
    text: [
      generatedNote,
      '# Environment variables\n',
      'A bad value ends the program with exit code 2 and names the variable, what was found and what was expected. An empty',
      'variable counts as unset. A variable that begins with `P2L_` and is not in these tables is a warning.\n',
      table(head, rowsOf('program')),
      '## For charts\n',
      'Read by deployment charts; the program accepts them and does nothing with them.\n',
      table(head, rowsOf('chart')),
    ].join('\n'),
  };
}

function variableDefault(form: string, value: unknown): string {
  if (value === undefined || value === '') return '';
  if (typeof value === 'number' && form.startsWith('a duration')) return code(durationText(value));
  if (typeof value === 'number' && form.startsWith('a size')) return code(quantityText(value));
  if (Array.isArray(value)) return code(value.join(','));
  return code(typeof value === 'string' ? value : JSON.stringify(value));
}

/** Bytes as a Kubernetes quantity, as variables have them. */
function quantityText(bytes: number): string {
  const text = bytesText(bytes);
  return /[kmg]$/.test(text) ? `${text.slice(0, -1)}${text.slice(-1).toUpperCase()}i` : text;
}

/** docs/reference/buffer.md: what `<buffer>` takes in any output. */
export function bufferPage(options: OptionTable): Page {
  return {
    path: 'reference/buffer.md',
    text: [
      generatedNote,
      '# `<buffer>`\n',
      'Any output takes one. Records always wait in the journal, so it only says how chunks are cut, when they are written and',
      'how often they are tried again. Its argument names the chunk keys: `<buffer tag,time>`. Without a value an option',
      'keeps what the output does by itself.\n',
      optionTable(options),
    ].join('\n'),
  };
}

/** docs/reference/fluentbit.md: what Fluent Bit's configurations have besides their plugins. `tables`: heading and properties of each. */
export function fluentbitPage(tables: readonly (readonly [string, OptionTable])[]): Page {
  const parts = tables.flatMap(([heading, properties]) => [
    `## ${heading}\n`,
    table(
      ['property', 'kind', 'default', 'meaning'],
      Object.entries(properties).map(([name, spec]) => {
        const [first = name] = spellings(name, spec, 'fluentbit');
        const ignored = spec.ignored === undefined ? '' : ` Has no effect here: ${spec.ignored}.`;
        return [code(first), kindText(spec), defaultText(spec), `${sentence(spec.summary)}${ignored}`];
      }),
    ),
  ]);
  return {
    path: 'reference/fluentbit.md',
    text: [
      generatedNote,
      '# Fluent Bit configurations\n',
      'What every plugin of a kind takes, and what `[SERVICE]` says. A file whose first line with something in it is a `[SECTION]`,',
      '`@SET` or `@INCLUDE`, or a YAML key such as `pipeline:`, is read as Fluent Bit\u2019s. Keys are compared without case; sizes are powers',
      'of 1000 (`5M`), times seconds or a number with `s`, `m`, `h`, `d`.\n',
      ...parts,
    ].join('\n'),
  };
}

/** docs/errors.md: what each code means, and whether trying again can help. */
export function errorsPage(errors: typeof errorTable): Page {
  const rows = Object.entries(errors).map(([name, spec]) => [
    `<a id="${name.toLowerCase()}"></a>${code(name)}`,
    spec.retryable ? 'yes' : 'no',
    spec.meaning,
  ]);
  return {
    path: 'errors.md',
    text: [
      generatedNote,
      '# Errors\n',
      'Log lines and answers of the admin API carry one of these codes. "Tried again" says whether the program itself tries again.',
      'What is wrong in a configuration has no code but a place: `file:line:column`.\n',
      table(['code', 'tried again', 'what it means, what to do'], rows),
    ].join('\n'),
  };
}

/** Text as code in Markdown. */
export const code = (text: string): string => `\`${text}\``;
/** A text with a full stop, unless it ends in one. */
export const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);
const cell = (text: string): string => text.replaceAll('|', String.raw`\|`).replaceAll('\n', ' ');

/** A Markdown table; ends with a newline. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
  return `${[line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n')}\n`;
}
