/** The `counter` output: how many records each chunk had, on standard output. Source: Fluent Bit 5.1 out_counter. */
import { ByteWriter } from '../core/bytes.ts';
import { OperatingError, errorText } from '../core/errors.ts';
import { fluentbitForm } from '../core/fluentbit.ts';
import { definePlugin } from '../core/plugin.ts';
import type { Output, OutputContext, Plugin } from '../core/plugin.ts';
import { standardOutput } from '../core/standard-output.ts';
import type { TextStream } from '../core/standard-output.ts';
import { epochMicros } from '../codecs/fluentbit-dates.ts';

/** The plugin over a stream; tests give their own. */
export function counterOutputOver(stream: TextStream): Plugin {
  return definePlugin({
    kind: 'output',
    name: 'counter',
    summary: 'Prints for each chunk how many records it had, and takes them.',
    options: {},
    target: () => 'stdout',
    buffer: { flushMode: 'interval', flushIntervalMs: 1000, chunkKeys: ['tag'] },
    fluentbit: fluentbitForm({
      example: `[OUTPUT]
    Name  counter
    Match *`,
    }),
    example: `<match noise.**>
  @type counter
</match>`,
    create: (_config, context) => createCounter(context, stream),
  });
}

/** `counter` on file descriptor 1. */
export const counterOutput: Plugin = counterOutputOver(standardOutput);

function createCounter(context: OutputContext, stream: TextStream): Output {
  return {
    async write(chunk, signal) {
      const { seconds, nanos } = context.clock.now();
      const out = new ByteWriter();
      out.text(
        `{"ts":${epochMicros(seconds, nanos)},"serialized_events":${chunk.count},"log_records":${chunk.count},"total":${chunk.count}}\n`,
      );
      try {
        await stream.write(out.view(), signal);
      } catch (error) {
        if (signal.aborted) throw error;
        throw new OperatingError('OUTPUT_WRITE', `writing to standard output: ${errorText(error)}`, { cause: error });
      }
    },
    close: () => Promise.resolve(),
  };
}
