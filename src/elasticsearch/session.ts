/** What is known of the cluster and its indices while questions are asked: its version, and the fields, looked at anew now and then. */
import type { Clock } from '../core/clock.ts';
import { OperatingError } from '../core/errors.ts';
import { readServer } from '../outputs/elasticsearch/server.ts';
import type { Server } from '../outputs/elasticsearch/server.ts';
import type { Selection } from '../store/contract.ts';
import { parseQuery } from '../store/query/parser.ts';
import { askFields, askServer, searchJson, searchText } from './asking.ts';
import type { Searched, SearchShape, TextAnswer } from './asking.ts';
import { all, exists, range } from './clauses.ts';
import type { Clause } from './clauses.ts';
import { toDsl } from './dsl.ts';
import type { HitFields } from './hits.ts';
import { readMapping } from './mapping.ts';
import type { FieldVariant, Mapping } from './mapping.ts';
import { placed } from './clauses.ts';

/** A new field is found after so long at the latest; the answer of a cluster with many indices is large. */
const mappingKeptMs = 30_000;
/** Longest that learning the fields may take, in ms. */
const mappingTimeoutMs = 30_000;

export interface IndexSettings {
  readonly timeField: string;
  readonly tagField: string;
}

/** A question, ready to be asked. */
export interface Question {
  readonly searched: Searched;
  readonly mapping: Mapping;
  readonly time: FieldVariant;
  /** Everything that the records have to be, time range included. */
  readonly clause: Clause;
  readonly notes: Set<string>;
  readonly hitFields: HitFields;
}

export class IndexSession {
  readonly searched: Searched;
  readonly settings: IndexSettings;
  readonly #clock: Clock;
  #server: Server | undefined;
  #isServerAsked = false;
  #mapping: { readonly value: Promise<Mapping>; readonly sinceMs: number } | undefined;

  constructor(searched: Searched, settings: IndexSettings, clock: Clock) {
    this.searched = searched;
    this.settings = settings;
    this.#clock = clock;
  }
  get nowMs(): number {
    return this.#clock.nowMs();
  }
  get monotonicMs(): number {
    return this.#clock.monotonicMs();
  }
  /** As it says itself; undefined where it does not. @throws OperatingError */
  async server(signal: AbortSignal): Promise<Server | undefined> {
    if (!this.#isServerAsked) {
      this.#server = readServer(await askServer(this.searched, signal));
      this.#isServerAsked = true;
    }
    return this.#server;
  }
  /** The fields that the indices have. Who gives up waiting does not take them from others who ask. */
  async mapping(signal: AbortSignal): Promise<Mapping> {
    const nowMs = this.#clock.monotonicMs();
    if (!this.#mapping || nowMs - this.#mapping.sinceMs > mappingKeptMs) {
      const value = askFields(this.searched, AbortSignal.timeout(mappingTimeoutMs)).then(readMapping);
      const mapping = { value, sinceMs: nowMs };
      this.#mapping = mapping;
      // What failed is asked again by the next question.
      value.catch(() => {
        if (this.#mapping === mapping) this.#mapping = undefined;
      });
    }
    return raced(this.#mapping.value, signal);
  }
  /**
   * Reads a question. Undefined: no index has the name, so that there is nothing to ask.
   * @throws QueryError; OperatingError
   */
  async question(selection: Selection, notes: Set<string>, signal: AbortSignal): Promise<Question | undefined> {
    const tree = parseQuery(selection.query, this.#clock.nowMs());
    const [mapping, server] = await Promise.all([this.mapping(signal), this.server(signal)]);
    const { timeField, tagField } = this.settings;
    const { pattern } = this.searched;
    if (mapping.indexCount === 0) {
      notes.add(`no index is called ${pattern}; P2L_EXPLORER_INDEX names others`);
      return undefined;
    }
    const time = mapping.at(timeField).find(({ kind }) => kind === 'date');
    if (!time)
      throw new OperatingError(
        'INDEX_REFUSED',
        `searching ${pattern}: no field ${timeField} there is a date; P2L_EXPLORER_TIME_FIELD names another, P2L_EXPLORER_INDEX other indices`,
      );
    const target = { mapping, timeField, tagField, ignoresCase: ignoresCase(server), notes };
    const clause = all([toDsl(tree, target), placed(time, timeClause(time, selection))]);
    return {
      searched: this.searched,
      mapping,
      time,
      clause,
      notes,
      hitFields: { timeField, tagField, hasNanos: sortsByNanos(time) },
    };
  }
}

/** True: sort values of this field are ns. */
export function sortsByNanos({ types }: FieldVariant): boolean {
  return types.includes('date_nanos');
}

function ignoresCase(server: Server | undefined): boolean {
  if (server?.kind !== 'elasticsearch') return true;
  const [major = 0, minor = 0] = server.version.split('.').map(Number);
  return major > 7 || (major === 7 && minor >= 10);
}

/** Records of [fromMs, toMs); those without a time are none. */
function timeClause({ name }: FieldVariant, { fromMs, toMs }: Selection): Clause {
  if (fromMs === undefined && toMs === undefined) return exists(name);
  return range(name, {
    ...(fromMs !== undefined && { gte: String(Math.ceil(fromMs)) }),
    ...(toMs !== undefined && { lt: String(Math.ceil(toMs)) }),
    format: 'epoch_millis',
  });
}

/** Rejects when the signal aborts; what is waited for goes on. */
function raced<T>(value: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    value.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** The parts of a search that are not its records. @throws OperatingError */
export async function askCounts(
  question: Question,
  body: object,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<SearchShape> {
  const answer = await searchJson(
    question.searched,
    { size: 0, track_total_hits: false, query: question.clause, timeout: `${Math.ceil(timeoutMs)}ms`, ...body },
    signal,
  );
  noteShards(answer, question);
  return answer;
}

/** The text of a search for records. `timeoutMs` undefined: as long as it takes. */
export function askRecords(
  question: Question,
  body: object,
  timeoutMs: number | undefined,
  signal: AbortSignal,
): Promise<TextAnswer> {
  const timeout = timeoutMs === undefined ? {} : { timeout: `${Math.ceil(timeoutMs)}ms` };
  return searchText(question.searched, JSON.stringify({ track_total_hits: false, ...timeout, ...body }), signal);
}

/** Shards that could not answer: what they hold is missing. */
export function noteShards({ _shards: shards }: SearchShape, { notes, searched }: Question): void {
  const { failed = 0, total = 0, failures = [] } = shards ?? {};
  if (failed === 0) return;
  const reason = failures[0]?.reason?.reason;
  notes.add(
    `${failed} of ${total} shards of ${searched.pattern} did not answer${reason === undefined ? '' : ` (${reason.slice(0, 200)})`}; what they hold is missing here`,
  );
}
