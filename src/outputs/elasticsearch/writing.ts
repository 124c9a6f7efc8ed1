/** One chunk on its way: its requests sent, halved where they are too large, and read from the answers what became of each record. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { OperatingError } from '../../core/errors.ts';
import type { Chunk, WriteResult } from '../../core/plugin.ts';
import { readBulkAnswer, saysNoErrors, verdictOf } from './answer.ts';
import type { BulkEntry } from './answer.ts';
import { bulkRequests, halves, linesAt, rowsOf } from './bulk.ts';
import type { BulkRequest } from './bulk.ts';
import { notDone, saidBy } from './cluster.ts';
import type { Cluster, ClusterAnswer } from './cluster.ts';
import type { FieldConflicts } from './conflicts.ts';
import { indicesOf, isThere } from './existing.ts';
import type { Lines } from './lines.ts';
import type { Server } from './server.ts';
import { takesTypes } from './server.ts';

export interface BulkSettings {
  /** zlib's level; undefined: bodies are sent as they are. */
  readonly gzipLevel: number | undefined;
  /** What stands behind `_bulk`. */
  readonly query: string;
  /** Types of errors that are refused though the server calls them temporary. */
  readonly unrecoverable: ReadonlySet<string>;
  /** Whether a request is given up after a status; undefined: no answer came. */
  givesUpAfter(status: number | undefined): boolean;
  /** A request that is refused as a whole is tried as often as the configuration says, and not halved. */
  readonly triesBadRequests: boolean;
  /** Says in the log why the server refused records. */
  readonly logsRefusals: boolean;
}

/** What a writing needs of its output. */
export interface WritingHost {
  readonly settings: BulkSettings;
  readonly cluster: Cluster;
  readonly lines: Lines;
  readonly conflicts: FieldConflicts | undefined;
  readonly server: Server | undefined;
  /** Requests end beyond so many bytes. */
  readonly bytesMax: number;
  /** A request of so many bytes was too large. */
  tooLarge(bytes: number): void;
  /** Asks what server it is. */
  askServer(signal: AbortSignal): Promise<Server | undefined>;
  count(answer: 'taken' | 'existing' | 'retried' | 'refused' | 'diverted', documents: number): void;
  warn(text: string): void;
}

/** An answer may have so much for each document: some 200 bytes where it was taken, a long reason where it was not. */
const answerBytesPerRow = 4096;
const answerBytesMax = 256 * 1024 * 1024;
/** Of a chunk's reasons so many are said in the log: each may be one of its own. */
const reasonsSaid = 5;
/** A record may hold so many fields that are in conflict; each costs a request. */
const divertRounds = 20;

const pack = promisify(gzip);

export class ChunkWriting {
  readonly #host: WritingHost;
  readonly #chunk: Chunk;
  readonly #signal: AbortSignal;
  readonly #refused: { row: number; reason: string }[] = [];
  readonly #retry: number[] = [];
  #retryError: OperatingError | undefined;
  #taken = 0;

  constructor(host: WritingHost, chunk: Chunk, signal: AbortSignal) {
    this.#host = host;
    this.#chunk = chunk;
    this.#signal = signal;
  }
  /** @throws OperatingError when nothing of the chunk was taken, and it is to be tried again as it is */
  async run(): Promise<WriteResult> {
    await this.#findIndices();
    try {
      await this.#sendRows(undefined, 0);
    } finally {
      this.#host.conflicts?.forget(this.#chunk.batches.map(({ batch }) => batch));
    }
    const [refused, retry] = [this.#refused, this.#retry];
    this.#host.count('refused', refused.length);
    if (this.#host.settings.logsRefusals) this.#sayRefusals();
    this.#host.count('retried', retry.length);
    if (this.#retryError && retry.length === this.#chunk.count) throw this.#retryError;
    const retryReason = this.#retryError?.message;
    return { refused, retry, ...(retryReason !== undefined && { retryReason }) };
  }

  /** What the server refused, by its words. */
  #sayRefusals(): void {
    const counts = new Map<string, number>();
    for (const { reason } of this.#refused) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    for (const [reason, count] of [...counts].slice(0, reasonsSaid))
      this.#host.warn(`${count} of ${this.#chunk.count} records were refused: ${reason}`);
    if (counts.size > reasonsSaid) this.#host.warn(`and others, for ${counts.size - reasonsSaid} other reasons`);
  }
  /** Looks for the indices that hold the documents to be updated. @throws OperatingError */
  async #findIndices(): Promise<void> {
    const { lines, cluster, server } = this.#host;
    const asked = lines.wantsIndices?.(this.#chunk, server);
    if (asked) lines.knowIndices?.(this.#chunk, await indicesOf(cluster, asked, this.#signal));
  }
  /** Writes lines for records and sends them; undefined: all records of the chunk. */
  async #sendRows(rows: Iterable<number> | undefined, round: number): Promise<void> {
    const { lines, server, bytesMax } = this.#host;
    const refuse = (row: number, reason: string): void => void this.#refused.push({ row, reason });
    for (const request of bulkRequests(lines, this.#chunk, server, bytesMax, refuse, rows))
      await this.#deliver(request, round);
  }
  /** Sends a request. What is not known to be taken is to be written again. */
  async #deliver(request: BulkRequest, round: number): Promise<void> {
    // The server answered nothing, or is full: the rest would only be sent in vain.
    if (this.#retryError && this.#taken === 0) return this.#again(request.rows, this.#retryError);
    let answer: ClusterAnswer;
    try {
      answer = await this.#send(request);
    } catch (error) {
      if (!(error instanceof OperatingError) || this.#signal.aborted) throw error;
      if (this.#host.settings.givesUpAfter(undefined)) return this.#giveUp(request.rows, error.message);
      return this.#again(request.rows, error);
    }
    const { status } = answer;
    if (status >= 200 && status < 300) return this.#read(request, answer, round);
    if (status === 413 && request.rows.length > 1) return this.#halve(request, round);
    if (status === 400 || status === 413) return this.#bad(request, answer, round);
    if (this.#host.settings.givesUpAfter(status)) return this.#giveUp(request.rows, saidBy(answer));
    return this.#again(request.rows, notDone(answer));
  }
  #again(rows: readonly number[], error: OperatingError): void {
    for (const row of rows) this.#retry.push(row);
    this.#retryError ??= error;
  }
  #giveUp(rows: readonly number[], said: string): void {
    for (const row of rows) this.#refused.push({ row, reason: `OUTPUT_REFUSED: ${said} (one of ignore_exceptions)` });
  }
  async #send(request: BulkRequest): Promise<ClusterAnswer> {
    const { gzipLevel } = this.#host.settings;
    if (gzipLevel !== undefined) return this.#sendBody(request, await pack(request.body, { level: gzipLevel }));
    let isTaken = false;
    try {
      const answer = await this.#sendBody(request, request.body);
      isTaken = answer.status >= 200 && answer.status < 300;
      return answer;
    } finally {
      // Who refuses a request may say so before it has read all of it.
      if (!isTaken) request.keep();
    }
  }
  #sendBody(request: BulkRequest, body: Buffer): Promise<ClusterAnswer> {
    const { settings, cluster } = this.#host;
    const { query } = settings;
    return cluster.send(
      {
        method: 'POST',
        path: `${request.index === '' ? '' : `/${encodeURIComponent(request.index)}`}/_bulk${query}`,
        // Elasticsearch 9 would refuse its clients' own media type where Accept does not name it too; this one all versions take.
        headers: {
          'Content-Type': 'application/x-ndjson',
          ...(settings.gzipLevel !== undefined && { 'Content-Encoding': 'gzip' }),
        },
        body,
        answer: {
          bytesKept: Math.min(answerBytesMax, 1024 * 1024 + request.rows.length * answerBytesPerRow),
          isEnough: saysNoErrors,
        },
      },
      this.#signal,
    );
  }
  async #halve(request: BulkRequest, round: number): Promise<void> {
    this.#host.tooLarge(request.body.length);
    for (const half of halves(request)) await this.#deliver(half, round);
  }
  /** The server refused a request as a whole: for one of its records, unless it does not know `_type`. */
  async #bad(request: BulkRequest, answer: ClusterAnswer, round: number): Promise<void> {
    const { settings, server } = this.#host;
    if (answer.text.includes('[_type]') && (server === undefined || takesTypes(server))) {
      let now: Server | undefined;
      try {
        now = await this.#host.askServer(this.#signal);
      } catch (error) {
        if (!(error instanceof OperatingError) || this.#signal.aborted) throw error;
        return this.#again(request.rows, error);
      }
      if (now && !takesTypes(now)) return this.#sendRows(request.rows, round);
    }
    if (settings.givesUpAfter(answer.status)) return this.#giveUp(request.rows, saidBy(answer));
    const isOfHeaders = answer.text.includes('"media_type_header_exception"');
    if (isOfHeaders || (settings.triesBadRequests && answer.status === 400))
      return this.#again(request.rows, notDone(answer));
    const [row] = request.rows;
    if (request.rows.length === 1 && row !== undefined)
      this.#refused.push({ row, reason: `OUTPUT_REFUSED: ${saidBy(answer)}` });
    else for (const half of halves(request)) await this.#deliver(half, round);
  }

  async #read(request: BulkRequest, answer: ClusterAnswer, round: number): Promise<void> {
    const { settings } = this.#host;
    const items = readBulkAnswer(answer.text, request.rows.length);
    if (items !== 'all' && 'problem' in items) {
      const text = `${answer.request} was answered, but ${items.problem}`;
      return this.#again(request.rows, new OperatingError('OUTPUT_UNREACHABLE', text));
    }
    if (items === 'all') {
      this.#taken += request.rows.length;
      this.#host.count('taken', request.rows.length);
      return;
    }
    const diverted: number[] = [];
    const existing: number[] = [];
    let taken = 0;
    for (const [at, item] of items.entries()) {
      const row = request.rows[at] as number;
      const verdict = settings.unrecoverable.has(item.type)
        ? 'refuse'
        : verdictOf(item, request.operations[at] as string);
      if (verdict === 'delivered') taken++;
      else if (verdict === 'exists') existing.push(at);
      else if (verdict === 'retry') this.#again([row], new OperatingError('OUTPUT_UNREACHABLE', entryText(item)));
      else if (round < divertRounds && this.#learn(row, item)) diverted.push(row);
      else this.#refused.push({ row, reason: `OUTPUT_REFUSED: ${entryText(item)}` });
    }
    this.#taken += taken;
    this.#host.count('taken', taken);
    if (existing.length > 0) await this.#settle(request, items, existing);
    this.#host.count('diverted', diverted.length);
    if (diverted.length > 0) await this.#sendRows(diverted, round + 1);
  }
  /** Documents whose ids are there already: ours were written before; of others it is looked whether they are the same. */
  async #settle(request: BulkRequest, items: readonly BulkEntry[], existing: readonly number[]): Promise<void> {
    const { lines, cluster } = this.#host;
    this.#host.count('existing', existing.length);
    let same = existing.map(() => true);
    if (!lines.hasOwnIds) {
      const asked = existing.map((at) => ({ item: items[at] as BulkEntry, lines: linesAt(request, at) }));
      try {
        same = await isThere(cluster, asked, this.#signal);
      } catch (error) {
        if (!(error instanceof OperatingError) || this.#signal.aborted) throw error;
        return this.#again(
          existing.map((at) => request.rows[at] as number),
          error,
        );
      }
    }
    for (const [place, at] of existing.entries()) {
      if (same[place] === true) this.#taken++;
      else {
        const reason = `OUTPUT_REFUSED: ${entryText(items[at] as BulkEntry)}`;
        this.#refused.push({ row: request.rows[at] as number, reason });
      }
    }
  }
  /** Whether a refusal names a field that can be written as text instead. */
  #learn(row: number, item: BulkEntry): boolean {
    const { conflicts, lines, server } = this.#host;
    if (!conflicts) return false;
    const { one, row: inBatch } = rowsOf(this.#chunk)(row);
    lines.begin(this.#chunk, server);
    const placed = lines.place(one, inBatch);
    return !('refused' in placed) && conflicts.learn(placed.index, item, one.batch, inBatch);
  }
}

/** The server's words about a document. */
function entryText({ status, type, reason }: BulkEntry): string {
  return [String(status), type, reason].filter((part) => part !== '').join(' ');
}
