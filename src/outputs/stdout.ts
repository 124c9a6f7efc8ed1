/** The `stdout` output: records on standard output, as text. Source: Fluentd 1.16 out_stdout.rb. */
import { compileInject } from '../codecs/inject.ts';
import { fluentbitJsonProperties, fluentbitJsonOptions } from '../codecs/fluentbit_json.ts';
import { endLine } from '../codecs/newline.ts';
import { writeChunk } from '../codecs/rows.ts';
import { ByteWriter } from '../core/bytes.ts';
import { OperatingError, errorText } from '../core/errors.ts';
import { fluentbitForm, madeModel } from '../core/fluentbit.ts';
import { boolean, choice } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { Formatter, Output, OutputContext, Plugin, PluginConfig } from '../core/plugin.ts';
import { standardOutput } from '../core/standard-output.ts';
import type { TextStream } from '../core/standard-output.ts';

/** Source: Fluent Bit 5.1 out_stdout. */
const stdoutForm = fluentbitForm({
  properties: {
    format: choice(['msgpack', 'json', 'json_lines', 'json_stream'])(
      'How records are printed: for people, as a JSON array of each chunk, as a JSON object a line, or one behind the other.',
      { default: 'msgpack', isLenient: true },
    ),
    ...fluentbitJsonProperties,
  },
  lower({ properties, at }) {
    const { format } = properties;
    if (format === 'msgpack')
      return { options: { layout: 'numbered' }, formatter: madeModel('formatter', 'fluentbit_text', {}, at) };
    const layout = format === 'json' ? 'array' : format === 'json_stream' ? 'stream' : 'lines';
    const isLine = format === 'json_lines';
    return {
      options: { layout },
      formatter: madeModel('formatter', 'fluentbit_json', { ...fluentbitJsonOptions(properties), isLine }, at),
    };
  },
  example: `[OUTPUT]
    Name   stdout
    Match  *
    Format json_lines`,
});

/** The plugin over a stream; tests give their own. */
export function stdoutOutputOver(stream: TextStream): Plugin {
  return definePlugin({
    kind: 'output',
    name: 'stdout',
    summary: 'Prints records on standard output.',
    options: {
      useLogger: boolean("Writes through Fluentd's logger.", { ignored: 'records always go to standard output' }),
      layout: choice(['lines', 'numbered', 'stream', 'array'])(
        'How the records of a chunk stand: each on a line, each behind its number and tag, one behind the other, or in a JSON array.',
        { default: 'lines' },
      ),
    },
    defaultFormatter: 'stdout',
    usesInject: true,
    target: () => 'stdout',
    buffer: { flushMode: 'immediate' },
    fluentbit: stdoutForm,
    example: `<match **>
  @type stdout
</match>`,
    differences: [
      {
        peer: 'fluentd',
        text: 'Prints the same line, mixed with its own log. Here only records are on standard output; repeated are at most those that were being printed when the program was killed.',
      },
    ],
    create: (config, context) => createStdout(config, context, stream),
  });
}

/** `stdout` on file descriptor 1. */
export const stdoutOutput: Plugin = stdoutOutputOver(standardOutput);

function createStdout(config: PluginConfig, context: OutputContext, stream: TextStream): Output {
  const formatter = context.formatter(config.formatter ?? 'stdout');
  const layout = layouts[config.options['layout'] as keyof typeof layouts];
  const inject = compileInject(config.inject);
  let isBroken = false;
  return {
    async write(chunk, signal) {
      const out = new ByteWriter();
      const { rows, end } = layout(formatter);
      const refused = writeChunk(rows, chunk, inject, out);
      out.text(end);
      try {
        await stream.write(out.view(), signal);
      } catch (error) {
        if (signal.aborted) throw error;
        const text = `writing to standard output: ${errorText(error)}; records wait in the journal until it can be written`;
        if (!isBroken) context.log.warn(text);
        isBroken = true;
        throw new OperatingError('OUTPUT_WRITE', text, { cause: error });
      }
      isBroken = false;
      return { refused };
    },
    close: () => Promise.resolve(),
  };
}

/** A formatter for the records of one chunk, and what stands behind the last. */
interface Layout {
  readonly rows: Formatter;
  readonly end: string;
}

const layouts: Readonly<Record<'lines' | 'numbered' | 'stream' | 'array', (formatter: Formatter) => Layout>> = {
  lines: (formatter) => ({ rows: endedLines(formatter), end: '' }),
  numbered: (formatter) => ({ rows: prefixed(endedLines(formatter), (row, tag) => `[${row}] ${tag}: `), end: '' }),
  stream: (formatter) => ({ rows: formatter, end: '\n' }),
  array: (formatter) => ({ rows: prefixed(formatter, (row) => (row === 0 ? '[' : ',')), end: ']\n' }),
};

/** Text before each record, by how many of the chunk were written before it. */
function prefixed(formatter: Formatter, prefix: (row: number, tag: string) => string): Formatter {
  let written = 0;
  return {
    contentType: formatter.contentType,
    write(batch, from, to, out) {
      const before = written;
      try {
        for (let row = from; row < to; row++) {
          out.text(prefix(written, batch.tag));
          formatter.write(batch, row, row + 1, out);
          written++;
        }
      } catch (error) {
        // All of the call is taken back, and tried again record by record.
        written = before;
        throw error;
      }
    },
  };
}

/** Each record ends with one line feed, whatever the formatter writes. */
function endedLines(formatter: Formatter): Formatter {
  return {
    contentType: formatter.contentType,
    write(batch, from, to, out) {
      for (let row = from; row < to; row++) {
        const start = out.length;
        formatter.write(batch, row, row + 1, out);
        endLine(out, start);
      }
    },
  };
}
