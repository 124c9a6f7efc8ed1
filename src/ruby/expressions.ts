/** Reads expressions: operators with Ruby's precedence, calls with and without parentheses, indexes, hashes, arrays. */
import { inputs } from './ast.ts';
import type { Argument, Block, Call, IndexTarget, Input, Node, Splat, Target } from './ast.ts';
import { LiteralReader } from './literals.ts';
import { RubyRegexp, doubleOf, floatOf, isFloat, isNumber, symbolOf } from './values.ts';
import type { RubyValue } from './values.ts';

/** How tightly binary operators bind; those of one level from the left, but for `**`. */
const levels: Readonly<Record<string, number>> = {
  '||': 1,
  '&&': 2,
  '<=>': 3,
  '==': 3,
  '===': 3,
  '!=': 3,
  '=~': 3,
  '!~': 3,
  '<': 4,
  '<=': 4,
  '>': 4,
  '>=': 4,
  '|': 5,
  '^': 5,
  '&': 6,
  '<<': 7,
  '>>': 7,
  '+': 8,
  '-': 8,
  '*': 9,
  '/': 9,
  '%': 9,
  '**': 11,
};
const unaryMinusLevel = 10;
const operatorPattern = /\*\*|<=>|===?|=~|!=|!~|<<|>>|<=|>=|&&|\|\||[+\-*/%<>&|^]/y;
const changePattern = /(\*\*|\|\||&&|<<|>>|[+\-*/%&|^])=(?![=~>])/y;
/** What may begin the argument of a call without parentheses, behind a space. */
const commandArgument =
  /"|'|\d|->|&:|&[a-z_]|:["'\p{L}_]|\[(?!\s)|-[\w"'([]|\/(?![\s=])|\((?=.)|![^=~]|%[wWqQiIr][^\w\s]|[\p{L}_]/uy;
const notCommand = new Set('if unless while until and or then do end rescue in else elsif when ensure'.split(' '));

/** What an expression may not swallow, because it belongs to what is around it. */
interface Around {
  /** `do` belongs to the loop whose condition is read. */
  readonly noDo: boolean;
  /** `|` ends the block's parameters. */
  readonly noPipe: boolean;
  /** `:` belongs to the ternary. */
  readonly noColon: boolean;
}
const nothingAround: Around = { noDo: false, noPipe: false, noColon: false };

export abstract class ExpressionReader extends LiteralReader {
  #around = nothingAround;

  /** Statements up to one of the words, which is not taken. */
  abstract readStatements(stops: readonly string[]): Node;
  abstract readStatement(): Node;
  /** What a keyword begins; undefined for a keyword that cannot begin an expression. */
  abstract readControl(keyword: string): Node | undefined;
  /** `{ … }` or `do … end`, the opening taken already. */
  abstract readBlock(at: number, close: '}' | 'end', isLambda: boolean): Block;
  abstract readLambda(at: number): Node;

  within<T>(around: Partial<Around>, read: () => T): T {
    const before = this.#around;
    this.#around = { ...before, ...around };
    const result = read();
    this.#around = before;
    return result;
  }
  /** Inside brackets nothing from around them matters. */
  bracketed<T>(read: () => T): T {
    return this.nested(() => this.within(nothingAround, read));
  }

  /** With `and`, `or` and `not`. */
  readLooseExpression(): Node {
    let left = this.#readLooseNot();
    for (;;) {
      this.skipSpaces();
      const type = this.takeKeyword('and') ? 'and' : this.takeKeyword('or') ? 'or' : undefined;
      if (!type) return left;
      this.skipAll();
      left = { type, at: left.at, left, right: this.#readLooseNot() };
    }
  }
  #readLooseNot(): Node {
    this.skipSpaces();
    const at = this.at;
    if (!this.takeKeyword('not')) return this.readExpression();
    return { type: 'not', at, value: this.nested(() => this.#readLooseNot()) };
  }

  /** With assignments, without `and`, `or` and modifiers. */
  readExpression(): Node {
    return this.nested(() => {
      const left = this.#readTernary();
      const before = this.at;
      this.skipSpaces();
      const target = asTarget(left);
      if (target !== undefined && this.char() === '=' && !/[=~>]/.test(this.char(1))) {
        this.at++;
        // The name is known on the right side already, as in Ruby: a lambda may call itself by it.
        const settled = this.settle(target);
        return { type: 'assign', at: left.at, target: settled, value: this.#readAssigned() };
      }
      const [, operator] = this.match(changePattern) ?? [];
      if (operator === undefined) {
        this.at = before;
        return left;
      }
      if (target === undefined) return this.fail(`${operator}= behind something that cannot be assigned to`, left.at);
      const settled = this.settle(target);
      if (settled.type === 'targets') return this.fail(`${operator}= takes one name`, left.at);
      return { type: 'change', at: left.at, target: settled, operator, value: this.#readAssigned() };
    });
  }
  /** The right side: also `a = b = c`, `a = x rescue y`, `a = 1, 2`. */
  #readAssigned(): Node {
    this.skipAll();
    const at = this.at;
    const value = this.readExpression();
    this.skipSpaces();
    if (!this.takeKeyword('rescue')) return value;
    this.skipAll();
    return rescued(at, value, this.readExpression());
  }

  /** Makes a bare name a variable. */
  settle(target: Target | Call | InputNode): Target {
    if (target.type === 'call') return this.declare(target.name, target.at);
    if (target.type === 'input') return this.shadow(target);
    return target;
  }
  /** Assignments to `tag` and the others make a variable of that name, which begins with its value. */
  abstract shadow(input: InputNode): Target;

  #readTernary(): Node {
    const condition = this.#readRange();
    const before = this.at;
    this.skipSpaces();
    if (!this.take('?')) {
      this.at = before;
      return condition;
    }
    this.skipAll();
    const whenTrue = this.within({ noColon: true }, () => this.readExpression());
    this.skipAll();
    this.expect(':', 'of the condition with ?');
    this.skipAll();
    return { type: 'if', at: condition.at, condition, whenTrue, whenFalse: this.readExpression() };
  }

  #readRange(): Node {
    this.skipSpaces();
    const at = this.at;
    const first = this.starts('..') ? undefined : this.readBinary(0);
    const before = this.at;
    this.skipSpaces();
    const isExclusive = this.starts('...');
    if (!this.take('...') && !this.take('..')) {
      this.at = before;
      return first as Node;
    }
    this.skipSpaces();
    const isEndless = this.at >= this.text.length || /[)\],;\n}]/.test(this.char()) || this.atKeyword('then');
    return { type: 'range', at, first, last: isEndless ? undefined : this.readBinary(0), isExclusive };
  }

  readBinary(level: number): Node {
    let left = this.#readUnary();
    for (;;) {
      const before = this.at;
      this.skipSpaces();
      const operator = this.#peekOperator();
      const own = operator === undefined ? 0 : (levels[operator] ?? 0);
      if (operator === undefined || own <= level) {
        this.at = before;
        return left;
      }
      this.at += operator.length;
      this.skipAll();
      const right = this.nested(() => this.readBinary(operator === '**' ? own - 1 : own));
      left = this.#binaryNode(operator, left, right);
    }
  }
  #peekOperator(): string | undefined {
    operatorPattern.lastIndex = this.at;
    const operator = operatorPattern.exec(this.text)?.[0];
    if (operator === undefined || (operator === '|' && this.#around.noPipe)) return undefined;
    changePattern.lastIndex = this.at;
    return changePattern.test(this.text) ? undefined : operator;
  }
  #binaryNode(operator: string, left: Node, right: Node): Node {
    const { at } = left;
    if (operator === '&&') return { type: 'and', at, left, right };
    if (operator === '||') return { type: 'or', at, left, right };
    if (operator === '!=') return { type: 'not', at, value: callOf(at, left, '==', [right]) };
    if (operator === '!~') return { type: 'not', at, value: callOf(at, left, '=~', [right]) };
    const call = callOf(at, left, operator, [right]);
    return operator === '=~' ? this.#withNamedGroups(call, left) : call;
  }
  /** `/(?<name>…)/ =~ text` sets variables of those names. */
  #withNamedGroups(call: Call, left: Node): Node {
    if (left.type !== 'literal' || !(left.value instanceof RubyRegexp)) return call;
    const names = [...left.value.source.matchAll(/\(\?<([a-z_]\w*)>/g)].map((found) => found[1] as string);
    if (names.length === 0) return call;
    const { at } = call;
    const kept = this.declare(`=~ ${at}`, at);
    const sets = [...new Set(names)].map((name): Node => {
      const group = callOf(at, { type: 'match', at, part: 'all' }, '[]', [literalNode(at, name)], true);
      return { type: 'assign', at, target: this.declare(name, at), value: group };
    });
    return { type: 'sequence', at, list: [{ type: 'assign', at, target: kept, value: call }, ...sets, kept] };
  }

  #readUnary(): Node {
    const at = this.at;
    const sign = this.char();
    if (sign === '!' && !/[=~]/.test(this.char(1))) {
      this.at++;
      this.skipSpaces();
      return { type: 'not', at, value: this.nested(() => this.#readUnary()) };
    }
    if (sign === '-' && this.char(1) !== '>') {
      this.at++;
      if (/\d/.test(this.char())) return this.#readNegative(at);
      this.skipSpaces();
      return callOf(
        at,
        this.nested(() => this.readBinary(unaryMinusLevel)),
        '-@',
        [],
      );
    }
    if (sign === '+' || sign === '~') {
      this.at++;
      this.skipSpaces();
      return callOf(
        at,
        this.nested(() => this.#readUnary()),
        sign === '+' ? '+@' : '~',
        [],
      );
    }
    if (this.takeKeyword('defined?')) return this.#readDefined(at);
    return this.#readPostfix();
  }
  /** `-2.abs` is of -2, `-2 ** 2` is -(2 ** 2). */
  #readNegative(at: number): Node {
    const number = this.readNumber();
    const after = /\s*\*\*/y;
    after.lastIndex = this.at;
    if (number.type !== 'literal' || !isNumber(number.value)) return number;
    if (after.test(this.text)) {
      this.at = at + 1;
      return callOf(at, this.readBinary(unaryMinusLevel), '-@', []);
    }
    const { value } = number;
    const negative = isFloat(value) ? floatOf(-doubleOf(value)) : -(value as number | bigint);
    return this.#readSuffixes({ type: 'literal', at, value: Object.is(negative, -0) ? 0 : negative });
  }
  #readDefined(at: number): Node {
    this.skipSpaces();
    if (this.take('(')) {
      this.skipAll();
      const value = this.bracketed(() => this.readLooseExpression());
      this.skipAll();
      this.expect(')', 'behind defined?(…');
      return this.#readSuffixes({ type: 'defined', at, value });
    }
    return { type: 'defined', at, value: this.nested(() => this.#readUnary()) };
  }

  #readPostfix(): Node {
    return this.#readSuffixes(this.nested(() => this.#readPrimary()));
  }
  #readSuffixes(first: Node): Node {
    let node = first;
    for (;;) {
      this.skipToLeadingDot();
      if (this.char() === '[') node = this.#readIndex(node);
      else if (this.starts('::') && /[A-Z]/.test(this.char(2)) && node.type === 'constant')
        node = this.#readScoped(node);
      else if (this.starts('&.') || this.starts('::') || (this.char() === '.' && this.char(1) !== '.'))
        node = this.#readCall(node);
      else {
        const withBlock = this.#readBlockBehind(node);
        if (!withBlock) return node;
        node = withBlock;
      }
    }
  }
  #readIndex(receiver: Node): Node {
    const { at } = receiver;
    this.at++;
    return this.#finish(
      callOf(at, receiver, '[]', []),
      this.bracketed(() => this.#readArguments(']')),
    );
  }
  /** `A::B`, which may turn out to be a function: `A::B(x)` is not taken. */
  #readScoped(node: Node & { type: 'constant' }): Node {
    this.at += 2;
    return { ...node, name: `${node.name}::${this.match(/[A-Z]\w*/y)?.[0] ?? ''}` };
  }
  #readCall(receiver: Node): Node {
    const isSafe = this.take('&.');
    if (!isSafe && !this.take('::')) this.take('.');
    this.skipAll();
    const at = this.at;
    if (this.char() === '(') return this.#readCallArguments({ ...callOf(at, receiver, 'call', []), isSafe });
    const name = this.peekName() || (this.match(/[+\-*/%<>=!~^&|]{1,3}(?=\()/y)?.[0] ?? '');
    if (name === '') this.unexpected('the name of a method behind the dot');
    if (this.starts(name)) this.at += name.length;
    return this.#readCallArguments({ ...callOf(at, receiver, name, []), isSafe });
  }
  /** What stands behind the name: arguments in parentheses, or a space and what can only be an argument. */
  #readCallArguments(call: Call): Call {
    if (this.take('('))
      return this.#finish(
        { ...call, isBare: false },
        this.bracketed(() => this.#readArguments(')')),
      );
    const before = this.at;
    if (!this.skipSpaces() || !this.#isCommandArgument()) {
      this.at = before;
      return call;
    }
    const args = this.nested(() => this.#readArguments(''));
    return this.#finish({ ...call, isBare: false }, args);
  }
  #isCommandArgument(): boolean {
    commandArgument.lastIndex = this.at;
    if (!commandArgument.test(this.text)) return false;
    if (this.char() === ':' && this.#around.noColon) return false;
    const name = this.peekName();
    return name === '' || !notCommand.has(name) || this.isLabel(name.length);
  }
  /** Takes `&block` out of the arguments. */
  #finish(call: Call, args: readonly (Argument | BlockArgument)[]): Call {
    const block = args.find((arg) => arg.type === 'blockArgument');
    return {
      ...call,
      args: args.filter((arg) => arg.type !== 'blockArgument'),
      blockValue: block?.value,
    };
  }

  #readArguments(close: string): (Argument | BlockArgument)[] {
    const args: (Argument | BlockArgument)[] = [];
    let pairs: (readonly [Node, Node] | Splat)[] = [];
    const pairsAt = this.at;
    for (;;) {
      if (close !== '') this.skipAll();
      if (close !== '' && this.take(close)) break;
      const at = this.at;
      const label = this.#readLabel();
      if (label) pairs.push([label, this.#readValueBehind(label)]);
      else if (this.take('**')) pairs.push({ type: 'splat', at, value: this.readBinary(0) });
      else if (this.char() === '*') {
        this.at++;
        args.push({ type: 'splat', at, value: this.readBinary(0) });
      } else if (this.char() === '&' && this.char(1) !== '&') {
        this.at++;
        args.push({ type: 'blockArgument', at, value: this.readExpression() });
      } else {
        const value = close === '' ? this.readExpression() : this.#readNoModifier();
        this.skipSpaces();
        if (this.take('=>')) pairs.push([value, this.#readValueBehind(value)]);
        else args.push(value);
      }
      const before = this.at;
      if (close === '') this.skipSpaces();
      else this.skipAll();
      if (this.take(',')) {
        this.skipAll();
        continue;
      }
      if (close === '') this.at = before;
      else this.expect(close, `or , behind the argument`);
      break;
    }
    if (pairs.length > 0) args.push({ type: 'hash', at: pairsAt, pairs });
    pairs = [];
    return args;
  }
  #readNoModifier(): Node {
    return this.atKeyword('not') ? this.readLooseExpression() : this.readExpression();
  }
  #readValueBehind(key: Node): Node {
    this.skipAll();
    if (/[,)}\]]/.test(this.char()) || this.char() === '') this.fail('a key without its value is not taken', key.at);
    return this.readExpression();
  }
  /** `name:` or `"text":` as a symbol; the colon is taken. */
  #readLabel(): Node | undefined {
    const { at } = this;
    const name = this.peekName();
    if (name !== '' && this.isLabel(name.length)) {
      this.at += name.length + 1;
      return literalNode(at, symbolOf(name));
    }
    const quoted = this.match(/(?:"((?:[^"\\#]|\\.)*)"|'([^'\\]*)'):(?!:)/y);
    return quoted ? literalNode(at, symbolOf(quoted[1] ?? quoted[2] ?? '')) : undefined;
  }

  #readBlockBehind(node: Node): Node | undefined {
    const isLambda = node.type === 'call' && node.receiver === undefined && /^(?:lambda|proc)$/.test(node.name);
    if (node.type !== 'call' || node.block || node.blockValue || node.name === '[]') return undefined;
    if (levels[node.name] !== undefined && !node.isBare && node.args.length === 1) return undefined;
    const before = this.at;
    this.skipSpaces();
    const at = this.at;
    if (this.take('{')) return { ...node, isBare: false, block: this.readBlock(at, '}', isLambda) };
    if (!this.#around.noDo && this.takeKeyword('do'))
      return { ...node, isBare: false, block: this.readBlock(at, 'end', isLambda) };
    this.at = before;
    return undefined;
  }

  #readPrimary(): Node {
    this.skipSpaces();
    const at = this.at;
    const char = this.char();
    if (char === '"' || char === "'") return this.readQuoted();
    if (/\d/.test(char)) return this.readNumber();
    if (char === '/') return this.readRegexp();
    if (char === '%') return this.readPercent();
    if (char === '$') return this.readGlobal();
    if (char === '[') return this.#readArray(at);
    if (char === '{') return this.#readHash(at);
    if (char === '(') return this.#readParenthesis(at);
    if (/^::[A-Z]/.test(this.text.slice(at, at + 3))) {
      this.at += 2;
      return this.#readNamed(at, this.peekName());
    }
    if (char === ':') return this.readSymbol() ?? this.unexpected('a value');
    if (char === '?' && /^\?[^\s\w](?!\w)|^\?\w(?!\w)/.test(this.text.slice(at, at + 3))) {
      this.at += 2;
      return literalNode(at, this.text[at + 1] as string);
    }
    if (this.take('->')) return this.readLambda(at);
    if (char === '@') return this.readInstanceVariable();
    if (char === '`') return this.fail('commands are not run', at);
    if (this.starts('<<')) return this.fail('here documents are not taken', at);
    const name = this.peekName();
    if (name === '') return this.unexpected('a value');
    return this.#readNamed(at, name);
  }
  #readNamed(at: number, name: string): Node {
    if (this.isKeyword(name)) return this.readControl(name) ?? this.unexpected('a value');
    this.at += name.length;
    const known = this.lookUp(name);
    if (known && this.char() !== '(') return { type: 'variable', at, name, ...known };
    if (isInput(name) && this.char() !== '(') return { type: 'input', at, name };
    if (/^\p{Lu}/u.test(name) && this.char() !== '(' && !this.#isFunctionCommand(name))
      return { type: 'constant', at, name };
    return this.#readCallArguments({ ...callOf(at, undefined, name, []), isBare: true });
  }
  /** `Integer "1"`: a constant's name with an argument behind it. */
  #isFunctionCommand(name: string): boolean {
    return /^(?:Integer|Float|String|Array|Hash)$/.test(name) && /^ +["'\w]/.test(this.text.slice(this.at, this.at + 9))
      ? !notCommand.has(/^ +(\w*)/.exec(this.text.slice(this.at))?.[1] ?? '')
      : false;
  }
  #readParenthesis(at: number): Node {
    this.at++;
    const list = this.bracketed(() => this.readStatements([')']));
    this.expect(')', 'at the end of the parenthesis');
    return { type: 'sequence', at, list: [list] };
  }
  #readArray(at: number): Node {
    this.at++;
    const items = this.bracketed(() => this.#readArguments(']'));
    const block = items.find((arg) => arg.type === 'blockArgument');
    if (block) this.fail('& cannot stand in an array', block.at);
    return { type: 'array', at, items: items.filter((arg) => arg.type !== 'blockArgument') };
  }
  #readHash(at: number): Node {
    this.at++;
    const pairs: (readonly [Node, Node] | Splat)[] = [];
    this.bracketed(() => {
      for (;;) {
        this.skipAll();
        if (this.take('}')) return;
        const splatAt = this.at;
        if (this.take('**')) pairs.push({ type: 'splat', at: splatAt, value: this.readBinary(0) });
        else {
          const label = this.#readLabel();
          const key = label ?? this.readExpression();
          if (!label) this.skipAll();
          if (!label) this.expect('=>', 'behind the key');
          pairs.push([key, this.#readValueBehind(key)]);
        }
        this.skipAll();
        if (!this.take(',') && this.char() !== '}') this.unexpected('} or , in the hash');
      }
    });
    return { type: 'hash', at, pairs };
  }
}

interface BlockArgument {
  readonly type: 'blockArgument';
  readonly at: number;
  readonly value: Node;
}
export type InputNode = Node & { readonly type: 'input' };

const inputNames: ReadonlySet<string> = new Set(inputs);
function isInput(name: string): name is Input {
  return inputNames.has(name);
}

/** What a node is when `=` stands behind it. */
function asTarget(node: Node): IndexTarget | Target | Call | InputNode | undefined {
  if (node.type === 'variable' || node.type === 'input') return node;
  if (node.type !== 'call') return undefined;
  if (node.name === '[]' && node.receiver)
    return { type: 'indexTarget', at: node.at, receiver: node.receiver, args: node.args };
  const isName = node.receiver === undefined && node.isBare && /^[\p{Ll}_][\p{L}\p{N}_]*$/u.test(node.name);
  return isName ? node : undefined;
}

function callOf(at: number, receiver: Node | undefined, name: string, args: readonly Argument[], isSafe = false): Call {
  return { type: 'call', at, receiver, name, args, block: undefined, blockValue: undefined, isSafe, isBare: false };
}
function literalNode(at: number, value: RubyValue): Node {
  return { type: 'literal', at, value };
}
/** `value rescue instead`. */
export function rescued(at: number, value: Node, instead: Node): Node {
  const rescue = { classes: [], variable: undefined, body: instead };
  return { type: 'begin', at, body: value, rescues: [rescue], otherwise: undefined, ensure: undefined };
}
