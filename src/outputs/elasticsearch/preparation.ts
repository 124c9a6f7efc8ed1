/** What is made on the server before records come: for all of them, or as their chunks name it. */
import { compileChunkText } from '../../codecs/chunk-placeholders.ts';
import { OperatingError, errorText } from '../../core/errors.ts';
import type { Chunk, OutputContext } from '../../core/plugin.ts';
import type { Cluster } from './cluster.ts';
import { Retention } from './retention.ts';
import type { RetentionSettings } from './retention.ts';
import type { Server } from './server.ts';
import {
  kubernetesTemplate,
  lifecyclePolicy,
  putDataStream,
  putLifecycle,
  putRolloverAlias,
  putStateManagement,
  putTemplate,
  readTemplate,
  withLifecycle,
} from './templates.ts';
import type { TemplateSettings } from './templates.ts';
import { kubernetesMappings } from './template-translation.ts';
import type { JsonObject } from './template-translation.ts';
import type { Preparation } from './output.ts';

/** What the options ask for. Texts may hold placeholders of chunk keys. */
export interface PreparationSettings {
  readonly templates: TemplateSettings;
  readonly template:
    { readonly name: string; readonly file: string; readonly replaced: Readonly<Record<string, string>> } | undefined;
  /** Names and files of further templates. */
  readonly others: Readonly<Record<string, string>>;
  /** What the names of indices begin with that get the template for Kubernetes; undefined: none do. */
  readonly kubernetes: string | undefined;
  readonly rollover: RolloverSettings | undefined;
  readonly dataStream: DataStreamSettings | undefined;
  readonly retention: (RetentionSettings & { readonly prefix: string }) | undefined;
  /** After so long it is looked again whether all is there. */
  readonly forgetsAfterMs: number | undefined;
}
export interface RolloverSettings {
  readonly alias: string;
  readonly index: string;
  /** Of the first index: behind the index's name, a date as `now/d` or none, and a name. */
  readonly separator: string;
  readonly datePattern: string;
  readonly application: string;
  readonly lifecycle: LifecycleSettings | undefined;
}
export interface LifecycleSettings {
  readonly name: string;
  /** Policies by name; one that is not there is the default. */
  readonly policies: JsonObject;
  readonly overwrites: boolean;
}
export interface DataStreamSettings {
  readonly kind: 'elasticsearch' | 'opensearch';
  readonly name: string;
  readonly templateName: string;
  readonly policyName: string;
  readonly policy: JsonObject | undefined;
  readonly policyOverwrites: boolean;
  readonly isWildcard: boolean;
  readonly hasKubernetes: boolean;
  readonly retentionMs: number | undefined;
}

/** Names that were seen to; beyond so many they are forgotten, and looked for again. */
const namesMax = 1000;

/** Undefined: the options ask for nothing. */
export function prepare(
  settings: PreparationSettings,
  cluster: Cluster,
  context: OutputContext,
  signal: AbortSignal,
): Preparation | undefined {
  const { template, others, kubernetes, rollover, dataStream, retention } = settings;
  const isAsked = template ?? kubernetes ?? rollover ?? dataStream ?? retention;
  if (isAsked === undefined && Object.keys(others).length === 0) return undefined;
  return new ServerPreparation(settings, cluster, context, signal);
}

class ServerPreparation implements Preparation {
  readonly #settings: PreparationSettings;
  readonly #cluster: Cluster;
  readonly #context: OutputContext;
  readonly #retention: Retention | undefined;
  readonly #fill = new Map<string, (chunk: Chunk) => string>();
  #done = new Set<string>();
  #doneMs = 0;

  constructor(settings: PreparationSettings, cluster: Cluster, context: OutputContext, signal: AbortSignal) {
    this.#settings = settings;
    this.#cluster = cluster;
    this.#context = context;
    this.#retention = settings.retention && new Retention(settings.retention, cluster, context, signal);
  }
  async start(server: Server | undefined, signal: AbortSignal): Promise<void> {
    const { others, templates } = this.#settings;
    for (const [name, file] of Object.entries(others))
      await putTemplate(this.#cluster, server, name, await readTemplate(file, {}), templates, signal);
    // Without placeholders all is made now, so that what is wrong is told before the first record.
    if (!this.#hasPlaceholders) await this.#prepare((text) => text, server, signal);
  }
  async before(chunk: Chunk, server: Server | undefined, signal: AbortSignal): Promise<void> {
    const { forgetsAfterMs } = this.#settings;
    const nowMs = this.#context.clock.monotonicMs();
    if (this.#done.size > namesMax || (forgetsAfterMs !== undefined && nowMs - this.#doneMs > forgetsAfterMs)) {
      this.#done = new Set();
      this.#doneMs = nowMs;
    }
    await this.#prepare((text) => this.#filled(text, chunk), server, signal);
  }
  stop(): void {
    this.#retention?.stop();
  }

  get #hasPlaceholders(): boolean {
    const { template, kubernetes, rollover, dataStream, retention } = this.#settings;
    const texts = JSON.stringify([template, kubernetes, rollover, dataStream, retention?.prefix]);
    return texts.includes('${') || (this.#context.buffer.chunkKeys.includes('time') && texts.includes('%'));
  }
  #filled(text: string, chunk: Chunk): string {
    const known = this.#fill.get(text);
    if (known) return known(chunk);
    const fill = compileChunkText(text, this.#context.buffer);
    const filled = (one: Chunk): string => fill(one).text;
    this.#fill.set(text, filled);
    return filled(chunk);
  }
  async #prepare(fill: (text: string) => string, server: Server | undefined, signal: AbortSignal): Promise<void> {
    const { retention, kubernetes, dataStream } = this.#settings;
    await this.#withRollover(fill, server, signal);
    if (kubernetes !== undefined) {
      const prefix = fill(kubernetes).toLowerCase();
      await this.#once(`kubernetes ${prefix}`, async () => {
        const name = `post2log-kubernetes-${prefix.replaceAll(/[^a-z0-9_-]+/g, '-')}`.replace(/-+$/, '');
        const template = kubernetesTemplate([`${prefix}*`]);
        await putTemplate(this.#cluster, server, name, template, this.#settings.templates, signal);
      });
    }
    if (dataStream) await this.#withDataStream(dataStream, fill, server, signal);
    if (retention) await this.#retention?.add(fill(retention.prefix).toLowerCase());
  }
  async #once(key: string, make: () => Promise<void>): Promise<void> {
    if (this.#done.has(key)) return;
    await make();
    this.#done.add(key);
  }
  /** The template of the options, and the alias and policy where there are such. */
  async #withRollover(fill: (text: string) => string, server: Server | undefined, signal: AbortSignal): Promise<void> {
    const { template, rollover, templates } = this.#settings;
    if (!template) return;
    const index = rollover && fill(rollover.index).toLowerCase();
    const alias = rollover && fill(rollover.alias).toLowerCase();
    const lifecycle = rollover?.lifecycle;
    const policy = lifecycle && fill(lifecycle.name);
    const name = alias !== undefined && lifecycle ? alias : fill(template.name);
    await this.#once(`template ${name} ${alias ?? ''}`, async () => {
      const replaced = Object.fromEntries(Object.entries(template.replaced).map(([key, value]) => [key, fill(value)]));
      let contents = await readTemplate(template.file, replaced);
      if (rollover && policy !== undefined && index !== undefined && alias !== undefined) {
        const depth = index.split(rollover.separator).length - 1;
        contents = withLifecycle(contents, `${index}${rollover.separator}*`, policy, alias, depth);
      }
      await putTemplate(this.#cluster, server, name, contents, templates, signal);
      if (!rollover || alias === undefined || index === undefined) return;
      if (lifecycle && policy !== undefined) {
        const own = lifecycle.policies[policy] as JsonObject | undefined;
        await putLifecycle(
          this.#cluster,
          server,
          policy,
          own ?? lifecyclePolicy(undefined),
          lifecycle.overwrites,
          signal,
        );
      }
      const date = rollover.datePattern === '' ? '' : `-{${rollover.datePattern}}`;
      const application = fill(rollover.application).toLowerCase();
      const firstIndex = `<${index}${rollover.separator}${application}${date}-000001>`;
      await putRolloverAlias(this.#cluster, { alias, firstIndex }, signal);
    });
  }
  async #withDataStream(
    stream: DataStreamSettings,
    fill: (text: string) => string,
    server: Server | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const name = fill(stream.name).toLowerCase();
    await this.#once(`stream ${name}`, async () => {
      const problem = streamNameProblem(name);
      if (problem !== undefined)
        throw new OperatingError('OUTPUT_REFUSED', `data stream ${JSON.stringify(name)} ${problem}`);
      const policy = fill(stream.policyName);
      const pattern = `${name}${stream.isWildcard ? '*' : ''}`;
      const isElastic = server?.kind === 'elasticsearch' || (server === undefined && stream.kind === 'elasticsearch');
      const hasPolicy = isElastic && (stream.kind === 'elasticsearch' || stream.retentionMs !== undefined);
      if (hasPolicy) {
        const overwrites = stream.policyOverwrites || (stream.retentionMs !== undefined && !stream.policy);
        const contents = stream.policy ?? lifecyclePolicy(stream.retentionMs);
        await putLifecycle(this.#cluster, server, policy, contents, overwrites, signal);
      } else if (stream.retentionMs !== undefined)
        await this.#manage(policy, name, pattern, stream.retentionMs, signal);
      if (!this.#settings.template) {
        const template = streamTemplate(stream, name, pattern, hasPolicy ? policy : undefined);
        const settings = { ...this.#settings.templates, isLegacy: false };
        await putTemplate(this.#cluster, server, fill(stream.templateName), template, settings, signal);
      }
      await putDataStream(this.#cluster, name, signal);
    });
  }
  /** A server without the plugin for it is told of; records go on. */
  async #manage(
    policy: string,
    name: string,
    pattern: string,
    retentionMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { id, log } = this.#context;
    try {
      const priority = ownPriority + streamRank(name);
      await putStateManagement(this.#cluster, policy, { pattern, priority, retentionMs }, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      log.error(
        { output: id },
        `output ${id}: index_retention has no effect, as the policy ${policy} cannot be made: ${errorText(error)}`,
      );
    }
  }
}

/** Templates that Elasticsearch brings have the priority 100. What is asked for here goes before them. */
const ownPriority = 100;
/** Of two streams one may begin with the name of the other: the server wants to be told whose template holds for both. */
function streamRank(name: string): number {
  return Math.min(99, name.length);
}

function streamTemplate(
  { retentionMs, hasKubernetes, policy: written }: DataStreamSettings,
  name: string,
  pattern: string,
  policy: string | undefined,
): JsonObject {
  const isAsked = retentionMs !== undefined || hasKubernetes || written !== undefined;
  return {
    index_patterns: [pattern],
    data_stream: {},
    priority: (isAsked ? ownPriority : 0) + streamRank(name),
    template: {
      ...(policy !== undefined && { settings: { 'index.lifecycle.name': policy } }),
      ...(hasKubernetes && { mappings: kubernetesMappings }),
    },
  };
}

/** What is wrong with the name of a data stream; undefined: nothing. */
export function streamNameProblem(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (name === '.' || name === '..') return 'must not be . or ..';
  if (/^[-_+.]/.test(name)) return 'must not begin with -, _, + or .';
  if (/[\\/*?"<>| ,#:]/.test(name)) return 'must not hold \\ / * ? " < > | , # : or a blank';
  if (name !== name.toLowerCase()) return 'must be in lower case';
  return Buffer.byteLength(name) > 255 ? 'is longer than 255 bytes' : undefined;
}
