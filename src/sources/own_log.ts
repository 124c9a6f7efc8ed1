/**
 * The `own_log` source: what the program itself logs, as records `<tag>.<level>`. A configuration that asks for Fluentd's own
 * log (`<label @FLUENT_LOG>`, `<match fluent.**>`) gets it. Source: Fluentd 1.16 log.rb and root_agent.rb.
 */
import { RecordGatherer } from '../codecs/encode.ts';
import { OperatingError } from '../core/errors.ts';
import { logFeed } from '../core/log.ts';
import { text } from '../core/options.ts';
import type { OptionValues } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { PluginConfig, Source, SourceContext } from '../core/plugin.ts';
import type { Fields, Value } from '../core/record.ts';

/** Lines taken in a second. A log of a log's own delivery must not feed itself, and a person reads no more. */
const linesMaxPerSecond = 100;
const levelNames: Readonly<Record<number, string>> = { 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' };

const options = {
  tag: text("What the records' tag begins with; the level follows: fluent.warn.", { default: 'fluent' }),
};

export const ownLogSource = definePlugin({
  kind: 'source',
  name: 'own_log',
  summary: "Takes the program's own log, from level info on, as records. It is on standard error in any case.",
  isReplicated: true,
  options,
  example: `<source>
  @type own_log
  tag fluent
  @label @FLUENT_LOG
</source>
<label @FLUENT_LOG>
  <match fluent.{warn,error}>
    @type stdout
  </match>
  <match **>
    @type null
  </match>
</label>`,
  create: (config, context) => new OwnLogSource(config, context),
});

class OwnLogSource implements Source {
  readonly #context: SourceContext;
  readonly #options: OptionValues<typeof options>;
  #leave: (() => void) | undefined;
  #secondMs = Number.NEGATIVE_INFINITY;
  #taken = 0;
  #waiting: { tag: string; fields: Fields }[] = [];
  #appending: Promise<void> = Promise.resolve();
  #isPlanned = false;

  constructor(config: PluginConfig<typeof options>, context: SourceContext) {
    this.#context = context;
    this.#options = config.options;
  }
  start(): Promise<void> {
    this.#leave = logFeed.listen((line) => this.#take(line));
    this.#say('now running');
    return Promise.resolve();
  }
  async stop(): Promise<void> {
    this.#say('now stopping');
    this.#leave?.();
    this.#append();
    await this.#appending;
  }
  /** What Fluentd says at its start and end in the same words; people watch for it. */
  #say(what: string): void {
    const worker = this.#context.worker.index;
    this.#add('info', { worker, message: `post2log is ${what} worker=${worker}` });
  }
  #take(line: string): void {
    const { level, msg, time: _time, ...rest } = JSON.parse(line) as { level: number; msg?: string; time?: string };
    const name = levelNames[level];
    if (name === undefined) return;
    const nowMs = this.#context.clock.monotonicMs();
    if (nowMs - this.#secondMs >= 1000) {
      this.#secondMs = nowMs;
      this.#taken = 0;
    }
    if (this.#taken >= linesMaxPerSecond)
      return this.#context.refused('too_many_lines', `${this.#options.tag}.${name}`);
    this.#taken++;
    this.#add(name, { ...(rest as Record<string, Value>), message: msg ?? '' });
  }
  /** The journal itself may be what logs: nothing is appended within the call. */
  #add(level: string, fields: Fields): void {
    this.#waiting.push({ tag: `${this.#options.tag}.${level}`, fields });
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    setImmediate(() => this.#append());
  }
  #append(): void {
    this.#isPlanned = false;
    const { clock } = this.#context;
    for (const { tag, fields } of this.#waiting.splice(0)) {
      const gathered = new RecordGatherer();
      gathered.add(fields, clock.now());
      for (const records of gathered.take()) {
        const appended = this.#context.append({ tag, records, sync: 'interval' }).then(
          () => undefined,
          (error: unknown) => {
            // It is on standard error. Logging it would only make another line.
            const reason = error instanceof OperatingError ? error.code.toLowerCase() : 'internal';
            this.#context.refused(reason, tag);
          },
        );
        this.#appending = Promise.all([this.#appending, appended]).then(() => undefined);
      }
    }
  }
}
