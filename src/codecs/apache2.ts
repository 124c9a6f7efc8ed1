/** The `apache2` parser: access log lines with numbers, and null for what is `-`. Source: Fluentd 1.16 parser_apache2.rb. */
import { definePlugin } from '../core/plugin.ts';
import type { Value } from '../core/record.ts';
import { webTimeFormat } from './known-formats.ts';
import { compileCapture, pieceOf, subjectOf } from './onigmo.ts';
import { limited } from './parse-texts.ts';
import { compileReadTime, timeOptions } from './parse-time.ts';
import { convertingOptions, notConverted, recordOptions, timeKeyOption, withoutEffect } from './record-reading.ts';

/** Exported for what writes it as a parser of Fluent Bit. */
export const apache2Source = String.raw`^(?<host>[^ ]*) [^ ]* (?<user>[^ ]*) \[(?<time>[^\]]*)\] "(?<method>\S+)(?: +(?<path>(?:[^"]|\\")*?)(?: +\S*)?)?" (?<code>[^ ]*) (?<size>[^ ]*)(?: "(?<referer>(?:[^"]|\\")*)" "(?<agent>(?:[^"]|\\")*)")?$`;

export const apache2Parser = definePlugin({
  kind: 'parser',
  name: 'apache2',
  summary: 'Takes access log lines of the Apache web server, with code and size as numbers and null for `-`.',
  options: {
    ...recordOptions,
    ...withoutEffect(convertingOptions, notConverted),
    ...withoutEffect({ ...timeOptions, timeKey: timeKeyOption }, 'lines of this format have their time in one form'),
  },
  example: `<source>
  @type stdin
  tag apache
  <parse>
    @type apache2
  </parse>
</source>`,
  create({ options }, { clock }) {
    const { expression } = compileCapture(apache2Source);
    const readTime = compileReadTime({ timeFormat: webTimeFormat }, clock);
    return limited(
      {
        parse(input) {
          const { text, isBinary } = subjectOf(input);
          const match = expression.exec(text);
          if (!match) return { kind: 'mismatch', problem: 'no access log line of Apache' };
          const [, host, user, at = '', method, path, code, size, referer, agent] = match;
          const time = readTime(at);
          if (!time)
            return { kind: 'invalid', problem: `the time is none of the form ${webTimeFormat}: ${at.slice(0, 100)}` };
          const piece = (value: string | undefined): Value =>
            value === undefined ? null : isBinary ? pieceOf(value) : value;
          const known = (value: string | undefined): Value => (value === '-' ? null : piece(value));
          return {
            fields: {
              host: known(host),
              user: known(user),
              method: piece(method),
              path: piece(path),
              code: leadingNumber(code) || null,
              size: size === '-' ? null : leadingNumber(size),
              referer: known(referer),
              agent: known(agent),
              ...(options.keepTimeKey && { time: at }),
            },
            time,
          };
        },
      },
      options.timeout,
    );
  },
});

/** The digits it begins with; without any 0. */
function leadingNumber(text = ''): number {
  const number = Number(/^\d+/.exec(text)?.[0] ?? '0');
  return Number.isSafeInteger(number) ? number : 0;
}
