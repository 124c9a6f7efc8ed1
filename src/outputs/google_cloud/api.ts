/** Writes entries with entries:write: requests within the service's limits, and what became of each entry. Source: Logging API v2. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { ConnectionOptions } from 'node:tls';
import type { Clock } from '../../core/clock.ts';
import { OperatingError } from '../../core/errors.ts';
import { stringifyJson } from '../../core/json.ts';
import type { Log } from '../../core/log.ts';
import type { WriteResult } from '../../core/plugin.ts';
import type { ExactFields } from '../../core/record.ts';
import { HttpClient } from '../requests/client.ts';
import type { Address } from '../requests/client.ts';
import { retryAfterOf } from '../requests/retry-after.ts';
import { meaningOf } from './answer.ts';
import type { Meaning } from './answer.ts';
import { entryBytesMax, splitEntry } from './entry-size.ts';
import type { TokenSource } from './token.ts';

/** An entry to write. */
export interface LogEntry {
  /** The record's row in the chunk. */
  readonly row: number;
  /** Names the entry where it has to be split. */
  readonly id: string;
  /** Fields of the whole request, as JSON without braces (`"resource":{…}`): only entries with equal ones share a request. */
  readonly shared: string;
  /** Entries of different groups go in different requests. */
  readonly group: string;
  readonly fields: ExactFields;
}

export interface ApiSettings {
  /** URL of the service, such as https://logging.googleapis.com. */
  readonly url: string;
  readonly userAgent: string;
  readonly compresses: boolean;
  readonly connectionsMax: number;
  readonly tls: ConnectionOptions;
}

/** The service takes 10 MB a request, measured in a form of its own that is some of it larger than JSON. */
const requestBytesMax = 8_000_000;
/** So that an answer with a sentence about each entry stays about a megabyte. */
const requestEntriesMax = 5000;
const answerBytesKept = 4 * 1024 * 1024;
const openTimeoutMs = 10_000;
/** The service answers within seconds; its own deadline is a minute. */
const readTimeoutMs = 60_000;

const pack = promisify(gzip);

/** One piece of JSON: an entry, or a part of one. */
interface Piece {
  readonly row: number;
  readonly json: string;
  readonly bytes: number;
}
interface Request {
  readonly shared: string;
  readonly pieces: readonly Piece[];
}

/** What is known of a chunk's rows so far. */
interface Outcome {
  readonly refused: Map<number, string>;
  readonly retry: Set<number>;
}

export class LoggingApi {
  readonly #settings: ApiSettings;
  readonly #token: TokenSource;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #address: Address;
  readonly #client: HttpClient;

  constructor(settings: ApiSettings, token: TokenSource, { log, clock }: { readonly log: Log; readonly clock: Clock }) {
    this.#settings = settings;
    this.#token = token;
    this.#log = log;
    this.#clock = clock;
    this.#address = addressOf(settings.url);
    const { connectionsMax } = settings;
    const limits = { openTimeoutMs, handshakeTimeoutMs: openTimeoutMs, readTimeoutMs, connectionsMax };
    this.#client = new HttpClient({ ...limits, reuses: true, proxy: undefined }, settings.tls);
  }

  /** @throws OperatingError where nothing of the chunk was taken and it is to be tried again */
  async write(entries: readonly LogEntry[], projectId: string, signal: AbortSignal): Promise<WriteResult> {
    const outcome: Outcome = { refused: new Map(), retry: new Set() };
    const requests = requestsOf(entries, outcome);
    for (const [index, request] of requests.entries()) {
      try {
        await this.#send(request, projectId, outcome, signal);
      } catch (error) {
        if (index === 0 || !(error instanceof OperatingError)) throw error;
        // What went before was taken: only what is left is sent again.
        this.#log.warn(`${error.message}; what is left of the chunk is sent again`);
        for (const left of requests.slice(index)) for (const { row } of left.pieces) outcome.retry.add(row);
        break;
      }
    }
    for (const row of outcome.refused.keys()) outcome.retry.delete(row);
    return {
      refused: [...outcome.refused].map(([row, reason]) => ({ row, reason: `OUTPUT_REFUSED: ${reason}` })),
      retry: [...outcome.retry],
    };
  }
  /** Writes no entry: asks whether the token and the service are there. @throws OperatingError */
  async probe(projectId: string, signal: AbortSignal): Promise<void> {
    const meaning = await this.#ask({ shared: '"dryRun":true', pieces: [] }, projectId, signal);
    if (meaning.kind === 'later') throw new OperatingError('OUTPUT_UNREACHABLE', meaning.reason);
  }
  close(): void {
    this.#client.close();
  }

  async #send(request: Request, projectId: string, outcome: Outcome, signal: AbortSignal): Promise<void> {
    const meaning = await this.#ask(request, projectId, signal);
    const { pieces, shared } = request;
    const rowOf = (index: number): number => (pieces[index] as Piece).row;
    if (meaning.kind === 'later') throw new OperatingError('OUTPUT_UNREACHABLE', meaning.reason, meaning.retryAfter);
    if (meaning.kind === 'partly') {
      for (const index of meaning.later) if (pieces[index]) outcome.retry.add(rowOf(index));
      for (const [index, reason] of meaning.refused) if (pieces[index]) outcome.refused.set(rowOf(index), reason);
    }
    if (meaning.kind !== 'refused') return;
    if (pieces.length > 1) {
      const middle = Math.ceil(pieces.length / 2);
      // One half after the other: where the second has to wait, what was found out of the first is kept.
      await this.#send({ shared, pieces: pieces.slice(0, middle) }, projectId, outcome, signal);
      await this.#send({ shared, pieces: pieces.slice(middle) }, projectId, outcome, signal);
    } else outcome.refused.set(rowOf(0), meaning.reason);
  }
  async #ask(
    { shared, pieces }: Request,
    projectId: string,
    signal: AbortSignal,
  ): Promise<Meaning & { readonly retryAfter?: { readonly retryAfterMs?: number } }> {
    const token = await this.#token.get();
    const head = `{"partialSuccess":true,${shared === '' ? '' : `${shared},`}"entries":[`;
    const plain = Buffer.from(`${head}${pieces.map(({ json }) => json).join(',')}]}`);
    const { compresses, userAgent } = this.#settings;
    const body = compresses ? await pack(plain) : plain;
    const headers = {
      'User-Agent': userAgent,
      'Content-Type': 'application/json',
      Authorization: `Bearer ${token}`,
      ...(compresses && { 'Content-Encoding': 'gzip' }),
    };
    const answer = await this.#client.send(
      { address: this.#address, method: 'POST', headers, body, answer: { bytesKept: answerBytesKept } },
      signal,
    );
    const meaning = meaningOf(answer, pieces.length, projectId);
    if (meaning.kind !== 'later') return meaning;
    if (meaning.isToken) this.#token.forget();
    const reason = `${meaning.reason} (writing entries to ${this.#address.shown})`;
    return { ...meaning, reason, retryAfter: retryAfterOf(answer, this.#clock.nowMs()) };
  }
}

function requestsOf(entries: readonly LogEntry[], outcome: Outcome): Request[] {
  const groups = new Map<string, { shared: string; pieces: Piece[] }>();
  for (const entry of entries) {
    const pieces = piecesOf(entry);
    if ('reason' in pieces) {
      outcome.refused.set(entry.row, pieces.reason);
      continue;
    }
    const key = `${entry.group}\0${entry.shared}`;
    const group = groups.get(key) ?? { shared: entry.shared, pieces: [] };
    group.pieces.push(...pieces.pieces);
    groups.set(key, group);
  }
  return [...groups.values()].flatMap(({ shared, pieces }) => {
    const requests: { shared: string; pieces: Piece[] }[] = [];
    let bytes = requestBytesMax;
    for (const piece of pieces) {
      const last = requests.at(-1);
      if (last && bytes + piece.bytes <= requestBytesMax && last.pieces.length < requestEntriesMax) {
        last.pieces.push(piece);
        bytes += piece.bytes + 1;
      } else {
        requests.push({ shared, pieces: [piece] });
        bytes = piece.bytes + shared.length;
      }
    }
    return requests;
  });
}

function piecesOf({ row, id, fields }: LogEntry): { readonly pieces: readonly Piece[] } | { readonly reason: string } {
  const whole = pieceOf(row, fields);
  if (whole.bytes <= entryBytesMax) return { pieces: [whole] };
  const parts = splitEntry(fields, id);
  if (!parts)
    return {
      reason: `an entry of ${whole.bytes} bytes is larger than the ${entryBytesMax} that Cloud Logging takes, and holds no text that could be split`,
    };
  return { pieces: parts.map((part) => pieceOf(row, part)) };
}
function pieceOf(row: number, fields: ExactFields): Piece {
  const json = stringifyJson(fields);
  return { row, json, bytes: Buffer.byteLength(json) };
}

function addressOf(url: string): Address {
  const { protocol, hostname, port, pathname, origin } = new URL(url);
  const isTls = protocol === 'https:';
  return {
    isTls,
    hostname: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? (isTls ? 443 : 80) : Number(port),
    path: `${pathname.replace(/\/+$/, '')}/v2/entries:write`,
    shown: origin,
  };
}
