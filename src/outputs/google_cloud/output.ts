/** Makes entries of a chunk's records and writes them. Shared by `google_cloud` and `stackdriver`, which differ in what an entry holds. */
import type { ConnectionOptions } from 'node:tls';
import type { Instant } from '../../core/clock.ts';
import { OperatingError } from '../../core/errors.ts';
import type { Chunk, Output, OutputContext, WriteResult } from '../../core/plugin.ts';
import type { Fields } from '../../core/record.ts';
import { LoggingApi } from './api.ts';
import type { ApiSettings, LogEntry } from './api.ts';
import { EntryRefused } from './entry-refused.ts';
import type { TokenSource } from './token.ts';

/** A record on its way into an entry. */
export interface EntryInput {
  readonly tag: string;
  readonly fields: Fields;
  readonly time: Instant;
  readonly emissionId: string;
  readonly nowMs: number;
}

/** What an output knows once it has found out where it runs. */
export interface Writer {
  readonly projectId: string;
  /** @throws EntryRefused */
  entry(input: EntryInput): Omit<LogEntry, 'row' | 'id'>;
}

export interface CloudLoggingParts {
  readonly api: Omit<ApiSettings, 'connectionsMax' | 'tls'>;
  /** Reads certificate files. @throws OperatingError OUTPUT_UNREACHABLE */
  tls?(): Promise<ConnectionOptions>;
  readonly token: TokenSource;
  /** Finds out where this program runs. @throws OperatingError to be called again later */
  find(): Promise<Writer>;
}

/** URL of the service, where no option says another; the variable is that of Google's own command line tools. */
export function defaultUrl(env: Readonly<Record<string, string | undefined>>): string {
  const written = env['CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING'] ?? '';
  return written === '' ? 'https://logging.googleapis.com' : written;
}

/** What is wrong with a URL of the service; undefined: nothing. */
export function urlProblem(name: string, url: string): string | undefined {
  const parsed = URL.parse(url);
  if (parsed && /^https?:$/.test(parsed.protocol)) return undefined;
  return `${name} ${JSON.stringify(url)} is no URL such as https://logging.googleapis.com`;
}

export class CloudLoggingOutput implements Output {
  readonly #context: OutputContext;
  readonly #parts: CloudLoggingParts;
  #api: LoggingApi | undefined;
  #writer: Writer | undefined;

  constructor(context: OutputContext, parts: CloudLoggingParts) {
    this.#context = context;
    this.#parts = parts;
  }
  async open(): Promise<void> {
    const { api, token } = this.#parts;
    const connectionsMax = Math.max(1, this.#context.buffer.concurrency);
    const tls = (await this.#parts.tls?.()) ?? {};
    this.#api ??= new LoggingApi({ ...api, connectionsMax, tls }, token, this.#context);
    this.#writer ??= await this.#parts.find();
  }
  async write(chunk: Chunk, signal: AbortSignal): Promise<WriteResult> {
    const [api, writer] = [this.#api, this.#writer];
    if (!api || !writer) throw new OperatingError('OUTPUT_UNREACHABLE', `output ${this.#context.id} is not open`);
    const nowMs = this.#context.clock.nowMs();
    const entries: LogEntry[] = [];
    const refused: { row: number; reason: string }[] = [];
    let first = 0;
    for (const one of chunk.batches) {
      const { batch } = one;
      for (let row = 0; row < batch.count; row++) {
        const id = one.emissionId(row);
        try {
          const input = { tag: batch.tag, fields: batch.fields(row), time: batch.time(row), emissionId: id, nowMs };
          entries.push({ ...writer.entry(input), row: first + row, id });
        } catch (error) {
          if (!(error instanceof EntryRefused)) throw error;
          refused.push({ row: first + row, reason: `FILTER_FAILED: ${error.message}` });
        }
      }
      first += batch.count;
    }
    if (entries.length === 0) return { refused };
    const result = await api.write(entries, writer.projectId, signal);
    return { ...result, refused: [...refused, ...(result.refused ?? [])] };
  }
  async probe(): Promise<void> {
    await this.open();
    await this.#api?.probe(this.#writer?.projectId ?? '', AbortSignal.timeout(probeMsMax));
  }
  close(): Promise<void> {
    this.#api?.close();
    return Promise.resolve();
  }
}
/** A person waits for it. */
const probeMsMax = 10_000;
