/** The `stdin` source: lines of standard input as records. */
import type { Readable } from 'node:stream';
import { RecordGatherer } from '../codecs/encode.ts';
import { parseTexts, refusalReason } from '../codecs/parse-texts.ts';
import { sleep } from '../core/clock.ts';
import { OperatingError, errorText } from '../core/errors.ts';
import { fluentbitForm, madeModel } from '../core/fluentbit.ts';
import { boolean, bytes, text } from '../core/options.ts';
import type { OptionValues } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { Parser, Plugin, PluginConfig, Source, SourceContext } from '../core/plugin.ts';
import { Joiner } from './tail/joiner.ts';

const LF = 10;
const CR = 13;
/** How long to wait before an append that was not taken is tried again. */
const retryMs = 200;

const options = {
  tag: text("The records' tag.", { default: 'stdin' }),
  exitOnEof: boolean('Stops the program when the input has ended and all of it is delivered.', { default: false }),
  // A line has to be held in memory until its end; the journal's default record limit is of this order.
  maxLineSize: bytes('Longest line, in bytes; a longer one is refused.', { default: 8 * 1024 * 1024 }),
};

/** Source: Fluent Bit 5.1 in_stdin. */
const stdinForm = fluentbitForm({
  properties: {
    parser: text(
      'The [PARSER] that makes records of lines; without one each line is a JSON object, as with Format json.',
    ),
  },
  ignored: { buffer_size: 'lines up to 8 MiB are taken' },
  lower({ properties, at, written, parser }) {
    const place = written('parser');
    const named = properties.parser !== undefined && place ? parser(properties.parser, place) : undefined;
    return { parser: named ?? madeModel('parser', 'fluentbit', { format: 'json' }, at) };
  },
  example: `[INPUT]
    Name stdin
    Tag  lines`,
});

/** The plugin over a stream; tests give their own. */
export function stdinSourceOver(input: () => Readable): Plugin {
  return definePlugin({
    kind: 'source',
    name: 'stdin',
    summary: 'Takes the lines of standard input.',
    options,
    usesParser: true,
    fluentbit: stdinForm,
    example: `<source>
  @type stdin
  tag lines
  exit_on_eof true
  <parse>
    @type json
  </parse>
</source>`,
    create: (config, context) => new StdinSource(config, context, input),
  });
}

/** `stdin` on the program's standard input. */
export const stdinSource: Plugin = stdinSourceOver(() => process.stdin);

class StdinSource implements Source {
  readonly ended?: Promise<void>;
  readonly #context: SourceContext;
  readonly #options: OptionValues<typeof options>;
  readonly #parser: Parser;
  readonly #input: () => Readable;
  readonly #lines: LineCutter;
  readonly #joiner: Joiner | undefined;
  #stream: Readable | undefined;
  #isStopped = false;
  #reading: Promise<void> = Promise.resolve();
  #resolveEnded = (): void => {};

  constructor(config: PluginConfig<typeof options>, context: SourceContext, input: () => Readable) {
    this.#context = context;
    this.#options = config.options;
    this.#parser = context.parser(config.parser ?? 'none');
    this.#input = input;
    this.#lines = new LineCutter(config.options.maxLineSize);
    if (this.#parser.isMultiline === true) this.#joiner = new Joiner(this.#parser);
    if (config.options.exitOnEof)
      this.ended = new Promise((resolve) => {
        this.#resolveEnded = resolve;
      });
  }

  start(): Promise<void> {
    this.#stream = this.#input();
    this.#reading = this.#read(this.#stream);
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#stream?.destroy();
    await this.#reading;
  }

  async #read(stream: Readable): Promise<void> {
    try {
      for await (const chunk of stream) {
        // What was read is appended even while stopping: nobody else has it.
        await this.#take(this.#lines.add(Buffer.from(chunk as Uint8Array)));
        if (this.#isStopped) break;
      }
    } catch (error) {
      if (!this.#isStopped)
        this.#context.log.error(`reading standard input: ${errorText(error)}; no more is read from it.`);
    }
    await this.#take(this.#lines.end(), true);
    if (!this.#isStopped) this.#resolveEnded();
  }

  /** `isEnd`: nothing comes behind these lines, so what waits for its next line is complete. */
  async #take(lines: readonly Line[], isEnd = false): Promise<void> {
    if (lines.length === 0 && !isEnd) return;
    const { tag } = this.#options;
    const gathered = new RecordGatherer();
    const now = this.#context.clock.now();
    const refused: { reason: string; line: Buffer; problem: string }[] = [];
    const whole: Buffer[] = [];
    const taker = {
      add: (joined: Buffer) => void whole.push(joined),
      addStray(line: Buffer) {
        refused.push({ reason: 'no_first_line', line, problem: 'it stands before any line that begins a record' });
      },
    };
    for (const { bytes: line, isWhole } of lines)
      if (!isWhole) {
        const problem = `a line is longer than ${this.#options.maxLineSize} bytes`;
        refused.push({ reason: 'line_too_long', line, problem });
      } else if (this.#joiner) this.#joiner.add(line, 0, 0, taker, this.#context.clock.monotonicMs());
      else whole.push(line);
    if (isEnd) this.#joiner?.flush(taker, false);
    parseTexts(this.#parser, whole, (parsed, index) => {
      if (!('problem' in parsed)) gathered.add(parsed.fields, parsed.time ?? now);
      else refused.push({ reason: refusalReason(parsed), line: whole[index] as Buffer, problem: parsed.problem });
    });
    for (const { reason, line, problem } of refused) await this.#refuse(reason, line, problem);
    for (const records of gathered.take()) await this.#append(() => this.#context.append({ tag, records }));
  }

  async #refuse(reason: string, raw: Uint8Array, problem: string): Promise<void> {
    const { tag } = this.#options;
    this.#context.refused(reason, tag);
    try {
      await this.#context.keepRefused({ reason, tag, raw, detail: { problem } });
    } catch (error) {
      this.#context.log.error(`keeping a refused line of standard input: ${errorText(error)}; it is lost.`);
    }
  }

  /** Waits while the journal is full: the writer at the other end of the pipe waits with us. */
  async #append(run: () => Promise<number>): Promise<void> {
    for (;;)
      try {
        await run();
        return;
      } catch (error) {
        const isLater = error instanceof OperatingError && error.retryable && error.code !== 'JOURNAL_CLOSED';
        if (!isLater || this.#isStopped) {
          this.#context.log.error(`appending lines of standard input: ${errorText(error)}; they are lost.`);
          return;
        }
        await sleep(this.#context.clock, retryMs);
      }
  }
}

interface Line {
  readonly bytes: Buffer;
  /** False: the start of a line that is too long. */
  readonly isWhole: boolean;
}

/** Cuts chunks at line ends. A carriage return before a line feed belongs to the line end. */
class LineCutter {
  readonly #max: number;
  #rest: Buffer[] = [];
  #restBytes = 0;
  #isSkipping = false;
  constructor(max: number) {
    this.#max = max;
  }
  add(chunk: Buffer): Line[] {
    const lines: Line[] = [];
    let from = 0;
    for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, from)) {
      this.#hold(chunk.subarray(from, at), lines);
      this.#finish(lines);
      from = at + 1;
    }
    this.#hold(chunk.subarray(from), lines);
    return lines;
  }
  /** The last line, where the input ends without a line end. */
  end(): Line[] {
    const lines: Line[] = [];
    if (this.#restBytes > 0) this.#finish(lines);
    return lines;
  }
  #hold(part: Buffer, lines: Line[]): void {
    if (this.#isSkipping || part.length === 0) return;
    this.#rest.push(part);
    this.#restBytes += part.length;
    if (this.#restBytes <= this.#max) return;
    lines.push({ bytes: Buffer.concat(this.#rest).subarray(0, this.#max), isWhole: false });
    this.#forget();
    this.#isSkipping = true;
  }
  #finish(lines: Line[]): void {
    if (!this.#isSkipping) {
      const line = Buffer.concat(this.#rest);
      lines.push({ bytes: line.at(-1) === CR ? line.subarray(0, -1) : line, isWhole: true });
    }
    this.#forget();
    this.#isSkipping = false;
  }
  #forget(): void {
    this.#rest = [];
    this.#restBytes = 0;
  }
}
