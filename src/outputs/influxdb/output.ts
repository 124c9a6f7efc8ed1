/**
 * Writes chunks: lines are sent, and where the server does not take them all, its answer says what becomes of which record.
 * A line that is sent again is the same bytes as before, so that the point it made, if it made one, is replaced by itself.
 */
import { OperatingError } from '../../core/errors.ts';
import type { Chunk, Output, OutputContext, WriteResult } from '../../core/plugin.ts';
import type { ClientAnswer } from '../requests/client.ts';
import { verdictOf } from './answer.ts';
import type { Conflict, Verdict } from './answer.ts';
import { LineEncoder } from './lines.ts';
import type { EncodedLines, Line, LineSettings } from './lines.ts';
import { Server } from './server.ts';
import type { ServerSettings } from './server.ts';
import { FieldTypes } from './types.ts';

export interface InfluxSettings {
  readonly server: ServerSettings;
  readonly lines: LineSettings;
  /** The measurement and the bucket for a chunk's records of a tag. */
  measurement(chunk: Chunk, tag: string): string;
  bucket(chunk: Chunk): string | undefined;
  readonly policy: string | undefined;
  /** Asked before the first write; throws what keeps the output from writing. */
  readonly check: ((server: Server, signal: AbortSignal) => Promise<void>) | undefined;
  /** Path and query that list a measurement's fields with their types; undefined: the server cannot. */
  fieldsPath(measurement: string): string | undefined;
  /** What to write into the configuration for a server that has not this API. */
  readonly otherApi: string;
}

/** Half of what InfluxDB 1.x takes in one request (max-body-size 25 MB); the lines of one chunk are seldom as long. */
const requestBytesMax = 12 * 1024 * 1024;
/** Rounds of learning a type and sending again; more conflicts than that in one request are found by halving. */
const roundsMax = 50;
const retryAfterMsMax = 3_600_000;
/** A name that comes from a record stays readable in an error. */
const nameCharsMax = 200;

export class InfluxOutput implements Output {
  readonly #settings: InfluxSettings;
  readonly #context: OutputContext;
  readonly #server: Server;
  readonly #encoder: LineEncoder;
  readonly #types = new FieldTypes();

  constructor(settings: InfluxSettings, context: OutputContext) {
    this.#settings = settings;
    this.#context = context;
    this.#server = new Server(settings.server);
    this.#encoder = new LineEncoder(settings.lines);
  }

  async open(): Promise<void> {
    await this.#server.open();
    await this.#settings.check?.(this.#server, AbortSignal.timeout(openMs));
  }
  async write(chunk: Chunk, signal: AbortSignal): Promise<WriteResult> {
    const nowMs = this.#context.clock.nowMs();
    const encoded = this.#encoder.encode(
      chunk,
      (tag) => this.#settings.measurement(chunk, tag),
      (measurement) => this.#types.of(measurement, nowMs),
    );
    const sending: Sending = {
      ...encoded,
      replaced: new Map(),
      refused: [...encoded.refused],
      bucket: this.#settings.bucket(chunk),
      measurementOf: (tag) => this.#settings.measurement(chunk, tag),
      signal,
    };
    for (const [policy, lines] of byPolicy(encoded.lines, this.#settings.policy)) {
      const path = this.#settings.server.writePath(policy, sending.bucket);
      for (const part of partsOf(lines)) await this.#send(sending, path, part);
    }
    return { refused: sending.refused };
  }
  async probe(): Promise<void> {
    const signal = AbortSignal.timeout(probeMs);
    await this.#server.open();
    await this.#settings.check?.(this.#server, signal);
    // No lines: the server looks at the login and the database, and writes nothing.
    const path = this.#settings.server.writePath(this.#settings.policy, this.#settings.bucket(noChunk));
    const answer = await this.#server.write(path, Buffer.alloc(0), signal);
    const verdict = verdictOf(answer);
    if (verdict.kind !== 'later') return;
    throw unreachable(this.#server, answer, verdict, await this.#otherApi(signal));
  }
  close(): Promise<void> {
    this.#server.close();
    return Promise.resolve();
  }

  /** Sends lines until each is written or refused. @throws OperatingError OUTPUT_UNREACHABLE: all of the chunk is tried again */
  async #send(sending: Sending, path: string, lines: readonly Line[]): Promise<void> {
    let left = lines;
    for (let round = 0; left.length > 0; round++) {
      const answer = await this.#server.write(path, bodyOf(sending, left), sending.signal);
      const verdict = verdictOf(answer);
      if (verdict.kind === 'taken') return;
      if (verdict.kind === 'later') throw this.#later(answer, verdict);
      if (verdict.kind === 'partly' && verdict.conflict && round < roundsMax) {
        const next = await this.#fit(sending, left, verdict.conflict, verdict.dropped);
        if (next) {
          left = next;
          continue;
        }
      }
      return this.#halve(sending, path, left, verdict.text);
    }
  }
  /** Finds the lines that the server does not take, and no others. */
  async #halve(sending: Sending, path: string, lines: readonly Line[], text: string): Promise<void> {
    const [first] = lines;
    if (lines.length > 1) {
      const half = Math.ceil(lines.length / 2);
      await this.#send(sending, path, lines.slice(0, half));
      await this.#send(sending, path, lines.slice(half));
    } else if (first) sending.refused.push({ row: first.row, reason: `OUTPUT_REFUSED: ${text}` });
  }
  /** Learns the type of the field in conflict, and gives the lines that are to be sent after that; undefined: nothing was learned. */
  async #fit(
    sending: Sending,
    lines: readonly Line[],
    conflict: Conflict,
    dropped: number | undefined,
  ): Promise<readonly Line[] | undefined> {
    const nowMs = this.#context.clock.nowMs();
    const { measurement, field, type } = conflict;
    if (!this.#types.learn(measurement, field, type, nowMs)) return undefined;
    await this.#learnAll(measurement, sending.signal);
    const types = this.#types.of(measurement, nowMs);
    if (!types) return undefined;
    const changed: Line[] = [];
    const same: Line[] = [];
    let refusedCount = 0;
    for (const line of lines) {
      const isOfIt = sending.measurementOf(line.batch.tag) === measurement;
      const fitted = isOfIt ? this.#encoder.refit(sending.bytes, line, types) : undefined;
      if (typeof fitted === 'string') {
        refusedCount++;
        sending.refused.push({ row: line.row, reason: fitted });
      } else if (fitted && !sending.replaced.get(line)?.equals(fitted)) {
        sending.replaced.set(line, fitted);
        changed.push(line);
      } else same.push(line);
    }
    // It wrote all the others.
    if (dropped === changed.length + refusedCount) return changed;
    return [...changed, ...same];
  }
  /** The types of all fields of the measurement, where the server tells: a conflict seldom comes alone. */
  async #learnAll(measurement: string, signal: AbortSignal): Promise<void> {
    const path = this.#settings.fieldsPath(measurement);
    if (path === undefined) return;
    const nowMs = this.#context.clock.nowMs();
    const known = this.#types.of(measurement, nowMs);
    const answer = await this.#server.get(path, signal);
    const types = fieldTypesIn(answer.text);
    for (const [field, type] of types) if (!known?.has(field)) this.#types.learn(measurement, field, type, nowMs);
  }
  #later(answer: ClientAnswer, verdict: Verdict & { kind: 'later' }): OperatingError {
    return unreachable(this.#server, answer, verdict, '', this.#context.clock.nowMs());
  }
  async #otherApi(signal: AbortSignal): Promise<string> {
    const health = await this.#server.get('/health', signal).catch(() => undefined);
    const version = /"version"\s*:\s*"v?(\d+\.[^"]*)"/.exec(health?.text ?? '')?.[1];
    return version === undefined ? '' : `; the server is InfluxDB ${version}: ${this.#settings.otherApi}`;
  }
}

/** How long the questions before the first write may take together, and those of a probe, for which a person waits. */
const openMs = 30_000;
const probeMs = 10_000;
/** A chunk without keys, for the bucket of a probe. */
const noChunk: Chunk = {
  id: '0',
  tag: undefined,
  timekeySeconds: undefined,
  fields: new Map(),
  batches: [],
  count: 0,
  bytes: 0,
};

interface Sending extends Omit<EncodedLines, 'refused'> {
  readonly refused: { readonly row: number; readonly reason: string }[];
  /** Lines whose fields were fitted to the server's types. */
  readonly replaced: Map<Line, Buffer>;
  readonly bucket: string | undefined;
  measurementOf(tag: string): string;
  readonly signal: AbortSignal;
}

/** Lines by their retention policy, in the order in which policies come. */
function byPolicy(lines: readonly Line[], usual: string | undefined): Map<string | undefined, readonly Line[]> {
  if (lines.every(({ policy }) => policy === undefined || policy === usual)) return new Map([[usual, lines]]);
  const groups = new Map<string | undefined, Line[]>();
  for (const line of lines) {
    const policy = line.policy ?? usual;
    const group = groups.get(policy);
    if (group) group.push(line);
    else groups.set(policy, [line]);
  }
  return groups;
}

/** Lines in requests of a size that the server takes. */
function partsOf(lines: readonly Line[]): (readonly Line[])[] {
  const parts: (readonly Line[])[] = [];
  let from = 0;
  let bytes = 0;
  for (const [index, line] of lines.entries()) {
    const length = line.until - line.from + 1;
    if (bytes > 0 && bytes + length > requestBytesMax) {
      parts.push(lines.slice(from, index));
      from = index;
      bytes = 0;
    }
    bytes += length;
  }
  if (from < lines.length) parts.push(from === 0 ? lines : lines.slice(from));
  return parts;
}

/** The lines with line feeds between them; where they lie so already, they are not copied. */
function bodyOf({ bytes, replaced }: Sending, lines: readonly Line[]): Buffer {
  const first = lines[0] as Line;
  const last = lines.at(-1) as Line;
  const isTogether =
    replaced.size === 0 && lines.every((line, i) => i === 0 || line.from === (lines[i - 1] as Line).until + 1);
  if (isTogether) return bytes.subarray(first.from, last.until);
  const feed = Buffer.from('\n');
  return Buffer.concat(
    lines.flatMap((line, i) => [
      ...(i === 0 ? [] : [feed]),
      replaced.get(line) ?? bytes.subarray(line.from, line.until),
    ]),
  );
}

/** What `SHOW FIELD KEYS` answered. A field that has had several types is left out: either may be right. */
function fieldTypesIn(text: string): Map<string, Conflict['type']> {
  const types = new Map<string, Conflict['type']>();
  const several = new Set<string>();
  try {
    const { results } = JSON.parse(text) as { results?: { series?: { values?: unknown[][] }[] }[] };
    for (const [field, type] of results?.[0]?.series?.[0]?.values ?? []) {
      if (typeof field !== 'string' || typeof type !== 'string') continue;
      if (types.has(field)) several.add(field);
      types.set(field, type as Conflict['type']);
    }
  } catch {
    // Cut off, or not allowed: what the conflict itself said is enough.
  }
  for (const field of several) types.delete(field);
  return types;
}

function unreachable(
  server: Server,
  answer: ClientAnswer,
  { text, advice }: Verdict & { kind: 'later' },
  more: string,
  nowMs?: number,
): OperatingError {
  return new OperatingError(
    'OUTPUT_UNREACHABLE',
    `writing to ${server.shown}: ${text}${advice}${more}`,
    nowMs === undefined ? {} : retryAfterOf(answer, nowMs),
  );
}

/** Retry-After in seconds or as a date (RFC 9110, 10.2.3). */
function retryAfterOf({ retryAfter }: ClientAnswer, nowMs: number): { retryAfterMs?: number } {
  if (retryAfter === undefined) return {};
  const waitMs = /^\d+$/.test(retryAfter.trim()) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - nowMs;
  return Number.isNaN(waitMs) || waitMs <= 0 ? {} : { retryAfterMs: Math.min(waitMs, retryAfterMsMax) };
}

/** What is asked of InfluxDB 1.x before the first write: the list of databases, as Fluentd's plugin does. */
export async function checkDatabase(
  server: Server,
  path: string,
  database: string,
  signal: AbortSignal,
): Promise<void> {
  const { status, text } = await server.get(path, signal);
  // Who may not list them may still write.
  if (status !== 200) return;
  let names: unknown[];
  try {
    const { results } = JSON.parse(text) as { results?: { error?: string; series?: { values?: unknown[][] }[] }[] };
    if (!results?.[0] || results[0].error !== undefined) return;
    names = (results[0].series?.[0]?.values ?? []).flat();
  } catch {
    return;
  }
  if (names.includes(database)) return;
  const shown = names.map(String).join(', ').slice(0, nameCharsMax);
  throw new OperatingError(
    'OUTPUT_UNREACHABLE',
    `writing to ${server.shown}: there is no database ${database}, but ${shown || 'none at all'}; create it with CREATE DATABASE "${database}"`,
  );
}
