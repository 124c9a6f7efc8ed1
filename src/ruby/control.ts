/** Compiles what changes the way through code: case, loops, rescue, and the jumps out of blocks. */
import type { Node } from './ast.ts';
import type { Compiler, Run } from './compile.ts';
import { RubyError, exceptionAncestors } from './failures.ts';
import type { Frame } from './frame.ts';
import { splatted } from './methods/enumerable.ts';
import { covers } from './semantics.ts';
import { RubyClass, isTruthy } from './values.ts';
import type { RubyProc, RubyValue } from './values.ts';

/** `break`, `next` and `return` on their way to where they lead. */
export class Jump {
  readonly kind: 'break' | 'next' | 'return';
  readonly value: RubyValue;
  /** The block that a `break` leaves, once it has left it. */
  proc: RubyProc | undefined;
  constructor(kind: 'break' | 'next' | 'return', value: RubyValue) {
    this.kind = kind;
    this.value = value;
  }
}

export function compileCase(compiler: Compiler, node: Extract<Node, { type: 'case' }>): Run {
  const subject = node.subject && compiler.compile(node.subject);
  const whens = node.whens.map(({ tests, body }) => ({
    tests: tests.map((test) => ({
      run: compiler.compile(test.type === 'splat' ? test.value : test),
      isSplat: test.type === 'splat',
    })),
    body: compiler.compile(body),
  }));
  const otherwise = node.otherwise && compiler.compile(node.otherwise);
  return (frame) => {
    const value = subject?.(frame);
    const holds = (pattern: RubyValue) => (value === undefined ? isTruthy(pattern) : covers(pattern, value, frame));
    for (const { tests, body } of whens)
      for (const { run, isSplat } of tests) {
        const pattern = run(frame);
        if (isSplat ? splatted(pattern, frame).some(holds) : holds(pattern)) return body(frame);
      }
    return otherwise?.(frame) ?? null;
  };
}

export function compileWhile(compiler: Compiler, node: Extract<Node, { type: 'while' }>): Run {
  const [condition, body] = [compiler.compile(node.condition), compiler.compile(node.body)];
  const { until, bodyFirst } = node;
  return (frame) => {
    for (let isFirst = bodyFirst; isFirst || isTruthy(condition(frame)) !== until; isFirst = false) {
      frame.step();
      try {
        body(frame);
      } catch (error) {
        // A break or next of a block inside has been caught there.
        if (!(error instanceof Jump) || error.kind === 'return' || error.proc) throw error;
        if (error.kind === 'break') return error.value;
      }
    }
    return null;
  };
}

export function compileRescue(compiler: Compiler, node: Extract<Node, { type: 'begin' }>): Run {
  const body = compiler.compile(node.body);
  const rescues = node.rescues.map((rescue) => ({
    classes: rescue.classes.map((one) => compiler.compile(one)),
    set: rescue.variable && compiler.setter(rescue.variable),
    body: compiler.compile(rescue.body),
  }));
  const otherwise = node.otherwise && compiler.compile(node.otherwise);
  const ensure = node.ensure && compiler.compile(node.ensure);
  const run = (frame: Frame): RubyValue => {
    let value: RubyValue;
    try {
      value = body(frame);
    } catch (error) {
      if (!(error instanceof RubyError)) throw error;
      const taker = rescues.find(({ classes }) =>
        takes(
          classes.map((one) => one(frame)),
          error,
        ),
      );
      if (!taker) throw error;
      taker.set?.(frame, error.toValue());
      return taker.body(frame);
    }
    return otherwise ? otherwise(frame) : value;
  };
  if (!ensure) return run;
  return (frame) => {
    try {
      return run(frame);
    } finally {
      ensure(frame);
    }
  };
}
function takes(classes: readonly RubyValue[], error: RubyError): boolean {
  const names = [error.className, ...(exceptionAncestors(error.className) ?? [])];
  if (classes.length === 0) return names.includes('StandardError');
  return classes.some((one) =>
    Array.isArray(one) ? takes(one, error) : one instanceof RubyClass && names.includes(one.name),
  );
}
