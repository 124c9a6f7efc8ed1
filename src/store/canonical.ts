/** JSON as the store keeps it: texts written as themselves, so that a search for text sees text. */
import { parseRecord, scanJson, stringifyJson } from '../core/json.ts';

/** True when the text has an escape that hides a character which could stand for itself: `\u` or `\/`. About 0.1 ns a byte. */
export function hasHiddenText(bytes: Buffer): boolean {
  return bytes.includes('\\u') || bytes.includes('\\/');
}

/**
 * One record anew, exact in everything but how its texts are escaped. Halves of surrogate pairs, which are no characters
 * and which no JSON reader of DuckDB takes, become U+FFFD.
 */
export function canonicalJson(bytes: Buffer): string {
  const fields = parseRecord(bytes.toString('utf8'), scanJson(bytes).exact);
  const text = stringifyJson(fields);
  return text.includes('\\u') ? text.replaceAll(/\\(?:u[dD][89a-fA-F][0-9a-fA-F]{2}|.)/g, withoutHalf) : text;
}

function withoutHalf(escape: string): string {
  return escape.length > 2 ? '\uFFFD' : escape;
}
