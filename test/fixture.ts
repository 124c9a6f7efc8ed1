/** What tests of plugins need: configs with defaults, contexts, batches and chunks. Not used by the program. */
import assert from 'node:assert/strict';
import { defaultBuffer } from '../src/config/model.ts';
import { PackedRecords } from '../src/core/packed-records.ts';
import type { PluginModel } from '../src/config/model.ts';
import { Batch, Block, codecs } from '../src/core/batch.ts';
import { ByteWriter } from '../src/core/bytes.ts';
import { FakeClock } from '../src/core/clock.ts';
import type { Instant } from '../src/core/clock.ts';
import { scanJson } from '../src/core/json.ts';
import { silentLog } from '../src/core/log.ts';
import type { Log } from '../src/core/log.ts';
import { Metrics } from '../src/core/metrics.ts';
import { encodeMsgpack } from '../src/core/msgpack.ts';
import type {
  AppendRequest,
  Chunk,
  Formatter,
  OutputContext,
  Parser,
  Plugin,
  PluginConfig,
  PluginContext,
  PluginKind,
  SourceContext,
} from '../src/core/plugin.ts';
import type { StoreAccess } from '../src/core/record-store.ts';
import type { Fields } from '../src/core/record.ts';
import { Registry } from '../src/core/registry.ts';
import { textStream } from '../src/core/standard-output.ts';

const at = { file: 'test.conf', line: 1, column: 1 };

/** A section as a config loader gives it. */
export function section(options: Record<string, unknown>, sections?: Record<string, Record<string, unknown>[]>) {
  return {
    argument: '',
    options,
    pairs: [],
    at,
    ...(sections && {
      sections: Object.fromEntries(
        Object.entries(sections).map(([name, list]) => [
          name,
          list.map((one) => ({ argument: '', options: one, pairs: [], at })),
        ]),
      ),
    }),
  };
}

/** A free-form section such as `<record>`. */
export function pairs(values: Record<string, string>) {
  return { ...section({}), pairs: Object.entries(values).map(([key, value]) => ({ key, value, at })) };
}

/** A plugin's config: the options given, checked, and the defaults of the others. */
export function configOf(
  plugin: Plugin,
  options: Record<string, unknown> = {},
  rest: Partial<Omit<PluginConfig, 'options' | 'at'>> = {},
): PluginConfig {
  for (const name of Object.keys(options))
    if (!(name in plugin.options)) throw new TypeError(`${plugin.name} has no option ${name}`);
  const values = Object.fromEntries(
    Object.entries(plugin.options).map(([name, spec]) => [name, spec.schema.parse(options[name])]),
  );
  return { options: values, sections: {}, at, ...rest };
}

/** A nested plugin as a config loader gives it, defaults filled in. */
export function modelOf(plugin: Plugin, options: Record<string, unknown> = {}): PluginModel {
  return { kind: plugin.kind, type: plugin.name, ...configOf(plugin, options) };
}

/** A context whose nested parsers and formatters come from `plugins`. */
export function contextOf(plugins: readonly Plugin[], log: Log = silentLog()): PluginContext & { clock: FakeClock } {
  const registry = new Registry(plugins);
  const find = <K extends PluginKind>(kind: K, model: PluginModel | string) => {
    const plugin = registry.get(kind, typeof model === 'string' ? model : model.type);
    if (!plugin) throw new TypeError(`no ${kind} ${JSON.stringify(model)}`);
    return { plugin, config: typeof model === 'string' ? configOf(plugin) : model };
  };
  const shared = new Map<string, unknown>();
  const context = {
    log,
    clock: new FakeClock(),
    metrics: new Metrics(),
    parser(model: PluginModel | string): Parser {
      const { plugin, config } = find('parser', model);
      return plugin.create(config, context);
    },
    formatter(model: PluginModel | string): Formatter {
      const { plugin, config } = find('formatter', model);
      return plugin.create(config, context);
    },
    shared: <T>(key: string, make: (directory: string | undefined) => T): T => {
      if (!shared.has(key)) shared.set(key, make(undefined));
      return shared.get(key) as T;
    },
  };
  return context;
}

export function outputContextOf(
  context: PluginContext,
  rest: Partial<Pick<OutputContext, 'committed' | 'buffer' | 'directory' | 'store'>> = {},
): OutputContext {
  const store: StoreAccess = { hold: () => assert.fail('this test has no store') };
  const own = { id: 'test', committed: undefined, buffer: defaultBuffer, directory: '/nonexistent', store };
  return { ...context, ...own, ...rest };
}

/** What a journal keeps of an append: the buffers of its records are used again once it is answered. */
export function kept(request: AppendRequest): AppendRequest {
  const { records } = request;
  if (records instanceof PackedRecords) {
    const { bytes, ends, seconds, nanos } = records;
    return { ...request, records: new PackedRecords(Buffer.from(bytes), ends, seconds, nanos) };
  }
  const payloads = records.payloads.map((payload) => (typeof payload === 'string' ? payload : Buffer.from(payload)));
  return { ...request, records: { ...records, payloads } };
}

/** A source context that keeps what is appended; `gate`, where set, decides what an append does. */
export function sourceContextOf(context: PluginContext): SourceContext & {
  readonly appended: AppendRequest[];
  readonly refusals: { reason: string; raw?: string }[];
  gate: (() => Promise<void>) | undefined;
} {
  const appended: AppendRequest[] = [];
  const refusals: { reason: string; raw?: string }[] = [];
  const made = {
    ...context,
    id: 'test',
    worker: { index: 0, count: 1 },
    state: new Map<string, unknown>(),
    appended,
    refusals,
    gate: undefined as (() => Promise<void>) | undefined,
    async append(request: AppendRequest): Promise<number> {
      await made.gate?.();
      appended.push(kept(request));
      return appended.length;
    },
    refused: (): void => undefined,
    recentKeys: async function* () {},
    peers: { call: () => Promise.reject(new Error('no peers')), serve: (): void => undefined },
    keepRefused({ reason, raw }: { reason: string; raw: Uint8Array }): Promise<void> {
      refusals.push({ reason, raw: Buffer.from(raw).toString('latin1') });
      return Promise.resolve();
    },
  };
  return made;
}

/** A batch of JSON texts as they would lie in the journal; times default to 2024-03-05 06:07:00 and a second more each. */
export function batchOf(tag: string, records: readonly string[], times: readonly Instant[] = []): Batch {
  const texts = records.map((record) => Buffer.from(record));
  return blockOf(
    tag,
    codecs.json,
    texts,
    texts.map((text) => (scanJson(text).exact ? 1 : 0)),
    times,
  );
}

/** The same, as MessagePack. */
export function packedBatchOf(tag: string, records: readonly Fields[], times: readonly Instant[] = []): Batch {
  return blockOf(
    tag,
    codecs.msgpack,
    records.map(encodeMsgpack),
    records.map(() => 1),
    times,
  );
}

function blockOf(
  tag: string,
  codec: (typeof codecs)[keyof typeof codecs],
  payloads: readonly Buffer[],
  exact: readonly number[],
  times: readonly Instant[],
): Batch {
  const bounds = [0];
  for (const payload of payloads) bounds.push((bounds.at(-1) ?? 0) + payload.length);
  return Batch.of(
    tag,
    new Block({
      shard: '00',
      firstOffset: 0,
      appendMs: 0,
      source: 'test',
      codec,
      payload: Buffer.concat(payloads),
      bounds: Uint32Array.from(bounds),
      exact: Uint8Array.from(exact),
      seconds: Float64Array.from(payloads, (_, i) => times[i]?.seconds ?? 1_709_618_820 + i),
      nanos: Uint32Array.from(payloads, (_, i) => times[i]?.nanos ?? 0),
    }),
  );
}

/** What a formatter writes of a batch. */
export function written(formatter: Formatter, batch: Batch): string {
  const out = new ByteWriter();
  formatter.write(batch, 0, batch.count, out);
  return out.view().toString('utf8');
}

/** A batch's records as JSON texts. */
export function texts(batch: Batch): string[] {
  return Array.from({ length: batch.count }, (_, row) => batch.json(row).toString('utf8'));
}

export function chunkOf(
  batches: readonly Batch[],
  keys: Partial<Pick<Chunk, 'tag' | 'timekeySeconds' | 'fields'>> = {},
): Chunk {
  return {
    id: '5f',
    tag: undefined,
    timekeySeconds: undefined,
    fields: new Map(),
    ...keys,
    batches: batches.map((batch) => ({
      batch,
      emissionId: (row) => `00-${batch.offset(row)}`,
      ordinal: () => -1,
      span: undefined,
      doneBelow: 0,
    })),
    count: batches.reduce((sum, batch) => sum + batch.count, 0),
    bytes: batches.reduce((sum, batch) => sum + batch.totalBytes(), 0),
  };
}

/** A stream that keeps what is written, or fails. */
export function recorder() {
  const state = { text: '', failure: undefined as Error | undefined };
  const stream = textStream((bytes) => {
    if (state.failure) return Promise.reject(state.failure);
    state.text += Buffer.from(bytes).toString();
    return Promise.resolve(bytes.length);
  });
  return { state, stream };
}
