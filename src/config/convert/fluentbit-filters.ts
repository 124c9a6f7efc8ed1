/** Fluentd's filters as filters of Fluent Bit. */
import { compileAccessor } from '../../core/accessor.ts';
import type { PluginModel, SectionModel } from '../model.ts';
import { plainText } from './fluentbit-sections.ts';
import type { FluentbitProperty, Translating } from './fluentbit-sections.ts';
import type { FluentbitSection } from './fluentbit-text.ts';

/** The sections in place of a filter; undefined: its own form may do. */
export function filterSections(translating: Translating, model: PluginModel): FluentbitSection[] | undefined {
  switch (model.type) {
    case 'grep':
      return grepSections(translating, model);
    case 'record_transformer':
    case 'record_modifier':
      return recordSections(translating, model);
    case 'parser':
      return parserSections(translating, model);
    case 'stdout':
      return [{ name: 'stdout', properties: [] }];
    default:
      return undefined;
  }
}

/** All `<regexp>` must match and no `<exclude>` may: two sections, each with its Logical_Op. */
function grepSections({ complaints }: Translating, model: PluginModel): FluentbitSection[] {
  const rules = (sections: Readonly<Record<string, readonly SectionModel[]>>, name: string): string[] =>
    (sections[name] ?? []).map(
      ({ options }) => `${fluentbitKey(plainText(options['key']))} ${barePattern(plainText(options['pattern']))}`,
    );
  const section = (kind: 'regex' | 'exclude', operator: string, list: readonly string[]): FluentbitSection[] =>
    list.length === 0
      ? []
      : [{ name: 'grep', properties: [...(list.length > 1 ? [['logical_op', operator] as const] : []), [kind, list]] }];
  const { sections } = model;
  for (const group of [...(sections['and'] ?? []), ...(sections['or'] ?? [])])
    if (rules(group.sections ?? {}, 'regexp').length > 0 && rules(group.sections ?? {}, 'exclude').length > 0)
      complaints.refuse(group.at, 'filter grep: regexp and exclude in one section cannot be written');
  const inside = (name: string, kind: string): string[][] =>
    (sections[name] ?? []).map((group) => rules(group.sections ?? {}, kind)).filter((list) => list.length > 0);
  return [
    ...section('regex', 'AND', rules(sections, 'regexp')),
    ...section('exclude', 'OR', rules(sections, 'exclude')),
    ...inside('and', 'regexp').flatMap((list) => section('regex', 'AND', list)),
    ...inside('or', 'regexp').flatMap((list) => section('regex', 'OR', list)),
    ...inside('and', 'exclude').flatMap((list) => section('exclude', 'AND', list)),
    ...inside('or', 'exclude').flatMap((list) => section('exclude', 'OR', list)),
  ];
}

/** `$.a.b` is `$a['b']` there. */
export function fluentbitKey(key: string): string {
  if (!key.startsWith('$.') && !key.startsWith('$[')) return key;
  compileAccessor(key);
  const steps = Array.from(key.matchAll(/\.([^.[]+)|\['([^']*)'\]|\["([^"]*)"\]|\[(-?\d+)\]/g), ([, a, b, c, index]) =>
    index === undefined ? `['${a ?? b ?? c ?? ''}']` : `[${index}]`,
  );
  const first = /^\['(.*)'\]$/.exec(steps[0] ?? '')?.[1] ?? '';
  return `$${first}${steps.slice(1).join('')}`;
}

/** Between slashes only where letters stand behind them. */
export function barePattern(pattern: string): string {
  const [, source, letters] = /^\/(.*)\/([imx]*)$/s.exec(pattern) ?? [];
  if (source === undefined) return pattern;
  return letters === '' ? source : pattern;
}

/** Fixed texts and removed keys; Ruby and placeholders have no counterpart, but for one field's value. */
function recordSections({ complaints }: Translating, model: PluginModel): FluentbitSection[] {
  const { options, at } = model;
  const title = `filter ${model.type}`;
  for (const name of [
    'renewRecord',
    'renewTimeKey',
    'whitelistKeys',
    'charEncoding',
    'prepareValue',
    'keepKeys',
  ] as const)
    if (options[name] !== undefined && options[name] !== false)
      complaints.refuse(at, `${title}: ${name} has no counterpart in Fluent Bit`);
  for (const { at: place } of model.sections['replace'] ?? [])
    complaints.refuse(place, `${title}: <replace> has no counterpart`);
  const rules: FluentbitProperty[] = [];
  for (const section of model.sections['record'] ?? [])
    for (const { key, value, json, at: place, valueAt = place } of section.pairs) {
      const copied = /^\$\{record\[(?:"([^"]+)"|'([^']+)')\]\}$/.exec(value);
      const name = copied?.[1] ?? copied?.[2];
      if (name !== undefined) rules.push(['hard_copy', `${quoted(name)} ${quoted(key)}`]);
      else if (json !== undefined || value.includes('${'))
        complaints.refuse(valueAt, `${title}: ${key}: only texts and \${record["field"]} can be written in Fluent Bit`);
      else rules.push(['set', `${quoted(key)} ${quoted(value)}`]);
    }
  for (const key of Array.isArray(options['removeKeys']) ? options['removeKeys'] : [])
    if (plainText(key).startsWith('$.') || plainText(key).startsWith('$['))
      complaints.refuse(at, `${title}: remove_keys ${plainText(key)}: Fluent Bit removes fields of the record alone`);
    else rules.push(['remove', quoted(plainText(key))]);
  if (rules.length === 0) return [];
  // Rules of one name stand in a list; each name in a section of its own, so that their order stays.
  return Array.from(runs(rules), ([name, values]) => ({ name: 'modify', properties: [[name, values]] }));
}

function* runs(rules: readonly FluentbitProperty[]): Generator<[string, string[]]> {
  let open: [string, string[]] | undefined;
  for (const [name, value] of rules) {
    if (open?.[0] === name) open[1].push(plainText(value));
    else {
      if (open) yield open;
      open = [name, [plainText(value)]];
    }
  }
  if (open) yield open;
}

export function quoted(text: string): string {
  return /^[^\s"'\\]+$/.test(text) ? text : `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

function parserSections(translating: Translating, model: PluginModel): FluentbitSection[] {
  const { options, parser, at } = model;
  const name = parser && translating.parser(parser);
  for (const one of ['injectKeyPrefix', 'hashValueField'] as const)
    if (options[one] !== undefined)
      translating.complaints.refuse(at, `filter parser: ${one} has no counterpart in Fluent Bit`);
  if (name === undefined) return [];
  translating.complaints.warn(
    at,
    'filter parser: a record that the parser does not take goes to @ERROR in Fluentd; Fluent Bit lets it pass as it is',
  );
  const isKept = options['reserveData'] === true && options['removeKeyNameField'] !== true;
  return [
    {
      name: 'parser',
      properties: [
        ['key_name', fluentbitKey(plainText(options['keyName']))],
        ['parser', name],
        ...(options['reserveData'] === true ? [['reserve_data', 'on'] as const] : []),
        ...(isKept ? [['preserve_key', 'on'] as const] : []),
      ],
    },
  ];
}
