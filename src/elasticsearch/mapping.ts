/** Which fields the indices have and how they can be asked, out of the answer to `_field_caps`. Pure. */

/** How a field is asked. `flat`: an object whose keys have no mapping of their own; `other`: only whether it is there. */
export type FieldKind =
  'text' | 'keyword' | 'integer' | 'decimal' | 'date' | 'boolean' | 'ip' | 'flat' | 'object' | 'nested' | 'other';

/** A field as some of the indices have it. */
export interface FieldVariant {
  readonly name: string;
  readonly kind: FieldKind;
  /** The server's own types of it, such as `long`; more than one where indices differ and it makes no difference here. */
  readonly types: readonly string[];
  /** The indices that have it so, where others have it as another kind; undefined: all that have it. */
  readonly indices: readonly string[] | undefined;
  readonly isSearchable: boolean;
  readonly isAggregatable: boolean;
  /** Objects in arrays that are documents of their own; the innermost one around it. */
  readonly nestedPath: string | undefined;
  /** Of a text: the same values as a whole, `log.keyword`. */
  readonly keyword: string | undefined;
}

/** The index that holds a record, which every record has and no mapping lists. */
export const indexField: FieldVariant = {
  name: '_index',
  kind: 'keyword',
  types: ['keyword'],
  indices: undefined,
  isSearchable: true,
  isAggregatable: true,
  nestedPath: undefined,
  keyword: undefined,
};

const kinds: Readonly<Record<string, FieldKind>> = {
  text: 'text',
  match_only_text: 'text',
  annotated_text: 'text',
  search_as_you_type: 'text',
  pattern_text: 'text',
  keyword: 'keyword',
  constant_keyword: 'keyword',
  counted_keyword: 'keyword',
  wildcard: 'keyword',
  version: 'keyword',
  long: 'integer',
  integer: 'integer',
  short: 'integer',
  byte: 'integer',
  unsigned_long: 'integer',
  double: 'decimal',
  float: 'decimal',
  half_float: 'decimal',
  scaled_float: 'decimal',
  date: 'date',
  date_nanos: 'date',
  boolean: 'boolean',
  ip: 'ip',
  flattened: 'flat',
  flat_object: 'flat',
  object: 'object',
  nested: 'nested',
};

/** Names of the server's own fields where it does not mark them. */
const serverFields =
  /^_(?:id|index|source|routing|ignored|type|field_names|version|seq_no|primary_term|doc_count|tier|nested_path|feature|size|tsid|ts_routing_hash|ignored_source|inference_fields|data_stream_timestamp|index_mode|slice|recovery_source)$/;

/** What is known of the indices at one moment. */
export class Mapping {
  /** How many indices the pattern names. */
  readonly indexCount: number;
  readonly #fields: ReadonlyMap<string, readonly FieldVariant[]>;

  constructor(fields: ReadonlyMap<string, readonly FieldVariant[]>, indexCount: number) {
    this.#fields = fields;
    this.indexCount = indexCount;
  }
  /** The field of this name as the indices have it; objects included. */
  at(name: string): readonly FieldVariant[] {
    return this.#fields.get(name) ?? [];
  }
  /** Fields with values: all of them, or those inside of an object. Other ways to keep the same value (`log.keyword`) are not among them. */
  leaves(inside?: string): FieldVariant[] {
    const found: FieldVariant[] = [];
    for (const [name, variants] of this.#fields)
      if (inside === undefined || name.startsWith(`${inside}.`))
        if (!this.#isOtherForm(name)) found.push(...variants.filter(({ kind }) => !isObject(kind)));
    return found;
  }
  /** The object without a mapping of its keys that a name leads into. */
  flatAround(name: string): FieldVariant | undefined {
    for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1)) {
      const found = this.at(name.slice(0, dot)).find(({ kind }) => kind === 'flat');
      if (found) return found;
    }
    return undefined;
  }
  /** True for `log.keyword`, where `log` has values itself. */
  #isOtherForm(name: string): boolean {
    const parent = this.at(name.slice(0, Math.max(0, name.lastIndexOf('.'))));
    return parent.length > 0 && parent.every(({ kind }) => !isObject(kind) && kind !== 'flat');
  }
}

function isObject(kind: FieldKind): boolean {
  return kind === 'object' || kind === 'nested';
}

interface Capability {
  readonly type: string;
  readonly isSearchable: boolean;
  readonly isAggregatable: boolean;
  readonly indices: readonly string[];
}

/** Reads an answer to `_field_caps?fields=*`. What is none of one gives no fields. */
export function readMapping(answer: unknown): Mapping {
  const { fields, indices } = object(answer);
  const found = new Map<string, readonly Capability[]>();
  for (const [name, types] of Object.entries(object(fields))) {
    const capabilities = Object.entries(object(types)).flatMap(([type, said]) => capabilityOf(type, object(said)));
    if (capabilities.length > 0 && !serverFields.test(name)) found.set(name, capabilities);
  }
  const all = texts(indices);
  const nested = [...found].filter(([, types]) => types.some(({ type }) => type === 'nested')).map(([name]) => name);
  const variants = new Map(
    [...found].map(([name, capabilities]) => [name, variantsOf(name, capabilities, found, nested)] as const),
  );
  return new Mapping(variants, all.length);
}

function capabilityOf(type: string, said: Readonly<Record<string, unknown>>): Capability[] {
  if (said['metadata_field'] === true || type === 'unmapped') return [];
  return [
    {
      type,
      isSearchable: said['searchable'] !== false,
      isAggregatable: said['aggregatable'] === true,
      indices: texts(said['indices']),
    },
  ];
}

function variantsOf(
  name: string,
  capabilities: readonly Capability[],
  found: ReadonlyMap<string, readonly Capability[]>,
  nested: readonly string[],
): FieldVariant[] {
  const byKind = new Map<FieldKind, Capability[]>();
  for (const capability of capabilities) {
    const kind = kindOf(capability.type);
    byKind.set(kind, [...(byKind.get(kind) ?? []), capability]);
  }
  const nestedPath = nested.filter((path) => name.startsWith(`${path}.`)).sort((a, b) => b.length - a.length)[0];
  return [...byKind].map(([kind, same]) => ({
    name,
    kind,
    types: same.map(({ type }) => type),
    indices: byKind.size > 1 ? same.flatMap(({ indices }) => indices) : undefined,
    isSearchable: same.some(({ isSearchable }) => isSearchable),
    isAggregatable: same.every(({ isAggregatable }) => isAggregatable),
    nestedPath,
    keyword: kind === 'text' ? keywordOf(name, found) : undefined,
  }));
}

/** `log.keyword` where there is one, else `log.raw` or what it is called. */
function keywordOf(name: string, found: ReadonlyMap<string, readonly Capability[]>): string | undefined {
  const isKeyword = (child: string): boolean =>
    found.get(child)?.every(({ type, isSearchable }) => kindOf(type) === 'keyword' && isSearchable) === true;
  const usual = [`${name}.keyword`, `${name}.raw`].find(isKeyword);
  if (usual !== undefined) return usual;
  for (const child of found.keys())
    if (child.startsWith(`${name}.`) && !child.slice(name.length + 1).includes('.') && isKeyword(child)) return child;
  return undefined;
}

function kindOf(type: string): FieldKind {
  return Object.hasOwn(kinds, type) ? (kinds[type] ?? 'other') : 'other';
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function texts(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
}
