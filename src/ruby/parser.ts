/** Reads Ruby code into a tree: statements and what keywords begin. The grammar is in docs/ruby-expressions.md. */
import type { Argument, Block, Input, Node, Parameter, Rescue, Target, Targets, TextParts } from './ast.ts';
import { ExpressionReader, rescued } from './expressions.ts';
import type { InputNode } from './expressions.ts';
import type { Known } from './cursor.ts';
import type { RubyValue } from './values.ts';

/** A tree, and what has to be kept while it runs. */
export interface Program {
  readonly body: Node;
  readonly slotCount: number;
  /** Variables that begin with the value of an input (`tag = tag.upcase`). */
  readonly shadows: readonly { readonly slot: number; readonly input: Input }[];
}

/** Values of instance variables, by name with its @. */
export type Variables = ReadonlyMap<string, RubyValue>;

/** Reads code. @throws ExpressionError */
export function parseCode(text: string, at: number, end: number, variables?: Variables): Program {
  return new Parser(text.slice(0, end), at, variables).program();
}
/** Reads text with `#{code}` in it, as between `%Q[` and `]`. @throws ExpressionError */
export function parseText(text: string, variables?: Variables): Program & { readonly parts: TextParts } {
  return new Parser(text, 0, variables).textProgram();
}

/** Longest code of one expression: far above any written by hand. */
const lengthMax = 20_000;

/** Names to assign to, as far as a pattern can tell: with a comma, or with `*`. */
const target = String.raw`(?:\*?\s*[\p{Ll}_][\p{L}\p{N}_]*|\([^=()]{1,200}\))`;
const manyTargets = new RegExp(
  String.raw`\s*(?:${target}\s*,(?:\s*${target}\s*,)*(?:\s*${target})?|\*\s*[\p{Ll}_][\p{L}\p{N}_]*)\s*=(?![=~>])`,
  'uy',
);

class Parser extends ExpressionReader {
  readonly #shadows: { slot: number; input: Input }[] = [];

  program(): Program {
    if (this.text.length > lengthMax) this.fail(`an expression of more than ${lengthMax} characters`);
    const body = this.readStatements([]);
    if (this.at < this.text.length) this.unexpected('an operator or the end of the expression');
    return { body, slotCount: this.slotCount, shadows: this.#shadows };
  }
  textProgram(): Program & { readonly parts: TextParts } {
    if (this.text.length > lengthMax) this.fail(`a text of more than ${lengthMax} characters`);
    const parts = this.readInterpolated(']', '[', false, true);
    const body: Node = { type: 'text', at: 0, parts, isSymbol: false };
    return { body, slotCount: this.slotCount, shadows: this.#shadows, parts };
  }

  override readInterpolation(): Node {
    const body = this.within({ noDo: false, noPipe: false, noColon: false }, () => this.readStatements(['}']));
    this.expect('}', 'at the end of the code in the text');
    return body;
  }

  override shadow(input: InputNode): Target {
    const known: Known = { slot: this.slotCount++, isParameter: false };
    let outer = this.scope;
    while (outer.above) outer = outer.above;
    outer.names.set(input.name, known);
    this.#shadows.push({ slot: known.slot, input: input.name });
    return { type: 'variable', at: input.at, name: input.name, ...known };
  }

  override readStatements(stops: readonly string[]): Node {
    this.skipSeparators();
    const { at } = this;
    const list: Node[] = [];
    while (this.at < this.text.length && !this.#atStop(stops)) {
      list.push(this.readStatement());
      if (!this.skipSeparators()) break;
    }
    const [only] = list;
    return list.length === 1 && only ? only : { type: 'sequence', at, list };
  }
  #atStop(stops: readonly string[]): boolean {
    return stops.some((stop) => (/^\w/.test(stop) ? this.atKeyword(stop) : this.starts(stop)));
  }

  override readStatement(): Node {
    return this.nested(() => {
      let node = this.#readManyAssigned() ?? this.readLooseExpression();
      for (;;) {
        this.skipSpaces();
        const { at } = node;
        if (this.takeKeyword('if')) node = this.#modified(node, true);
        else if (this.takeKeyword('unless')) node = this.#modified(node, false);
        else if (this.takeKeyword('rescue')) {
          this.skipAll();
          node = rescued(at, node, this.readLooseExpression());
        } else if (this.atKeyword('while') || this.atKeyword('until')) {
          const until = !this.takeKeyword('while') && this.takeKeyword('until');
          this.skipAll();
          const bodyFirst = node.type === 'begin' && node.rescues.length === 0;
          node = { type: 'while', at, condition: this.readLooseExpression(), body: node, until, bodyFirst };
        } else return node;
      }
    });
  }
  #modified(node: Node, isIf: boolean): Node {
    this.skipAll();
    const condition = this.readLooseExpression();
    const [whenTrue, whenFalse] = isIf ? [node, undefined] : [undefined, node];
    return { type: 'if', at: node.at, condition, whenTrue, whenFalse };
  }

  /** `a, (b, *c) = …`: names only, so that nothing is read twice. Undefined where it is no such thing. */
  #readManyAssigned(): Node | undefined {
    const { at } = this;
    manyTargets.lastIndex = at;
    if (!manyTargets.test(this.text)) return undefined;
    this.skipAll();
    const target = this.#readTargets('=');
    this.expect('=', 'behind the names');
    this.skipAll();
    const valuesAt = this.at;
    const items = this.#readList();
    const [only] = items;
    const isOne = items.length === 1 && only !== undefined && only.type !== 'splat';
    const value: Node = isOne ? only : { type: 'array', at: valuesAt, items };
    return { type: 'assign', at, target, value };
  }
  /** Values with commas between them, `*value` among them. */
  #readList(): Argument[] {
    const items: Argument[] = [];
    do {
      this.skipAll();
      const { at } = this;
      if (this.take('*')) items.push({ type: 'splat', at, value: this.readExpression() });
      else items.push(this.readExpression());
      this.skipSpaces();
    } while (this.take(','));
    return items;
  }
  #readTargets(close: string): Targets {
    const { at } = this;
    const list: Target[] = [];
    let splat: number | undefined;
    do {
      this.skipSpaces();
      if (this.starts(close)) break;
      if (this.take('*')) splat ??= list.length;
      this.skipSpaces();
      list.push(this.#readTarget());
      this.skipSpaces();
    } while (this.take(','));
    return { type: 'targets', at, list, splat };
  }
  #readTarget(): Target {
    const { at } = this;
    if (this.take('(')) {
      const inner = this.nested(() => this.#readTargets(')'));
      this.expect(')', 'behind the names');
      return inner;
    }
    const name = this.match(/[\p{Ll}_][\p{L}\p{N}_]*/uy)?.[0];
    if (name === undefined) return this.unexpected('a name to assign to');
    const input = this.lookUp(name) ? undefined : asInput(name, at);
    return input ? this.shadow(input) : this.declare(name, at);
  }

  override readControl(keyword: string): Node | undefined {
    const { at } = this;
    const take = () => (this.at += keyword.length);
    switch (keyword) {
      case 'nil':
      case 'true':
      case 'false':
        take();
        return { type: 'literal', at, value: keyword === 'nil' ? null : keyword === 'true' };
      case 'if':
      case 'unless':
        take();
        return this.#readIf(at, keyword === 'if');
      case 'case':
        take();
        return this.#readCase(at);
      case 'while':
      case 'until':
        take();
        return this.#readLoop(at, keyword === 'until');
      case 'begin':
        take();
        return this.#readBegin(at);
      case 'break':
      case 'next':
      case 'return':
        take();
        return this.#readJump(at, keyword);
      case 'not':
        return this.readLooseExpression();
      case 'self':
        return this.fail('self has nothing that is taken here', at);
      case 'and':
      case 'or':
      case 'then':
      case 'do':
      case 'end':
      case 'else':
      case 'elsif':
      case 'when':
      case 'in':
      case 'rescue':
      case 'ensure':
        return undefined;
      default:
        return this.fail(`${keyword} is not taken`, at);
    }
  }

  #readJump(at: number, type: 'break' | 'next' | 'return'): Node {
    if (type === 'break') this.scope.hasBreak = true;
    if (type === 'next') this.scope.hasNext = true;
    if (type !== 'return' && !this.scope.above) this.fail(`${type} outside of a block`, at);
    this.skipSpaces();
    const isAlone = /^(?:[;)}\]\n:]|$|(?:if|unless|end|while|until)\b)/.test(this.text.slice(this.at, this.at + 8));
    return { type, at, value: isAlone ? undefined : this.readExpression() };
  }

  #readIf(at: number, isIf: boolean): Node {
    this.skipSpaces();
    const condition = this.readLooseExpression();
    this.skipSeparators();
    this.takeKeyword('then');
    const body = this.readStatements(['else', 'elsif', 'end']);
    this.skipSeparators();
    const elseAt = this.at;
    let other: Node | undefined;
    if (isIf && this.takeKeyword('elsif')) other = this.nested(() => this.#readIf(elseAt, true));
    else {
      if (this.takeKeyword('else')) other = this.readStatements(['end']);
      this.skipSeparators();
      this.#end(isIf ? 'if' : 'unless');
    }
    const [whenTrue, whenFalse] = isIf ? [body, other] : [other, body];
    return { type: 'if', at, condition, whenTrue, whenFalse };
  }
  #end(of: string): void {
    if (!this.takeKeyword('end')) this.unexpected(`end of ${of}`);
  }

  #readCase(at: number): Node {
    this.skipSpaces();
    const subject = /[;\n]/.test(this.char()) || this.atKeyword('when') ? undefined : this.readLooseExpression();
    this.skipSeparators();
    const whens: { tests: Argument[]; body: Node }[] = [];
    if (this.atKeyword('in')) this.fail('case with in (pattern matching) is not taken; write when');
    while (this.takeKeyword('when')) {
      const tests = this.#readList();
      this.skipSeparators();
      this.takeKeyword('then');
      whens.push({ tests, body: this.readStatements(['when', 'else', 'end']) });
      this.skipSeparators();
    }
    if (whens.length === 0) this.unexpected('when');
    const otherwise = this.takeKeyword('else') ? this.readStatements(['end']) : undefined;
    this.skipSeparators();
    this.#end('case');
    return { type: 'case', at, subject, whens, otherwise };
  }

  #readLoop(at: number, until: boolean): Node {
    this.skipSpaces();
    const condition = this.within({ noDo: true }, () => this.readLooseExpression());
    this.skipSpaces();
    this.takeKeyword('do');
    return this.#looped(() => {
      const body = this.readStatements(['end']);
      this.skipSeparators();
      this.#end(until ? 'until' : 'while');
      return { type: 'while', at, condition, body, until, bodyFirst: false };
    });
  }
  /** A loop takes `break` and `next`, and sees the variables around it as its own. */
  #looped(read: () => Node): Node {
    const outer = this.scope;
    this.scope = { names: outer.names, above: outer, hasNext: false, hasBreak: false };
    const node = read();
    this.scope = outer;
    return node;
  }

  #readBegin(at: number): Node {
    const body = this.readStatements(['rescue', 'else', 'ensure', 'end']);
    return this.#readRescues(at, body, 'begin');
  }
  /** `rescue`, `else`, `ensure` and the `end` of `begin` or of a `do` block. */
  #readRescues(at: number, body: Node, of: string): Node {
    const rescues: Rescue[] = [];
    this.skipSeparators();
    while (this.takeKeyword('rescue')) {
      const classes: Node[] = [];
      let variable: Rescue['variable'];
      this.skipSpaces();
      while (!/[;\n]/.test(this.char()) && !this.atKeyword('then') && !this.starts('=>') && this.char() !== '') {
        classes.push(this.readBinary(0));
        this.skipSpaces();
        if (!this.take(',')) break;
        this.skipAll();
      }
      if (this.take('=>')) {
        this.skipSpaces();
        const name = this.match(/[a-z_]\w*/y)?.[0];
        if (name === undefined) return this.unexpected('a name behind rescue … =>');
        variable = this.declare(name, this.at - name.length);
      }
      this.skipSeparators();
      this.takeKeyword('then');
      rescues.push({ classes, variable, body: this.readStatements(['rescue', 'else', 'ensure', 'end']) });
      this.skipSeparators();
    }
    const otherwise = this.takeKeyword('else') ? this.readStatements(['ensure', 'end']) : undefined;
    this.skipSeparators();
    const ensure = this.takeKeyword('ensure') ? this.readStatements(['end']) : undefined;
    this.skipSeparators();
    this.#end(of);
    return { type: 'begin', at, body, rescues, otherwise, ensure };
  }

  override readBlock(at: number, close: '}' | 'end', isLambda: boolean): Block {
    return this.nested(() =>
      this.within({ noDo: false, noPipe: false, noColon: false }, () =>
        this.scoped((scope) => {
          const slot = this.slotCount;
          this.skipAll();
          const parameters: Parameter[] = [];
          let hasTrailingComma = false;
          if (this.take('|')) hasTrailingComma = this.#readParameters(parameters, '|');
          const body = this.#readBlockBody(close, parameters);
          return {
            type: 'block',
            at,
            parameters,
            hasTrailingComma,
            body,
            slot,
            slotEnd: this.slotCount,
            isLambda,
            hasNext: scope.hasNext,
            hasBreak: scope.hasBreak,
          };
        }),
      ),
    );
  }
  /** `_1` and `_2` are the block's own parameters where none is written. */
  #readBlockBody(close: '}' | 'end', parameters: Parameter[]): Node {
    const isNumbered = parameters.length === 0;
    const { at } = this;
    if (isNumbered && /\b_1\b/.test(this.text.slice(at))) {
      for (const name of ['_1', ...(/\b_2\b/.test(this.text.slice(at)) ? ['_2'] : [])])
        parameters.push({ at, target: this.declare(name, at, true), kind: 'plain', fallback: undefined });
    }
    if (close === '}') {
      const body = this.readStatements(['}']);
      this.expect('}', 'at the end of the block');
      return body;
    }
    const body = this.readStatements(['end', 'rescue', 'ensure', 'else']);
    this.skipSeparators();
    if (this.takeKeyword('end')) return body;
    return this.#readRescues(at, body, 'the block');
  }
  /** Gives whether a comma stood behind the last one. */
  #readParameters(parameters: Parameter[], close: '|' | ')' | ''): boolean {
    for (;;) {
      this.skipAll();
      if (close !== '' && this.take(close)) return parameters.length > 0;
      if (this.take(';')) {
        // Variables of the block's own.
        do {
          this.skipSpaces();
          const name = this.peekName();
          if (name === '') this.unexpected('a name');
          this.at += name.length;
          this.scope.names.set(name, { slot: this.slotCount++, isParameter: false });
          this.skipSpaces();
        } while (this.take(','));
        if (close !== '') this.expect(close, 'behind the names');
        return false;
      }
      parameters.push(this.#readParameter());
      this.skipSpaces();
      if (this.take(',') || this.char() === ';') continue;
      if (close !== '') this.expect(close, 'behind the parameters');
      return false;
    }
  }
  #readParameter(): Parameter {
    const { at } = this;
    if (this.take('(')) {
      const inner: Parameter[] = [];
      this.#readParameters(inner, ')');
      const splat = inner.findIndex(({ kind }) => kind === 'rest');
      const list = inner.map(({ target }) => target);
      const target = { type: 'targets', at, list, splat: splat < 0 ? undefined : splat } as const;
      return { at, target, kind: 'plain', fallback: undefined };
    }
    if (this.take('&')) this.fail('a block cannot take a block', at);
    if (this.take('**')) this.fail('a block takes no **names', at);
    const isRest = this.take('*');
    const name = isRest && !/[\p{L}_]/u.test(this.char()) ? '*' : this.peekName();
    if (name === '' || this.isKeyword(name)) this.unexpected('the name of a parameter');
    if (name !== '*') this.at += name.length;
    if (!isRest && this.char() === ':') this.fail('named parameters of blocks are not taken', at);
    const target = this.declare(name, at, true);
    this.skipSpaces();
    if (isRest || this.char() !== '=') return { at, target, kind: isRest ? 'rest' : 'plain', fallback: undefined };
    this.at++;
    this.skipSpaces();
    return { at, target, kind: 'plain', fallback: this.within({ noPipe: true }, () => this.readBinary(0)) };
  }

  override readLambda(at: number): Node {
    return this.nested(() =>
      this.scoped((scope) => {
        const slot = this.slotCount;
        const parameters: Parameter[] = [];
        this.skipSpaces();
        if (this.take('(')) this.#readParameters(parameters, ')');
        else if (this.char() !== '{' && !this.atKeyword('do')) this.#readParameters(parameters, '');
        this.skipSpaces();
        const close = this.take('{') ? '}' : this.takeKeyword('do') ? 'end' : this.unexpected('{ of the lambda');
        const body = this.within({ noDo: false, noPipe: false, noColon: false }, () =>
          this.#readBlockBody(close, parameters),
        );
        const { hasNext, hasBreak } = scope;
        const slotEnd = this.slotCount;
        const isLambda = true;
        return {
          type: 'block',
          at,
          parameters,
          hasTrailingComma: false,
          body,
          slot,
          slotEnd,
          isLambda,
          hasNext,
          hasBreak,
        };
      }),
    );
  }
}

function asInput(name: string, at: number): InputNode | undefined {
  switch (name) {
    case 'tag':
    case 'time':
    case 'record':
    case 'tag_parts':
    case 'tag_prefix':
    case 'tag_suffix':
    case 'hostname':
      return { type: 'input', at, name };
    default:
      return undefined;
  }
}
