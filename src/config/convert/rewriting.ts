/** New tags: Fluentd's `rewrite_tag_filter`, a `<match>`, and Fluent Bit's filter `rewrite_tag`, as far as one can be the other. */
import type { Location } from '../../core/errors.ts';
import type { PluginModel, SectionModel } from '../model.ts';
import { barePattern, fluentbitKey, quoted } from './fluentbit-filters.ts';
import { plainText } from './fluentbit-sections.ts';
import { sectionLines } from './fluentd-text.ts';

type Refuse = (at: Location, text: string) => void;

/**
 * The rules of a `rewrite_tag_filter` as `Rule`s; undefined after telling what cannot be written. `keeps`: the records are
 * wanted under their old tags too.
 */
export function fluentbitRules(plugin: PluginModel, keeps: boolean, refuse: Refuse): string[] | undefined {
  const title = plugin.type;
  let isWhole = true;
  const fail = (at: Location, text: string): void => {
    refuse(at, `${title}: ${text}`);
    isWhole = false;
  };
  for (const name of ['removeTagPrefix', 'removeTagRegexp', 'capitalizeRegexBackreference'] as const)
    if (plugin.options[name] !== undefined && plugin.options[name] !== false)
      fail(plugin.at, `${name} has no counterpart in Fluent Bit`);
  const numbered = Object.keys(plugin.options).some((name) => /^rewriterule\d/i.test(name));
  if (numbered) fail(plugin.at, 'write rewriteruleN as <rule> sections first');
  const rules = (plugin.sections['rule'] ?? []).map(({ options, at }: SectionModel) => {
    if (options['invert'] === true) fail(at, 'invert has no counterpart in Fluent Bit');
    if (options['label'] !== undefined) fail(at, 'label: Fluent Bit has no labels');
    const tag = fluentbitTag(plainText(options['tag']));
    if (tag === undefined)
      fail(at, `tag ${plainText(options['tag'])}: only \${tag}, \${tag_parts[n]} and $1 can be written`);
    const key = fluentbitKey(plainText(options['key']));
    const pattern = barePattern(plainText(options['pattern']));
    return [key.startsWith('$') ? key : `$${key}`, quoted(pattern), quoted(tag ?? ''), String(keeps)].join(' ');
  });
  return isWhole ? rules : undefined;
}

/** Placeholders of a tag; undefined where there is one that Fluent Bit does not have. */
function fluentbitTag(tag: string): string | undefined {
  const written = tag
    .replaceAll(/\$\{tag\}|__TAG__/g, '$TAG')
    .replaceAll(/\$\{tag_parts\[(\d+)\]\}|__TAG_PARTS\[(\d+)\]__/g, (_, a?: string, b?: string) => `$TAG[${a ?? b}]`);
  return /\$\{|__[A-Z_]+(?:\[|__)/.test(written) ? undefined : written;
}

/**
 * A `rewrite_tag` as the lines inside of a `<match>`; undefined after telling what cannot be written. What no rule takes, and
 * what is kept under its old tag, enters the label `behind`.
 */
export function fluentdRewriting(plugin: PluginModel, behind: string, refuse: Refuse): string[] | undefined {
  let isWhole = true;
  const fail = (at: Location, text: string): void => {
    refuse(at, `filter ${plugin.type}: ${text}`);
    isWhole = false;
  };
  const sections = plugin.sections['rule'] ?? [];
  const keeps = new Set(sections.map(({ options }) => options['keep'] === true));
  if (keeps.size > 1)
    fail(plugin.at, 'some rules keep records under their old tags and others do not; write two filters');
  const rules = sections.flatMap(({ options, at }) => {
    const [key, tag] = [fluentdKey(plainText(options['key'])), fluentdTag(plainText(options['tag']))];
    if (key === undefined) fail(at, `${plainText(options['key'])}: the key of a field was expected`);
    if (tag === undefined)
      fail(at, `tag ${plainText(options['tag'])}: a tag is made of $TAG, $TAG[n] and $1 in Fluentd`);
    return sectionLines('rule', '', [
      `key ${key ?? ''}`,
      `pattern ${fluentdPattern(plainText(options['pattern']))}`,
      `tag ${tag ?? ''}`,
    ]);
  });
  if (!isWhole) return undefined;
  const step = ['@type rewrite_tag_filter', ...rules];
  const on = ['@type relabel', `@label ${behind}`];
  if (keeps.has(true)) return ['@type copy', ...sectionLines('store', '', step), ...sectionLines('store', '', on)];
  // A pattern that nothing matches, inverted: it takes what the rules before it left, also records without the field.
  return [
    ...step,
    ...sectionLines('rule', '', ['key _', 'pattern /(?!)/', 'invert true', 'tag ${tag}', `label ${behind}`]),
  ];
}

/** `$a['b'][0]` is `$.a.b[0]`, with brackets where a key needs them. */
function fluentdKey(key: string): string | undefined {
  const [, first = '', rest = ''] = /^\$?([^[\s]+)((?:\[[^\]]+\])*)$/.exec(key) ?? [];
  if (first === '') return undefined;
  if (rest === '') return first;
  const steps = Array.from(rest.matchAll(/\[(?:'([^']*)'|(\d+))\]/g), ([, name, index]) =>
    index === undefined ? `["${name ?? ''}"]` : `[${index}]`,
  );
  return `$["${first}"]${steps.join('')}`;
}

function fluentdTag(tag: string): string | undefined {
  const written = tag
    .replaceAll(/\$TAG\[(\d+)\]/g, (_, index: string) => `\${tag_parts[${index}]}`)
    .replaceAll('$TAG', '${tag}');
  return /\$(?!\{tag|\d)/.test(written) ? undefined : written;
}

function fluentdPattern(pattern: string): string {
  return /^\/.*\/[imx]*$/s.test(pattern) ? pattern : `/${pattern.replaceAll(/(?<!\\)\//g, String.raw`\/`)}/`;
}
