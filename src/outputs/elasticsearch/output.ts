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
  /** The servers of a chunk, where its keys choose them; undefined: the same for all. */
  readonly serversOf?: ((chunk: Chunk) => string | { readonly refused: string }) | undefined;
}

interface OutputParts {
  readonly cluster: Cluster;
  readonly lines: Lines;
  readonly conflicts: FieldConflicts | undefined;
  readonly preparation: Preparation | undefined;
}
/** Reads certificate files and the like for servers; called until it succeeds. Its signal ends with the output. */
type MakeParts = (signal: AbortSignal, servers: string) => Promise<OutputParts>;

/** Servers that are kept open where records choose them: each holds a few connections, and names come from records. */
const sitesMax = 100;

/** Servers that are written to: what is known of them. */
interface Site {
  readonly parts: OutputParts;
  server: Server | undefined;
  bytesMax: number;
  isOpen: boolean;
}

export class BulkOutput implements Output {
  readonly #settings: OutputSettings;
  readonly #context: OutputContext;
  readonly #make: MakeParts;
  readonly #documents: Counter;
  readonly #closed = new AbortController();
  /** By what is written for them, the one used last at the end; the empty text where they are the same for all. */
  readonly #sites = new Map<string, Promise<Site>>();

  constructor(settings: OutputSettings, context: OutputContext, make: MakeParts) {
    this.#settings = settings;
    this.#context = context;
    this.#make = make;
    this.#documents = context.metrics.counter(
      'bulk_documents_total',
      'Documents of _bulk requests by what the server said of them',
      ['output', 'answer'],
    );
  }

  async open(): Promise<void> {
    if (!this.#settings.serversOf) await this.#openSite(await this.#site(''));
  }
  async probe(): Promise<string | undefined> {
    if (!this.#settings.serversOf) await this.#site('');
    const sites = await Promise.all(this.#sites.values());
    for (const { parts } of sites)
      if (!(await askServer(parts.cluster, this.#closed.signal))) throw noServer(parts.cluster);
    return sites.length === 0 ? 'no server was asked: records choose them' : undefined;
  }
  async write(chunk: Chunk, signal: AbortSignal): Promise<WriteResult> {
    const servers = this.#settings.serversOf?.(chunk) ?? '';
    if (typeof servers !== 'string')
      return { refused: Array.from({ length: chunk.count }, (_, row) => ({ row, reason: servers.refused })) };
    const site = await this.#site(servers);
    if (!site.isOpen) await this.#openSite(site);
    await site.parts.preparation?.before(chunk, site.server, signal);
    return new ChunkWriting(this.#host(site), chunk, signal).run();
  }
  async close(): Promise<void> {
    this.#closed.abort();
    for (const site of this.#sites.values()) void site.then(closeSite, () => undefined);
    return Promise.resolve();
  }

  async #site(servers: string): Promise<Site> {
    const known = this.#sites.get(servers);
    if (known) {
      this.#sites.delete(servers);
      this.#sites.set(servers, known);
      return known;
    }
    const made = this.#make(this.#closed.signal, servers).then((parts) => ({
      parts,
      server: undefined,
      bytesMax: this.#settings.bodyBytesMax,
      isOpen: false,
    }));
    this.#sites.set(servers, made);
    this.#forgetOldest();
    try {
      return await made;
    } catch (error) {
      this.#sites.delete(servers);
      throw error;
    }
  }
  #forgetOldest(): void {
    for (const [servers, site] of this.#sites) {
      if (this.#sites.size <= sitesMax) return;
      this.#sites.delete(servers);
      void site.then(closeSite, () => undefined);
    }
  }
  async #openSite(site: Site): Promise<void> {
    const { signal } = this.#closed;
    const { cluster, preparation } = site.parts;
    if (this.#settings.asksVersion) site.server = await askServer(cluster, signal);
    await preparation?.start(site.server, signal);
    site.isOpen = true;
  }
  #host(site: Site): WritingHost {
    const { id, log } = this.#context;
    return {
      ...site.parts,
      settings: this.#settings,
      bytesMax: site.bytesMax,
      get server() {
        return site.server;
      },
      tooLarge: (bytes) => {
        site.bytesMax = Math.max(1, Math.min(site.bytesMax, bytes >> 1));
      },
      askServer: async (signal) => {
        site.server = await askServer(site.parts.cluster, signal);
        return site.server;
      },
      count: (answer, documents) => {
        if (documents > 0) this.#documents.inc({ output: id, answer }, documents);
      },
      warn: (text) => log.warn({ output: id }, `output ${id}: ${text}`),
    };
  }
}

function closeSite({ parts }: Site): void {
  parts.preparation?.stop();
  parts.cluster.close();
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
