/** What goes wrong: while an expression is read (ExpressionError), and while it runs (RubyError, LimitError). */
import { RubyException } from './values.ts';

/** Something in an expression that is not Ruby, or not of the Ruby that is taken here. */
export class ExpressionError extends Error {
  /** Position in the text that was compiled. */
  readonly at: number;
  constructor(at: number, text: string) {
    super(text);
    this.name = 'ExpressionError';
    this.at = at;
  }
}

/** Parents of the exception classes that programs can name; whatever is not here does not exist. */
const parents: Readonly<Record<string, string>> = {
  StandardError: 'Exception',
  ArgumentError: 'StandardError',
  UncaughtThrowError: 'ArgumentError',
  EncodingError: 'StandardError',
  'Encoding::UndefinedConversionError': 'EncodingError',
  'Encoding::InvalidByteSequenceError': 'EncodingError',
  FrozenError: 'RuntimeError',
  IOError: 'StandardError',
  IndexError: 'StandardError',
  KeyError: 'IndexError',
  StopIteration: 'IndexError',
  LocalJumpError: 'StandardError',
  NameError: 'StandardError',
  NoMethodError: 'NameError',
  RangeError: 'StandardError',
  FloatDomainError: 'RangeError',
  RegexpError: 'StandardError',
  RuntimeError: 'StandardError',
  TypeError: 'StandardError',
  ZeroDivisionError: 'StandardError',
  'JSON::JSONError': 'StandardError',
  'JSON::ParserError': 'JSON::JSONError',
  'JSON::GeneratorError': 'JSON::JSONError',
  'Yajl::ParseError': 'StandardError',
  'Date::Error': 'ArgumentError',
  'URI::Error': 'StandardError',
  'URI::InvalidURIError': 'URI::Error',
  'Math::DomainError': 'ArgumentError',
  ScriptError: 'Exception',
  NotImplementedError: 'ScriptError',
  SystemStackError: 'Exception',
  NoMemoryError: 'Exception',
};

/** Ancestors of an exception class, nearest first; undefined for what is no exception class. */
export function exceptionAncestors(name: string): readonly string[] | undefined {
  if (name === 'Exception') return ['Object'];
  const parent = Object.hasOwn(parents, name) ? parents[name] : undefined;
  return parent === undefined ? undefined : [parent, ...(exceptionAncestors(parent) ?? [])];
}

/** An exception that Ruby raises there too; `rescue` takes it, and a record on which it is not rescued is rejected. */
export class RubyError extends Error {
  readonly className: string;
  constructor(className: string, message: string) {
    super(message);
    this.name = className;
    this.className = className;
  }
  toValue(): RubyException {
    return new RubyException(this.className, this.message);
  }
}

/** More steps or memory than one record may take, or a Ruby method that is not taken here: `rescue` does not help. */
export class LimitError extends Error {}

export function argumentError(text: string): RubyError {
  return new RubyError('ArgumentError', text);
}
export function typeError(text: string): RubyError {
  return new RubyError('TypeError', text);
}
