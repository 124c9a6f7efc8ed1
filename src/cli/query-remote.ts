/** Questions to the store of a running program, over the Unix socket in its data directory. */
import type { IncomingMessage } from 'node:http';
import { createConnection } from 'node:net';
import { http } from '../core/node-http.ts';
import type { Place } from '../admin/api/asking.ts';
import { elementsOf, membersOf } from '../admin/api/json-text.ts';
import { parseInstant } from '../admin/api/times.ts';
import { OperatingError, errorText, systemCode } from '../core/errors.ts';
import type {
  Completeness,
  FoundRecord,
  SearchAnswer,
  SearchRequest,
  Selection,
  StoreQueries,
} from '../store/contract.ts';
import { QueryError } from '../store/query/query-error.ts';
import type { Span } from '../store/query/tree.ts';
import { socketPath } from './remote.ts';

/** What the command asks. */
export type Asked = Pick<StoreQueries, 'search' | 'tail'>;

/** Largest answer taken into memory. */
const answerCharsMax = 400 * 1024 * 1024;

/** True when a program listens there. @throws OperatingError OUTPUT_UNREACHABLE where the socket may not be used. */
export function isRunning(dataDirectory: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(socketPath(dataDirectory), () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', (error) => {
      // A path too long for a socket: the program could not listen there either.
      if (['ENOENT', 'ECONNREFUSED', 'ENOTDIR', 'EINVAL', 'ENAMETOOLONG'].includes(systemCode(error) ?? ''))
        resolve(false);
      else reject(unreachable(dataDirectory, error));
    });
  });
}

/** Asks it. */
export function remoteQueries(dataDirectory: string, place?: Place): Asked {
  return {
    async search(asked, signal) {
      const answer = await open(dataDirectory, `/api/search?${parametersOf(asked, place).toString()}`, signal);
      return answerIn(await textOf(answer, dataDirectory));
    },
    async *tail({ query }, signal) {
      const parameters = new URLSearchParams({ query, ...(place && { in: place }) });
      const answer = await open(dataDirectory, `/api/tail?${parameters.toString()}`, signal);
      try {
        yield* tailParts(answer);
      } catch (error) {
        signal.throwIfAborted();
        throw error instanceof OperatingError ? error : unreachable(dataDirectory, error);
      }
    },
  };
}

function parametersOf(
  { query, fromMs, toMs, timeoutMs, limit, order, after }: SearchRequest,
  place: Place | undefined,
): URLSearchParams {
  const parameters = new URLSearchParams({ query, limit: String(limit), order });
  for (const [name, value] of Object.entries({ from: fromMs, to: toMs, timeout: timeoutMs, after, in: place }))
    if (value !== undefined) parameters.set(name, String(value));
  return parameters;
}

/** @throws QueryError; OperatingError OUTPUT_UNREACHABLE, STORE_UNAVAILABLE, OUTPUT_REFUSED */
function open(dataDirectory: string, path: string, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    http
      .request({ socketPath: socketPath(dataDirectory), path, signal }, (answer) => {
        if (answer.statusCode === 200) return resolve(answer);
        textOf(answer, dataDirectory).then((text) => reject(refusal(dataDirectory, answer.statusCode, text)), reject);
      })
      .on('error', (error) => reject(signal.aborted ? signal.reason : unreachable(dataDirectory, error)))
      .end();
  });
}

async function textOf(answer: IncomingMessage, dataDirectory: string): Promise<string> {
  const parts: string[] = [];
  let chars = 0;
  answer.setEncoding('utf8');
  try {
    for await (const part of answer as AsyncIterable<string>) {
      chars += part.length;
      if (chars > answerCharsMax) throw new Error('its answer is too large; ask for fewer records');
      parts.push(part);
    }
  } catch (error) {
    throw unreachable(dataDirectory, error);
  }
  return parts.join('');
}

function unreachable(dataDirectory: string, error: unknown): OperatingError {
  return new OperatingError(
    'OUTPUT_UNREACHABLE',
    `asking the program on data directory ${dataDirectory}: ${errorText(error)}`,
    { cause: error },
  );
}

function refusal(dataDirectory: string, status: number | undefined, text: string): Error {
  const { detail, at } = parsed(text) as { detail?: unknown; at?: Span };
  const said = typeof detail === 'string' ? detail : text;
  if (at) return new QueryError(said, at);
  return new OperatingError(
    status === 503 ? 'STORE_UNAVAILABLE' : 'OUTPUT_REFUSED',
    `asking the program on data directory ${dataDirectory}: ${said}`,
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

interface AnswerRest extends Completeness {
  readonly next: string | null;
  readonly searchedToMs: number | null;
}

/** Reads an answer of /api/search; the records' own JSON is cut out as it stands. */
function answerIn(text: string): SearchAnswer {
  let records: FoundRecord[] = [];
  const rest: Record<string, unknown> = {};
  for (const { key, start, end } of membersOf(text))
    if (key === 'records') records = recordsIn(text, start);
    else rest[key] = JSON.parse(text.slice(start, end));
  const { next, searchedToMs, isComplete, tookMs, notes } = rest as unknown as AnswerRest;
  return { records, next: next ?? undefined, searchedToMs: searchedToMs ?? undefined, isComplete, tookMs, notes };
}

function recordsIn(text: string, at: number): FoundRecord[] {
  return Array.from(elementsOf(text, at), ({ start }) => recordAt(text, start));
}

function recordAt(text: string, at: number): FoundRecord {
  let json = '{}';
  const own: Record<string, unknown> = {};
  for (const { key, start, end } of membersOf(text, at))
    if (key === 'fields') json = text.slice(start, end);
    else own[key] = JSON.parse(text.slice(start, end));
  const { seconds, nanos } = parseInstant(String(own['_time'])) ?? { seconds: 0, nanos: 0 };
  return {
    id: String(own['_id']),
    seconds,
    nanos,
    appendMs: Number(own['_appendMs']),
    tag: String(own['_tag']),
    source: String(own['_source']),
    json,
  };
}

type TailPart = { readonly records: readonly FoundRecord[]; readonly skipped: number };

/** Reads Server-Sent Events: blocks of `event:` and `data:` lines with an empty line behind each. */
async function* tailParts(answer: IncomingMessage): AsyncGenerator<TailPart> {
  answer.setEncoding('utf8');
  let rest = '';
  // What the server sends first says that it listens; from then on everything comes.
  for await (const piece of answer as AsyncIterable<string>) {
    const blocks = (rest + piece).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const lines = new Map(
        block.split('\n').map((line) => [line.split(':', 1)[0] ?? '', line.replace(/^\w*: ?/, '')]),
      );
      const content = lines.get('data') ?? '';
      const kind = lines.get('event');
      if (kind === 'records') yield { records: recordsIn(content, 0), skipped: 0 };
      else if (kind === 'skipped') yield { records: [], skipped: Number(content) };
      else if (kind === 'failed')
        throw new OperatingError(
          'STORE_UNAVAILABLE',
          String((parsed(content) as Selection & { detail: unknown }).detail),
        );
      else yield { records: [], skipped: 0 };
    }
  }
}
