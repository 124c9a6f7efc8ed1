/** How functions without a receiver are declared. */
import type { Frame, Method } from '../frame.ts';
import { hashGet } from '../semantics.ts';
import { isHash, symbolOf } from '../values.ts';
import type { RubyProc, RubyValue } from '../values.ts';

/** A function: it has nothing it is called on. */
export type Run = (args: readonly RubyValue[], frame: Frame, block: RubyProc | undefined) => RubyValue;
/** One that takes `min` to `max` arguments. */
export function method(min: number, max: number, run: Run): Method {
  return [min, max, (_self, args, frame, block) => run(args, frame, block)];
}
/** An option of the hash that stands behind the arguments. */
export function option(args: readonly RubyValue[], name: string): RubyValue | undefined {
  const options = args.at(-1);
  return options !== undefined && isHash(options) ? hashGet(options, symbolOf(name)) : undefined;
}
