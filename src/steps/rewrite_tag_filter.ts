/**
 * The `rewrite_tag_filter` step: gives records new tags by patterns on their fields; the first rule that matches decides.
 * Source: fluent-plugin-rewrite-tag-filter 2.4, and 1.x for the `rewriteruleN` spelling.
 */
import { hostname } from 'node:os';
import { eachGuarded, guardMatch } from '../codecs/guarded-match.ts';
import type { GuardedMatch } from '../codecs/guarded-match.ts';
import { compileOnigmo, compilePattern, scrub } from '../codecs/onigmo.ts';
import { rubyParts, rubyText } from '../codecs/ruby.ts';
import { compileAccessor } from '../core/accessor.ts';
import type { Accessor } from '../core/accessor.ts';
import { boolean, choice, pattern, text } from '../core/options.ts';
import type { OptionSpec } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { PluginConfig } from '../core/plugin.ts';
import type { Fields } from '../core/record.ts';

/** The old spelling goes from rewriterule1 to rewriterule200. */
const numberedMax = 200;

const options = {
  capitalizeRegexBackreference: boolean('Writes $1 and so on with a capital first letter.', { default: false }),
  removeTagPrefix: text('What is cut from the front of the tag before placeholders take it.'),
  removeTagRegexp: pattern('What is cut from the tag before placeholders take it.'),
  hostnameCommand: text('The command whose output ${hostname} is: `hostname`, or `hostname -s` for its first part.', {
    default: 'hostname',
  }),
  emitMode: choice(['record', 'batch'])('Records of one new tag leave together, or each in its place.', {
    default: 'batch',
  }),
};

export const rewriteTagFilterStep = definePlugin({
  kind: 'step',
  name: 'rewrite_tag_filter',
  summary: 'Gives records new tags by patterns on their fields, and routes them again.',
  options: { ...options, ...numbered() },
  sections: {
    rule: {
      summary: 'A pattern, and the tag of records that match it.',
      isMany: true,
      options: {
        key: text('The field, or a record accessor ($.a.b).', { required: true }),
        pattern: pattern('What its value, as text, is searched for.', { required: true }),
        tag: text('The new tag; $1, ${tag}, ${tag_parts[0]} and ${hostname} are filled in.', { required: true }),
        label: text('The label that records enter with it.'),
        invert: boolean('Matches records that do not match.', { default: false }),
      },
    },
  },
  example: `<match app>
  @type rewrite_tag_filter
  <rule>
    key level
    pattern /^(warn|error)$/
    tag $1.\${tag}
  </rule>
  <rule>
    key level
    pattern /./
    tag other.\${tag}
  </rule>
</match>`,
  differences: [
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Drops records that no rule matches, or whose tag does not change, without a word. Here they are dropped too, and counted as refused (`tag_not_rewritten`).',
    },
    {
      peer: 'fluentd',
      text: 'Runs `hostname_command`. Here no command is run: `hostname` and `hostname -s` are known by what they print, others are an error.',
      options: ['hostnameCommand'],
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Fails on a group that matched nothing with `capitalize_regex_backreference true`. Here it is empty.',
      options: ['capitalizeRegexBackreference'],
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Dropped `rewriteruleN` with version 2. Here it is read.',
    },
  ],
  check: (config) => void compileRules(config),
  create(config, context) {
    const rules = compileRules(config);
    const cut = compileCut(config);
    const host = hostOf(config.options.hostnameCommand) ?? hostname();
    const byRecord = config.options.emitMode === 'record';
    const said = new Set<string>();
    const unknown = (mark: string) => {
      if (said.has(mark) || said.size >= saidMax) return;
      said.add(mark);
      context.log.warn(`rewrite_tag_filter: unknown placeholder ${mark} in a tag; it is empty.`);
    };
    return {
      dropReason: 'tag_not_rewritten',
      retag(batch, emit, reject) {
        const fill = placeholders(cut(batch.tag), host, unknown);
        const found: (Rewritten | undefined)[] = [];
        eachGuarded(
          batch.count,
          rules.map(({ pattern }) => pattern),
          (row) => (found[row] = rewrite(rules, batch.fields(row), fill)),
          (row) => {
            found[row] = undefined;
            reject(row, 'time_limit');
          },
        );
        for (const { tag, label, rows } of grouped(found, batch.tag, byRecord)) {
          const selected = rows.length === batch.count ? batch : batch.select(rows);
          emit(selected.withTag(tag), label);
        }
      },
    };
  },
});

function numbered(): Record<string, OptionSpec<string | undefined>> {
  return Object.fromEntries(
    Array.from({ length: numberedMax }, (_, i) => [
      `rewriterule${i + 1}`,
      text('Old spelling of <rule>: `key pattern tag`, with ! before the pattern to invert it.'),
    ]),
  );
}

/** Different placeholders that are told: more than a configuration has. */
const saidMax = 100;

/** What the command would print; undefined for one that is not known. */
function hostOf(command: string): string | undefined {
  const words = command.trim().split(/\s+/).join(' ');
  if (words === 'hostname') return hostname();
  return words === 'hostname -s' || words === 'hostname --short' ? hostname().split('.')[0] : undefined;
}

interface Rewritten {
  readonly tag: string;
  readonly label: string | undefined;
}
/**
 * The rows of each new tag: all of one label and tag together, in the order of their first rows, or those together that
 * stand together.
 */
function grouped(
  found: readonly (Rewritten | undefined)[],
  before: string,
  byRecord: boolean,
): (Rewritten & { readonly rows: number[] })[] {
  const labels = new Map<string | undefined, Map<string, number[]>>();
  const runs: (Rewritten & { readonly rows: number[] })[] = [];
  for (const [row, one] of found.entries()) {
    if (!one || (one.tag === before && one.label === undefined)) continue;
    const last = runs.at(-1);
    if (byRecord && last?.tag === one.tag && last.label === one.label) last.rows.push(row);
    else if (byRecord) runs.push({ ...one, rows: [row] });
    else {
      let tags = labels.get(one.label);
      if (!tags) labels.set(one.label, (tags = new Map()));
      const rows = tags.get(one.tag);
      if (rows) rows.push(row);
      else tags.set(one.tag, [row]);
    }
  }
  if (byRecord) return runs;
  return [...labels].flatMap(([label, tags]) => [...tags].map(([tag, rows]) => ({ tag, label, rows })));
}

interface Rule {
  readonly accessor: Accessor;
  readonly pattern: GuardedMatch;
  readonly invert: boolean;
  /** The tag for captured texts. */
  readonly tag: string;
  readonly label: string | undefined;
  readonly capitalize: boolean;
}
type Fill = (text: string) => string;

function rewrite(rules: readonly Rule[], fields: Fields, fill: Fill): Rewritten | undefined {
  for (const rule of rules) {
    const value = rule.accessor.get(fields);
    const shown = value instanceof Uint8Array ? scrub(value) : rubyText(value);
    if (shown === '' && !rule.invert) continue;
    const found = rule.pattern.exec(shown);
    if (rule.invert ? found : !found) continue;
    // An inverted rule has nothing captured: its $1 stays as written.
    return { tag: fill(found ? withCaptures(rule, found) : rule.tag), label: rule.label };
  }
  return undefined;
}

function withCaptures(rule: Rule, found: RegExpExecArray): string {
  return rule.tag.replaceAll(/\$(\d+)/g, (_, number: string) => {
    const captured = (number.startsWith('0') ? undefined : found[Number(number)]) ?? '';
    if (!rule.capitalize) return captured;
    const [first = ''] = captured;
    return first.toUpperCase() + captured.slice(first.length).toLowerCase();
  });
}

/** Placeholders of a tag; those that are not known become empty. `__TAG_PARTS[0]__` stays as written, as in the original. */
function placeholders(tag: string, host: string, unknown: (mark: string) => void): Fill {
  const known = new Map([
    ['__HOSTNAME__', host],
    ['${hostname}', host],
    ['__TAG__', tag],
    ['${tag}', tag],
    ...rubyParts(tag).map((part, i) => [`\${tag_parts[${i}]}`, part] as const),
  ]);
  return (text) =>
    text.replaceAll(/\$\{[a-z_]+(?:\[[0-9]+\])?\}|__[A-Z_]+__/g, (mark) => {
      const value = known.get(mark);
      if (value === undefined) unknown(mark);
      return value ?? '';
    });
}

function compileCut({ options: values }: PluginConfig<typeof options>): (tag: string) => string {
  const { removeTagPrefix: prefix, removeTagRegexp } = values;
  if (removeTagRegexp !== undefined) {
    const expression = compilePattern(removeTagRegexp);
    return (tag) => tag.replace(expression, '');
  }
  if (prefix === undefined) return (tag) => tag;
  return (tag) => {
    if (!tag.startsWith(prefix)) return tag;
    return tag.slice(tag[prefix.length] === '.' ? prefix.length + 1 : prefix.length);
  };
}

function compileRules(config: PluginConfig): Rule[] {
  const { options: values } = config;
  if (values['removeTagPrefix'] !== undefined && values['removeTagRegexp'] !== undefined)
    throw new Error('remove_tag_prefix and remove_tag_regexp are exclusive; leave one out');
  if (hostOf(String(values['hostnameCommand'])) === undefined)
    throw new Error(
      `hostname_command ${String(values['hostnameCommand'])}: commands are not run; write hostname or hostname -s, or the name itself in the tag`,
    );
  if (typeof values['removeTagRegexp'] === 'string') compilePattern(values['removeTagRegexp']);
  const capitalize = values['capitalizeRegexBackreference'] === true;
  const rules: Rule[] = [];
  const seen = new Set<string>();
  const add = (key: string, written: string, rule: Pick<Rule, 'pattern' | 'invert' | 'tag' | 'label'>) => {
    const identity = `${key} ${rule.invert ? '!' : ''}${written}`;
    if (seen.has(identity))
      throw new Error(`two rules have key ${key} and pattern ${written}; the second never matches`);
    seen.add(identity);
    rules.push({ ...rule, accessor: compileAccessor(key), capitalize });
  };
  for (const { options: rule } of config.sections['rule'] ?? []) {
    const tag = String(rule['tag']);
    if (/\$\{tag_parts\[\d+\.\.|__TAG_PARTS\[\d+\.\./.test(tag))
      throw new Error(`tag ${tag}: tag_parts takes one number, not a range`);
    const written = String(rule['pattern']);
    const label = typeof rule['label'] === 'string' && rule['label'] !== '' ? rule['label'] : undefined;
    add(String(rule['key']), written, {
      pattern: guardMatch(compilePattern(written), written),
      invert: rule['invert'] === true,
      tag,
      label,
    });
  }
  for (let i = 1; i <= numberedMax; i++) {
    const value = values[`rewriterule${i}`];
    if (typeof value !== 'string') continue;
    const found = /^(\S+)\s+(.+?)\s+(\S+)$/.exec(value);
    if (!found) throw new Error(`rewriterule${i} ${value}: expected a key, a pattern and a tag`);
    const [, key = '', written = '', tag = ''] = found;
    const invert = written.startsWith('!');
    const source = (invert ? written.slice(1) : written).replace(/^"(.*)"$/s, '$1');
    add(key, source, { pattern: guardMatch(compileOnigmo(source), source), invert, tag, label: undefined });
  }
  if (rules.length === 0) throw new Error('rewrite_tag_filter has no <rule>; add one');
  return rules;
}
