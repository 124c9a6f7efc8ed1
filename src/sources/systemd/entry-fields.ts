/** Entries of the journal as records, the way of Fluentd's plugin (entry_mutator.rb) and that of Fluent Bit's (systemd.c). */
import { isUtf8 } from 'node:buffer';
import { rubyText } from '../../codecs/ruby.ts';
import { fieldsFromEntries } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';
import type { JournalEntry } from './export-format.ts';

/** How fields are named and chosen. */
export interface Naming {
  /** `one`: Fluent Bit takes one underscore off, Fluentd all. */
  readonly stripsUnderscores: 'one' | 'all' | false;
  readonly isLowercase: boolean;
  readonly fieldsMax: number;
  /** New names of fields: the field, and what it is called; several may become one, whose texts are joined. */
  readonly map: readonly (readonly [from: string, to: readonly string[]])[];
  /** Only what the map names. */
  readonly isStrict: boolean;
}

/** The value of a field that an entry has once, as text. */
export function fieldText(entry: JournalEntry, name: string): string | undefined {
  const found = entry.fields.find(([own]) => own === name);
  return found?.[1].toString('utf8');
}

/** The record of an entry. Values are texts, bytes where they are no UTF-8; a field that stands there twice is a list. */
export function recordOf(entry: JournalEntry, naming: Naming): Fields {
  const values = new Map<string, Value>();
  let count = 0;
  for (const [name, bytes] of entry.fields) {
    // The entry's place, not its contents.
    if (name.startsWith('__')) continue;
    if (count++ >= naming.fieldsMax) break;
    add(values, name, isUtf8(bytes) ? bytes.toString('utf8') : bytes);
  }
  if (naming.map.length === 0 && !naming.isStrict) {
    const renamed = new Map<string, Value>();
    for (const [name, value] of values) add(renamed, plainName(name, naming), value);
    return fieldsFromEntries(renamed);
  }
  return mapped(values, naming);
}

function add(values: Map<string, Value>, name: string, value: Value): void {
  const before = values.get(name);
  if (before === undefined) values.set(name, value);
  else values.set(name, [before, value].flat());
}

function plainName(name: string, { stripsUnderscores, isLowercase }: Naming): string {
  const bare =
    stripsUnderscores === 'all' ? name.replace(/^_+/, '') : stripsUnderscores === 'one' ? name.replace(/^_/, '') : name;
  return isLowercase ? bare.toLowerCase() : bare;
}

/** Mapped fields first; then, unless strict, the others, joined to a mapped one that has their name. */
function mapped(values: ReadonlyMap<string, Value>, naming: Naming): Fields {
  const made = new Map<string, Value>();
  for (const to of new Set(naming.map.flatMap(([, names]) => names))) {
    const found = naming.map.flatMap(([from, names]) => (names.includes(to) ? [values.get(from)] : []));
    const all = found.filter((value) => value !== undefined);
    if (all.length > 0) made.set(to, joined(all));
  }
  if (naming.isStrict) return fieldsFromEntries(made);
  const sources = new Set(naming.map.map(([from]) => from));
  for (const [name, value] of values) {
    if (sources.has(name)) continue;
    const plain = plainName(name, naming);
    const before = made.get(plain);
    made.set(plain, before === undefined ? value : joined([value, before]));
  }
  return fieldsFromEntries(made);
}

function joined(values: readonly Value[]): Value {
  const [only] = values;
  if (values.length === 1 && only !== undefined) return only;
  return values.flat().map(rubyText).join(' ');
}
