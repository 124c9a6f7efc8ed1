/** The `stdout` output: records on standard output, as text. Source: Fluentd 1.16 out_stdout.rb. */
import { compileInject } from '../codecs/inject.ts';
import { endLine } from '../codecs/newline.ts';
import { writeChunk } from '../codecs/rows.ts';
import { ByteWriter } from '../core/bytes.ts';
import { OperatingError, errorText } from '../core/errors.ts';
import { boolean } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { Formatter, Output, OutputContext, Plugin, PluginConfig } from '../core/plugin.ts';
import { standardOutput } from '../core/standard-output.ts';
import type { TextStream } from '../core/standard-output.ts';

/** The plugin over a stream; tests give their own. */
export function stdoutOutputOver(stream: TextStream): Plugin {
  return definePlugin({
    kind: 'output',
    name: 'stdout',
    summary: 'Prints records on standard output.',
    options: {
      useLogger: boolean("Writes through Fluentd's logger.", { ignored: 'records always go to standard output' }),
    },
    defaultFormatter: 'stdout',
    usesInject: true,
    target: () => 'stdout',
    buffer: { flushMode: 'immediate' },
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
export const stdoutOutput = stdoutOutputOver(standardOutput);

function createStdout(config: PluginConfig, context: OutputContext, stream: TextStream): Output {
  const formatter = endedLines(context.formatter(config.formatter ?? 'stdout'));
  const inject = compileInject(config.inject);
  let isBroken = false;
  return {
    async write(chunk, signal) {
      const out = new ByteWriter();
      const refused = writeChunk(formatter, chunk, inject, out);
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
