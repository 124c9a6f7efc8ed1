/** Compiles calls: of methods, functions, modules, and of methods that change text in place. */
import type { Call, IndexTarget, Node, Variable } from './ast.ts';
import type { Compiler, Run } from './compile.ts';
import { Jump } from './control.ts';
import { LimitError, RubyError } from './failures.ts';
import type { Frame, Method, Named } from './frame.ts';
import { allMethods } from './methods/all.ts';
import { classNamed, constants, functions, isLibrary, moduleFunctions } from './methods/modules.ts';
import { procOf } from './methods/object.ts';
import { alwaysSelf, changedText, changingInPlace } from './methods/string.ts';
import { isAnyRubyMethod, isRubyFunction } from './names.ts';
import { hashGet, isEqual, toText } from './semantics.ts';
import { DefaultHash, RubyException, RubyProc, RubySymbol, isHash, isText, kindOf, textOf } from './values.ts';
import type { RubyValue } from './values.ts';

/** Methods that change what they are called on, besides those that end in `!`. */
const mutators = new Set(
  '[]= store delete delete_if delete_at keep_if clear replace update push append << concat pop shift unshift prepend insert fill'.split(
    ' ',
  ),
);
/** True for a method that changes what it is called on. */
export function isMutator(name: string): boolean {
  return mutators.has(name) || name.endsWith('!');
}
/** Those of them that text has too, where the text is given a new value. */
const textMutators = new Set(['<<', 'concat', 'prepend', 'insert', 'replace', 'clear', '[]=', 'slice!']);
/** What gives a value that others hold too: text changed in place there would be changed for them. */
const handsOut = new Set([
  'dig',
  'fetch',
  'first',
  'last',
  'at',
  'find',
  'detect',
  'values_at',
  'min',
  'max',
  'itself',
  'tap',
]);

/** Compiles a call. */
export function compileCall(compiler: Compiler, node: Call): Run {
  return new CallCompiler(compiler).call(node);
}

class CallCompiler {
  readonly #compiler: Compiler;
  constructor(compiler: Compiler) {
    this.#compiler = compiler;
  }

  call(node: Call): Run {
    const { receiver, name } = node;
    if (!receiver) return this.#function(node);
    if (receiver.type === 'constant') return this.#moduleCall(node, receiver.name);
    this.#noteName(node);
    const named = allMethods.get(name);
    const inText = changingInPlace.has(name) || textMutators.has(name);
    if (!named && !inText) return this.#unknownMethod(node);
    if (inText) return this.#maybeInPlace(node, receiver, named ?? {});
    const self = this.#compiler.compile(receiver);
    return this.#guarded(node, self, this.#method(node, named ?? {}));
  }
  /** Notes what a call makes necessary. Symbols of methods that change something are noted where they stand. */
  #noteName({ name, args, block }: Call): void {
    const [first] = args;
    const isSend = name === 'send' || name === 'public_send' || name === '__send__';
    const isNamed = isSend || (/^(?:inject|reduce)$/.test(name) && !block);
    const hidden = isNamed && !(first?.type === 'literal' && first.value instanceof RubySymbol);
    if (isMutator(name) || name === 'to_proc' || hidden) this.#compiler.mutates = true;
  }
  #unknownMethod({ at, name, receiver }: Call): Run {
    if (receiver) this.#compiler.compile(receiver);
    if (isAnyRubyMethod(name)) return this.#compiler.error(at, `method ${name} is not taken`);
    return this.#compiler.raising(at, 'NoMethodError', `no value has a method ${name}`);
  }
  /** `&.`, and the value first. */
  #guarded(node: Call, self: Run, call: (frame: Frame, self: RubyValue) => RubyValue): Run {
    if (!node.isSafe) return (frame) => call(frame, self(frame));
    return (frame) => {
      const value = self(frame);
      return value === null ? null : call(frame, value);
    };
  }
  #method(node: Call, named: Named): (frame: Frame, self: RubyValue) => RubyValue {
    const { name } = node;
    const [first] = node.args;
    const key = first?.type === 'literal' && typeof first.value === 'string' ? first.value : undefined;
    if (name === '[]' && node.args.length === 1 && key !== undefined) return textKey(named, key);
    const block = this.#blockOf(node);
    const args = this.#compiler.args(node.args);
    const fast = node.args.length === 1 && !block ? fastOperators.get(name) : undefined;
    if (fast && first) {
      const other = this.#compiler.compile(first.type === 'splat' ? first.value : first);
      return (frame, self) => {
        const value = other(frame);
        return fast(self, value) ?? frame.callNamed(named, self, name, [value], undefined);
      };
    }
    if (!block) return (frame, self) => frame.callNamed(named, self, name, args(frame), undefined);
    const breaks = node.block?.hasBreak === true;
    return (frame, self) => {
      const values = args(frame);
      const made = block(frame);
      if (!breaks) return frame.callNamed(named, self, name, values, made);
      try {
        return frame.callNamed(named, self, name, values, made);
      } catch (error) {
        if (error instanceof Jump && error.kind === 'break' && error.proc === made) return error.value;
        throw error;
      }
    };
  }
  #blockOf(node: Call): ((frame: Frame) => RubyProc | undefined) | undefined {
    if (node.block) return this.#compiler.block(node.block, node.name === 'inject' || node.name === 'reduce');
    if (!node.blockValue) return undefined;
    const { blockValue } = node;
    if (blockValue.type === 'literal' && blockValue.value instanceof RubySymbol) {
      const { name } = blockValue.value;
      if (changingInPlace.has(name) && !allMethods.has(name))
        this.#compiler.error(
          blockValue.at,
          `&:${name} changes text in place, which is not taken in a block; use map(&:${name.slice(0, -1)})`,
        );
      else if (!allMethods.has(name)) this.#unknownMethod({ ...node, at: blockValue.at, name, receiver: undefined });
    }
    const value = this.#compiler.compile(blockValue);
    return (frame) => procOf(value(frame), frame);
  }

  #function(node: Call): Run {
    const { at, name } = node;
    if (node.block && (name === 'lambda' || name === 'proc'))
      return this.#compiler.block({ ...node.block, isLambda: name === 'lambda' }, false);
    const [first] = node.args;
    const library = name === 'require' && first?.type === 'literal' ? toText(first.value) : '';
    if (name === 'require' && !isLibrary(library)) return this.#compiler.error(at, `require ${library} is not taken`);
    const found = functions.get(name);
    if (found) return this.#static(node, name, found);
    for (const arg of node.args) this.#compiler.compile(arg.type === 'splat' ? arg.value : arg);
    if (isRubyFunction(name))
      return this.#compiler.error(at, `function ${name} is not taken: expressions only compute values`);
    if (!node.isBare) return this.#compiler.raising(at, 'NoMethodError', `there is no function ${name}`);
    return this.#compiler.raising(
      at,
      'NameError',
      `there is no variable or function ${name}; a field of the record is record["${name}"]`,
    );
  }
  #moduleCall(node: Call, constant: string): Run {
    const { at, name } = node;
    const found = moduleFunctions.get(`${constant}.${name}`);
    if (found) return this.#static(node, `${constant}.${name}`, found);
    const known = classNamed(constant);
    if (name === 'new' && known && known.above.includes('Exception')) {
      const args = this.#compiler.args(node.args);
      return (frame) => new RubyException(constant, toText(args(frame)[0] ?? constant));
    }
    const self = constants.get(constant) ?? known;
    const named = allMethods.get(name);
    if (self !== undefined && named && kindOf(self) in named) {
      return this.#guarded(node, () => self, this.#method(node, named));
    }
    return this.#compiler.error(
      at,
      `${constant}${name === '[]' ? '[…]' : `.${name}`} is not taken${moduleHint(constant)}`,
    );
  }
  #static(node: Call, name: string, [min, max, run]: Method): Run {
    if (name === 'loop') this.#compiler.mayTakeLong = true;
    const [args, block] = [this.#compiler.args(node.args), this.#blockOf(node)];
    return (frame) => {
      const values = args(frame);
      if (values.length < min || values.length > max)
        throw new RubyError(
          'ArgumentError',
          `wrong number of arguments (given ${values.length}, expected ${min === max ? min : `${min}..${max}`})`,
        );
      frame.work(values[0] ?? null);
      const made = block?.(frame);
      try {
        return frame.made(run(null as never, values, frame, made));
      } catch (error) {
        if (error instanceof Jump && error.kind === 'break' && made && error.proc === made) return error.value;
        throw error;
      }
    };
  }

  /** Methods that change text in place give the variable or field they are called on a new text. */
  #maybeInPlace(node: Call, receiver: Node, named: Named): Run {
    const { at, name } = node;
    const isOnlyText = !allMethods.has(name);
    const target: Variable | IndexTarget | undefined =
      receiver.type === 'variable'
        ? receiver
        : receiver.type === 'call' &&
            receiver.name === '[]' &&
            receiver.receiver &&
            receiver.receiver.type !== 'constant'
          ? { type: 'indexTarget', at, receiver: receiver.receiver, args: receiver.args }
          : undefined;
    const isShared =
      (target?.type === 'variable' && target.isParameter && !this.#compiler.isOwnParameter(target.slot)) ||
      (receiver.type === 'call' && handsOut.has(receiver.name)) ||
      receiver.type === 'input';
    const problem = `${name} changes text in place that others hold too, which is not taken; use what gives a new text`;
    if (isShared && isOnlyText) return this.#compiler.error(at, problem);
    const onOther = this.#method(node, named);
    const args = this.#compiler.args(node.args);
    const block = this.#blockOf(node);
    const change = (frame: Frame, text: string): readonly [RubyValue, string] => {
      if (isShared) throw new LimitError(problem);
      return newText(frame, text, name, args(frame), block?.(frame));
    };
    if (target?.type === 'indexTarget') return this.#inPlaceAt(target, node.isSafe, change, onOther);
    const self = this.#compiler.compile(receiver);
    return this.#guarded(node, self, (frame, value) => {
      if (!isText(value)) return onOther(frame, value);
      const [result, text] = change(frame, textOf(value));
      if (target) frame.locals[target.slot] = text;
      return result;
    });
  }
  #inPlaceAt(
    target: IndexTarget,
    isSafe: boolean,
    change: (frame: Frame, text: string) => readonly [RubyValue, string],
    onOther: (frame: Frame, self: RubyValue) => RubyValue,
  ): Run {
    const place = this.#compiler.place(target);
    return (frame) => {
      const { self, args } = place(frame);
      const value = frame.call(self, '[]', args);
      if (value === null && isSafe) return null;
      if (!isText(value)) return onOther(frame, value);
      const [result, text] = change(frame, textOf(value));
      setIndex(frame, self, args, text);
      frame.changedText?.(self, args[0] ?? null, text);
      return result;
    };
  }
}

/** What a method that changes text in place gives, and the new text. */
function newText(
  frame: Frame,
  text: string,
  name: string,
  args: readonly RubyValue[],
  block: RubyProc | undefined,
): readonly [RubyValue, string] {
  const plain = changingInPlace.get(name);
  if (plain !== undefined) {
    const changed = toText(frame.call(text, plain, args, block));
    return [changed === text && !alwaysSelf.has(name) ? null : changed, changed];
  }
  if (name === 'slice!') {
    const piece = frame.call(text, '[]', args);
    return [piece, piece === null ? text : text.replace(toText(piece), () => '')];
  }
  if (name === '[]=') throw new LimitError('text[…] = is not taken; use sub');
  const changed = changedText(text, name, args);
  frame.charge(changed.length);
  return [changed, changed];
}

/** `x["key"]`, mostly of a record. */
function textKey(named: Named, key: string): (frame: Frame, self: RubyValue) => RubyValue {
  const args = [key];
  return (frame, self) => {
    if (typeof self === 'object' && self !== null && isHash(self) && !(self instanceof DefaultHash))
      return hashGet(self, key) ?? null;
    return frame.callNamed(named, self, '[]', args, undefined);
  };
}

/** Operators of small integers and of text, as far as they are sure; undefined: the method decides. */
type Fast = (a: RubyValue, b: RubyValue) => RubyValue | undefined;
const fastOperators: ReadonlyMap<string, Fast> = new Map<string, Fast>([
  ['+', (a, b) => (bothSmall(a, b) ? (a as number) + (b as number) : undefined)],
  ['-', (a, b) => (bothSmall(a, b) ? (a as number) - (b as number) : undefined)],
  ['==', (a, b) => (isShort(a) && isShort(b) ? isEqual(a, b) : undefined)],
  ['<', (a, b) => (bothSmall(a, b) ? (a as number) < (b as number) : undefined)],
  ['<=', (a, b) => (bothSmall(a, b) ? (a as number) <= (b as number) : undefined)],
  ['>', (a, b) => (bothSmall(a, b) ? (a as number) > (b as number) : undefined)],
  ['>=', (a, b) => (bothSmall(a, b) ? (a as number) >= (b as number) : undefined)],
]);
/** What is compared in no time. */
function isShort(value: RubyValue): boolean {
  return value === null || typeof value !== 'object' ? typeof value !== 'string' || value.length < 64 : false;
}
/** Integers whose sums and differences are exact. */
function bothSmall(a: RubyValue, b: RubyValue): boolean {
  return typeof a === 'number' && typeof b === 'number' && (a | 0) === a && (b | 0) === b;
}

/** `self[args] = value`. */
export function setIndex(frame: Frame, self: RubyValue, args: readonly RubyValue[], value: RubyValue): void {
  if (isText(self)) throw new LimitError('text[…] = is not taken; use sub');
  frame.call(self, '[]=', [...args, value]);
}

/** What there is of a module that is known in part. */
export function moduleHint(name: string): string {
  const known = [...moduleFunctions.keys()]
    .filter((key) => key.startsWith(`${name}.`))
    .map((key) => key.slice(name.length + 1));
  if (known.length === 0) return '';
  return `; of ${name} there ${known.length === 1 ? 'is' : 'are'} ${known.join(', ')}`;
}
