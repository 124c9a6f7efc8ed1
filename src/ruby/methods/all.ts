/** All methods, by name and then by the class of what they are called on. */
import { isUtf8 } from 'node:buffer';
import type { Method, MethodTable, Methods } from '../frame.ts';
import { textOf } from '../values.ts';
import type { Kind, RubyRecordTime } from '../values.ts';
import { arrayMethods } from './array.ts';
import { enumeratorMethods, rangeMethods } from './enumerable.ts';
import { hashMethods } from './hash.ts';
import { floatMethods, integerMethods } from './number.ts';
import {
  classMethods,
  exceptionMethods,
  falseMethods,
  nilMethods,
  objectMethods,
  procMethods,
  symbolMethods,
  trueMethods,
} from './object.ts';
import { matchMethods, regexpMethods } from './pattern.ts';
import { stringMethods } from './string.ts';
import { recordTimeMethods, timeMethods } from './time.ts';
import { uriMethods } from './uri.ts';

/** String methods see text. Bytes that are no UTF-8 stay what they are where nothing is done to them. */
function ofText([min, max, run]: Method<string>): Method<string | Uint8Array> {
  return [
    min,
    max,
    (self, args, frame, block) => run(typeof self === 'string' ? self : textOf(self), args, frame, block),
  ];
}
/** An EventTime hands what it does not know to its seconds. */
function ofSeconds([min, max, run]: Method<number>): Method<RubyRecordTime> {
  return [min, max, (self, args, frame, block) => run(self.seconds, args, frame, block)];
}
const unchanged: MethodTable<string | Uint8Array> = {
  to_str: [0, 0, (self) => self],
  force_encoding: [
    1,
    1,
    (self) => (typeof self === 'string' || isUtf8(self) ? (typeof self === 'string' ? self : textOf(self)) : self),
  ],
  b: [0, 0, (self) => self],
  'valid_encoding?': [0, 0, (self) => (typeof self === 'string' ? !self.includes('\uFFFD') : isUtf8(self))],
};

const tables = {
  NilClass: nilMethods,
  TrueClass: trueMethods,
  FalseClass: falseMethods,
  Integer: integerMethods,
  Float: floatMethods,
  String: {
    ...Object.fromEntries(Object.entries(stringMethods).map(([name, method]) => [name, ofText(method)])),
    ...unchanged,
  },
  Symbol: symbolMethods,
  Array: arrayMethods,
  Hash: hashMethods,
  Range: rangeMethods,
  Regexp: regexpMethods,
  MatchData: matchMethods,
  Time: timeMethods,
  EventTime: {
    ...Object.fromEntries(Object.entries(integerMethods).map(([name, method]) => [name, ofSeconds(method)])),
    ...recordTimeMethods,
  },
  Proc: procMethods,
  Class: classMethods,
  Exception: exceptionMethods,
  Enumerator: enumeratorMethods,
  URI: uriMethods,
} as unknown as Readonly<Record<Kind, MethodTable<never>>>;

function gather(): Methods {
  const methods = new Map<string, Partial<Record<Kind, Method>>>();
  for (const [kind, table] of Object.entries(tables) as [Kind, MethodTable<never>][])
    for (const [name, method] of Object.entries({ ...(objectMethods as unknown as MethodTable<never>), ...table })) {
      const named = methods.get(name) ?? {};
      named[kind] = method;
      methods.set(name, named);
    }
  return methods;
}

export const allMethods: Methods = gather();
