/**
 * Record accessors: `key`, `$.a.b`, `$.a.b['c'][0]`, `$['a']["b"][-1]`. Compiled once, then used on every record.
 * Syntax and results: Fluentd 1.16 record accessor plugin helper; quoted keys behind a dot are an addition.
 */
import { copyFields, deleteField, getField, isFields, setField } from './record.ts';
import type { Fields, Value } from './record.ts';

export interface Accessor {
  /** As written. */
  readonly text: string;
  /** The value, or undefined where the record has no such place. */
  get(fields: Fields): Value | undefined;
  /** True when the way there leads into a value that cannot have keys (text, a number): Ruby's `dig` raises on those. */
  clashes(fields: Fields): boolean;
  /** Removes the field or array element. The caller owns `fields`; what is nested in it is copied before it changes. */
  delete(fields: Fields): void;
  /**
   * Sets the value; without effect where the object or array that should hold it does not exist. Behind an array's end nulls
   * fill the gap. Ownership as in delete.
   */
  set(fields: Fields, value: Value): void;
}

type Step = string | number;

/** Elements that setting one behind the end may add: an index far beyond is a slip, and would fill the memory. */
const gapMax = 1000;

/** Compiles an accessor. @throws Error with the place that is wrong. */
export function compileAccessor(text: string): Accessor {
  const steps = text.startsWith('$.') || text.startsWith('$[') ? parseSteps(text) : [text];
  const [first] = steps;
  if (steps.length === 1 && typeof first === 'string') return plainAccessor(text, first);
  return nestedAccessor(text, steps);
}

function plainAccessor(text: string, key: string): Accessor {
  return {
    text,
    get: (fields) => getField(fields, key),
    clashes: () => false,
    delete: (fields) => deleteField(fields, key),
    set: (fields, value) => setField(fields, key, value),
  };
}

function nestedAccessor(text: string, steps: readonly Step[]): Accessor {
  const last = steps.at(-1) as Step;
  const way = steps.slice(0, -1);
  return {
    text,
    get(fields) {
      let value: Value | undefined = fields;
      for (const step of steps) {
        value = child(value, step);
        if (value === undefined) return undefined;
      }
      return value;
    },
    clashes(fields) {
      let value: Value | undefined = fields;
      for (const step of steps) {
        if (value === undefined || value === null) return false;
        const holds = isFields(value) || (Array.isArray(value) && typeof step === 'number');
        if (!holds) return true;
        value = child(value, step);
      }
      return false;
    },
    delete(fields) {
      const probe = way.reduce<Value | undefined>((value, step) => child(value, step), fields);
      if (child(probe, last) === undefined) return;
      const holder = own(fields, way);
      if (Array.isArray(holder)) holder.splice(last as number, 1);
      else if (holder) deleteField(holder, last as string);
    },
    set(fields, value) {
      const holder = own(fields, way);
      if (Array.isArray(holder)) {
        const index = typeof last === 'number' ? (last < 0 ? holder.length + last : last) : -1;
        if (index < 0 || index > holder.length + gapMax) return;
        while (holder.length < index) holder.push(null);
        holder[index] = value;
      } else if (holder && typeof last === 'string') setField(holder, last, value);
    },
  };
}

function child(value: Value | undefined, step: Step): Value | undefined {
  if (typeof step === 'number') return Array.isArray(value) ? value.at(step) : undefined;
  return isFields(value) ? getField(value, step) : undefined;
}

/** Walks to the holder, putting a copy of every object and array on the way in place of it. */
function own(fields: Fields, way: readonly Step[]): Fields | Value[] | undefined {
  let holder: Fields | Value[] = fields;
  for (const step of way) {
    const inner = child(holder, step);
    let copy: Fields | Value[];
    if (Array.isArray(inner)) copy = [...inner];
    else if (isFields(inner)) copy = copyFields(inner);
    else return undefined;
    if (Array.isArray(holder)) holder.splice(step as number, 1, copy);
    else setField(holder, step as string, copy);
    holder = copy;
  }
  return holder;
}

function parseSteps(text: string): Step[] {
  const steps: Step[] = [];
  let at = 1;
  while (at < text.length) {
    if (text[at] === '.') {
      const from = at + 1;
      const found = text.slice(from).search(/[.[]/);
      at = found < 0 ? text.length : from + found;
      const key = text.slice(from, at);
      // An empty key between dots is a key; none is behind the last dot, and none before a bracket.
      if (key !== '' || text[at] === '.') steps.push(key);
      if (/\s/.test(key)) throw syntaxError(text, from, 'a key without spaces; write one with them in brackets');
    } else if (text[at] === '[') at = parseBracket(text, at + 1, steps);
    else throw syntaxError(text, at, '`.` or `[`');
  }
  while (steps.length > 0 && steps.at(-1) === '' && text.endsWith('.')) steps.pop();
  if (steps.length === 0) throw syntaxError(text, text.length, 'a key');
  return steps;
}

function parseBracket(text: string, from: number, steps: Step[]): number {
  const quote = text[from];
  if (quote === "'" || quote === '"') {
    const end = text.indexOf(`${quote}]`, from + 1);
    if (end < 0) throw syntaxError(text, text.length, `\`${quote}]\` at the end of the key`);
    steps.push(text.slice(from + 1, end));
    return end + 2;
  }
  const end = text.indexOf(']', from);
  if (end < 0) throw syntaxError(text, text.length, '`]`');
  const index = text.slice(from, end);
  if (!/^\s*[+-]?\d{1,9}\s*$/.test(index)) throw syntaxError(text, from, 'an array index, or a key in quotes');
  steps.push(Number(index));
  return end + 1;
}

function syntaxError(text: string, at: number, expected: string): Error {
  return new Error(`record accessor \`${text}\`: expected ${expected} at character ${at + 1}`);
}
