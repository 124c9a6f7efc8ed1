/** The `json` formatter: one JSON object a record. */
import { text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { lineEnd, newlineOptions } from './newline.ts';
import { writeJsonLines } from './rows.ts';

export const jsonFormatter = definePlugin({
  kind: 'formatter',
  name: 'json',
  summary: 'Writes each record as one JSON object on a line, as it came in where no filter changed it.',
  options: {
    ...newlineOptions,
    jsonParser: text('Which Ruby library Fluentd prints with.', { ignored: 'there is one printer here' }),
  },
  example: `<match **>
  @type stdout
  <format>
    @type json
  </format>
</match>`,
  create({ options }) {
    const end = lineEnd(options);
    return {
      contentType: 'application/x-ndjson',
      write: (batch, from, to, out) => writeJsonLines(batch, from, to, end, out),
    };
  },
});
