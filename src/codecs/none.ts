/** The `none` parser: the whole line as one field. Source: Fluentd 1.16 parser_none.rb. */
import { isUtf8 } from 'node:buffer';
import { text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { needsExactKey } from '../core/record.ts';
import { DirectText } from './direct-text.ts';
import { recordOptions, withoutEffect } from './record-reading.ts';

const notRead = 'this parser looks at nothing in a line';

export const noneParser = definePlugin({
  kind: 'parser',
  name: 'none',
  summary: 'Takes each line as it is, as one field; bytes that are not UTF-8 are kept.',
  options: {
    messageKey: text('The field that gets the line.', { default: 'message' }),
    ...withoutEffect({ ...recordOptions, timeKey: text("The field that holds the record's time.") }, notRead),
    estimateCurrentEvent: recordOptions.estimateCurrentEvent,
  },
  example: `<source>
  @type stdin
  tag lines
  <parse>
    @type none
  </parse>
</source>`,
  create({ options }) {
    const isPlain = options.estimateCurrentEvent && !needsExactKey(options.messageKey);
    return {
      direct: isPlain ? new DirectText(options.messageKey) : undefined,
      parse(line) {
        if (!options.estimateCurrentEvent)
          return { kind: 'mismatch', problem: 'estimate_current_event is false, and such a line carries no time' };
        const value = typeof line === 'string' || isUtf8(line) ? line.toString() : new Uint8Array(line);
        return { fields: { [options.messageKey]: value }, time: undefined };
      },
    };
  },
});
