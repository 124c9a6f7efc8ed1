/**
 * The `logfmt` parser: `key=value key="quoted value" flag`. Fluentd has none; a key without a value is true, as Fluent Bit
 * 5.1 has it. Grammar: the logfmt of Go's kr/logfmt.
 */
import { boolean } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { ParseProblem, Parser } from '../core/plugin.ts';
import { fieldsFromEntries } from '../core/record.ts';
import type { Value } from '../core/record.ts';
import { pieceOf, subjectOf } from './onigmo.ts';
import { limited } from './parse-texts.ts';
import { checkReading, compileFinish, recordOptions, timeKeyOption } from './record-reading.ts';

export const logfmtParser = definePlugin({
  kind: 'parser',
  name: 'logfmt',
  summary: 'Takes key=value pairs as fields; values may stand in double quotes, and a key alone is true.',
  options: {
    noBareKeys: boolean('Refuses keys without a value.', {
      default: false,
      fluentd: ['no_bare_keys', 'logfmt_no_bare_keys'],
    }),
    ...recordOptions,
    timeKey: timeKeyOption,
  },
  example: `<source>
  @type stdin
  tag app
  <parse>
    @type logfmt
    types status:integer
  </parse>
</source>`,
  check: ({ options }) => checkReading(options),
  create({ options }, { clock }) {
    const finish = compileFinish(options, clock);
    const parser: Parser = {
      parse(input) {
        const { text, isBinary } = subjectOf(input);
        const pairs = readPairs(text, isBinary, options.noBareKeys);
        return 'problem' in pairs ? pairs : finish.fields(fieldsFromEntries(pairs));
      },
    };
    return options.nullValuePattern === undefined ? parser : limited(parser, options.timeout);
  },
});

/** A key of what is neither space, quote nor `=`, and behind `=` text in quotes or up to the next space. */
const pairPattern = /([^\s="]+)(=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*)))?(?=\s|$)/y;

function readPairs(text: string, isBinary: boolean, noBareKeys: boolean): [string, Value][] | ParseProblem {
  const pairs: [string, Value][] = [];
  const value = (piece: string): Value => (isBinary ? pieceOf(piece) : piece);
  for (let at = 0; ;) {
    while (at < text.length && text.charCodeAt(at) <= 32) at++;
    if (at >= text.length) break;
    pairPattern.lastIndex = at;
    const [whole, key, behind, quoted, bare] = pairPattern.exec(text) ?? [];
    if (whole === undefined || key === undefined)
      return { kind: 'mismatch', problem: `no logfmt: expected key=value at character ${at + 1}` };
    if (behind === undefined && noBareKeys)
      return { kind: 'mismatch', problem: `no logfmt: key ${key} at character ${at + 1} has no value` };
    pairs.push([key, behind === undefined ? true : value(quoted === undefined ? (bare ?? '') : unescaped(quoted))]);
    at += whole.length;
  }
  return pairs.length === 0 ? { kind: 'mismatch', problem: 'no logfmt: expected key=value, found nothing' } : pairs;
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' };

function unescaped(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replaceAll(/\\(?:u([0-9a-fA-F]{4})|(.))/gs, (_, unit: string | undefined, char: string) =>
    unit === undefined ? (escapes[char] ?? char) : String.fromCharCode(Number.parseInt(unit, 16)),
  );
}
