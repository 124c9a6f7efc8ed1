/** Turns a tree into closures, once per configuration; running them is calling them. What is not taken is reported meanwhile. */
import type { Argument, Block, IndexTarget, Node, Target, TextParts } from './ast.ts';
import { compileBlock } from './blocks.ts';
import type { BlockParts } from './blocks.ts';
import { compileCall, isMutator, moduleHint, setIndex } from './calls.ts';
import { Jump, compileCase, compileRescue, compileWhile } from './control.ts';
import { LimitError, RubyError } from './failures.ts';
import type { Frame } from './frame.ts';
import { allMethods } from './methods/all.ts';
import { splatted } from './methods/enumerable.ts';
import { classNamed, constants, functions } from './methods/modules.ts';
import { makeRegexp } from './methods/pattern.ts';
import { hashEntries, hashSet, needHash, order, toText } from './semantics.ts';
import { RubyProc, RubyRange, RubyRegexp, RubySymbol, isTruthy, kindOf, symbolOf } from './values.ts';
import type { RubyHash, RubyValue } from './values.ts';

/** Compiled code. */
export type Run = (frame: Frame) => RubyValue;

/** What the compiler found. `error`: not taken here. `warning`: Ruby raises there whenever it comes there. */
export interface Finding {
  readonly at: number;
  readonly severity: 'error' | 'warning';
  readonly text: string;
}

export class Compiler {
  readonly findings: Finding[] = [];
  /** True once something was compiled that changes values. */
  mutates = false;
  /** True once something was compiled that needs the time limit on most records: loops, expressions that repeat repeats. */
  mayTakeLong = false;
  /** Slots of blocks' parameters whose new value the block gives back: those of `inject`. */
  readonly #ownParameters = new Set<number>();

  compile(node: Node): Run {
    switch (node.type) {
      case 'literal':
        return this.#literal(node.value);
      case 'variable':
        return ({ locals }) => locals[node.slot] ?? null;
      case 'input':
        return ({ inputs }) => inputs[node.name];
      case 'match':
        return compileMatch(node.part);
      case 'constant':
        return this.#constant(node.at, node.name);
      case 'text':
        return this.#text(node.parts, node.isSymbol);
      case 'regexp':
        return this.#regexp(node.parts, node.letters);
      case 'array':
        return this.#list(node.items);
      case 'hash':
        return this.#hash(node.pairs);
      case 'range':
        return this.#range(node);
      case 'call':
        return compileCall(this, node);
      case 'block':
        return this.block(node, false);
      case 'assign':
        return this.#assign(node.target, this.compile(node.value));
      case 'change':
        return this.#change(node);
      case 'and':
      case 'or':
        return this.#logic(node);
      case 'not': {
        const value = this.compile(node.value);
        return (frame) => !isTruthy(value(frame));
      }
      case 'sequence':
        return this.#sequence(node.list);
      case 'if':
        return this.#condition(node);
      case 'defined':
        return this.#defined(node.value);
      default:
        return this.#control(node);
    }
  }
  #control(node: Extract<Node, { type: 'case' | 'while' | 'begin' | 'break' | 'next' | 'return' }>): Run {
    switch (node.type) {
      case 'case':
        return compileCase(this, node);
      case 'while':
        this.mayTakeLong = true;
        return compileWhile(this, node);
      case 'begin':
        return compileRescue(this, node);
      default: {
        const value = node.value ? this.compile(node.value) : undefined;
        const { type } = node;
        return (frame) => {
          throw new Jump(type, value ? value(frame) : null);
        };
      }
    }
  }

  error(at: number, text: string): Run {
    this.findings.push({ at, severity: 'error', text });
    return () => {
      throw new LimitError(text);
    };
  }
  /** Something that raises in Ruby too, whenever it runs. */
  raising(at: number, className: string, text: string): Run {
    this.findings.push({ at, severity: 'warning', text });
    return () => {
      throw new RubyError(className, text);
    };
  }

  /** Makes the proc of a block each time it is asked. */
  block(node: Block, isInject: boolean): (frame: Frame) => RubyProc {
    if (isInject)
      for (const { target } of node.parameters.slice(0, 1))
        if (target.type === 'variable') this.#ownParameters.add(target.slot);
    const parts: BlockParts = {
      bind: node.parameters.map(({ target, fallback, kind }) => ({
        set: this.setter(target),
        fallback: fallback && this.compile(fallback),
        isRest: kind === 'rest',
        slot: target.type === 'variable' ? target.slot : undefined,
      })),
      body: this.compile(node.body),
    };
    return compileBlock(node, parts);
  }

  isOwnParameter(slot: number): boolean {
    return this.#ownParameters.has(slot);
  }

  #literal(value: RubyValue): Run {
    if (value instanceof RubyRegexp && value.guarded.isSlow) this.mayTakeLong = true;
    // A symbol may name what is called: `map(&:clear)`, `inject(:merge!)`, `send(:delete, …)`.
    if (value instanceof RubySymbol && isMutator(value.name)) this.mutates = true;
    return () => value;
  }
  #constant(at: number, name: string): Run {
    const value = constants.get(name) ?? classNamed(name);
    if (value !== undefined) return () => value;
    return this.error(at, `constant ${name} is not taken${moduleHint(name)}`);
  }

  #text(parts: TextParts, isSymbol: boolean): Run {
    const join = this.#join(parts);
    return isSymbol ? (frame) => symbolOf(join(frame)) : join;
  }
  #join(parts: TextParts): (frame: Frame) => string {
    const pieces = parts.map((part) => (typeof part === 'string' ? part : this.compile(part)));
    return (frame) => {
      let joined = '';
      for (const piece of pieces) joined += typeof piece === 'string' ? piece : toText(piece(frame));
      frame.charge(joined.length);
      return joined;
    };
  }
  #regexp(parts: TextParts, letters: string): Run {
    const join = this.#join(parts);
    return (frame) => makeRegexp(join(frame), letters);
  }
  #list(items: readonly Argument[]): (frame: Frame) => RubyValue[] {
    const list = this.args(items);
    return (frame) => {
      const made = [...list(frame)];
      frame.chargeElements(made.length);
      return made;
    };
  }
  #hash(pairs: Extract<Node, { type: 'hash' }>['pairs']): Run {
    const compiled = pairs.map((pair) =>
      'type' in pair
        ? { splat: this.compile(pair.value) }
        : { key: this.compile(pair[0]), value: this.compile(pair[1]) },
    );
    return (frame) => {
      const made: RubyHash = new Map();
      for (const pair of compiled) {
        if (pair.splat) for (const [key, value] of hashEntries(needHash(pair.splat(frame)))) hashSet(made, key, value);
        else hashSet(made, pair.key(frame), pair.value(frame));
      }
      frame.made(made);
      return made;
    };
  }
  #range({ first, last, isExclusive }: Extract<Node, { type: 'range' }>): Run {
    const [low, high] = [first && this.compile(first), last && this.compile(last)];
    return (frame) => {
      const [from, to] = [low?.(frame) ?? null, high?.(frame) ?? null];
      if (from !== null && to !== null) order(from, to);
      return new RubyRange(from, to, isExclusive);
    };
  }
  #logic(node: Extract<Node, { type: 'and' | 'or' }>): Run {
    const [left, right] = [this.compile(node.left), this.compile(node.right)];
    if (node.type === 'and')
      return (frame) => {
        const value = left(frame);
        return isTruthy(value) ? right(frame) : value;
      };
    return (frame) => {
      const value = left(frame);
      return isTruthy(value) ? value : right(frame);
    };
  }
  #sequence(list: readonly Node[]): Run {
    const runs = list.map((one) => this.compile(one));
    const [only] = runs;
    if (runs.length === 1 && only) return only;
    return (frame) => {
      let value: RubyValue = null;
      for (const run of runs) value = run(frame);
      return value;
    };
  }
  #condition(node: Extract<Node, { type: 'if' }>): Run {
    const condition = this.compile(node.condition);
    const whenTrue = node.whenTrue && this.compile(node.whenTrue);
    const whenFalse = node.whenFalse && this.compile(node.whenFalse);
    return (frame) => (isTruthy(condition(frame)) ? (whenTrue?.(frame) ?? null) : (whenFalse?.(frame) ?? null));
  }
  #defined(node: Node): Run {
    const names = {
      variable: 'local-variable',
      input: 'local-variable',
      assign: 'assignment',
      change: 'assignment',
    } as const;
    const name = node.type in names ? names[node.type as keyof typeof names] : undefined;
    if (name !== undefined) return () => name;
    if (node.type === 'constant') return () => (constants.has(node.name) || classNamed(node.name) ? 'constant' : null);
    if (node.type !== 'call') return () => 'expression';
    if (!node.receiver) return () => (functions.has(node.name) ? 'method' : null);
    const [receiver, named] = [this.compile(node.receiver), allMethods.get(node.name)];
    return (frame) => {
      try {
        return named && kindOf(receiver(frame)) in named ? 'method' : null;
      } catch (error) {
        if (error instanceof RubyError) return null;
        throw error;
      }
    };
  }

  args(args: readonly Argument[]): (frame: Frame) => readonly RubyValue[] {
    const hasSplat = args.some(({ type }) => type === 'splat');
    const runs = args.map((arg) => ({
      run: this.compile(arg.type === 'splat' ? arg.value : arg),
      isSplat: arg.type === 'splat',
    }));
    const [first, second] = runs;
    if (!hasSplat && !first) return () => [];
    if (!hasSplat && runs.length === 1 && first) return (frame) => [first.run(frame)];
    if (!hasSplat && runs.length === 2 && first && second) return (frame) => [first.run(frame), second.run(frame)];
    return (frame) => {
      const values: RubyValue[] = [];
      for (const { run, isSplat } of runs) {
        const value = run(frame);
        if (!isSplat) values.push(value);
        else for (const one of splatted(value, frame)) values.push(one);
      }
      return values;
    };
  }

  // -------------------------------------------------------------------------------------------------- assignment

  #assign(target: Target, value: Run): Run {
    const set = this.setter(target);
    return (frame) => {
      const made = value(frame);
      set(frame, made);
      return made;
    };
  }
  /** What gives a target its value. */
  setter(target: Target): (frame: Frame, value: RubyValue) => void {
    if (target.type === 'variable') {
      const { slot } = target;
      return (frame, value) => (frame.locals[slot] = value);
    }
    if (target.type === 'indexTarget') {
      const place = this.place(target);
      return (frame, value) => {
        const { self, args } = place(frame);
        setIndex(frame, self, args, value);
      };
    }
    const setters = target.list.map((one) => this.setter(one));
    const { splat } = target;
    return (frame, value) => {
      const values = Array.isArray(value) ? value : [value];
      const behind = splat === undefined ? 0 : setters.length - splat - 1;
      for (const [i, set] of setters.entries()) {
        if (splat === undefined || i < splat) set(frame, values[i] ?? null);
        else if (i === splat) set(frame, values.slice(splat, Math.max(splat, values.length - behind)));
        else set(frame, values[Math.max(splat, values.length - behind) + i - splat - 1] ?? null);
      }
    };
  }
  /** What an index is of, and its keys. */
  place({ receiver, args }: IndexTarget): (frame: Frame) => { self: RubyValue; args: readonly RubyValue[] } {
    this.mutates = true;
    if (receiver.type === 'constant') this.error(receiver.at, `${receiver.name} cannot be changed`);
    const [self, keys] = [this.compile(receiver), this.args(args)];
    return (frame) => ({ self: self(frame), args: keys(frame) });
  }
  /** `a += b`, `a ||= b`, of a variable or `x[y]`. */
  #change(node: Extract<Node, { type: 'change' }>): Run {
    const { target, operator } = node;
    const value = this.compile(node.value);
    const isLogic = operator === '||' || operator === '&&';
    const keeps = (before: RubyValue) => isLogic && isTruthy(before) === (operator === '||');
    const named = allMethods.get(operator) ?? {};
    const after = (frame: Frame, before: RubyValue): RubyValue => {
      const other = value(frame);
      return isLogic ? other : frame.callNamed(named, before, operator, [other], undefined);
    };
    if (target.type === 'variable') {
      const { slot } = target;
      return (frame) => {
        const before = frame.locals[slot] ?? null;
        return keeps(before) ? before : (frame.locals[slot] = after(frame, before));
      };
    }
    const place = this.place(target);
    return (frame) => {
      const { self, args } = place(frame);
      const before = frame.call(self, '[]', args);
      if (keeps(before)) return before;
      const made = after(frame, before);
      setIndex(frame, self, args, made);
      return made;
    };
  }
}

function compileMatch(part: 'all' | '&' | '`' | "'" | '+' | number): Run {
  return ({ match }) => {
    if (!match || part === 'all') return match;
    const { found } = match;
    if (typeof part === 'number') return found[part] ?? null;
    if (part === '&') return found[0];
    if (part === '`') return found.input.slice(0, found.index);
    if (part === "'") return found.input.slice(found.index + found[0].length);
    return found.slice(1).findLast((group) => group !== undefined) ?? null;
  };
}
