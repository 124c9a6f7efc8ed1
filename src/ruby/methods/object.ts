/** Methods that every value has, and those of nil, true, false, symbols, procs, classes and exceptions. Source: Ruby 3.1. */
import { argumentError, typeError } from '../failures.ts';
import { needBlock } from '../frame.ts';
import type { Frame, MethodTable } from '../frame.ts';
import { compare, covers, inspect, isA, isEqual, isSame, kindName, toJson, toText, ancestorsOf } from '../semantics.ts';
import {
  RubyClass,
  RubyException,
  RubyProc,
  RubySymbol,
  RubyTime,
  isHash,
  isText,
  isTruthy,
  symbolOf,
  textOf,
} from '../values.ts';
import type { RubyValue } from '../values.ts';

/** `dup` and `clone`: containers are copied, one level deep. */
function duplicate(value: RubyValue): RubyValue {
  if (Array.isArray(value)) return [...value];
  if (value instanceof RubyTime) return new RubyTime(value.seconds, value.nanos, value.zone, value.isDateTime);
  return value instanceof Map ? new Map(value) : value;
}

function className(value: RubyValue | undefined): string {
  if (value instanceof RubyClass) return value.name;
  throw typeError('class or module required');
}

/** The class of a value, as a value. */
function classOf(value: RubyValue): RubyClass {
  return new RubyClass(kindName(value), ancestorsOf(value).slice(1));
}

function nameOf(value: RubyValue | undefined): string {
  if (value instanceof RubySymbol) return value.name;
  if (value !== undefined && isText(value)) return textOf(value);
  throw typeError(`${inspect(value ?? null)} is not a symbol nor a string`);
}

function jsonIndent(args: readonly RubyValue[]): string {
  return args.length > 0 && args[0] === undefined ? '  ' : '';
}

/** One method by several names. */
function named(names: readonly string[], method: MethodTable<RubyValue>[string]): MethodTable<RubyValue> {
  return Object.fromEntries(names.map((name) => [name, method]));
}

export const objectMethods: MethodTable<RubyValue> = {
  'nil?': [0, 0, (self) => self === null],
  '!': [0, 0, (self) => !isTruthy(self)],
  '==': [1, 1, (self, [other]) => isEqual(self, other ?? null)],
  '!=': [1, 1, (self, [other]) => !isEqual(self, other ?? null)],
  '===': [1, 1, (self, [other], frame) => covers(self, other ?? null, frame)],
  '=~': [1, 1, () => null],
  'eql?': [1, 1, (self, [other]) => isSame(self, other ?? null)],
  'equal?': [1, 1, (self, [other]) => self === other || (isText(self) && isSame(self, other ?? null))],
  '<=>': [1, 1, (self, [other]) => compare(self, other ?? null) ?? null],
  'is_a?': [1, 1, (self, [of]) => isA(self, className(of))],
  'kind_of?': [1, 1, (self, [of]) => isA(self, className(of))],
  'instance_of?': [1, 1, (self, [of]) => kindName(self) === className(of)],
  'respond_to?': [1, 2, (self, [name], frame) => respondsTo(self, nameOf(name), frame)],
  class: [0, 0, (self) => classOf(self)],
  to_s: [0, 0, (self) => (self instanceof Uint8Array ? self : toText(self))],
  inspect: [0, 0, (self) => inspect(self)],
  to_json: [0, 1, (self, args) => toJson(self, jsonIndent(args))],
  dup: [0, 0, (self) => duplicate(self)],
  clone: [0, 1, (self) => duplicate(self)],
  itself: [0, 0, (self) => self],
  freeze: [0, 0, (self) => self],
  'frozen?': [0, 0, (self) => self === null || typeof self !== 'object' || self instanceof RubySymbol],
  tap: [
    0,
    0,
    (self, _args, _frame, block) => {
      needBlock(block).run([self]);
      return self;
    },
  ],
  ...named(['then', 'yield_self'], [0, 0, (self, _args, _frame, block) => needBlock(block).run([self])]),
  'instance_variable_defined?': [1, 1, () => false],
  send: [1, 99, (self, [name, ...args], frame, block) => frame.call(self, nameOf(name), args, block)],
  public_send: [1, 99, (self, [name, ...args], frame, block) => frame.call(self, nameOf(name), args, block)],
  __send__: [1, 99, (self, [name, ...args], frame, block) => frame.call(self, nameOf(name), args, block)],
};

function respondsTo(self: RubyValue, name: string, frame: Frame): boolean {
  const own = isHash(self) ? 'Hash' : kindName(self);
  const named = frame.methods.get(name);
  return (
    named !== undefined && Object.hasOwn(named, own in named ? own : self instanceof RubyException ? 'Exception' : own)
  );
}

export const nilMethods: MethodTable<null> = {
  to_a: [0, 0, () => []],
  to_h: [0, 0, () => new Map()],
  to_i: [0, 0, () => 0],
  to_f: [0, 0, (_self, _args, frame) => frame.call(0, 'to_f')],
  '&': [1, 1, () => false],
  '|': [1, 1, (_self, [other]) => isTruthy(other ?? null)],
};
export const trueMethods: MethodTable<boolean> = {
  '&': [1, 1, (_self, [other]) => isTruthy(other ?? null)],
  '|': [1, 1, () => true],
  '^': [1, 1, (_self, [other]) => !isTruthy(other ?? null)],
};
export const falseMethods: MethodTable<boolean> = {
  '&': [1, 1, () => false],
  '|': [1, 1, (_self, [other]) => isTruthy(other ?? null)],
  '^': [1, 1, (_self, [other]) => isTruthy(other ?? null)],
};

/** What a symbol has of its text's methods: those that give text give a symbol. */
function ofText(name: string, isSymbol: boolean): MethodTable<RubySymbol>[string] {
  return [
    0,
    2,
    (self, args, frame, block) => {
      const plain = args.map((arg) => (arg instanceof RubySymbol ? arg.name : arg));
      const result = frame.call(self.name, name, plain, block);
      return isSymbol && typeof result === 'string' ? symbolOf(result) : result;
    },
  ];
}
export const symbolMethods: MethodTable<RubySymbol> = {
  ...Object.fromEntries(
    ['length', 'size', 'empty?', 'start_with?', 'end_with?', '[]', '=~', 'match', 'match?'].map((name) => [
      name,
      ofText(name, false),
    ]),
  ),
  ...Object.fromEntries(
    ['upcase', 'downcase', 'capitalize', 'swapcase', 'succ', 'next'].map((name) => [name, ofText(name, true)]),
  ),
  to_sym: [0, 0, (self) => self],
  name: [0, 0, (self) => self.name],
  id2name: [0, 0, (self) => self.name],
  to_proc: [0, 0, (self, _args, frame) => procOf(self, frame) ?? null],
};

/** The proc of `&value`: of a symbol the method of that name. */
export function procOf(value: RubyValue, frame: Frame): RubyProc | undefined {
  if (value === null) return undefined;
  if (value instanceof RubyProc) return value;
  if (value instanceof RubySymbol)
    return new RubyProc(1, true, ([self, ...args]) => {
      if (self === undefined) throw argumentError('no receiver given');
      return frame.call(self, value.name, args);
    });
  throw typeError(`wrong argument type ${kindName(value)} (expected Proc)`);
}

export const procMethods: MethodTable<RubyProc> = {
  call: [0, 99, (self, args, frame) => runCounted(self, args, frame)],
  '()': [0, 99, (self, args, frame) => runCounted(self, args, frame)],
  yield: [0, 99, (self, args, frame) => runCounted(self, args, frame)],
  '[]': [0, 99, (self, args, frame) => runCounted(self, args, frame)],
  '===': [0, 99, (self, args, frame) => runCounted(self, args, frame)],
  arity: [0, 0, (self) => self.parameterCount],
  'lambda?': [0, 0, (self) => self.isLambda],
  to_proc: [0, 0, (self) => self],
};
function runCounted(self: RubyProc, args: readonly RubyValue[], frame: Frame): RubyValue {
  frame.step();
  const [only] = args;
  if (!self.isLambda && args.length === 1 && self.parameterCount > 1 && Array.isArray(only)) return self.run(only);
  return self.run(args);
}

export const classMethods: MethodTable<RubyClass> = {
  name: [0, 0, (self) => self.name],
  to_s: [0, 0, (self) => self.name],
  ancestors: [0, 0, (self) => [self.name, ...self.above].map((name) => new RubyClass(name, []))],
  '<=': [1, 1, (self, [of]) => [self.name, ...self.above].includes(className(of))],
  '<': [1, 1, (self, [of]) => self.above.includes(className(of))],
  '==': [1, 1, (self, [other]) => other instanceof RubyClass && other.name === self.name],
  '===': [1, 1, (self, [value]) => isA(value ?? null, self.name)],
};

export const exceptionMethods: MethodTable<RubyException> = {
  message: [0, 0, (self) => self.message],
  full_message: [0, 1, (self) => `${self.message} (${self.className})`],
  backtrace: [0, 0, () => null],
  cause: [0, 0, () => null],
};
