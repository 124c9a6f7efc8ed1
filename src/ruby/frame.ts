/** What a record's expressions share while they run: inputs, variables, the last match, and how much they may still do. */
import type { Clock } from '../core/clock.ts';
import type { Input } from './ast.ts';
import { LimitError, RubyError } from './failures.ts';
import { isRubyMethod } from './names.ts';
import { inspect, kindName } from './semantics.ts';
import { RubyProc, kindOf } from './values.ts';
import type { Kind, RubyMatch, RubyValue } from './values.ts';

/** Calls and turns of loops per record: thousands of times what people write, and well below a second. */
const stepsMax = 1_000_000;
/** Characters, elements and pairs that may be made per record: hundreds of times the size of a large record. */
const cellsMax = 50_000_000;
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
  #cells = 0;
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
    this.#cells = 0;
    this.#depth = 0;
  }

  /** @throws LimitError */
  step(): void {
    if (++this.#steps > stepsMax) throw new LimitError(`more than ${stepsMax} steps for one record`);
  }
  /** Counts what is about to be made. @throws LimitError */
  charge(cells: number): void {
    this.#cells += cells;
    if (this.#cells > cellsMax) throw new LimitError(`more than ${cellsMax} characters and elements for one record`);
  }
  /** Counts a value by its own size, and gives it back. */
  made(value: RubyValue): RubyValue {
    if (typeof value === 'string' || Array.isArray(value)) this.charge(value.length);
    else if (value instanceof Map) this.charge(value.size);
    else if (typeof value === 'bigint') this.charge(16);
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
    this.step();
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
