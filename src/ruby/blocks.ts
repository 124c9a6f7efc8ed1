/** Blocks, procs and lambdas as closures: their parameters bound, their jumps caught. */
import type { Block } from './ast.ts';
import type { Run } from './compile.ts';
import { Jump } from './control.ts';
import { RubyError } from './failures.ts';
import type { Frame } from './frame.ts';
import { RubyProc } from './values.ts';
import type { RubyValue } from './values.ts';

interface Bound {
  readonly set: (frame: Frame, value: RubyValue) => void;
  readonly fallback: Run | undefined;
  readonly isRest: boolean;
  /** Where it is a plain variable. */
  readonly slot: number | undefined;
}
/** A block's compiled parts. */
export interface BlockParts {
  readonly bind: readonly Bound[];
  readonly body: Run;
}

/** What makes a block's proc in a frame. */
export function compileBlock(node: Block, { bind, body }: BlockParts): (frame: Frame) => RubyProc {
  const { isLambda, hasNext, hasBreak } = node;
  const hasRest = bind.some(({ isRest }) => isRest);
  const count = bind.length + (node.hasTrailingComma || (hasRest && bind.length === 1 && false) ? 1 : 0);
  const binds = compileBinding(bind);
  const isJumping = hasNext || hasBreak || isLambda;
  return (frame) => {
    const proc: RubyProc = new RubyProc(count, isLambda, (given) => {
      const [only] = given;
      const args = !isLambda && given.length === 1 && count > 1 && Array.isArray(only) ? only : given;
      if (isLambda) checkCount(args.length, bind);
      const saved = isLambda ? frame.locals.slice(node.slot, node.slotEnd) : undefined;
      try {
        binds(frame, args);
        return body(frame);
      } catch (error) {
        if (!isJumping || !(error instanceof Jump) || error.proc) throw error;
        if (error.kind === 'next' || isLambda) return error.value;
        if (error.kind === 'break') error.proc = proc;
        throw error;
      } finally {
        // A lambda may call itself: each call has its own variables.
        if (saved) for (const [i, value] of saved.entries()) frame.locals[node.slot + i] = value;
      }
    });
    return proc;
  };
}

function compileBinding(bind: readonly Bound[]): (frame: Frame, args: readonly RubyValue[]) => void {
  const [first] = bind;
  if (bind.length === 0) return () => undefined;
  if (bind.length === 1 && first?.slot !== undefined && !first.fallback && !first.isRest) {
    const { slot } = first;
    return (frame, args) => void (frame.locals[slot] = args[0] ?? null);
  }
  const rest = bind.findIndex(({ isRest }) => isRest);
  return (frame, args) => {
    const behind = rest < 0 ? 0 : bind.length - rest - 1;
    const restEnd = Math.max(rest, args.length - behind);
    for (const [i, { set, fallback }] of bind.entries()) {
      if (i === rest) set(frame, args.slice(rest, restEnd));
      else {
        const value = args[rest < 0 || i < rest ? i : restEnd + i - rest - 1];
        set(frame, value === undefined ? (fallback?.(frame) ?? null) : value);
      }
    }
  };
}
/** Lambdas take exactly what they name. */
function checkCount(given: number, bind: readonly Bound[]): void {
  const needed = bind.filter(({ fallback, isRest }) => !fallback && !isRest).length;
  const max = bind.some(({ isRest }) => isRest) ? Number.POSITIVE_INFINITY : bind.length;
  if (given < needed || given > max) {
    const expected =
      max === needed ? String(needed) : max === Number.POSITIVE_INFINITY ? `${needed}+` : `${needed}..${max}`;
    throw new RubyError('ArgumentError', `wrong number of arguments (given ${given}, expected ${expected})`);
  }
}
