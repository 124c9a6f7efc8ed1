/** A record on one line, where no columns are chosen. */
import type { JsonObject } from '../json/exact.ts';
import { flatten, kindOf, textOf } from '../json/fields.ts';
import type { FieldKind } from '../json/fields.ts';
import { cut } from '../text/visible.ts';

export interface SummaryPair {
  readonly name: string;
  readonly text: string;
  readonly kind: FieldKind;
}
export interface Summary {
  /** What the record says in words, if it has a field for that. */
  readonly lead: string | undefined;
  readonly pairs: readonly SummaryPair[];
}
export type Level = 'error' | 'warning' | 'debug' | undefined;

/** More of either does not fit on the widest screen's line. */
const pairsMax = 24;
const valueLengthMax = 160;
const leadLengthMax = 400;

const leadNames = new Set(['message', 'msg', 'log']);
const levelNames = ['level', 'severity', 'lvl', 'log.level', 'loglevel'];

const summaries = new WeakMap<JsonObject, Summary>();
const levels = new WeakMap<JsonObject, { readonly level: Level }>();

/** Kept a record: rows are drawn anew at every scroll. */
export function summaryOf(fields: JsonObject): Summary {
  let summary = summaries.get(fields);
  if (!summary) {
    summary = summarize(fields);
    summaries.set(fields, summary);
  }
  return summary;
}

/** What is marked at the row's edge: how serious the record says it is. */
export function levelOf(fields: JsonObject): Level {
  let kept = levels.get(fields);
  if (!kept) {
    kept = { level: readLevel(fields) };
    levels.set(fields, kept);
  }
  return kept.level;
}

function summarize(fields: JsonObject): Summary {
  // A field that the program added itself, such as `_path`, tells less than what was sent.
  const own: SummaryPair[] = [];
  const added: SummaryPair[] = [];
  let lead: string | undefined;
  for (const { name, value } of flatten(fields)) {
    if (lead === undefined && typeof value === 'string' && value !== '' && leadNames.has(name)) {
      lead = cut(value, leadLengthMax);
      continue;
    }
    const pairs = name.startsWith('_') ? added : own;
    if (pairs.length < pairsMax) pairs.push({ name, text: cut(textOf(value), valueLengthMax), kind: kindOf(value) });
  }
  return { lead, pairs: [...own, ...added].slice(0, pairsMax) };
}

function readLevel(fields: JsonObject): Level {
  for (const [name, value] of fields.entries) {
    if (typeof value !== 'string' || !levelNames.includes(name.toLowerCase())) continue;
    if (/^(?:err|error|fatal|crit|critical|emerg|emergency|alert|panic)$/i.test(value)) return 'error';
    if (/^warn(?:ing)?$/i.test(value)) return 'warning';
    if (/^(?:debug|trace|verbose)$/i.test(value)) return 'debug';
  }
  return undefined;
}
