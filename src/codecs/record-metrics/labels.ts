/** Labels of metrics, made of tag and record. Source: fluent-plugin-prometheus 2.2 prometheus/placeholder_expander.rb. */
import { hostname } from 'node:os';
import type { SectionModel } from '../../config/model.ts';
import { compileAccessor } from '../../core/accessor.ts';
import type { SectionSpec } from '../../core/plugin.ts';
import { getField, isFields } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';
import { rubyParts, rubyText } from '../ruby.ts';
import type { Labels } from './metrics.ts';

export const labelsSection: SectionSpec = {
  summary: 'Labels: a text with placeholders, or where in the record the value stands ($.a.b).',
  options: {},
  isFreeform: true,
};

const labelName = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const placeholder = /\$\{[^[}]+(?:\[[^\]]+\])?\}/g;

/** What a label is made of. */
type Part = (tag: string, fields: Fields) => string;

export interface LabelTemplate {
  readonly name: string;
  readonly text: string;
  /** It is the same for every record. */
  readonly isFixed: boolean;
  readonly make: Part;
}

/** Whether a text says where in a record its value stands. */
export function isAccessor(text: string): boolean {
  return text.startsWith('$.') || text.startsWith('$[');
}

/**
 * The labels of a section. `unknown`: told of placeholders that nothing fills; they stay as they are, as there.
 * @throws Error saying what is wrong
 */
export function compileLabels(
  section: SectionModel | undefined,
  unknown: (mark: string) => void = () => undefined,
): LabelTemplate[] {
  return (section?.pairs ?? []).map(({ key: name, value: text }) => {
    checkLabelName(name);
    if (isAccessor(text)) {
      const accessor = compileAccessor(text);
      return { name, text, isFixed: false, make: (_tag, fields) => rubyText(accessor.get(fields)) };
    }
    const make = compileText(text, unknown);
    return { name, text, isFixed: isFixed(text), make };
  });
}

/** Those of the plugin with those of a metric in place of others of their names. */
export function mergedLabels(all: readonly LabelTemplate[], own: readonly LabelTemplate[]): LabelTemplate[] {
  return [...new Map([...all, ...own].map((label) => [label.name, label])).values()];
}

export function labelsOf(templates: readonly LabelTemplate[], tag: string, fields: Fields): Labels {
  return templates.map(({ name, make }) => [name, make(tag, fields)] as const);
}

/** @throws Error where Prometheus would not take it */
function checkLabelName(name: string): void {
  if (!labelName.test(name) || name.startsWith('__'))
    throw new Error(`label ${name}: expected letters, digits and _, not beginning with a digit or __`);
}

function isFixed(text: string): boolean {
  return [...text.matchAll(placeholder)].every(([mark]) => mark === '${hostname}' || mark === '${worker_id}');
}

function compileText(text: string, unknown: (mark: string) => void): Part {
  const pieces: (string | Part)[] = [];
  let from = 0;
  for (const found of text.matchAll(placeholder)) {
    if (found.index > from) pieces.push(text.slice(from, found.index));
    pieces.push(compileMark(found[0], unknown));
    from = found.index + found[0].length;
  }
  if (from < text.length) pieces.push(text.slice(from));
  return (tag, fields) => pieces.map((piece) => (typeof piece === 'string' ? piece : piece(tag, fields))).join('');
}

function compileMark(mark: string, unknown: (mark: string) => void): Part {
  if (mark === '${hostname}') {
    const name = hostname();
    return () => name;
  }
  // Records of all receiving processes are delivered by one.
  if (mark === '${worker_id}') return () => '0';
  if (mark === '${tag}') return (tag) => tag;
  const part = /^\$\{tag_(parts|prefix|suffix)\[(-?\d{1,6})\]\}$/.exec(mark);
  if (part) {
    const [, kind = '', index = ''] = part;
    return (tag) => tagPart(rubyParts(tag), kind, Number(index)) ?? said(mark, unknown);
  }
  const [, key = '', index] = /^\$\{([^[}]+)(?:\[([^\]]+)\])?\}$/.exec(mark) ?? [];
  return (_tag, fields) => {
    const value = inside(getField(fields, key), index);
    return value === undefined ? said(mark, unknown) : rubyText(value);
  };
}

function said(mark: string, unknown: (mark: string) => void): string {
  unknown(mark);
  return mark;
}

/** `tag_suffix[1]` is the last two parts, unlike record_transformer's. Only parts count from the end too. */
function tagPart(parts: readonly string[], kind: string, index: number): string | undefined {
  if (kind === 'parts') return parts.at(index);
  if (index < 0 || index >= parts.length) return undefined;
  return (kind === 'prefix' ? parts.slice(0, index + 1) : parts.slice(parts.length - 1 - index)).join('.');
}

/** `${key}` takes no array and no object, `${key[0]}` and `${key["a"]}` one level of them. */
function inside(value: Value | undefined, index: string | undefined): Value | undefined {
  if (value === undefined) return undefined;
  if (Array.isArray(value)) return index !== undefined && /^-?\d+$/.test(index) ? value.at(Number(index)) : undefined;
  if (value !== null && typeof value === 'object' && isFields(value)) {
    const key = index === undefined ? undefined : /^"(.*)"$/s.exec(index)?.[1];
    return key === undefined ? undefined : getField(value, key);
  }
  return index === undefined ? value : undefined;
}
