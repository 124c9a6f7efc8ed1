/** Parsers that are an expression with a name. */
import { definePlugin } from '../core/plugin.ts';
import type { Plugin } from '../core/plugin.ts';
import { pattern, text } from '../core/options.ts';
import { compileCapture } from './onigmo.ts';
import { checkReading, recordOptions, timeKeyOption } from './record-reading.ts';
import { expressionParser } from './regexp.ts';

/** How web servers write times. */
export const webTimeFormat = '%d/%b/%Y:%H:%M:%S %z';

/** Declares one. `timeFormat` undefined: any usual form. */
export function defineKnownFormat(of: {
  readonly name: string;
  readonly summary: string;
  readonly expression: string;
  readonly timeFormat?: string;
}): Plugin {
  return definePlugin({
    kind: 'parser',
    name: of.name,
    summary: of.summary,
    options: {
      expression: pattern('Another expression in place of the built-in one.', { default: of.expression }),
      ...recordOptions,
      timeKey: timeKeyOption,
      timeFormat:
        of.timeFormat === undefined
          ? recordOptions.timeFormat
          : text('How the time is read (strptime).', { default: of.timeFormat }),
    },
    example: `<source>
  @type stdin
  tag lines
  <parse>
    @type ${of.name}
  </parse>
</source>`,
    check({ options }) {
      compileCapture(options.expression);
      checkReading(options);
    },
    create: ({ options }, { clock }) => expressionParser(options.expression, options, clock),
  });
}
