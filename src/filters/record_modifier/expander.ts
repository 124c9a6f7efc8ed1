/** The expressions of `<record>`, in order: each sees the record as those before it left it. */
import { rubyParts } from '../../codecs/ruby.ts';
import type { Batch } from '../../core/batch.ts';
import { constantClock } from '../../core/clock.ts';
import { ConfigError } from '../../core/errors.ts';
import type { ConfigProblem, Location } from '../../core/errors.ts';
import type { PluginConfig } from '../../core/plugin.ts';
import { needsExactKey, setField } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';
import { ExpressionFailure, compileExpression, newFrame } from '../../ruby/expression.ts';
import type { Expression } from '../../ruby/expression.ts';
import { ownedHash, toFieldValue } from '../../ruby/fields.ts';
import type { Frame } from '../../ruby/frame.ts';
import { RubyRecordTime } from '../../ruby/values.ts';
import type { RubyHash, RubyValue } from '../../ruby/values.ts';

type Variables = ReadonlyMap<string, RubyValue>;

interface Pair {
  readonly key: string;
  readonly run: (frame: Frame) => RubyValue;
}
interface Compiled {
  readonly pairs: readonly Pair[];
  readonly expressions: readonly Expression[];
  readonly problems: readonly ConfigProblem[];
}

/** Compiles `prepare_value` and the expressions. @throws ConfigError with all that is not taken in them */
export function checkExpressions(config: PluginConfig): void {
  const { problems } = compileAll(config);
  if (problems.length > 0) throw new ConfigError(problems);
}

function compileAll(config: PluginConfig): Compiled {
  const problems: ConfigProblem[] = [];
  const prepared = config.options['prepareValue'];
  const variables =
    typeof prepared === 'string' ? prepare(prepared, config.at, problems) : new Map<string, RubyValue>();
  const expressions: Expression[] = [];
  const pairs = new Map<string, Pair>();
  for (const section of config.sections['record'] ?? [])
    for (const { key, value, json, at, valueAt = at } of section.pairs) {
      const isEmpty = json === null;
      if (isEmpty || !value.includes('${')) {
        pairs.set(key, { key, run: () => (isEmpty ? null : value) });
        continue;
      }
      const { expression, findings } = compileExpression(value, true, variables);
      for (const finding of findings) {
        const place = value.includes('\n') ? valueAt : { ...valueAt, column: valueAt.column + finding.at };
        const said = `<record> ${key}: ${finding.text}`;
        problems.push(
          finding.severity === 'error'
            ? { at: place, text: said }
            : {
                at: place,
                text: `${said}; records on which this runs are rejected, as in Fluentd`,
                severity: 'warning',
              },
        );
      }
      expressions.push(expression);
      pairs.set(key, { key, run: (frame) => expression.run(frame) });
    }
  return { pairs: [...pairs.values()], expressions, problems };
}

/** Runs `prepare_value`: `require "…"` and `@name = expression`, between line ends or semicolons. */
function prepare(code: string, at: Location, problems: ConfigProblem[]): Variables {
  const variables = new Map<string, RubyValue>();
  const frame = emptyFrame();
  for (const statement of statements(code)) {
    const assigned = /^(@[\p{L}_][\p{L}\p{N}_]*)\s*(?:\|\|)?=(?![=~>])\s*(.*)$/su.exec(statement);
    if (!assigned && !/^require\b/.test(statement)) {
      problems.push({ at, text: `prepare_value: ${statement}: expected require "…" or @name = expression` });
      continue;
    }
    const { expression, findings } = compileExpression(`\${${assigned?.[2] ?? statement}}`, true, variables);
    const wrong = findings.find(({ severity }) => severity === 'error');
    if (wrong) {
      problems.push({ at, text: `prepare_value: ${statement}: ${wrong.text}` });
      continue;
    }
    try {
      frame.begin();
      const value = expression.run(frame);
      if (assigned?.[1] !== undefined) variables.set(assigned[1], value);
    } catch (error) {
      if (!(error instanceof ExpressionFailure)) throw error;
      problems.push({ at, text: `prepare_value: ${error.message}` });
    }
  }
  return variables;
}

/** Splits code at line ends and semicolons that stand neither in quotes nor in brackets. */
function statements(code: string): string[] {
  const found: string[] = [''];
  let quote = '';
  let depth = 0;
  for (let at = 0; at < code.length; at++) {
    const char = code[at] as string;
    if (quote === '' && depth === 0 && /[;\n]/.test(char)) {
      found.push('');
      continue;
    }
    found[found.length - 1] += char;
    if (quote !== '') {
      if (char === '\\') found[found.length - 1] += code[++at] ?? '';
      else if (char === quote) quote = '';
    } else if (char === '"' || char === "'") quote = char;
    else if ('([{'.includes(char)) depth++;
    else if (')]}'.includes(char)) depth--;
  }
  return found
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '' && !statement.startsWith('#'));
}

const nothing = { tag: '', time: null, record: null, tag_parts: [], tag_prefix: [], tag_suffix: [], hostname: '' };

/** For what runs before there is a record. */
function emptyFrame(): Frame {
  const frame = newFrame(
    constantClock(() => Date.now()),
    { ...nothing },
  );
  frame.inputs.hostname = frame.around.hostname;
  frame.identify = () => 'prepare_value';
  return frame;
}

/** Makes the new records of a filter, which were checked before. */
export class Expander {
  readonly keys: readonly string[];
  readonly mayTakeLong: boolean;
  readonly frame: Frame;
  readonly #pairs: readonly Pair[];
  #batch: Batch | undefined;
  #row = 0;

  constructor(config: PluginConfig) {
    const { pairs, expressions } = compileAll(config);
    this.#pairs = pairs;
    this.keys = pairs.map(({ key }) => key);
    this.mayTakeLong = expressions.some(({ mayTakeLong }) => mayTakeLong);
    this.frame = newFrame(
      constantClock(() => this.#batch?.block.parts.appendMs ?? 0),
      { ...nothing },
    );
    this.frame.inputs.hostname = this.frame.around.hostname;
    this.frame.mutates = expressions.some(({ mutates }) => mutates);
    const { file, line } = config.at;
    // Names the filter, so that two of them make different random values for a record.
    this.frame.identify = () =>
      `${file}:${line} ${this.#batch?.block.parts.shard ?? ''}-${this.#batch?.offset(this.#row) ?? 0}`;
  }
  begin(batch: Batch): void {
    this.#batch = batch;
    const parts = rubyParts(batch.tag);
    const { inputs } = this.frame;
    inputs.tag = batch.tag;
    inputs.tag_parts = parts;
    inputs.tag_prefix = parts.map((_, i) => parts.slice(0, i + 1).join('.'));
    inputs.tag_suffix = parts.map((_, i) => parts.slice(i).join('.'));
  }
  /** The new record, which the caller owns. @throws ExpressionFailure */
  row(fields: Fields, row: number): Fields {
    const batch = this.#batch as Batch;
    const { frame } = this;
    this.#row = row;
    frame.begin();
    frame.inputs.time = new RubyRecordTime(batch.seconds(row), batch.nanos(row));
    return frame.mutates ? this.#changing(fields) : this.#reading(fields);
  }
  #reading(fields: Fields): Fields {
    let record: Fields = fields instanceof Map ? new Map(fields) : { ...fields };
    for (const { key, run } of this.#pairs) {
      this.frame.inputs.record = record as RubyValue;
      const value = toFieldValue(run(this.frame), record instanceof Map);
      if (!(record instanceof Map) && (needsExactKey(key) || value instanceof Map)) record = exactCopy(record);
      setField(record, key, value);
    }
    return record;
  }
  /** Expressions may change the record that they see, and what is in it. */
  #changing(fields: Fields): Fields {
    const record: RubyHash = ownedHash(fields);
    this.frame.inputs.record = record;
    for (const { key, run } of this.#pairs) record.set(key, run(this.frame));
    const whole = toFieldValue(record, fields instanceof Map) as Fields;
    // Whatever a Map was needed for inside is printed right only inside another.
    const isMixed = !(whole instanceof Map) && Object.values(whole).some((value) => value instanceof Map);
    return isMixed ? exactCopy(whole) : whole;
  }
}

function exactCopy(fields: Fields): Fields {
  return new Map<string, Value>(Object.entries(fields));
}
