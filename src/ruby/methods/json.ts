/** `JSON`, and the libraries that stand for it: Yajl, Oj. Source: Ruby 3.1. */
import { errorText } from '../../core/errors.ts';
import { jsonDepthMax, parseRecord, scanJson } from '../../core/json.ts';
import { getField } from '../../core/record.ts';
import { RubyError, typeError } from '../failures.ts';
import type { Method } from '../frame.ts';
import { hashEntries, needText, toJson, toText } from '../semantics.ts';
import { isHash, symbolOf } from '../values.ts';
import type { RubyValue } from '../values.ts';
import { method, option } from './functions.ts';
import type { Run } from './functions.ts';

/** A copy of plain objects as Maps, which can be changed; what is in it is copied too. */
export function owned(value: RubyValue): RubyValue {
  if (Array.isArray(value)) return value.map(owned);
  if (!isHash(value)) return value;
  return new Map(hashEntries(value).map(([key, one]) => [key, owned(one)]));
}
const parseJson: Run = (args, frame) => {
  const [value = null] = args;
  const text = value === null ? undefined : needText(value);
  if (text === undefined) throw typeError('no implicit conversion of nil into String');
  const wrapped = `{"value":${text}}`;
  let parsed: RubyValue;
  try {
    JSON.parse(text);
    const { exact, tooDeep } = scanJson(Buffer.from(wrapped));
    if (tooDeep) throw new RubyError('JSON::ParserError', `nesting of more than ${jsonDepthMax} is too deep`);
    parsed = (getField(parseRecord(wrapped, exact), 'value') ?? null) as RubyValue;
  } catch (error) {
    if (error instanceof RubyError) throw error;
    throw new RubyError('JSON::ParserError', `unexpected token at '${text.slice(0, 100)}' (${errorText(error)})`);
  }
  frame.charge(text.length);
  if (option(args, 'symbolize_names') === true) return symbolized(parsed);
  return frame.mutates ? owned(parsed) : parsed;
};
function symbolized(value: RubyValue): RubyValue {
  if (Array.isArray(value)) return value.map(symbolized);
  return isHash(value)
    ? new Map(hashEntries(value).map(([key, one]) => [symbolOf(toText(key)), symbolized(one)]))
    : value;
}
const generateJson: Run = ([value = null], frame) => frame.made(toJson(value));

/** By `Name.function`. */
export const jsonFunctions: [string, Method][] = [
  ['JSON.parse', method(1, 2, parseJson)],
  ['JSON.load', method(1, 2, (args, frame, block) => (args[0] === null ? null : parseJson(args, frame, block)))],
  ['JSON.generate', method(1, 2, generateJson)],
  ['JSON.dump', method(1, 1, generateJson)],
  ['JSON.pretty_generate', method(1, 2, ([value = null], frame) => frame.made(toJson(value, '  ')))],
  ['Yajl.load', method(1, 2, parseJson)],
  ['Yajl.dump', method(1, 1, generateJson)],
  ['Yajl::Parser.parse', method(1, 2, parseJson)],
  ['Yajl::Encoder.encode', method(1, 1, generateJson)],
  ['Oj.load', method(1, 2, parseJson)],
  ['Oj.dump', method(1, 2, generateJson)],
];
