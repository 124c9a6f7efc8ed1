/** Methods of whatever gives values one after the other: arrays, hashes (pairs), ranges, enumerators. Source: Ruby 3.1 enum.c, array.c. */
import { add, coerced } from '../arithmetic.ts';
import { LimitError, RubyError, argumentError } from '../failures.ts';
import { needBlock, yieldOne } from '../frame.ts';
import type { Frame, MethodTable } from '../frame.ts';
import {
  covers,
  hashEntries,
  hashGet,
  hashOf,
  hashSet,
  isEqual,
  needArray,
  needInteger,
  order,
  toText,
} from '../semantics.ts';
import { successor } from '../characters.ts';
import {
  RubyEnumerator,
  RubyProc,
  RubyRange,
  RubySymbol,
  doubleOf,
  floatOf,
  isHash,
  isInteger,
  isNumber,
  isText,
  isTruthy,
  textOf,
} from '../values.ts';
import type { RubyHash, RubyValue } from '../values.ts';

/** The values one after the other; not the caller's to change. */
function listOf(self: RubyValue, frame: Frame): readonly RubyValue[] {
  if (Array.isArray(self)) return self;
  if (self instanceof RubyRange) return rangeList(self, frame);
  if (self instanceof RubyEnumerator) {
    const list: RubyValue[] = [];
    const gather = new RubyProc(1, false, (args) => {
      frame.chargeElements(1);
      list.push(args.length === 1 ? (args[0] ?? null) : [...args]);
      return null;
    });
    frame.call(self.self, self.method, self.args, gather);
    return list;
  }
  if (isHash(self)) return hashEntries(self);
  throw new RubyError('TypeError', `can't iterate from ${toText(self)}`);
}
function rangeList(range: RubyRange, frame: Frame): RubyValue[] {
  const { first, last, isExclusive } = range;
  if (last === null) throw new LimitError('all values of an endless range');
  const list: RubyValue[] = [];
  if (isText(first) && isText(last)) {
    const end = textOf(last);
    for (let at = textOf(first); at.length <= end.length; at = successor(at)) {
      frame.step();
      if (at === end && isExclusive) break;
      list.push(at);
      if (at === end) break;
    }
    return list;
  }
  if (!isInteger(first)) throw new RubyError('TypeError', `can't iterate from ${isNumber(first) ? 'Float' : 'this'}`);
  const end = doubleOf(coerced(first, last));
  const count = (isExclusive ? Math.ceil(end) - 1 : Math.floor(end)) - Number(first) + 1;
  if (count <= 0) return list;
  frame.chargeElements(count);
  for (let i = 0; i < count; i++) list.push(add(first, i));
  return list;
}

type Step = (value: RubyValue, index: number) => boolean | void;
/** Goes over the values; stops when the step gives false. */
function walk(self: RubyValue, frame: Frame, step: Step): void {
  // By index: the block may change an array that is gone over.
  const list = listOf(self, frame);
  for (let i = 0; i < list.length; i++) {
    frame.step();
    if (step(list[i] as RubyValue, i) === false) return;
  }
}

type Entry = MethodTable<RubyValue>[string];
/** A method that asks its block about each value; without a block it gives an enumerator. */
function withBlock(
  name: string,
  run: (self: RubyValue, ask: (value: RubyValue) => RubyValue, frame: Frame) => RubyValue,
): Entry {
  return [
    0,
    0,
    (self, args, frame, block) => {
      if (!block) return new RubyEnumerator(self, name, args);
      return run(self, (value) => yieldOne(block, value), frame);
    },
  ];
}
/** A question about each value by a pattern, a block, or whether it is true. */
function asking(args: readonly RubyValue[], frame: Frame, block: RubyProc | undefined): (value: RubyValue) => boolean {
  const [pattern] = args;
  if (pattern !== undefined) return (value) => covers(pattern, value, frame);
  return block ? (value) => isTruthy(yieldOne(block, value)) : isTruthy;
}

/** In order by the block's answer or by the values; stable. */
function sortedBy(list: readonly RubyValue[], rank: (value: RubyValue) => RubyValue, frame: Frame): RubyValue[] {
  const ranked = list.map((value) => [rank(value), value] as const);
  frame.chargeElements(list.length * 2);
  return ranked.sort((a, b) => order(a[0], b[0])).map(([, value]) => value);
}
/** How `sort`, `min` and `max` compare: by `<=>` or a block. */
export function comparing(block: RubyProc | undefined): (a: RubyValue, b: RubyValue) => number {
  if (!block) return order;
  return (a, b) => {
    const found = block.run([a, b]);
    if (!isNumber(found)) throw argumentError(`comparison of ${toText(a)} with ${toText(b)} failed`);
    return doubleOf(found);
  };
}

function extreme(sign: 1 | -1, by: boolean): Entry {
  return [
    0,
    1,
    (self, args, frame, block) => {
      const list = listOf(self, frame);
      for (let i = 0; i < list.length; i++) frame.step();
      const rank = by ? (value: RubyValue) => yieldOne(needBlock(block), value) : undefined;
      const sorted = rank ? sortedBy(list, rank, frame) : [...list].sort(comparing(by ? undefined : block));
      if (sign < 0) sorted.reverse();
      return args.length > 0 ? sorted.slice(0, needInteger(args[0] ?? null)) : (sorted[0] ?? null);
    },
  ];
}

function inject(self: RubyValue, args: readonly RubyValue[], frame: Frame, block: RubyProc | undefined): RubyValue {
  const symbol = args.at(-1);
  const name =
    !block && (symbol instanceof RubySymbol || (symbol !== undefined && isText(symbol))) ? toText(symbol) : undefined;
  const given = name === undefined ? args : args.slice(0, -1);
  let sum: RubyValue | undefined = given[0];
  walk(self, frame, (value) => {
    if (sum === undefined) sum = value;
    else sum = name === undefined ? needBlock(block).run([sum, value]) : frame.call(sum, name, [value]);
    frame.made(sum);
  });
  return sum ?? null;
}

function sum(self: RubyValue, args: readonly RubyValue[], frame: Frame, block: RubyProc | undefined): RubyValue {
  let total: RubyValue = args[0] ?? 0;
  let lost = 0;
  walk(self, frame, (value) => {
    const next = block ? yieldOne(block, value) : value;
    if (!isNumber(total) || !isNumber(next) || (isInteger(total) && isInteger(next))) {
      total = frame.call(total, '+', [next]);
      return;
    }
    // Floats are added up without losing the small ones (Kahan, Babuska), as Ruby does.
    const [a, b] = [doubleOf(total), doubleOf(next)];
    const both = a + b;
    if (Number.isFinite(both)) lost += Math.abs(a) >= Math.abs(b) ? a - both + b : b - both + a;
    total = floatOf(both);
  });
  return lost !== 0 && isNumber(total) ? floatOf(doubleOf(total) + lost) : total;
}

function slices(
  self: RubyValue,
  args: readonly RubyValue[],
  frame: Frame,
  block: RubyProc | undefined,
  isCons: boolean,
): RubyValue {
  const size = needInteger(args[0] ?? null);
  if (size <= 0) throw argumentError(isCons ? 'invalid size' : 'invalid slice size');
  if (!block) return new RubyEnumerator(self, isCons ? 'each_cons' : 'each_slice', args);
  const list = listOf(self, frame);
  for (let i = 0; isCons ? i + size <= list.length : i < list.length; i += isCons ? 1 : size) {
    frame.step();
    frame.chargeElements(Math.min(size, list.length));
    yieldOne(block, list.slice(i, i + size));
  }
  return self;
}

function zip(self: RubyValue, args: readonly RubyValue[], frame: Frame, block: RubyProc | undefined): RubyValue {
  const others = args.map((arg) => listOf(arg, frame));
  const list = listOf(self, frame);
  frame.chargeElements(list.length * (others.length + 1));
  const zipped = list.map((value, i) => [value, ...others.map((other) => other[i] ?? null)]);
  if (!block) return zipped;
  for (const one of zipped) yieldOne(block, one);
  return null;
}

function flatten(self: RubyValue, frame: Frame, depth: number, into: RubyValue[] = [], level = 0): RubyValue[] {
  if (level > 200) throw new LimitError('arrays nested deeper than 200 levels');
  for (const value of listOf(self, frame)) {
    frame.step();
    if (Array.isArray(value) && level < depth) flatten(value, frame, depth, into, level + 1);
    else into.push(value);
  }
  return into;
}

/** A hash of lists or counts by what the block says. */
function grouped(self: RubyValue, frame: Frame, block: RubyProc | undefined, name: string): RubyValue {
  if (!block) return new RubyEnumerator(self, name, []);
  const groups: RubyHash = new Map();
  walk(self, frame, (value) => {
    const key = yieldOne(block, value);
    const list = hashGet(groups, key);
    if (Array.isArray(list)) list.push(value);
    else hashSet(groups, key, [value]);
  });
  return groups;
}

function toHash(self: RubyValue, frame: Frame, block: RubyProc | undefined): RubyValue {
  const pairs: [RubyValue, RubyValue][] = [];
  walk(self, frame, (value, i) => {
    const pair = block ? yieldOne(block, value) : value;
    if (!Array.isArray(pair))
      throw new RubyError('TypeError', `wrong element type ${toText(pair)} at ${i} (expected array)`);
    if (pair.length !== 2) throw argumentError(`wrong array length at ${i} (expected 2, was ${pair.length})`);
    pairs.push([pair[0] ?? null, pair[1] ?? null]);
  });
  return hashOf(pairs);
}

/** The different ones, by the block's answer or themselves. */
export function unique(list: readonly RubyValue[], rank: (value: RubyValue) => RubyValue, frame: Frame): RubyValue[] {
  const seen: RubyHash = new Map();
  return list.filter((value) => {
    frame.step();
    const key = rank(value);
    if (hashGet(seen, key) !== undefined) return false;
    hashSet(seen, key, true);
    return true;
  });
}

const looking: MethodTable<RubyValue> = {
  'any?': [
    0,
    1,
    (self, args, frame, block) => {
      let found = false;
      const ask = asking(args, frame, block);
      walk(self, frame, (value) => !(found = ask(value)));
      return found;
    },
  ],
  'all?': [
    0,
    1,
    (self, args, frame, block) => {
      let holds = true;
      const ask = asking(args, frame, block);
      walk(self, frame, (value) => (holds = ask(value)));
      return holds;
    },
  ],
  'none?': [
    0,
    1,
    (self, args, frame, block) => {
      let holds = true;
      const ask = asking(args, frame, block);
      walk(self, frame, (value) => (holds = !ask(value)));
      return holds;
    },
  ],
  'one?': [
    0,
    1,
    (self, args, frame, block) => {
      let count = 0;
      const ask = asking(args, frame, block);
      walk(self, frame, (value) => {
        if (ask(value)) count++;
        return count < 2;
      });
      return count === 1;
    },
  ],
  'include?': [1, 1, (self, [wanted = null], frame) => listOf(self, frame).some((value) => isEqual(value, wanted))],
  'member?': [1, 1, (self, [wanted = null], frame) => listOf(self, frame).some((value) => isEqual(value, wanted))],
  find: [0, 1, find('find')],
  detect: [0, 1, find('detect')],
  find_index: [0, 1, (self, args, frame, block) => findIndex(self, args, frame, block)],
  count: [
    0,
    1,
    (self, args, frame, block) => {
      const [wanted] = args;
      if (wanted !== undefined) return listOf(self, frame).filter((value) => isEqual(value, wanted)).length;
      if (!block) return listOf(self, frame).length;
      let count = 0;
      walk(self, frame, (value) => void (isTruthy(yieldOne(block, value)) && count++));
      return count;
    },
  ],
  first: [0, 1, (self, args, frame) => firstOf(self, args, frame)],
  min: extreme(1, false),
  max: extreme(-1, false),
  min_by: extreme(1, true),
  max_by: extreme(-1, true),
  minmax: [
    0,
    0,
    (self, _args, frame, block) => {
      const sorted = [...listOf(self, frame)].sort(comparing(block));
      return [sorted[0] ?? null, sorted.at(-1) ?? null];
    },
  ],
  sum: [0, 1, sum],
  inject: [0, 2, inject],
  reduce: [0, 2, inject],
};

function find(name: string): Entry[2] {
  return (self, args, frame, block) => {
    if (!block) return new RubyEnumerator(self, name, args);
    let found: RubyValue = null;
    walk(self, frame, (value) => {
      if (!isTruthy(yieldOne(block, value))) return true;
      found = value;
      return false;
    });
    return found;
  };
}
export function findIndex(
  self: RubyValue,
  args: readonly RubyValue[],
  frame: Frame,
  block: RubyProc | undefined,
): RubyValue {
  const [wanted] = args;
  if (wanted === undefined && !block) return new RubyEnumerator(self, 'find_index', args);
  let found: number | null = null;
  walk(self, frame, (value, i) => {
    const holds = wanted === undefined ? isTruthy(yieldOne(needBlock(block), value)) : isEqual(value, wanted);
    if (holds) found = i;
    return !holds;
  });
  return found;
}
function firstOf(self: RubyValue, args: readonly RubyValue[], frame: Frame): RubyValue {
  const isEndless = self instanceof RubyRange && self.last === null && isInteger(self.first);
  const count = args.length > 0 ? needInteger(args[0] ?? null) : 1;
  if (count < 0) throw argumentError('attempt to take negative size');
  const from = isEndless ? new RubyRange(self.first, add(self.first, Math.min(count, 1_000_000)), true) : self;
  const list = listOf(from, frame);
  return args.length > 0 ? list.slice(0, count) : (list[0] ?? null);
}

const choosing: MethodTable<RubyValue> = {
  select: withBlock('select', (self, ask, frame) => kept(self, frame, (value) => isTruthy(ask(value)))),
  filter: withBlock('filter', (self, ask, frame) => kept(self, frame, (value) => isTruthy(ask(value)))),
  find_all: withBlock('find_all', (self, ask, frame) => kept(self, frame, (value) => isTruthy(ask(value)))),
  reject: withBlock('reject', (self, ask, frame) => kept(self, frame, (value) => !isTruthy(ask(value)))),
  filter_map: withBlock('filter_map', (self, ask, frame) => mapped(self, frame, ask).filter(isTruthy)),
  partition: withBlock('partition', (self, ask, frame) => {
    const [yes, no]: [RubyValue[], RubyValue[]] = [[], []];
    walk(self, frame, (value) => void (isTruthy(ask(value)) ? yes : no).push(value));
    return [yes, no];
  }),
  take_while: withBlock('take_while', (self, ask, frame) => {
    const taken: RubyValue[] = [];
    walk(self, frame, (value) => isTruthy(ask(value)) && taken.push(value) > 0);
    return taken;
  }),
  drop_while: withBlock('drop_while', (self, ask, frame) => {
    let dropped = 0;
    walk(self, frame, (value) => isTruthy(ask(value)) && ++dropped > 0);
    return listOf(self, frame).slice(dropped);
  }),
  take: [1, 1, (self, args, frame) => firstOf(self, args, frame)],
  drop: [1, 1, (self, [count], frame) => listOf(self, frame).slice(Math.max(0, needInteger(count ?? null)))],
  grep: [
    1,
    1,
    (self, [pattern = null], frame, block) =>
      afterwards(
        kept(self, frame, (value) => covers(pattern, value, frame)),
        block,
      ),
  ],
  grep_v: [
    1,
    1,
    (self, [pattern = null], frame, block) =>
      afterwards(
        kept(self, frame, (value) => !covers(pattern, value, frame)),
        block,
      ),
  ],
  uniq: [
    0,
    0,
    (self, _args, frame, block) =>
      unique(listOf(self, frame), block ? (value) => yieldOne(block, value) : (value) => value, frame),
  ],
};
function kept(self: RubyValue, frame: Frame, holds: (value: RubyValue) => boolean): RubyValue[] {
  const list: RubyValue[] = [];
  walk(self, frame, (value) => void (holds(value) && list.push(value)));
  return list;
}
function mapped(self: RubyValue, frame: Frame, ask: (value: RubyValue) => RubyValue): RubyValue[] {
  const list: RubyValue[] = [];
  walk(self, frame, (value) => void list.push(ask(value)));
  return list;
}
function afterwards(list: RubyValue[], block: RubyProc | undefined): RubyValue {
  return block ? list.map((value) => yieldOne(block, value)) : list;
}

const changing: MethodTable<RubyValue> = {
  map: withBlock('map', (self, ask, frame) => mapped(self, frame, ask)),
  collect: withBlock('collect', (self, ask, frame) => mapped(self, frame, ask)),
  flat_map: withBlock('flat_map', (self, ask, frame) => mapped(self, frame, ask).flatMap((one) => one)),
  collect_concat: withBlock('collect_concat', (self, ask, frame) => mapped(self, frame, ask).flatMap((one) => one)),
  each_with_index: [
    0,
    0,
    (self, args, frame, block) => {
      if (!block) return new RubyEnumerator(self, 'each_with_index', args);
      walk(self, frame, (value, i) => void block.run([value, i]));
      return self;
    },
  ],
  each_with_object: [
    1,
    1,
    (self, args, frame, block) => {
      if (!block) return new RubyEnumerator(self, 'each_with_object', args);
      const [memo = null] = args;
      walk(self, frame, (value) => void block.run([value, memo]));
      return memo;
    },
  ],
  each_entry: withBlock('each_entry', (self, ask, frame) => {
    walk(self, frame, (value) => void ask(value));
    return self;
  }),
  reverse_each: withBlock('reverse_each', (self, ask, frame) => {
    walk([...listOf(self, frame)].reverse(), frame, (value) => void ask(value));
    return self;
  }),
  each_slice: [1, 1, (self, args, frame, block) => slices(self, args, frame, block, false)],
  each_cons: [1, 1, (self, args, frame, block) => slices(self, args, frame, block, true)],
  group_by: [0, 0, (self, _args, frame, block) => grouped(self, frame, block, 'group_by')],
  tally: [0, 0, (self, _args, frame) => tally(self, frame)],
  zip: [0, 20, zip],
  sort: [
    0,
    0,
    (self, _args, frame, block) => {
      const list = listOf(self, frame);
      for (let i = 0; i < list.length; i++) frame.step();
      return [...list].sort(comparing(block));
    },
  ],
  sort_by: withBlock('sort_by', (self, ask, frame) => sortedBy(listOf(self, frame), ask, frame)),
  to_a: [0, 0, (self, _args, frame) => [...listOf(self, frame)]],
  entries: [0, 0, (self, _args, frame) => [...listOf(self, frame)]],
  to_h: [0, 0, (self, _args, frame, block) => toHash(self, frame, block)],
  flatten: [
    0,
    1,
    (self, args, frame) =>
      flatten(self, frame, args.length > 0 && args[0] !== null ? depthOf(args[0]) : Number.POSITIVE_INFINITY),
  ],
  each_index: withBlock('each_index', (self, ask, frame) => {
    walk(self, frame, (_value, i) => void ask(i));
    return self;
  }),
  lazy: [0, 0, (self) => self],
};
function depthOf(value: RubyValue | undefined): number {
  const depth = needInteger(value ?? null);
  return depth < 0 ? Number.POSITIVE_INFINITY : depth;
}
function tally(self: RubyValue, frame: Frame): RubyValue {
  const counts: RubyHash = new Map();
  walk(self, frame, (value) => hashSet(counts, value, Number(hashGet(counts, value) ?? 0) + 1));
  return counts;
}

export const enumerableMethods: MethodTable<RubyValue> = { ...looking, ...choosing, ...changing };

export const rangeMethods: MethodTable<RubyRange> = {
  ...(enumerableMethods as MethodTable<RubyRange>),
  each: [0, 0, (self, args, frame, block) => eachOf(self, args, frame, block)],
  begin: [0, 0, (self) => self.first],
  end: [0, 0, (self) => self.last],
  last: [
    0,
    1,
    (self, args, frame) => (args.length === 0 ? self.last : frame.call([...listOf(self, frame)], 'last', args)),
  ],
  'include?': [1, 1, (self, [value = null], frame) => covers(self, value, frame)],
  'member?': [1, 1, (self, [value = null], frame) => covers(self, value, frame)],
  'cover?': [1, 1, (self, [value = null], frame) => covers(self, value, frame)],
  'exclude_end?': [0, 0, (self) => self.isExclusive],
  size: [0, 0, (self, _args, frame) => listOf(self, frame).length],
  step: [
    1,
    1,
    (self, [by], frame, block) => {
      const list = listOf(self, frame).filter((_, i) => i % Math.max(1, needInteger(by ?? null)) === 0);
      return block ? eachOf(list, [], frame, block) : list;
    },
  ],
};
export function eachOf(
  self: RubyValue,
  args: readonly RubyValue[],
  frame: Frame,
  block: RubyProc | undefined,
): RubyValue {
  if (!block) return new RubyEnumerator(self, 'each', args);
  if (self instanceof RubyRange && self.last === null && isInteger(self.first)) {
    for (let at: RubyValue = self.first; ; at = add(at, 1)) {
      frame.step();
      block.run([at]);
    }
  }
  walk(self, frame, (value) => void yieldOne(block, value));
  return self;
}

/** The block of an enumerator's method with something more behind each value. */
function withMore(self: RubyEnumerator, frame: Frame, block: RubyProc, more: () => RubyValue): RubyValue {
  const counted = new RubyProc(self.method === 'inject' ? 2 : 1, false, (args) => {
    const value = args.length === 1 ? (args[0] ?? null) : [...args];
    return block.run([value, more()]);
  });
  return frame.call(self.self, self.method, self.args, counted);
}
export const enumeratorMethods: MethodTable<RubyEnumerator> = {
  ...(enumerableMethods as MethodTable<RubyEnumerator>),
  each: [0, 0, (self, _args, frame, block) => (block ? frame.call(self.self, self.method, self.args, block) : self)],
  with_index: [
    0,
    1,
    (self, args, frame, block) => {
      let next = args.length > 0 && args[0] !== null ? needInteger(args[0] ?? null) : 0;
      if (!block) return listOf(self, frame).map((value) => [value, next++]);
      return withMore(self, frame, block, () => next++);
    },
  ],
  each_with_index: [
    0,
    0,
    (self, _args, frame, block) => {
      let next = 0;
      if (!block) return listOf(self, frame).map((value) => [value, next++]);
      return withMore(self, frame, block, () => next++);
    },
  ],
  with_object: [
    1,
    1,
    (self, [memo = null], frame, block) => {
      withMore(self, frame, needBlock(block), () => memo);
      return memo;
    },
  ],
  size: [0, 0, (self, _args, frame) => listOf(self, frame).length],
};

/** For `Array(x)` and splats. */
export function splatted(value: RubyValue, frame: Frame): readonly RubyValue[] {
  if (value === null) return [];
  if (Array.isArray(value)) return value;
  if (isHash(value)) return hashEntries(value);
  return value instanceof RubyRange || value instanceof RubyEnumerator ? listOf(value, frame) : [value];
}
/** Arguments that are all arrays, joined. */
export function joinedArrays(args: readonly RubyValue[]): RubyValue[] {
  return args.flatMap((arg) => needArray(arg));
}
