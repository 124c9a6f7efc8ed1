/**
 * Outputs that speak `_bulk`: opened once the server answered and holds what is to be there before records come, then
 * chunk after chunk. What happens to a chunk is in writing.ts.
 */
import type { Counter } from 'prom-client';
import { OperatingError } from '../../core/errors.ts';
import type { Chunk, Output, OutputContext, WriteResult } from '../../core/plugin.ts';
import type { Cluster } from './cluster.ts';
import type { FieldConflicts } from './conflicts.ts';
import type { Lines } from './lines.ts';
import { readServer } from './server.ts';
import type { Server } from './server.ts';
import { ChunkWriting } from './writing.ts';
import type { BulkSettings, WritingHost } from './writing.ts';

/** What is made on the server before records come, and looked after while they do. */
export interface Preparation {
  /** Called once, before the first write. @throws OperatingError to be called again */
  start(server: Server | undefined, signal: AbortSignal): Promise<void>;
  /** Called before each chunk. */
  before(chunk: Chunk, server: Server | undefined, signal: AbortSignal): Promise<void>;
  stop(): void;
}

export interface OutputSettings extends BulkSettings {
  /** Requests end beyond so many bytes. */
  readonly bodyBytesMax: number;
  /** Asks for the version before the first write. */
  readonly asksVersion: boolean;
}

export interface OutputParts {
  readonly cluster: Cluster;
  readonly lines: Lines;
  readonly conflicts: FieldConflicts | undefined;
  readonly preparation: Preparation | undefined;
}

export class BulkOutput implements Output {
  readonly #settings: OutputSettings;
  readonly #context: OutputContext;
  readonly #make: (signal: AbortSignal) => Promise<OutputParts>;
  readonly #documents: Counter;
  readonly #closed = new AbortController();
  #parts: OutputParts | undefined;
  #server: Server | undefined;
  #bytesMax: number;

  /** `make` reads certificate files and the like; called until it succeeds. Its signal ends with the output. */
  constructor(settings: OutputSettings, context: OutputContext, make: (signal: AbortSignal) => Promise<OutputParts>) {
    this.#settings = settings;
    this.#context = context;
    this.#make = make;
    this.#bytesMax = settings.bodyBytesMax;
    this.#documents = context.metrics.counter(
      'bulk_documents_total',
      'Documents of _bulk requests by what the server said of them',
      ['output', 'answer'],
    );
  }

  async open(): Promise<void> {
    const { signal } = this.#closed;
    const { preparation, cluster } = (this.#parts ??= await this.#make(this.#closed.signal));
    if (this.#settings.asksVersion) this.#server = await askServer(cluster, signal);
    await preparation?.start(this.#server, signal);
  }
  async probe(): Promise<void> {
    const { cluster } = (this.#parts ??= await this.#make(this.#closed.signal));
    if (!(await askServer(cluster, this.#closed.signal))) throw noServer(cluster);
  }
  async write(chunk: Chunk, signal: AbortSignal): Promise<WriteResult> {
    const parts = this.#parts;
    if (!parts) throw new OperatingError('OUTPUT_UNREACHABLE', `output ${this.#context.id} is not open`);
    await parts.preparation?.before(chunk, this.#server, signal);
    return new ChunkWriting(this.#host(parts), chunk, signal).run();
  }
  close(): Promise<void> {
    this.#closed.abort();
    this.#parts?.preparation?.stop();
    this.#parts?.cluster.close();
    return Promise.resolve();
  }

  #host(parts: OutputParts): WritingHost {
    const server = (): Server | undefined => this.#server;
    return {
      ...parts,
      settings: this.#settings,
      bytesMax: this.#bytesMax,
      get server() {
        return server();
      },
      tooLarge: (bytes) => {
        this.#bytesMax = Math.max(1, Math.min(this.#bytesMax, bytes >> 1));
      },
      askServer: async (signal) => {
        this.#server = await askServer(parts.cluster, signal);
        return this.#server;
      },
      count: (answer, documents) => {
        if (documents > 0) this.#documents.inc({ output: this.#context.id, answer }, documents);
      },
    };
  }
}

/** Undefined: a server that does not say its version. @throws OperatingError OUTPUT_UNREACHABLE, also where there is none */
async function askServer(cluster: Cluster, signal: AbortSignal): Promise<Server | undefined> {
  const answer = await cluster.json('GET', '/', signal);
  if (answer === undefined) throw noServer(cluster);
  return readServer(answer);
}

function noServer(cluster: Cluster): OperatingError {
  const at = cluster.hosts.map(({ shown }) => shown).join(', ');
  return new OperatingError(
    'OUTPUT_UNREACHABLE',
    `what answers at ${at} does not say which version of Elasticsearch or OpenSearch it is; check host, port and path`,
  );
}
