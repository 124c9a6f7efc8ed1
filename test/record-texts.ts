/** JSON objects as texts that fuzz tests make lines and records of: whatever plain objects, printing or copying might change. */
import fc from 'fast-check';
import { RecordGatherer } from '../src/codecs/encode.ts';
import { parseExact, stringifyJson } from '../src/core/json.ts';

const numbers = `0 -0 1 -1 1.0 1.5 -2.50 1E2 1e400 0.1e-7 1e-7 0.000001 0.0000001 123456789012345 1234567890123456
 9007199254740993 18446744073709551616 0.30000000000000004 5e-324 1.7976931348623157e308`.split(/\s+/);
const texts =
  `a \\u0061 \\ud800 \\udc00 \\ud83d\\ude00 \\ud83d\\u0041 \\u0000 \\n \\\\n \\\\\\n \\/ \\b\\f\\r\\t é \u2028 😀 \\u00e9 \\" {\\"a\\":1}
 \\u007b\\u007d \u007f \ufeff a\\u000a x\\\\ 2026-01-01T12:00:00.5Z 2026-01-01T12:00:00.1234567891Z`.split(/\s+/);
const keys =
  `a b time log stream message date @timestamp kubernetes tag path offset _p é 😀 a.b a/b a\\/b a\\" \\u0061 t\\u0069me
 lo\\u0067 \\ud800 __proto__ constructor 7 0 01 4294967295`.split(/\s+/);
const blank = fc.constantFrom('', '', '', '', ' ', '\t', '\r');
const scalar = fc.constantFrom('""', 'true', 'false', 'null', ...numbers, ...texts.map((text) => `"${text}"`));

const { object } = fc.letrec<{ value: string; array: string; object: string }>((tie) => ({
  value: fc.oneof({ maxDepth: 3, withCrossShrink: true }, scalar, scalar, tie('array'), tie('object')),
  array: fc.array(tie('value'), { maxLength: 3 }).map((values) => `[${values.join(' ,')}]`),
  object: fc
    .array(fc.tuple(fc.constantFrom('', ...keys), tie('value'), blank, blank), { maxLength: 5 })
    .map((members) => `{${members.map(([key, value, a, b]) => `${a}"${key}"${b}:${a}${value}${b}`).join(',')}}`),
}));

/** Objects as others write them: keys may stand twice, or be written with escapes; blanks around. */
export const objectTexts = fc.tuple(blank, object, blank).map((parts) => parts.join(''));

/** Records as they lie in journals. */
export const recordTexts = objectTexts.map((text) => {
  const gatherer = new RecordGatherer();
  gatherer.addJson(Buffer.from(text), { seconds: 0, nanos: 0 });
  return Buffer.from(gatherer.take()[0]?.payloads[0] ?? '').toString();
});

/** What a JSON object says, whatever blanks and escapes it is written with, and how many keys stand in it. */
export function said(text: string): readonly unknown[] {
  const strings = [...text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/gs)];
  return [stringifyJson(parseExact(text.trim())), strings.filter(([, colon]) => colon !== undefined).length];
}
