/** The `stdout` formatter: `2023-04-28 09:57:43.291989606 +0000 tag: {…}`. Source: Fluentd 1.16 formatter_stdout.rb. */
import { choice, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { endLine } from './newline.ts';
import { rowFormatter, writeJson } from './rows.ts';
import { compileStrftime } from './strftime.ts';

export const stdoutFormatter = definePlugin({
  kind: 'formatter',
  name: 'stdout',
  summary: 'Writes time with nanoseconds, tag and the record on a line.',
  options: {
    outputType: choice(['json', 'hash', 'ltsv', 'csv', 'tsv', 'single_value', 'out_file'])(
      'The formatter that writes the record behind the tag; its options stand beside this one.',
      { default: 'json' },
    ),
    timeFormat: text("How the time is written (strftime), in this machine's zone.", {
      default: '%Y-%m-%d %H:%M:%S.%N %z',
    }),
  },
  example: `<match **>
  @type stdout
  <format>
    @type stdout
    output_type hash
  </format>
</match>`,
  innerFormatter: 'outputType',
  create({ options, formatter }, context) {
    const time = compileStrftime(options.timeFormat, { kind: 'local' });
    // JSON is what nearly everybody uses: it is copied without a detour.
    const isPlain = options.outputType === 'json' && formatter === undefined;
    const inner = isPlain ? undefined : context.formatter(formatter ?? options.outputType);
    return rowFormatter('text/plain', (batch, row, out) => {
      const start = out.length;
      out.text(`${time(batch.seconds(row), batch.nanos(row))} ${batch.tag}: `);
      if (inner) inner.write(batch, row, row + 1, out);
      else writeJson(batch, row, out, true);
      endLine(out, start);
    });
  },
});
