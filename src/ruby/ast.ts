/** The tree an expression is read into. `at` is the position in the text where the part begins. */
import type { RubyValue } from './values.ts';

/** Text with code in it: literal pieces and code in turn. */
export type TextParts = readonly (string | Node)[];

/** What the filter gives: the parameters of the code, as in Fluentd. */
export const inputs = ['tag', 'time', 'record', 'tag_parts', 'tag_prefix', 'tag_suffix', 'hostname'] as const;
export type Input = (typeof inputs)[number];

interface At {
  readonly at: number;
}
export interface Literal extends At {
  readonly type: 'literal';
  readonly value: RubyValue;
}
export interface Variable extends At {
  readonly type: 'variable';
  readonly name: string;
  readonly slot: number;
  /** It is a parameter of a block: texts changed in place through it would be others'. */
  readonly isParameter: boolean;
}
export interface Call extends At {
  readonly type: 'call';
  /** Undefined: a function such as `Integer(x)`. */
  readonly receiver: Node | undefined;
  readonly name: string;
  readonly args: readonly Argument[];
  readonly block: Block | undefined;
  /** `&:name` or `&proc`. */
  readonly blockValue: Node | undefined;
  /** `&.` */
  readonly isSafe: boolean;
  /** Written without arguments or parentheses, so that a name alone may still become a variable. */
  readonly isBare: boolean;
}
export type Argument = Node | Splat;
export interface Splat extends At {
  readonly type: 'splat';
  readonly value: Node;
}
/** What is assigned to: a variable, `x[y]`, or names that an array is taken apart into. */
export type Target = Variable | IndexTarget | Targets;
export interface IndexTarget extends At {
  readonly type: 'indexTarget';
  readonly receiver: Node;
  readonly args: readonly Argument[];
}
export interface Targets extends At {
  readonly type: 'targets';
  readonly list: readonly Target[];
  /** Index of the one with `*`, which takes the rest. */
  readonly splat: number | undefined;
}
export interface Parameter extends At {
  readonly target: Variable | Targets;
  readonly kind: 'plain' | 'rest' | 'keyword';
  readonly fallback: Node | undefined;
}
export interface Block extends At {
  readonly type: 'block';
  readonly parameters: readonly Parameter[];
  /** `|a,|`: takes arrays apart even with one parameter. */
  readonly hasTrailingComma: boolean;
  readonly body: Node;
  /** Slots from this one on belong to the block; below `slotEnd`. */
  readonly slot: number;
  readonly slotEnd: number;
  readonly isLambda: boolean;
  readonly hasNext: boolean;
  readonly hasBreak: boolean;
}
export interface Rescue {
  /** Empty: StandardError. */
  readonly classes: readonly Node[];
  readonly variable: Variable | undefined;
  readonly body: Node;
}

export type Node =
  | Literal
  | Variable
  | Call
  | Block
  | (At & { readonly type: 'text'; readonly parts: TextParts; readonly isSymbol: boolean })
  | (At & { readonly type: 'regexp'; readonly parts: TextParts; readonly letters: string })
  | (At & { readonly type: 'array'; readonly items: readonly Argument[] })
  /** Pairs, or `**value`. */
  | (At & { readonly type: 'hash'; readonly pairs: readonly (readonly [Node, Node] | Splat)[] })
  | (At & {
      readonly type: 'range';
      readonly first: Node | undefined;
      readonly last: Node | undefined;
      readonly isExclusive: boolean;
    })
  | (At & { readonly type: 'input'; readonly name: Input })
  /** `$~` is 'all', `$1` is 1, the others by their sign. */
  | (At & { readonly type: 'match'; readonly part: 'all' | '&' | '`' | "'" | '+' | number })
  | (At & { readonly type: 'constant'; readonly name: string })
  | (At & { readonly type: 'assign'; readonly target: Target; readonly value: Node })
  | (At & {
      readonly type: 'change';
      readonly target: Variable | IndexTarget;
      readonly operator: string;
      readonly value: Node;
    })
  | (At & { readonly type: 'and' | 'or'; readonly left: Node; readonly right: Node })
  | (At & { readonly type: 'not'; readonly value: Node })
  | (At & {
      readonly type: 'if';
      readonly condition: Node;
      readonly whenTrue: Node | undefined;
      readonly whenFalse: Node | undefined;
    })
  | (At & {
      readonly type: 'case';
      readonly subject: Node | undefined;
      readonly whens: readonly { readonly tests: readonly Argument[]; readonly body: Node }[];
      readonly otherwise: Node | undefined;
    })
  | (At & {
      readonly type: 'while';
      readonly condition: Node;
      readonly body: Node;
      readonly until: boolean;
      /** `begin … end while x`: the body runs first. */
      readonly bodyFirst: boolean;
    })
  | (At & {
      readonly type: 'begin';
      readonly body: Node;
      readonly rescues: readonly Rescue[];
      readonly otherwise: Node | undefined;
      readonly ensure: Node | undefined;
    })
  | (At & { readonly type: 'sequence'; readonly list: readonly Node[] })
  | (At & { readonly type: 'defined'; readonly value: Node })
  | (At & { readonly type: 'break' | 'next' | 'return'; readonly value: Node | undefined });
