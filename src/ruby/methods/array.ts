/** Methods of Array. Source: Ruby 3.1 array.c. */
import { LimitError, RubyError, argumentError } from '../failures.ts';
import { needBlock, yieldOne } from '../frame.ts';
import type { Frame, MethodTable } from '../frame.ts';
import { compare, hashGet, hashOf, inspect, isSame, needArray, needInteger, needText, toText } from '../semantics.ts';
import { RubyEnumerator, RubyProc, RubyRange, isHash, isInteger, isText, isTruthy, textOf } from '../values.ts';
import type { RubyHash, RubyValue } from '../values.ts';
import { comparing, eachOf, enumerableMethods, findIndex, joinedArrays, unique } from './enumerable.ts';
import { pack } from './pack.ts';
import { boundsOf } from './pattern.ts';

type List = RubyValue[];

/** `[…]` of an array. */
function element(self: readonly RubyValue[], args: readonly RubyValue[]): RubyValue {
  const [key = null] = args;
  if (args.length === 1 && !(key instanceof RubyRange)) return self.at(needInteger(key)) ?? null;
  const bounds = boundsOf(self.length, args, false);
  return bounds ? self.slice(bounds[0], bounds[0] + bounds[1]) : null;
}

/** `dig` into anything. @throws RubyError for what cannot be dug into */
export function dig(self: RubyValue, keys: readonly RubyValue[]): RubyValue {
  let value = self;
  for (const key of keys) {
    if (value === null) return null;
    if (Array.isArray(value)) value = value.at(needInteger(key)) ?? null;
    else if (isHash(value)) value = hashGet(value, key) ?? null;
    else
      throw new RubyError(
        'TypeError',
        `${isText(value) ? 'String' : isInteger(value) ? 'Integer' : toText(value)} does not have #dig method`,
      );
  }
  return value;
}

function join(self: readonly RubyValue[], separator: string, depth = 0): string {
  if (depth > 200) throw argumentError('recursive array join');
  return self
    .map((value) => (Array.isArray(value) ? join(value, separator, depth + 1) : toText(value)))
    .join(separator);
}

function fetch(self: List, [at = null, fallback]: readonly RubyValue[], block: RubyProc | undefined): RubyValue {
  const index = needInteger(at);
  const found = self.at(index);
  if (found !== undefined) return found;
  if (block) return block.run([at]);
  if (fallback !== undefined) return fallback;
  throw new RubyError('IndexError', `index ${index} outside of array bounds: ${-self.length}...${self.length}`);
}

function repeated(self: List, by: RubyValue, frame: Frame): RubyValue {
  if (isText(by)) return join(self, textOf(by));
  const times = needInteger(by);
  if (times < 0) throw argumentError('argument must be non-negative');
  frame.chargeElements(times * self.length);
  return Array.from({ length: times }, () => self).flat(1);
}

function without(self: List, args: readonly RubyValue[]): List {
  const others: RubyHash = hashOf(joinedArrays(args).map((value) => [value, true] as const));
  return self.filter((value) => hashGet(others, value) === undefined);
}
function common(self: List, args: readonly RubyValue[], frame: Frame): List {
  const others = args.map((arg) => hashOf(needArray(arg).map((value) => [value, true] as const)));
  return unique(
    self.filter((value) => others.every((other) => hashGet(other, value) !== undefined)),
    (value) => value,
    frame,
  );
}

function combinations(self: List, size: number, frame: Frame): List[] {
  const results: List[] = [];
  const build = (from: number, chosen: List): void => {
    frame.step();
    if (chosen.length === size) {
      frame.chargeElements(size);
      results.push(chosen);
      return;
    }
    for (let i = from; i < self.length; i++) build(i + 1, [...chosen, self[i] as RubyValue]);
  };
  if (size >= 0 && size <= Math.min(self.length, 100)) build(0, []);
  return results;
}
function product(self: List, args: readonly RubyValue[], frame: Frame): List[] {
  let rows: List[] = self.map((value) => [value]);
  for (const arg of args) {
    const other = needArray(arg);
    frame.chargeElements(rows.length * other.length);
    rows = rows.flatMap((row) => other.map((value) => [...row, value]));
  }
  return rows;
}
function transposed(self: List): List[] {
  const rows = self.map(needArray);
  const width = rows[0]?.length ?? 0;
  if (rows.some((row) => row.length !== width)) throw new RubyError('IndexError', 'element size differs');
  return Array.from({ length: width }, (_, i) => rows.map((row) => row[i] ?? null));
}

const reading: MethodTable<List> = {
  '[]': [1, 2, element],
  slice: [1, 2, element],
  at: [1, 1, element],
  dig: [1, 99, dig],
  fetch: [1, 2, (self, args, _frame, block) => fetch(self, args, block)],
  values_at: [0, 99, (self, args) => args.map((at) => self.at(needInteger(at)) ?? null)],
  last: [
    0,
    1,
    (self, args) =>
      args.length === 0 ? (self.at(-1) ?? null) : self.slice(Math.max(0, self.length - needInteger(args[0] ?? null))),
  ],
  length: [0, 0, (self) => self.length],
  size: [0, 0, (self) => self.length],
  'empty?': [0, 0, (self) => self.length === 0],
  index: [0, 1, findIndex],
  rindex: [
    0,
    1,
    (self, [wanted], _frame, block) => {
      const at = self.findLastIndex((value) =>
        wanted === undefined ? isTruthy(yieldOne(needBlock(block), value)) : isSame(value, wanted),
      );
      return at < 0 ? null : at;
    },
  ],
  join: [
    0,
    1,
    (self, [separator = null], frame) => {
      frame.chargeElements(self.length);
      return join(self, separator === null ? '' : needText(separator));
    },
  ],
  each: [0, 0, eachOf],
  to_a: [0, 0, (self) => self],
  to_ary: [0, 0, (self) => self],
  to_s: [0, 0, (self) => inspect(self)],
  pack: [1, 1, (self, [format]) => pack(self, needText(format ?? null))],
  assoc: [
    1,
    1,
    (self, [key = null]) => self.find((pair) => Array.isArray(pair) && isSame(pair[0] ?? null, key)) ?? null,
  ],
  bsearch: [0, 0, (self, _args, frame, block) => frame.call(self, 'find', [], needBlock(block))],
};

const making: MethodTable<List> = {
  '+': [1, 1, (self, [other = null]) => [...self, ...needArray(other)]],
  '-': [1, 1, without],
  difference: [0, 99, without],
  '&': [1, 1, common],
  intersection: [0, 99, common],
  'intersect?': [1, 1, (self, args, frame) => common(self, args, frame).length > 0],
  '|': [1, 1, (self, [other = null], frame) => unique([...self, ...needArray(other)], (value) => value, frame)],
  union: [0, 99, (self, args, frame) => unique([...self, ...joinedArrays(args)], (value) => value, frame)],
  '*': [1, 1, (self, [by = null], frame) => repeated(self, by, frame)],
  '<=>': [1, 1, (self, [other = null]) => compare(self, other) ?? null],
  reverse: [0, 0, (self) => [...self].reverse()],
  rotate: [0, 1, (self, args) => rotated(self, args.length > 0 ? needInteger(args[0] ?? null) : 1)],
  compact: [0, 0, (self) => self.filter((value) => value !== null)],
  transpose: [0, 0, transposed],
  combination: [
    1,
    1,
    (self, [size], frame, block) => {
      const rows = combinations(self, needInteger(size ?? null), frame);
      return block ? eachOf(rows, [], frame, block) : rows;
    },
  ],
  product: [0, 5, product],
  sample: [
    0,
    0,
    () => {
      throw new LimitError('Array#sample');
    },
  ],
};
function rotated(self: List, by: number): List {
  if (self.length === 0) return [];
  const at = ((by % self.length) + self.length) % self.length;
  return [...self.slice(at), ...self.slice(0, at)];
}

/** Puts a list in place of what the array holds; the array, or nil where `isNilUnchanged` and nothing changed. */
function replaced(self: List, list: readonly RubyValue[], isNilUnchanged = false): RubyValue {
  const isChanged = list.length !== self.length || list.some((value, i) => value !== self[i]);
  const copy = [...list];
  self.length = 0;
  for (const value of copy) self.push(value);
  return isNilUnchanged && !isChanged ? null : self;
}
/** `name!` by the method that gives something new. */
function inPlace(name: string, isNilUnchanged: boolean): MethodTable<List>[string] {
  return [
    0,
    2,
    (self, args, frame, block) => {
      if (!block && /^(?:map|collect|select|filter|reject|sort_by)$/.test(name))
        return new RubyEnumerator(self, `${name}!`, args);
      return replaced(self, needArray(frame.call(self, name, args, block)), isNilUnchanged);
    },
  ];
}

function store(self: List, args: readonly RubyValue[], frame: Frame): RubyValue {
  const value = args.at(-1) ?? null;
  const [key = null] = args;
  if (args.length === 2 && !(key instanceof RubyRange)) {
    const index = needInteger(key);
    const at = index < 0 ? index + self.length : index;
    if (at < 0) throw new RubyError('IndexError', `index ${index} too small for array; minimum: -${self.length}`);
    frame.chargeElements(Math.max(0, at - self.length));
    while (self.length < at) self.push(null);
    self[at] = value;
    return value;
  }
  const bounds = boundsOf(self.length, args.slice(0, -1), false);
  if (!bounds) throw new RubyError('RangeError', `${args.slice(0, -1).map(toText).join(', ')} out of range`);
  self.splice(bounds[0], bounds[1], ...(Array.isArray(value) ? value : [value]));
  return value;
}
function pop(self: List, args: readonly RubyValue[], isShift: boolean): RubyValue {
  if (args.length === 0) return (isShift ? self.shift() : self.pop()) ?? null;
  const count = Math.max(0, Math.min(self.length, needInteger(args[0] ?? null)));
  return isShift ? self.splice(0, count) : self.splice(self.length - count, count);
}

const mutating: MethodTable<List> = {
  '[]=': [2, 3, store],
  '<<': [1, 1, (self, [value = null], frame) => pushed(self, [value], frame)],
  push: [0, 999, (self, args, frame) => pushed(self, args, frame)],
  append: [0, 999, (self, args, frame) => pushed(self, args, frame)],
  concat: [0, 99, (self, args, frame) => pushed(self, joinedArrays(args), frame)],
  pop: [0, 1, (self, args) => pop(self, args, false)],
  shift: [0, 1, (self, args) => pop(self, args, true)],
  unshift: [
    0,
    999,
    (self, args) => {
      self.unshift(...args);
      return self;
    },
  ],
  prepend: [
    0,
    999,
    (self, args) => {
      self.unshift(...args);
      return self;
    },
  ],
  insert: [
    1,
    999,
    (self, [at = null, ...values]) => {
      const index = needInteger(at);
      self.splice(index < 0 ? self.length + index + 1 : Math.min(index, self.length), 0, ...values);
      return self;
    },
  ],
  delete: [
    1,
    1,
    (self, [wanted = null]) => {
      const had = self.some((value) => isSame(value, wanted));
      replaced(
        self,
        self.filter((value) => !isSame(value, wanted)),
      );
      return had ? wanted : null;
    },
  ],
  delete_at: [
    1,
    1,
    (self, [at = null]) => {
      const index = needInteger(at);
      return (index < -self.length ? undefined : self.splice(index, 1)[0]) ?? null;
    },
  ],
  delete_if: inPlace('reject', false),
  keep_if: inPlace('select', false),
  clear: [0, 0, (self) => replaced(self, [])],
  replace: [1, 1, (self, [list = null]) => replaced(self, needArray(list))],
  fill: [1, 1, (self, [value = null]) => self.fill(value)],
  'slice!': [
    1,
    2,
    (self, args) => {
      const taken = element(self, args);
      const [key = null] = args;
      if (args.length === 1 && !(key instanceof RubyRange)) {
        if (self.at(needInteger(key)) !== undefined) self.splice(needInteger(key), 1);
      } else {
        const bounds = boundsOf(self.length, args, false);
        if (bounds) self.splice(bounds[0], bounds[1]);
      }
      return taken;
    },
  ],
  'map!': inPlace('map', false),
  'collect!': inPlace('collect', false),
  'select!': inPlace('select', true),
  'filter!': inPlace('filter', true),
  'reject!': inPlace('reject', true),
  'compact!': inPlace('compact', true),
  'flatten!': inPlace('flatten', true),
  'uniq!': inPlace('uniq', true),
  'reverse!': inPlace('reverse', false),
  'rotate!': inPlace('rotate', false),
  'sort!': [0, 0, (self, _args, _frame, block) => replaced(self, [...self].sort(comparing(block)))],
  'sort_by!': inPlace('sort_by', false),
};
function pushed(self: List, values: readonly RubyValue[], frame: Frame): RubyValue {
  frame.chargeElements(values.length);
  for (const value of values) self.push(value);
  return self;
}

export const arrayMethods: MethodTable<List> = {
  ...(enumerableMethods as MethodTable<List>),
  ...reading,
  ...making,
  ...mutating,
};
