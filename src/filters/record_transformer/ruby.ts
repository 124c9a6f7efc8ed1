/** `<record>` with `enable_ruby true`: expressions. Source: Fluentd 1.16 filter_record_transformer.rb (RubyPlaceholderExpander). */
import type { Batch } from '../../core/batch.ts';
import { rubyParts } from '../../codecs/ruby.ts';
import { constantClock } from '../../core/clock.ts';
import type { Instant } from '../../core/clock.ts';
import { ConfigError } from '../../core/errors.ts';
import type { ConfigProblem, Location } from '../../core/errors.ts';
import { fieldEntries, isFields } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';
import { ExpressionFailure, compileExpression, expressionText, newFrame } from '../../ruby/expression.ts';
import type { Expression } from '../../ruby/expression.ts';
import { ownedHash, toFieldValue } from '../../ruby/fields.ts';
import type { Frame } from '../../ruby/frame.ts';
import { RubyTime } from '../../ruby/values.ts';
import type { RubyValue } from '../../ruby/values.ts';
import { ReformFailure, keptFields, withValues } from './reform.ts';
import type { Reform, WrittenPair } from './reform.ts';

/** A value of `<record>`: an expression, or JSON with expressions in it. */
type Form =
  | { readonly kind: 'fixed'; readonly value: RubyValue }
  | { readonly kind: 'expression'; readonly expression: Expression }
  | { readonly kind: 'list'; readonly items: readonly Form[] }
  | { readonly kind: 'fields'; readonly pairs: readonly (readonly [Form, Form])[] };

/** What `<record>` compiled to. */
interface CompiledPairs {
  readonly pairs: readonly (readonly [key: Form, value: Form])[];
  readonly expressions: readonly Expression[];
  readonly problems: readonly ConfigProblem[];
}

/** Compiles the lines. @throws ConfigError with all that is not taken in them and all that can only raise */
export function checkRuby(pairs: readonly WrittenPair[], autoTypecast: boolean): void {
  const { problems } = compilePairs(pairs, autoTypecast);
  if (problems.length > 0) throw new ConfigError(problems);
}

function compilePairs(written: readonly WrittenPair[], autoTypecast: boolean): CompiledPairs {
  const expressions: Expression[] = [];
  const problems: ConfigProblem[] = [];
  const expressionOf = (text: string, alone: boolean, at: Location, isPlaced: boolean, key: string): Form => {
    const { expression, findings } = compileExpression(text, alone);
    for (const finding of findings) {
      const place = isPlaced ? { ...at, column: at.column + finding.at } : at;
      const said = `<record> ${key}: in ${shortened(text)}: ${finding.text}`;
      problems.push(
        finding.severity === 'error'
          ? { at: place, text: said }
          : { at: place, text: `${said}; records on which this runs are rejected, as in Fluentd`, severity: 'warning' },
      );
    }
    const isFixed = !/\$\{|#/.test(text);
    if (!isFixed) expressions.push(expression);
    return isFixed && findings.length === 0
      ? { kind: 'fixed', value: expression.run(noFrame()) }
      : { kind: 'expression', expression };
  };
  const formOf = (value: Value, pair: WrittenPair): Form => {
    const isPlaced = !pair.isJson && !pair.key.includes('\n') && typeof value === 'string' && !value.includes('\n');
    if (typeof value === 'string') return expressionOf(value, autoTypecast, pair.valueAt, isPlaced, pair.key);
    if (Array.isArray(value)) return { kind: 'list', items: value.map((one) => formOf(one, pair)) };
    if (!isFields(value)) return { kind: 'fixed', value: value as RubyValue };
    const inner = fieldEntries(value).map(
      ([key, one]) => [expressionOf(key, false, pair.valueAt, false, pair.key), formOf(one, pair)] as const,
    );
    return { kind: 'fields', pairs: inner };
  };
  const pairs = written.map(
    (pair) => [expressionOf(pair.key, false, pair.keyAt, true, pair.key), formOf(pair.value, pair)] as const,
  );
  return { pairs, expressions, problems };
}
function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
/** For texts without code, which look at nothing. */
function noFrame(): Frame {
  const nothing = {
    tag: '',
    time: null,
    record: null,
    tag_parts: null,
    tag_prefix: null,
    tag_suffix: null,
    hostname: '',
  };
  return newFrame(
    constantClock(() => 0),
    nothing,
  );
}

export interface RubySettings {
  readonly keepKeys: readonly string[] | undefined;
  readonly autoTypecast: boolean;
  readonly renewTimeKey: string | undefined;
  /** Names the filter, so that two of them make different random values for a record. */
  readonly name: string;
}

/** A reform with expressions. They were checked before. */
export function rubyReform(written: readonly WrittenPair[], settings: RubySettings): Reform {
  const { pairs, expressions } = compilePairs(written, settings.autoTypecast);
  return new RubyReform(pairs, expressions, settings);
}

class RubyReform implements Reform {
  readonly mayTakeLong: boolean;
  time: Instant | undefined;
  readonly #pairs: CompiledPairs['pairs'];
  readonly #settings: RubySettings;
  readonly #frame: Frame;
  readonly #fixedKeys: readonly string[] | undefined;
  #batch: Batch | undefined;
  #row = 0;

  constructor(pairs: CompiledPairs['pairs'], expressions: readonly Expression[], settings: RubySettings) {
    this.#pairs = pairs;
    this.#settings = settings;
    this.mayTakeLong = expressions.some(({ mayTakeLong }) => mayTakeLong);
    const nothing = { tag: '', time: null, record: null, tag_parts: [], tag_prefix: [], tag_suffix: [], hostname: '' };
    this.#frame = newFrame(
      constantClock(() => this.#batch?.block.parts.appendMs ?? 0),
      nothing,
    );
    this.#frame.inputs.hostname = this.#frame.around.hostname;
    this.#frame.mutates = expressions.some(({ mutates }) => mutates);
    this.#frame.identify = () =>
      `${settings.name} ${this.#batch?.block.parts.shard ?? ''}-${this.#batch?.offset(this.#row) ?? 0}`;
    const keys = pairs.map(([key]) => (key.kind === 'fixed' ? expressionText(key.value) : undefined));
    this.#fixedKeys = keys.every((key) => key !== undefined) ? keys : undefined;
  }

  begin(batch: Batch): void {
    this.#batch = batch;
    const parts = rubyParts(batch.tag);
    const { inputs } = this.#frame;
    inputs.tag = batch.tag;
    inputs.tag_parts = parts;
    inputs.tag_prefix = parts.map((_, i) => parts.slice(0, i + 1).join('.'));
    inputs.tag_suffix = parts.map((_, i) => parts.slice(i).join('.'));
  }

  row(fields: Fields, row: number, changed?: (fields: Fields) => void): Fields {
    const frame = this.#frame;
    const batch = this.#batch as Batch;
    this.#row = row;
    this.time = undefined;
    frame.begin();
    frame.inputs.time = new RubyTime(batch.seconds(row), batch.nanos(row), { kind: 'local' });
    try {
      return frame.mutates ? this.#changing(fields, changed) : this.#reading(fields);
    } catch (error) {
      if (error instanceof ExpressionFailure) throw new ReformFailure(reasonOf(error), error.message, error);
      throw error;
    }
  }

  /** Nothing changes the record: it is used as it lies in the batch. */
  #reading(fields: Fields): Fields {
    const frame = this.#frame;
    frame.inputs.record = fields as RubyValue;
    const isExact = fields instanceof Map;
    const names: string[] = [];
    const values: Value[] = [];
    for (const [i, [key, form]] of this.#pairs.entries()) {
      const name = this.#fixedKeys?.[i] ?? expressionText(evaluate(key, frame));
      const value = evaluate(form, frame);
      this.#noteTime(name, value);
      names.push(name);
      values.push(toFieldValue(value, isExact));
    }
    return withValues(keptFields(fields, this.#settings.keepKeys), names, values, true);
  }

  /** Expressions may change the record they see; what the new one shares with it changes too, as in Ruby. */
  #changing(fields: Fields, changed: ((fields: Fields) => void) | undefined): Fields {
    const frame = this.#frame;
    const record = ownedHash(fields);
    const made = new Map(record);
    const { keepKeys } = this.#settings;
    if (keepKeys) for (const key of record.keys()) if (!keepKeys.includes(expressionText(key))) made.delete(key);
    frame.inputs.record = record;
    frame.changedText = (holder, key, text) => {
      if (holder === record && made.has(key)) made.set(key, text);
    };
    const values = this.#pairs.map(([key, form], i) => {
      const name = this.#fixedKeys?.[i] ?? expressionText(evaluate(key, frame));
      const value = evaluate(form, frame);
      this.#noteTime(name, value);
      return [name, value] as const;
    });
    if (changed) changed(toFieldValue(record, fields instanceof Map) as Fields);
    for (const [name, value] of values) made.set(name, value);
    const whole = toFieldValue(made, fields instanceof Map);
    // Whatever a Map was needed for inside is printed right only inside another.
    return whole instanceof Map
      ? whole
      : withValues({}, Object.keys(whole as object), Object.values(whole as Record<string, Value>), true);
  }
  #noteTime(name: string, value: RubyValue): void {
    if (name !== this.#settings.renewTimeKey) return;
    this.time = value instanceof RubyTime ? { seconds: value.seconds, nanos: value.nanos } : undefined;
  }
}

function reasonOf({ isLate, isLimit }: ExpressionFailure): string {
  return isLate ? 'time_limit' : isLimit ? 'expression_limit' : 'expression_failed';
}

function evaluate(form: Form, frame: Frame): RubyValue {
  switch (form.kind) {
    case 'fixed':
      return form.value;
    case 'expression':
      return form.expression.run(frame);
    case 'list':
      return form.items.map((item) => evaluate(item, frame));
    default:
      return new Map(form.pairs.map(([key, value]) => [expressionText(evaluate(key, frame)), evaluate(value, frame)]));
  }
}
