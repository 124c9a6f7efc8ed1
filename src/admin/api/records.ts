/** Found records as JSON text: a record's own JSON is never decoded on its way out. */
import type { FoundRecord } from '../../store/contract.ts';
import { membersOf } from './json-text.ts';
import { timeText } from './times.ts';

/** Keys that `recordLine` adds; and `_source`, so that every record's own name means the same in NDJSON and CSV. */
const ownNames = /^_+(?:time|tag|id|source)$/;

/** Where a record has a field of its own that is called like one of ours, or with more underscores, it gets one more. */
export function exportedName(key: string): string {
  return ownNames.test(key) ? `_${key}` : key;
}

/** The record's own key for an exported name, or undefined where the name is one of ours (`_time`, `_tag`, `_id`, `_source`). */
export function ownName(exported: string): string | undefined {
  if (!ownNames.test(exported)) return exported;
  return exported.startsWith('__') ? exported.slice(1) : undefined;
}

/** A record in an answer of /api/search and /api/tail; `fields` is what the store holds, byte for byte. */
export function recordText({ id, seconds, nanos, appendMs, tag, source, json }: FoundRecord): string {
  const timeMs = seconds * 1000 + Math.floor(nanos / 1_000_000);
  return `{"_id":${JSON.stringify(id)},"_time":"${timeText(seconds, nanos)}","_timeMs":${timeMs},"_appendMs":${appendMs},"_tag":${JSON.stringify(tag)},"_source":${JSON.stringify(source)},"fields":${json}}`;
}

/** A line of NDJSON, without its end: the record's fields at top level, then `_time`, `_tag` and `_id`. */
export function recordLine({ id, seconds, nanos, tag, json }: FoundRecord): string {
  // Most records have no key that begins with an underscore, and need no look at their keys.
  const own = json.includes('"_') || json.includes('"\\u') ? withoutOurNames(json) : json;
  const open = own.slice(0, own.lastIndexOf('}'));
  const comma = open.trimEnd() === '{' ? '' : ',';
  return `${open}${comma}"_time":"${timeText(seconds, nanos)}","_tag":${JSON.stringify(tag)},"_id":${JSON.stringify(id)}}`;
}

function withoutOurNames(json: string): string {
  let text = '';
  let copied = 0;
  for (const { key, keyStart, keyEnd } of membersOf(json)) {
    if (!ownNames.test(key)) continue;
    text += json.slice(copied, keyStart) + JSON.stringify(exportedName(key));
    copied = keyEnd;
  }
  return text + json.slice(copied);
}
