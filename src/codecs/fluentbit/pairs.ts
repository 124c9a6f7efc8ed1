/** logfmt and LTSV as Fluent Bit reads them. Source: Fluent Bit 5.1 flb_parser_logfmt.c, flb_parser_ltsv.c. */
import { fieldsFromEntries } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';

type Types = ReadonlyMap<string, (text: string) => Value>;

/** A key of what is neither blank, `"` nor `=`, and behind `=` a text in quotes (perhaps never closed) or up to the next of these. */
const pair = /((?:(?![\0- ])[^"=])+)(?:(=)(?:"((?:[^"\\]|\\[^])*)"?|((?:(?![\0- ])[^"=])*)))?/g;

/**
 * Key and value pairs; what is between them is passed over. A key without a value is true; with types every value is text, as
 * it stands, and such a key is empty. Undefined: there is no pair, or one without a value where that is not wanted.
 */
export function readLogfmt(text: string, types: Types, noBareKeys: boolean): Fields | undefined {
  const entries: [string, Value][] = [];
  for (const [, key = '', equals, quoted, bare = ''] of text.matchAll(pair)) {
    if (noBareKeys && equals === undefined) return undefined;
    entries.push([key, logfmtValue(key, quoted, bare, types)]);
  }
  return entries.length === 0 ? undefined : fieldsFromEntries(entries);
}

function logfmtValue(key: string, quoted: string | undefined, bare: string, types: Types): Value {
  const written = quoted ?? bare;
  if (types.size > 0) return types.get(key)?.(written) ?? written;
  if (written === '') return quoted === undefined ? true : '';
  return written.includes('\\') ? unescaped(written) : written;
}

const letters: Readonly<Record<string, string>> = { n: '\n', b: '\b', t: '\t', f: '\f', r: '\r' };

function unescaped(text: string): string {
  return text
    .replaceAll(/\\(?:u([0-9a-fA-F]{4})|([^]))/g, (_, unit: string | undefined, char: string) =>
      unit === undefined ? (letters[char] ?? char) : String.fromCharCode(Number.parseInt(unit, 16)),
    )
    .toWellFormed();
}

const field = /([0-9A-Za-z_.-]*):([^\0\t\n\r]*)\t?/y;

/** Labels and values with tabs between them, up to the first that has no colon. Undefined: there is none. */
export function readLtsv(text: string, types: Types): Fields | undefined {
  const entries: [string, Value][] = [];
  for (let at = 0; at < text.length;) {
    field.lastIndex = at;
    const [whole, label = '', value = ''] = field.exec(text) ?? [];
    if (whole === undefined) break;
    if (label !== '') entries.push([label, types.get(label)?.(value) ?? value]);
    at += whole.length;
  }
  return entries.length === 0 ? undefined : fieldsFromEntries(entries);
}
