/** The `stdout` filter: prints records that pass, for a look at a pipeline. Source: Fluentd 1.16 filter_stdout.rb. */
import { compileInject } from '../codecs/inject.ts';
import { ByteWriter } from '../core/bytes.ts';
import { OperatingError, errorText } from '../core/errors.ts';
import { fluentbitForm, madeModel } from '../core/fluentbit.ts';
import { choice } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { Filter, Plugin, PluginConfig, PluginContext, RejectRecord } from '../core/plugin.ts';
import { standardOutput } from '../core/standard-output.ts';
import type { TextStream } from '../core/standard-output.ts';
import type { Batch } from '../core/batch.ts';

/** A filter cannot wait for its reader: with this much unread, copies are left out (the records themselves go on). */
const pendingBytesMax = 16 * 1024 * 1024;

/** Source: Fluent Bit 5.1 filter_stdout. */
const stdoutForm = fluentbitForm({
  lower: ({ at }) => ({
    options: { layout: 'numbered' },
    formatter: madeModel('formatter', 'fluentbit_text', { isFlat: true }, at),
  }),
  example: `[FILTER]
    Name  stdout
    Match *`,
});

/** The plugin over a stream; tests give their own. */
export function stdoutFilterOver(stream: TextStream): Plugin {
  return definePlugin({
    kind: 'filter',
    name: 'stdout',
    summary: 'Prints records on standard output and lets them pass.',
    isObserver: true,
    options: {
      layout: choice(['lines', 'numbered'])('Whether number and tag stand before each record.', { default: 'lines' }),
    },
    defaultFormatter: 'stdout',
    usesInject: true,
    fluentbit: stdoutForm,
    example: `<filter app.**>
  @type stdout
</filter>`,
    create: (config, context) => createStdout(config, context, stream),
  });
}

/** `stdout` on file descriptor 1. */
export const stdoutFilter: Plugin = stdoutFilterOver(standardOutput);

function createStdout(config: PluginConfig, context: PluginContext, stream: TextStream): Filter {
  const formatter = context.formatter(config.formatter ?? 'stdout');
  const inject = compileInject(config.inject);
  const isNumbered = config.options['layout'] === 'numbered';
  const left = context.metrics.counter(
    'stdout_filter_left_out_total',
    'Records that the stdout filter did not print because standard output was not read.',
  );
  let said = false;
  const sayOnce = (text: string) => {
    if (!said) context.log.warn(text);
    said = true;
  };
  return {
    apply(batch, reject) {
      if (stream.pendingBytes > pendingBytesMax) {
        left.inc(batch.count);
        sayOnce('filter stdout: standard output is not read fast enough; records pass without being printed.');
        return batch;
      }
      const out = new ByteWriter();
      const write: Write = isNumbered
        ? (shown, from, to) => {
            out.text(`[${from}] ${shown.tag}: `);
            formatter.write(shown, from, to, out);
          }
        : formatter.write.bind(formatter);
      const passed = print(inject(batch), batch, write, out, reject);
      stream.write(out.take()).catch((error: unknown) => {
        left.inc(batch.count);
        sayOnce(`filter stdout: writing to standard output: ${errorText(error)}; records pass without being printed.`);
      });
      return passed;
    },
  };
}

type Write = (batch: Batch, from: number, to: number, out: ByteWriter) => void;

/** Prints row by row, so that a record the formatter cannot write goes to @ERROR alone. */
function print(shown: Batch, batch: Batch, write: Write, out: ByteWriter, reject: RejectRecord): Batch {
  const passed: number[] = [];
  for (let row = 0; row < shown.count; row++) {
    const start = out.length;
    try {
      write(shown, row, row + 1, out);
      passed.push(row);
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      out.truncate(start);
      reject(row, error.message);
    }
  }
  return passed.length === batch.count ? batch : batch.select(passed);
}
