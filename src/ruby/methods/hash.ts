/** Methods of Hash. Source: Ruby 3.1 hash.c. */
import type { PlainFields } from '../../core/record.ts';
import { LimitError, RubyError } from '../failures.ts';
import type { Frame, MethodTable } from '../frame.ts';
import {
  hashDelete,
  hashEntries,
  hashGet,
  hashKeys,
  hashOf,
  hashSet,
  hashSize,
  inspect,
  isEqual,
  isSame,
  needHash,
} from '../semantics.ts';
import { DefaultHash, RubyEnumerator, isHash, isTruthy } from '../values.ts';
import type { RubyHash, RubyProc, RubyValue } from '../values.ts';
import { dig } from './array.ts';
import { enumerableMethods } from './enumerable.ts';
import { keyMissing } from './pattern.ts';

type AnyHash = RubyHash | PlainFields;
type Pair = [RubyValue, RubyValue];

/** Gives a pair to a block, which takes two or one that holds both. */
function yieldPair(block: RubyProc, pair: Pair): RubyValue {
  return block.run(block.parameterCount > 1 || block.isLambda ? pair : [pair]);
}
/** Asks the block about each pair. */
function walk(self: AnyHash, frame: Frame, block: RubyProc, step: (answer: RubyValue, pair: Pair) => void): void {
  for (const pair of hashEntries(self)) {
    frame.step();
    step(yieldPair(block, pair), pair);
  }
}
type Entry = MethodTable<AnyHash>[string];
function withBlock(name: string, run: (self: AnyHash, block: RubyProc, frame: Frame) => RubyValue): Entry {
  return [0, 0, (self, args, frame, block) => (block ? run(self, block, frame) : new RubyEnumerator(self, name, args))];
}
function chosen(self: AnyHash, block: RubyProc, frame: Frame, wanted: boolean): RubyHash {
  // Unlike `each`, which gives a pair to a block of one parameter, these give it the key.
  return hashOf(
    hashEntries(self).filter((pair) => {
      frame.step();
      return isTruthy(block.run(pair)) === wanted;
    }),
  );
}

function fetch(self: AnyHash, [key = null, fallback]: readonly RubyValue[], block: RubyProc | undefined): RubyValue {
  const found = hashGet(self, key);
  if (found !== undefined) return found;
  if (block) return block.run([key]);
  if (fallback !== undefined) return fallback;
  throw new RubyError('KeyError', keyMissing(key));
}

function merged(self: AnyHash, others: readonly RubyValue[], block: RubyProc | undefined): RubyHash {
  const result = hashOf(hashEntries(self));
  mergeInto(result, others, block);
  return result;
}
function mergeInto(result: AnyHash, others: readonly RubyValue[], block: RubyProc | undefined): void {
  for (const other of others)
    for (const [key, value] of hashEntries(needHash(other))) {
      const before = block ? hashGet(result, key) : undefined;
      hashSet(result, key, before === undefined || !block ? value : block.run([key, before, value]));
    }
}
/** Puts pairs in place of what the hash holds. */
function replaced(self: AnyHash, pairs: readonly (readonly [RubyValue, RubyValue])[]): RubyValue {
  if (!(self instanceof Map)) throw new LimitError('a change of the record in a way that is not taken');
  self.clear();
  for (const [key, value] of pairs) hashSet(self, key, value);
  return self;
}
/** `name!` by the method that gives a new hash; nil where nothing went and `isNilUnchanged`. */
function inPlace(name: string, isNilUnchanged: boolean): Entry {
  return [
    0,
    1,
    (self, args, frame, block) => {
      if (!block && name !== 'compact') return new RubyEnumerator(self, `${name}!`, args);
      const before = hashSize(self);
      replaced(self, hashEntries(needHash(frame.call(self, name, args, block))));
      return isNilUnchanged && hashSize(self) === before ? null : self;
    },
  ];
}

const hasKey: Entry = [1, 1, (self, [key = null]) => hashGet(self, key) !== undefined];
const hasValue: Entry = [1, 1, (self, [value = null]) => hashEntries(self).some(([, held]) => isEqual(held, value))];
const each: (name: string) => Entry = (name) =>
  withBlock(name, (self, block, frame) => {
    walk(self, frame, block, () => undefined);
    return self;
  });

const reading: MethodTable<AnyHash> = {
  '[]': [1, 1, (self, [key = null]) => hashGet(self, key) ?? (self instanceof DefaultHash ? self.fallback(key) : null)],
  fetch: [1, 2, (self, args, _frame, block) => fetch(self, args, block)],
  dig: [1, 99, dig],
  'has_key?': hasKey,
  'key?': hasKey,
  'include?': hasKey,
  'member?': hasKey,
  'has_value?': hasValue,
  'value?': hasValue,
  key: [1, 1, (self, [value = null]) => hashEntries(self).find(([, held]) => isEqual(held, value))?.[0] ?? null],
  keys: [0, 0, hashKeys],
  values: [0, 0, (self) => hashEntries(self).map(([, value]) => value)],
  values_at: [0, 99, (self, keys) => keys.map((key) => hashGet(self, key) ?? null)],
  fetch_values: [0, 99, (self, keys, _frame, block) => keys.map((key) => fetch(self, [key], block))],
  length: [0, 0, hashSize],
  size: [0, 0, hashSize],
  'empty?': [0, 0, (self) => hashSize(self) === 0],
  each: each('each'),
  each_pair: each('each_pair'),
  each_key: [
    0,
    0,
    (self, args, frame, block) =>
      block ? frame.call(hashKeys(self), 'each', [], block) && self : new RubyEnumerator(self, 'each_key', args),
  ],
  each_value: [
    0,
    0,
    (self, args, frame, block) =>
      block
        ? frame.call(
            hashEntries(self).map(([, value]) => value),
            'each',
            [],
            block,
          ) && self
        : new RubyEnumerator(self, 'each_value', args),
  ],
  to_a: [0, 0, (self) => hashEntries(self)],
  to_hash: [0, 0, (self) => self],
  to_s: [0, 0, (self) => inspect(self)],
  assoc: [1, 1, (self, [key = null]) => hashEntries(self).find(([held]) => isSame(held, key)) ?? null],
  default: [0, 1, () => null],
  'any?': [
    0,
    1,
    (self, args, frame, block) =>
      block
        ? hashEntries(self).some((pair) => {
            frame.step();
            return isTruthy(yieldPair(block, pair));
          })
        : args.length > 0
          ? frame.call(hashEntries(self), 'any?', args)
          : hashSize(self) > 0,
  ],
  count: [
    0,
    1,
    (self, args, frame, block) =>
      args.length === 0 && !block ? hashSize(self) : frame.call(hashEntries(self), 'count', args, block),
  ],
};

const making: MethodTable<AnyHash> = {
  select: withBlock('select', (self, block, frame) => chosen(self, block, frame, true)),
  filter: withBlock('filter', (self, block, frame) => chosen(self, block, frame, true)),
  reject: withBlock('reject', (self, block, frame) => chosen(self, block, frame, false)),
  slice: [
    0,
    999,
    (self, keys) =>
      hashOf(
        keys.flatMap((key): Pair[] => {
          const value = hashGet(self, key);
          return value === undefined ? [] : [[key, value]];
        }),
      ),
  ],
  except: [
    0,
    999,
    (self, keys) => hashOf(hashEntries(self).filter(([key]) => !keys.some((other) => isSame(key, other)))),
  ],
  compact: [0, 0, (self) => hashOf(hashEntries(self).filter(([, value]) => value !== null))],
  merge: [0, 99, (self, others, _frame, block) => merged(self, others, block)],
  invert: [0, 0, (self) => hashOf(hashEntries(self).map(([key, value]): Pair => [value, key]))],
  to_h: [0, 0, (self, _args, frame, block) => (block ? frame.call(hashEntries(self), 'to_h', [], block) : self)],
  transform_values: withBlock('transform_values', (self, block, frame) =>
    hashOf(
      hashEntries(self).map(([key, value]): Pair => {
        frame.step();
        return [key, block.run([value])];
      }),
    ),
  ),
  transform_keys: [0, 1, (self, args, frame, block) => transformKeys(self, args, frame, block)],
};
function transformKeys(
  self: AnyHash,
  args: readonly RubyValue[],
  frame: Frame,
  block: RubyProc | undefined,
): RubyValue {
  const [mapping] = args;
  const names = mapping !== undefined && isHash(mapping) ? mapping : undefined;
  if (!names && !block) return new RubyEnumerator(self, 'transform_keys', args);
  return hashOf(
    hashEntries(self).map(([key, value]): Pair => {
      frame.step();
      const renamed = names ? hashGet(names, key) : undefined;
      return [renamed ?? (block ? block.run([key]) : key), value];
    }),
  );
}

const mutating: MethodTable<AnyHash> = {
  '[]=': [2, 2, (self, [key = null, value = null], frame) => stored(self, key, value, frame)],
  store: [2, 2, (self, [key = null, value = null], frame) => stored(self, key, value, frame)],
  delete: [1, 1, (self, [key = null], _frame, block) => hashDelete(self, key) ?? (block ? block.run([key]) : null)],
  delete_if: inPlace('reject', false),
  keep_if: inPlace('select', false),
  'select!': inPlace('select', true),
  'filter!': inPlace('filter', true),
  'reject!': inPlace('reject', true),
  'compact!': inPlace('compact', true),
  'transform_values!': inPlace('transform_values', false),
  'transform_keys!': inPlace('transform_keys', false),
  'merge!': [
    0,
    99,
    (self, others, _frame, block) => {
      mergeInto(self, others, block);
      return self;
    },
  ],
  update: [
    0,
    99,
    (self, others, _frame, block) => {
      mergeInto(self, others, block);
      return self;
    },
  ],
  replace: [1, 1, (self, [other = null]) => replaced(self, hashEntries(needHash(other)))],
  clear: [0, 0, (self) => replaced(self, [])],
  shift: [
    0,
    0,
    (self) => {
      const first = hashEntries(self)[0];
      if (first) hashDelete(self, first[0]);
      return first ?? null;
    },
  ],
};
function stored(self: AnyHash, key: RubyValue, value: RubyValue, frame: Frame): RubyValue {
  frame.chargeElements(1);
  hashSet(self, key, value);
  return value;
}

export const hashMethods: MethodTable<AnyHash> = {
  ...(enumerableMethods as MethodTable<AnyHash>),
  ...reading,
  ...making,
  ...mutating,
};
