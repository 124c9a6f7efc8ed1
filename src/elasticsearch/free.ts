/** Free text: any value of a record. */
import type { ValueTest } from '../store/query/tree.ts';
import { any, nothing, oneOf, placed } from './clauses.ts';
import type { Clause } from './clauses.ts';
import type { Target } from './dsl.ts';
import { addressClause, dateClause, flagClause } from './formed.ts';
import { wildcardClause, wordsClause } from './keywords.ts';
import type { FieldVariant } from './mapping.ts';
import { numberClause } from './numbers.ts';
import { textClause, textPhrase } from './texts.ts';

/** Servers refuse more than 1024 clauses unless they are told otherwise; each field is one or two. */
const fieldsMax = 400;
/** Keywords of which all values are gone through to find a word in them. */
const wordFieldsMax = 60;

/** A phrase or a pattern in any field. */
export function freeClause(test: ValueTest, target: Target): Clause {
  const leaves = target.mapping.leaves().filter(({ isSearchable }) => isSearchable);
  const looked = leaves.filter(({ kind }) => kind === 'text').concat(leaves.filter(({ kind }) => kind !== 'text'));
  if (looked.length > fieldsMax)
    target.notes.add(
      `text without a field is looked for in ${fieldsMax} of ${looked.length} fields; write field: before it`,
    );
  const some = looked.slice(0, fieldsMax);
  const keywords = some.filter(({ kind }) => kind === 'keyword');
  const hasWords = keywords.length <= wordFieldsMax;
  if (!hasWords)
    target.notes.add(
      `text without a field is compared with whole values in ${keywords.length} keyword fields; write field: before it to find words in them`,
    );
  const texts = groups(some.filter(({ kind }) => kind === 'text'));
  return any([
    ...texts.flatMap((group) => textClauses(group, test, target)),
    ...some
      .filter(({ kind }) => kind !== 'text')
      .map((field) => placed(field, freeField(field, test, target, hasWords))),
  ]);
}

/** Texts that are asked together: those of the same place. */
function groups(texts: readonly FieldVariant[]): FieldVariant[][] {
  const found = new Map<string, FieldVariant[]>();
  for (const field of texts) {
    const key = JSON.stringify([field.nestedPath, field.indices]);
    found.set(key, [...(found.get(key) ?? []), field]);
  }
  return [...found.values()];
}

function textClauses(group: readonly FieldVariant[], test: ValueTest, target: Target): Clause[] {
  const [first] = group;
  if (!first) return [];
  if (test.kind === 'phrase')
    return [
      placed(
        first,
        textPhrase(
          group.map(({ name }) => name),
          test.text,
        ),
      ),
    ];
  if (test.kind !== 'wildcard') return [];
  // Words of the texts; a keyword beside would want the whole value.
  return group.map((field) => placed(field, textClause({ ...field, keyword: undefined }, test, target) ?? nothing));
}

function freeField(field: FieldVariant, test: ValueTest, target: Target, hasWords: boolean): Clause {
  switch (field.kind) {
    case 'keyword':
      if (test.kind === 'phrase')
        return hasWords ? wordsClause(field.name, test.text, target) : oneOf(field.name, [test.text]);
      return test.kind === 'wildcard' ? wildcardClause(field.name, test.parts, target, hasWords) : nothing;
    case 'integer':
    case 'decimal':
      return numberClause(field, test) ?? nothing;
    case 'boolean':
      return flagClause(field, test) ?? nothing;
    case 'ip':
      return addressClause(field, test) ?? nothing;
    case 'date':
      return test.kind === 'phrase' && /^\d{4}-\d\d-\d\d/.test(test.text)
        ? (dateClause(field, test) ?? nothing)
        : nothing;
    case 'flat':
      return test.kind === 'phrase' ? oneOf(field.name, [test.text]) : nothing;
    default:
      return nothing;
  }
}
