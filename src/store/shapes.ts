/** Which paths records have: a tree of the keys and kinds of values that records were seen to go through. */

/** Kinds of JSON values. Numbers are told apart by what DuckDB's JSON reader makes of them. */
export const kinds = {
  none: 0,
  string: 1,
  /** Digits only. */
  integer: 2,
  /** With a fraction or exponent. */
  decimal: 3,
  boolean: 4,
  array: 5,
  object: 6,
  /** Counts as absent. */
  null: 7,
} as const;
const kindCount = 8;

/** A path and how often each kind of value was seen there. */
export class PathStats {
  readonly keys: readonly string[];
  /** Rows by kind. */
  readonly rows = new Float64Array(kindCount);
  /** Number of the record that a chain of nodes was last checked for. */
  record = -1;
  constructor(keys: readonly string[]) {
    this.keys = keys;
  }
  /** Rows that have it. */
  get present(): number {
    let sum = 0;
    for (let kind = kinds.string; kind < kinds.null; kind++) sum += this.rows[kind] as number;
    return sum;
  }
}

/** An object, by the way to it. */
interface Scope {
  readonly parent: Scope | undefined;
  readonly keys: readonly string[];
  /** `keys` as text, for comparisons. */
  readonly text: string;
}

/** Behind a value, or in front of the first key of an object. */
export class StateNode {
  readonly scope: Scope;
  readonly from: KeyNode | undefined;
  readonly parent: StateNode | undefined;
  readonly kind: number;
  /** Keys met here first, to be compared one by one. */
  readonly keys: KeyNode[] = [];
  /** The others, by their bytes. */
  byBytes: Map<string, KeyNode> | undefined;
  /** Behind the `}` of a nested object. */
  end: StateNode | undefined;
  /** Records that ended here. */
  records = 0;
  constructor(scope: Scope, parent: StateNode | undefined, from: KeyNode | undefined, kind: number) {
    this.scope = scope;
    this.parent = parent;
    this.from = from;
    this.kind = kind;
  }
}

/** A key at its place. */
export class KeyNode {
  readonly state: StateNode;
  /** As it is written, closing quote included. */
  readonly bytes: Uint8Array;
  /** Decoded. */
  readonly key: string;
  /** Block its words were last added to. */
  block = -1;
  /** Undefined: not listed, or the record had the same path before (readers take the first). */
  readonly stats: PathStats | undefined;
  readonly next: (StateNode | undefined)[] = Array.from({ length: kindCount }, () => undefined);
  constructor(state: StateNode, bytes: Uint8Array, key: string, stats: PathStats | undefined) {
    this.state = state;
    this.bytes = bytes;
    this.key = key;
    this.stats = stats;
  }
}

/** Limits of what is kept in memory. */
export interface ShapeLimits {
  /** Nodes; beyond, the tree is counted and begun anew, so that records whose keys never repeat do not fill memory. */
  readonly nodesMax: number;
  /** Distinct paths. */
  readonly pathsMax: number;
}

/** Comparing bytes with more keys than this takes longer than a look into a Map. */
const directKeys = 8;

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

const decoder = new TextDecoder();

function decodeKey(quoted: Uint8Array): string {
  const text = decoder.decode(quoted.subarray(0, -1));
  if (!text.includes('\\')) return text;
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    // The record is not JSON, which its reader finds out as well.
    return text;
  }
}

export class Shapes {
  readonly #limits: ShapeLimits;
  readonly #paths = new Map<string, PathStats>();
  #root: StateNode;
  /** All but the root, parents first. */
  #states: StateNode[] = [];
  #nodes = 0;
  #record = 0;
  /** Record whose chain of nodes has been marked. */
  #marked = -1;
  #isComplete = true;
  constructor(limits: ShapeLimits) {
    this.#limits = limits;
    this.#root = new StateNode({ parent: undefined, keys: [], text: '' }, undefined, undefined, kinds.object);
  }
  get root(): StateNode {
    return this.#root;
  }
  /** False: there are paths that are not in `paths`. */
  get isComplete(): boolean {
    return this.#isComplete;
  }
  /** There are paths that nobody looked at. */
  lose(): void {
    this.#isComplete = false;
  }
  /** False: this record has more keys than can be kept; what follows in it must not be followed. */
  get hasRoom(): boolean {
    return this.#nodes < 2 * this.#limits.nodesMax;
  }
  /** A record has ended in this state. */
  ended(state: StateNode): void {
    state.records++;
    this.next();
  }
  /** The next record begins. */
  next(): void {
    this.#record++;
    if (this.#nodes > this.#limits.nodesMax) this.#fold();
  }
  /** False: no record had a value there. Of what is in arrays nothing is known. */
  mayHave(path: readonly string[]): boolean {
    return !this.#isComplete || this.#paths.has(path.map((key) => JSON.stringify(key)).join(''));
  }
  /** All paths met. */
  paths(): PathStats[] {
    this.#fold();
    return [...this.#paths.values()];
  }
  /** A key that has been met in this state and is not among its `keys`. */
  findKey(state: StateNode, quoted: Uint8Array): KeyNode | undefined {
    return state.byBytes?.get(latin1(quoted));
  }
  /** A key not met before in this state. `quoted`: its bytes behind the opening quote, closing quote included. */
  addKey(state: StateNode, quoted: Uint8Array): KeyNode {
    const key = decodeKey(quoted);
    const node = new KeyNode(state, quoted, key, this.#firstIn(state, key));
    if (state.keys.length < directKeys) state.keys.push(node);
    else (state.byBytes ??= new Map()).set(latin1(quoted), node);
    this.#nodes++;
    return node;
  }
  /** The state behind this key and a value of this kind. */
  addState(node: KeyNode, kind: number): StateNode {
    const { state, key } = node;
    const { keys, text } = state.scope;
    const scope =
      kind === kinds.object
        ? { parent: state.scope, keys: [...keys, key], text: `${text}${JSON.stringify(key)}` }
        : state.scope;
    return (node.next[kind] = this.#add(new StateNode(scope, state, node, kind)));
  }
  /** The state behind the end of a nested object. */
  addEnd(state: StateNode): StateNode {
    return (state.end = this.#add(new StateNode(state.scope.parent as Scope, state, undefined, kinds.none)));
  }
  #add(state: StateNode): StateNode {
    this.#states.push(state);
    this.#nodes++;
    return state;
  }
  /** The path's entry; undefined when this record had the path before, or when it is not listed. */
  #firstIn(state: StateNode, key: string): PathStats | undefined {
    if (this.#marked !== this.#record) {
      this.#marked = this.#record;
      for (let at: StateNode | undefined = state; at; at = at.parent)
        if (at.from?.stats) at.from.stats.record = this.#record;
    }
    const { keys, text } = state.scope;
    const name = `${text}${JSON.stringify(key)}`;
    let stats = this.#paths.get(name);
    if (!stats) {
      if (this.#paths.size >= this.#limits.pathsMax) {
        this.#isComplete = false;
        return undefined;
      }
      stats = new PathStats([...keys, key]);
      this.#paths.set(name, stats);
    }
    if (stats.record === this.#record) return undefined;
    stats.record = this.#record;
    return stats;
  }
  /** Counts the records that went through each node, and begins anew. */
  #fold(): void {
    for (let i = this.#states.length - 1; i >= 0; i--) {
      const state = this.#states[i] as StateNode;
      if (state.from?.stats) (state.from.stats.rows[state.kind] as number) += state.records;
      if (state.parent) state.parent.records += state.records;
    }
    const { scope } = this.#root;
    this.#root = new StateNode(scope, undefined, undefined, kinds.object);
    this.#states = [];
    this.#nodes = 0;
  }
}
