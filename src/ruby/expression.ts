/**
 * Expressions as `record_transformer` with `enable_ruby true` has them: text with `${code}` in it, or code alone. Compiled
 * once, run on each record with limits on steps, memory and time. The grammar is in docs/ruby-expressions.md.
 * Source: Fluentd 1.16 filter_record_transformer.rb (RubyPlaceholderExpander), Ruby 3.1.
 */
import { hostname } from 'node:os';
import { MatchLate } from '../codecs/guarded-match.ts';
import type { Clock } from '../core/clock.ts';
import type { Input } from './ast.ts';
import { Compiler } from './compile.ts';
import type { Finding, Run } from './compile.ts';
import { Jump } from './control.ts';
import { ExpressionError, LimitError, RubyError } from './failures.ts';
import { Frame } from './frame.ts';
import { allMethods } from './methods/all.ts';
import { parseCode, parseText } from './parser.ts';
import type { Program, Variables } from './parser.ts';
import { toText } from './semantics.ts';
import type { RubyValue } from './values.ts';

/** A compiled expression. */
export interface Expression {
  /** What was compiled, as it stands in error messages. */
  readonly text: string;
  /** @throws ExpressionFailure */
  run(frame: Frame): RubyValue;
  readonly mutates: boolean;
  readonly mayTakeLong: boolean;
}
/** What came of compiling: an expression unless there is an error among the findings. */
export interface Compiled {
  readonly expression: Expression;
  readonly findings: readonly Finding[];
}

/** An expression raised on a record, or took more than it may. */
export class ExpressionFailure extends Error {
  /** It took more than it may, or needs what is not taken here; otherwise Ruby raises there too. */
  readonly isLimit: boolean;
  /** A regular expression took too long. */
  readonly isLate: boolean;
  /** The class of the exception, which may be told where the message, which may hold the record's contents, may not. */
  readonly className: string;
  constructor(text: string, isLimit: boolean, className = '', cause?: unknown) {
    super(text, { cause });
    this.isLimit = isLimit;
    this.className = className;
    this.isLate = cause instanceof MatchLate;
  }
}

/**
 * `alone`: a text that is one `${code}` gives its value; otherwise all gives text. `variables`: what instance variables
 * stand for; without it they are not taken.
 */
export function compileExpression(text: string, alone: boolean, variables?: Variables): Compiled {
  const isCode = alone && text.split('${').length === 2 && text.startsWith('${') && text.endsWith('}');
  try {
    return isCode
      ? compileProgram(text.slice(2, -1), parseCode(text, 2, text.length - 1, variables))
      : compileText(text, variables);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const findings = [{ at: error.at, severity: 'error', text: error.message } as const];
    const failing = { text, mutates: false, mayTakeLong: false, run: () => raise(text, error) };
    return { expression: failing, findings };
  }
}
function compileText(text: string, variables: Variables | undefined): Compiled {
  if (!/\$\{|[#\\[\]]/.test(text)) {
    const expression: Expression = { text, mutates: false, mayTakeLong: false, run: () => text };
    return { expression, findings: [] };
  }
  return compileProgram(`%Q[${text.replaceAll('${', '#{')}]`, parseText(text.replaceAll('${', '#{'), variables));
}

function compileProgram(text: string, program: Program): Compiled {
  const compiler = new Compiler();
  const body = compiler.compile(program.body);
  const { slotCount, shadows } = program;
  const enter: Run =
    slotCount === 0
      ? body
      : (frame) => {
          const locals: RubyValue[] = Array.from({ length: slotCount }, () => null);
          for (const { slot, input } of shadows) locals[slot] = frame.inputs[input];
          frame.locals = locals;
          return body(frame);
        };
  const run: Run = (frame) => {
    try {
      return enter(frame);
    } catch (error) {
      if (error instanceof Jump && error.kind === 'return') return error.value;
      return raise(text, error);
    }
  };
  const { findings, mutates, mayTakeLong } = compiler;
  return { expression: { text, run, mutates, mayTakeLong }, findings };
}

/** What Ruby would say, or which limit was met. */
function raise(text: string, error: unknown): never {
  const isOurs =
    error instanceof RubyError ||
    error instanceof LimitError ||
    error instanceof ExpressionError ||
    error instanceof MatchLate;
  // Stack and string lengths that V8 does not give: limits too, which the others are there to come before.
  const isRange = error instanceof RangeError;
  if (!isOurs && !isRange && !(error instanceof Jump)) throw error;
  const message = error instanceof Jump ? `${error.kind} from proc-closure` : error.message;
  const className = error instanceof RubyError ? error.className : '';
  throw new ExpressionFailure(
    `failed to expand \`${text}\` : error = ${message}`,
    !(error instanceof RubyError || error instanceof Jump),
    className,
    error,
  );
}

/** Makes the frame that the records of a filter share. */
export function newFrame(clock: Clock, inputs: Record<Input, RubyValue>): Frame {
  return new Frame(allMethods, { hostname: hostname(), environment: process.env, clock }, inputs);
}

/** The text of what an expression gave, as in a key. */
export function expressionText(value: RubyValue): string {
  return toText(value);
}
