/** What a record's expressions share while they run: inputs, variables, the last match, and how much they may still do. */
import type { Clock } from '../core/clock.ts';
import type { Input } from './ast.ts';
import { LimitError, RubyError } from './failures.ts';
import { isRubyMethod } from './names.ts';
import { inspect, kindName } from './semantics.ts';
import { RubyProc, kindOf } from './values.ts';
import type { Kind, RubyMatch, RubyValue } from './values.ts';

/**
 * Steps per record: calls, turns of loops, and 64 characters or elements that a call looks at. Thousands of times what people
 * write, and about a second at most.
 */
const stepsMax = 2_000_000;
/** Bytes that may be made per record, those that are forgotten again among them: a hundred times a large record. */
const bytesMax = 100_000_000;
/** What an element of an array and a pair of a hash take, about. */
const elementBytes = 8;
const pairBytes = 32;
/** Calls inside each other: procs may call themselves. */
const callDepthMax = 150;

/** A method: how many arguments it takes, and what it does. */
export type Method<T = never> = readonly [
  min: number,
  max: number,
  run: (self: T, args: readonly RubyValue[], frame: Frame, block: RubyProc | undefined) => RubyValue,
];
export type MethodTable<T> = Readonly<Record<string, Method<T>>>;
/** Methods of one name by the class of what they are called on. */
export type Named = Readonly<Partial<Record<Kind, Method>>>;
export type Methods = ReadonlyMap<string, Named>;

/** What a batch gives to expressions besides its records. */
export interface Surroundings {
  readonly hostname: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The time that `Time.now` gives: the record's append time, so that a replay gives the same. */
  readonly clock: Clock;
}

export class Frame {
  readonly methods: Methods;
  readonly around: Surroundings;
  readonly inputs: Record<Input, RubyValue>;
  locals: RubyValue[] = [];
  /** `$~`. */
  match: RubyMatch | null = null;
  /** Names the record for `SecureRandom` and `rand`, so that a replay gives the same values. */
  identify: () => string = () => '';
  /** How many random values were made for this record. */
  randomCount = 0;
  /** What expressions make may be changed by them: hashes from JSON become Maps. */
  mutates = false;
  /** Told of a text that was changed in place in a hash, so that whoever shares the text sees it too. */
  changedText: ((holder: RubyValue, key: RubyValue, text: RubyValue) => void) | undefined;
  #steps = 0;
  #bytes = 0;
  #depth = 0;

  constructor(methods: Methods, around: Surroundings, inputs: Record<Input, RubyValue>) {
    this.methods = methods;
    this.around = around;
    this.inputs = inputs;
  }

  /** Begins a record: all counts start again. */
  begin(): void {
    this.randomCount = 0;
    this.match = null;
    this.#steps = 0;
    this.#bytes = 0;
    this.#depth = 0;
  }

  /** @throws LimitError */
  step(): void {
    if (++this.#steps > stepsMax) throw new LimitError(`more than ${stepsMax} steps for one record`);
  }
  /** Counts a call on a value, which may look at all of it. @throws LimitError */
  work(self: RubyValue): void {
    this.step();
    if (typeof self === 'string' || Array.isArray(self)) this.#steps += self.length >> 6;
    else if (self instanceof Map) this.#steps += self.size >> 6;
  }
  /** Counts text that is about to be made. @throws LimitError */
  charge(characters: number): void {
    this.#bytes += characters;
    if (this.#bytes > bytesMax) throw new LimitError(`more than ${bytesMax} bytes made for one record`);
  }
  /** The same for elements of arrays. */
  chargeElements(count: number): void {
    this.charge(count * elementBytes);
  }
  /** Counts a value by its own size, and gives it back. */
  made(value: RubyValue): RubyValue {
    if (typeof value === 'string') this.charge(value.length);
    else if (Array.isArray(value)) this.chargeElements(value.length);
    else if (value instanceof Map) this.charge(value.size * pairBytes);
    else if (typeof value === 'bigint') this.charge(elementBytes);
    return value;
  }

  /** Calls a method by name. @throws RubyError NoMethodError, ArgumentError, or what it raises */
  call(self: RubyValue, name: string, args: readonly RubyValue[] = [], block?: RubyProc): RubyValue {
    return this.callNamed(this.methods.get(name) ?? {}, self, name, args, block);
  }
  callNamed(
    named: Named,
    self: RubyValue,
    name: string,
    args: readonly RubyValue[],
    block: RubyProc | undefined,
  ): RubyValue {
    const method = named[kindOf(self)];
    if (!method) throw this.#missing(self, name);
    if (args.length < method[0] || args.length > method[1]) throw wrongCount(args.length, method[0], method[1]);
    this.work(self);
    if (++this.#depth > callDepthMax) throw new LimitError(`calls nested deeper than ${callDepthMax} levels`);
    try {
      return this.made(method[2](self as never, args, this, block));
    } finally {
      this.#depth--;
    }
  }

  #missing(self: RubyValue, name: string): Error {
    if (isRubyMethod(name, kindOf(self))) return new LimitError(`${kindName(self)}#${name} is not taken here`);
    const shown = self === null || typeof self === 'boolean' ? inspect(self) : inspectShort(self);
    return new RubyError('NoMethodError', `undefined method \`${name}' for ${shown}:${kindName(self)}`);
  }
}

function inspectShort(self: RubyValue): string {
  const shown = inspect(self);
  return shown.length > 65 ? `#<${kindName(self)}>` : shown;
}

function wrongCount(given: number, min: number, max: number): RubyError {
  const expected = max === Number.POSITIVE_INFINITY ? `${min}+` : min === max ? String(min) : `${min}..${max}`;
  return new RubyError('ArgumentError', `wrong number of arguments (given ${given}, expected ${expected})`);
}

/** Gives one value to a block: an array is taken apart when the block has several parameters. */
export function yieldOne(block: RubyProc, value: RubyValue): RubyValue {
  if (block.parameterCount > 1 && Array.isArray(value)) return block.run(value);
  return block.run([value]);
}
/** The block of a method that cannot do without. @throws RubyError */
export function needBlock(block: RubyProc | undefined): RubyProc {
  if (!block) throw new RubyError('LocalJumpError', 'no block given (yield)');
  return block;
}
