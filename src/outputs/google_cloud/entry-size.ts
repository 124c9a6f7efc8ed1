/** Entries that are larger than Cloud Logging takes, as several. Source: "Quotas and limits" of Cloud Logging; LogSplit of the Logging API v2. */
import { stringifyJson } from '../../core/json.ts';
import { fieldEntries, fieldsFromEntries, getField, isFields } from '../../core/record.ts';
import type { ExactFields, Value } from '../../core/record.ts';

/**
 * The service takes 256 KiB, measured in a form of its own, in which a value costs a few bytes more than in JSON. So much
 * of JSON stays below it but for entries of a great many small numbers.
 */
export const entryBytesMax = 240 * 1024;
/** Room for the other fields beside a part of the longest one: with less left the parts would be very many. */
const restBytesMax = entryBytesMax / 2;

/**
 * The parts of an entry that is too large: its text, or the longest text in its payload, is cut, and `split` says which
 * part is which. Undefined: no text in it is long enough for that.
 */
export function splitEntry(entry: ExactFields, uid: string): ExactFields[] | undefined {
  const text = entry.get('textPayload');
  if (typeof text === 'string') return partsOf(entry, uid, text, (piece) => ['textPayload', piece]);
  const payload = entry.get('jsonPayload');
  if (!isFields(payload)) return undefined;
  let longest = '';
  let bytes = 0;
  for (const [key, value] of fieldEntries(payload)) {
    if (typeof value !== 'string' || value.length < bytes) continue;
    [longest, bytes] = [key, value.length];
  }
  const value = getField(payload, longest);
  if (typeof value !== 'string') return undefined;
  return partsOf(entry, uid, value, (piece) => [
    'jsonPayload',
    fieldsFromEntries(fieldEntries(payload).map(([key, other]) => [key, key === longest ? piece : other])),
  ]);
}

function partsOf(
  entry: ExactFields,
  uid: string,
  text: string,
  withPiece: (piece: string) => readonly [string, Value],
): ExactFields[] | undefined {
  const [key, empty] = withPiece('');
  const bare: ExactFields = new Map(entry).set(key, empty);
  const rest = Buffer.byteLength(stringifyJson(bare)) + splitBytes + uid.length * 2;
  if (rest > restBytesMax) return undefined;
  const pieces = cut(text, entryBytesMax - rest);
  return pieces.map((piece, index) =>
    new Map(bare)
      .set(key, withPiece(piece)[1])
      .set('insertId', `${uid}.p${index}`)
      .set(
        'split',
        new Map<string, Value>([
          ['uid', uid],
          ['index', index],
          ['totalSplits', pieces.length],
        ]),
      ),
  );
}
/** More than `split` and the longer insertId take besides the uid. */
const splitBytes = 100;

/** Pieces that take at most so many bytes as JSON; no character is cut. */
function cut(text: string, bytesMax: number): string[] {
  const pieces: string[] = [];
  let from = 0;
  while (from < text.length) {
    let until = Math.min(text.length, from + bytesMax);
    // An escaped character may take six bytes: what is too long is shortened until it fits.
    for (;;) {
      const bytes = Buffer.byteLength(JSON.stringify(text.slice(from, until)));
      if (bytes <= bytesMax + 2) break;
      until = from + Math.max(1, Math.floor(((until - from) * bytesMax) / bytes) - 1);
    }
    const last = text.charCodeAt(until - 1);
    if (until < text.length && until - from > 1 && last >= 0xd800 && last <= 0xdbff) until--;
    pieces.push(text.slice(from, until));
    from = until;
  }
  return pieces;
}
