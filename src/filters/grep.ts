/** The `grep` filter: keeps or drops records by patterns on their fields. Source: Fluentd 1.16 filter_grep.rb. */
import { eachGuarded, guardMatch } from '../codecs/guarded-match.ts';
import type { GuardedMatch } from '../codecs/guarded-match.ts';
import { compileOnigmo, compilePattern, scrub } from '../codecs/onigmo.ts';
import { rubyText } from '../codecs/ruby.ts';
import type { SectionModel } from '../config/model.ts';
import { compileAccessor } from '../core/accessor.ts';
import type { Accessor } from '../core/accessor.ts';
import { pattern, text } from '../core/options.ts';
import type { OptionSpec } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { PluginConfig, SectionTable } from '../core/plugin.ts';
import type { Fields } from '../core/record.ts';

/** Fluentd takes regexp1 to regexp20. */
const numberedMax = 20;

const condition = {
  key: text('The field, or a record accessor ($.a.b).', { required: true }),
  pattern: pattern('What its value, as text, is searched for; a missing field is empty text.', { required: true }),
};
const conditions: SectionTable = {
  regexp: { summary: 'Keeps records whose field matches.', options: condition, isMany: true },
  exclude: { summary: 'Drops records whose field matches.', options: condition, isMany: true },
};

function numbered(name: string, summary: string): Record<string, OptionSpec<string | undefined>> {
  return Object.fromEntries(
    Array.from({ length: numberedMax }, (_, i) => [
      `${name}${i + 1}`,
      text(`Old spelling: \`key pattern\`; ${summary}`),
    ]),
  );
}

export const grepFilter = definePlugin({
  kind: 'filter',
  name: 'grep',
  summary: 'Keeps or drops records by regular expressions on their fields.',
  options: {
    ...numbered('regexp', 'keeps records that match.'),
    ...numbered('exclude', 'drops records that match.'),
  },
  sections: {
    ...conditions,
    and: { summary: 'All conditions inside must hold.', options: {}, sections: conditions, isMany: true },
    or: { summary: 'One of the conditions inside must hold.', options: {}, sections: conditions, isMany: true },
  },
  example: `<filter app.**>
  @type grep
  <regexp>
    key level
    pattern /^(warn|error)$/
  </regexp>
  <exclude>
    key $.request.path
    pattern /health/
  </exclude>
</filter>`,
  check: (config) => void compileRules(config),
  create(config, context) {
    const rules = compileRules(config);
    const patterns = Object.values(rules).flatMap((list: readonly Condition[]) => list.map(({ pattern }) => pattern));
    let saidClash = false;
    const clashed = (accessor: Accessor) => {
      if (saidClash) return;
      saidClash = true;
      context.log.warn(`grep: ${accessor.text} leads into a value without fields; such records are kept.`);
    };
    return {
      apply(batch, reject) {
        const isKept: boolean[] = [];
        eachGuarded(
          batch.count,
          patterns,
          (row) => (isKept[row] = keeps(rules, batch.fields(row), clashed)),
          (row) => {
            isKept[row] = false;
            reject(row, 'time_limit');
          },
        );
        if (isKept.every(Boolean)) return batch;
        return batch.select(isKept.flatMap((kept, row) => (kept ? [row] : [])));
      },
    };
  },
});

interface Condition {
  readonly accessor: Accessor;
  readonly pattern: GuardedMatch;
}
/** By field, as Fluentd keeps them: the same field twice in one list is an error. */
interface Rules {
  readonly regexpAnd: readonly Condition[];
  readonly regexpOr: readonly Condition[];
  readonly excludeAnd: readonly Condition[];
  readonly excludeOr: readonly Condition[];
}

/** Tells that a field's place leads into text or a number, where Fluentd gives up and keeps the record. */
const clash = Symbol('clash');

function keeps(rules: Rules, fields: Fields, clashed: (accessor: Accessor) => void): boolean {
  try {
    const holds = ({ accessor, pattern }: Condition) => {
      const value = accessor.get(fields);
      if (value === undefined && accessor.clashes(fields)) {
        clashed(accessor);
        throw clash;
      }
      return pattern.exec(value instanceof Uint8Array ? scrub(value) : rubyText(value)) !== null;
    };
    if (!rules.regexpAnd.every(holds)) return false;
    if (rules.regexpOr.length > 0 && !rules.regexpOr.some(holds)) return false;
    if (rules.excludeAnd.length > 0 && rules.excludeAnd.every(holds)) return false;
    return !rules.excludeOr.some(holds);
  } catch (error) {
    if (error === clash) return true;
    throw error;
  }
}

function compileRules(config: PluginConfig): Rules {
  const regexpAnd = new ConditionList('<regexp>');
  const regexpOr = new ConditionList('<or>');
  const excludeAnd = new ConditionList('<and>');
  const excludeOr = new ConditionList('<exclude>');
  for (let i = 1; i <= numberedMax; i++) {
    regexpAnd.addNumbered(`regexp${i}`, config.options[`regexp${i}`]);
    excludeOr.addNumbered(`exclude${i}`, config.options[`exclude${i}`]);
  }
  regexpAnd.addAll(config.sections['regexp']);
  excludeOr.addAll(config.sections['exclude']);
  for (const [name, keep, drop] of [
    ['and', regexpAnd, excludeAnd],
    ['or', regexpOr, excludeOr],
  ] as const)
    for (const section of config.sections[name] ?? []) {
      const regexps = section.sections?.['regexp'] ?? [];
      const excludes = section.sections?.['exclude'] ?? [];
      if (regexps.length > 0 && excludes.length > 0)
        throw new Error(`<${name}> holds both <regexp> and <exclude>; write two <${name}> sections`);
      keep.addAll(regexps);
      drop.addAll(excludes);
    }
  return {
    regexpAnd: regexpAnd.conditions,
    regexpOr: regexpOr.conditions,
    excludeAnd: excludeAnd.conditions,
    excludeOr: excludeOr.conditions,
  };
}

class ConditionList {
  readonly conditions: Condition[] = [];
  readonly #name: string;
  constructor(name: string) {
    this.#name = name;
  }
  addAll(sections: readonly SectionModel[] = []): void {
    for (const { options } of sections) {
      const pattern = String(options['pattern']);
      this.#add(String(options['key']), guardMatch(compilePattern(pattern), pattern));
    }
  }
  addNumbered(name: string, value: unknown): void {
    if (typeof value !== 'string') return;
    const space = value.indexOf(' ');
    if (space < 0) throw new Error(`${name} ${value}: expected a key, a space and a pattern`);
    const pattern = value.slice(space + 1);
    this.#add(value.slice(0, space), guardMatch(compileOnigmo(pattern), pattern));
  }
  #add(key: string, pattern: GuardedMatch): void {
    if (this.conditions.some(({ accessor }) => accessor.text === key))
      throw new Error(`${this.#name} names key ${key} twice; join the patterns, or use another section`);
    this.conditions.push({ accessor: compileAccessor(key), pattern });
  }
}
