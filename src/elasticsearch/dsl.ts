/**
 * A query's tree as the servers' query DSL, over the fields that the indices have. It finds what the store would find as far as a
 * field is indexed so that it can: keywords, numbers, dates, addresses and truth values do; of an analyzed text the analyzer says
 * what its words are. docs/query.md names the differences.
 */
import { QueryError } from '../store/query/query-error.ts';
import { isPlace } from '../store/query/paths.ts';
import type { FieldTest, QueryTree, ValueTest } from '../store/query/tree.ts';
import { all, any, everything, exists, not, nothing, placed } from './clauses.ts';
import type { Clause } from './clauses.ts';
import { addressClause, dateClause, flagClause, flatClause } from './formed.ts';
import { freeClause } from './free.ts';
import { keywordClause } from './keywords.ts';
import { indexField } from './mapping.ts';
import type { FieldVariant, Mapping } from './mapping.ts';
import { numberClause } from './numbers.ts';
import { NotInLucene } from './regexps.ts';
import { textClause } from './texts.ts';

/** What a query is translated for. */
export interface Target {
  readonly mapping: Mapping;
  /** `_time`. */
  readonly timeField: string;
  /** `_tag`. */
  readonly tagField: string;
  /** Wildcards that ignore case are known: Elasticsearch since 7.10, all OpenSearch. */
  readonly ignoresCase: boolean;
  /** What whoever asked should know of the answer; added to. */
  readonly notes: Set<string>;
}

/** Fields inside of one object that are looked at. A few hundred clauses are quick; servers refuse more than 1024. */
const insideMax = 400;

/** @throws QueryError for what cannot be asked of these fields */
export function toDsl(tree: QueryTree, target: Target): Clause {
  switch (tree.kind) {
    case 'all':
      return everything;
    case 'and':
      return all(tree.operands.map((operand) => toDsl(operand, target)));
    case 'or':
      return any(tree.operands.map((operand) => toDsl(operand, target)));
    case 'not':
      return not(toDsl(tree.operand, target));
    case 'test':
      return testClause(tree, target);
    default:
      return tree satisfies never;
  }
}

function testClause(node: FieldTest, target: Target): Clause {
  const { field, test } = node;
  try {
    switch (field) {
      case undefined:
        return freeClause(test, target);
      case '_time':
        return fieldClause(target.timeField, node, target);
      case '_tag':
        return fieldClause(target.tagField, node, target);
      case '_source':
        return indexClause(test, target);
      case '_id':
        return idClause(node);
      default:
        return fieldClause(field, node, target);
    }
  } catch (error) {
    if (error instanceof NotInLucene) throw new QueryError(`in the regular expression: ${error.message}`, node.at);
    throw error;
  }
}

/** `_source` is the index that holds a record. */
function indexClause(test: ValueTest, target: Target): Clause {
  return test.kind === 'exists' ? everything : keywordClause(indexField, test, target);
}

/** `<index>/<id>`, or an id of any index. */
function idClause({ test, at }: FieldTest): Clause {
  if (test.kind === 'exists') return everything;
  if (test.kind !== 'phrase' && test.kind !== 'exact')
    throw new QueryError('_id is found as a whole; write _id:"<index>/<id>"', at);
  const { text } = test;
  const slash = text.indexOf('/');
  // An index has no slash in its name, and no capital letter.
  const index = slash > 0 && !/[A-Z]/.test(text.slice(0, slash)) ? text.slice(0, slash) : undefined;
  if (index === undefined) return { ids: { values: [text] } };
  const whole: Clause = { ids: { values: [text] } };
  const parted = all([{ term: { _index: { value: index } } }, { ids: { values: [text.slice(slash + 1)] } }]);
  return any([parted, whole]);
}

function fieldClause(name: string, node: FieldTest, target: Target): Clause {
  const { mapping } = target;
  const variants = mapping.at(name);
  const own = variants.map((variant) => placed(variant, variantClause(variant, node, target)));
  const isObject = variants.some(({ kind }) => kind === 'object' || kind === 'nested');
  if (variants.length > 0 && !isObject) return any(own);
  const inside = mapping.leaves(name);
  if (inside.length > insideMax)
    throw new QueryError(
      `${name} has ${inside.length} fields, more than ${insideMax} that are looked at; name one of them`,
      node.at,
    );
  if (variants.length > 0 || inside.length > 0)
    return any([...own, ...inside.map((leaf) => placed(leaf, insideClause(leaf, node, target)))]);
  const flat = mapping.flatAround(name);
  if (flat) return placed(flat, flatClause({ ...flat, name }, node));
  refusePlaces(name, node, mapping);
  return nothing;
}

/** `users.0.name`: the servers keep no places of an array. */
function refusePlaces(name: string, { at }: FieldTest, mapping: Mapping): void {
  const keys = name.split('.');
  if (!keys.some(isPlace)) return;
  const without = keys.filter((key) => !isPlace(key)).join('.');
  if (mapping.at(without).length > 0)
    throw new QueryError(`which place of an array a value has is not known there; write ${without}`, at);
}

/** A field inside of the one that is named: what cannot be asked of it is not found in it. */
function insideClause(leaf: FieldVariant, node: FieldTest, target: Target): Clause {
  try {
    return variantClause(leaf, node, target);
  } catch (error) {
    if (error instanceof QueryError) return nothing;
    throw error;
  }
}

function variantClause(field: FieldVariant, node: FieldTest, target: Target): Clause {
  const { test } = node;
  if (field.kind === 'object') return nothing;
  if (field.kind === 'nested')
    return test.kind === 'exists'
      ? { nested: { path: field.name, query: everything, ignore_unmapped: true } }
      : nothing;
  if (!field.isSearchable && test.kind !== 'exists') {
    target.notes.add(`${field.name} is not indexed there: nothing is found by it`);
    return nothing;
  }
  const clause = kindClause(field, node, target);
  if (clause !== undefined) return clause;
  throw new QueryError(
    `${field.name} is a ${field.types.join(' and a ')} there, which cannot be asked so; ${adviceFor(field)}`,
    node.at,
  );
}

function kindClause(field: FieldVariant, node: FieldTest, target: Target): Clause | undefined {
  const { test } = node;
  switch (field.kind) {
    case 'text':
      return textClause(field, test, target);
    case 'keyword':
      return keywordClause(field, test, target);
    case 'integer':
    case 'decimal':
      return numberClause(field, test);
    case 'date':
      return dateClause(field, test);
    case 'boolean':
      return flagClause(field, test);
    case 'ip':
      return addressClause(field, test);
    case 'flat':
      return flatClause(field, node);
    default:
      return test.kind === 'exists' ? exists(field.name) : nothing;
  }
}

function adviceFor({ name, kind }: FieldVariant): string {
  switch (kind) {
    case 'text':
      return `it needs a field of type keyword beside, such as ${name}.keyword; words are found: ${name}:word`;
    case 'date':
      return `write ${name} >= 2026-11-21`;
    case 'ip':
      return `write ${name}:10.0.0.1, ${name}:10.0.* or ${name}:"10.0.0.0/8"`;
    default:
      return `write ${name} >= 500, ${name}:5* or ${name}:500`;
  }
}
