/** Requests to the cluster that is searched, and what its answers and failures mean to whoever asked. */
import { OperatingError, errorText, systemCode } from '../core/errors.ts';
import { parseJson } from '../core/json.ts';
import type { Cluster, ClusterAnswer } from '../outputs/elasticsearch/cluster.ts';

/** Of an answer so much is read; a page of larger records is asked for with fewer of them. */
const answerBytesMax = 64 * 1024 * 1024;
/** Of a server's words so many stand in an error. */
const saidCharsMax = 300;

/** A cluster and the indices of it that are searched. */
export interface Searched {
  readonly cluster: Cluster;
  /** Names and patterns with commas between them. */
  readonly pattern: string;
}

/** An answer as text; `isWhole` false: it was too large to be read. */
export interface TextAnswer {
  readonly text: string;
  readonly isWhole: boolean;
}

/** Names of indices as they stand in a path. */
function indexPath(pattern: string): string {
  return pattern
    .split(',')
    .map((part) => encodeURIComponent(part.trim()).replaceAll('%2A', '*'))
    .join(',');
}

/** Indices that are not there, or closed, are passed over. */
const lenient = 'ignore_unavailable=true&allow_no_indices=true';

/** `POST /<indices>/_search`. @throws OperatingError INDEX_UNAVAILABLE, INDEX_REFUSED, INDEX_QUERY_LIMIT */
export async function searchText(searched: Searched, body: string, signal: AbortSignal): Promise<TextAnswer> {
  return ask(searched, 'POST', `/${indexPath(searched.pattern)}/_search?${lenient}`, body, signal);
}

/** The same as a value; for answers without records, whose digits would be rounded. */
export async function searchJson(searched: Searched, body: object, signal: AbortSignal): Promise<SearchShape> {
  return jsonOf(searched, await searchText(searched, JSON.stringify(body), signal)) as SearchShape;
}

/** What every answer to a search says. */
export interface SearchShape {
  readonly timed_out?: boolean;
  readonly _shards?: {
    readonly total?: number;
    readonly failed?: number;
    readonly failures?: readonly { readonly reason?: { readonly reason?: string } }[];
  };
  readonly hits?: { readonly total?: { readonly value?: number } };
  readonly aggregations?: Readonly<Record<string, unknown>>;
}

/** `GET /<indices>/_field_caps`. */
export async function askFields(searched: Searched, signal: AbortSignal): Promise<unknown> {
  const path = `/${indexPath(searched.pattern)}/_field_caps?fields=*&${lenient}`;
  return jsonOf(searched, await ask(searched, 'GET', path, undefined, signal));
}

/** `GET /`; undefined where it may not be asked, as in collections of OpenSearch Serverless. */
export async function askServer(searched: Searched, signal: AbortSignal): Promise<unknown> {
  try {
    return jsonOf(searched, await ask(searched, 'GET', '/', undefined, signal));
  } catch (error) {
    if (error instanceof OperatingError && error.code === 'INDEX_REFUSED') return undefined;
    throw error;
  }
}

function jsonOf(searched: Searched, { text, isWhole }: TextAnswer): unknown {
  try {
    if (isWhole) return parseJson(text);
  } catch {
    // Said below.
  }
  throw new OperatingError(
    'INDEX_REFUSED',
    `searching ${searched.pattern}: ${isWhole ? 'the answer is no JSON' : 'the answer is too large'}; check P2L_EXPLORER_URL and P2L_EXPLORER_INDEX`,
  );
}

async function ask(
  searched: Searched,
  method: 'GET' | 'POST',
  path: string,
  body: string | undefined,
  signal: AbortSignal,
): Promise<TextAnswer> {
  const { cluster, pattern } = searched;
  let answer: ClusterAnswer;
  try {
    answer = await cluster.send(
      {
        method,
        path,
        ...(body !== undefined && { body: Buffer.from(body), headers: { 'Content-Type': 'application/json' } }),
        answer: { bytesKept: answerBytesMax },
      },
      signal,
    );
  } catch (error) {
    signal.throwIfAborted();
    throw new OperatingError('INDEX_UNAVAILABLE', `searching ${pattern}: ${reachText(error)}`, { cause: error });
  }
  if (answer.status < 200 || answer.status >= 300) throw refusalOf(answer, pattern);
  return { text: answer.text, isWhole: answer.isWhole };
}

/** Why no server answered. The client's own advice names options of outputs. */
function reachText(error: unknown): string {
  const text = errorText(error);
  const code = systemCode(error instanceof Error ? error.cause : undefined) ?? '';
  const plain = text.replace(/; check (?:the host of endpoint|tls_ca_cert_path)$/, '');
  if (/CERT|SELF_SIGNED|UNABLE_TO_/.test(code)) return `${plain}; check P2L_EXPLORER_TLS_CA`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code.startsWith('HPE_'))
    return `${plain}; check P2L_EXPLORER_URL`;
  return text;
}

/** What a server said when it did not answer the question. */
interface Said {
  readonly type: string;
  readonly reason: string;
}

/** The first cause that the server names. */
function saidIn(text: string): Said {
  try {
    const { error, message, Message } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    for (const one of [error, message, Message]) if (typeof one === 'string') return { type: '', reason: one };
    const whole = error as { root_cause?: readonly unknown[]; type?: unknown; reason?: unknown; caused_by?: unknown };
    const causes = [...(Array.isArray(whole.root_cause) ? whole.root_cause : []), deepest(whole.caused_by), whole];
    for (const cause of causes) {
      const { type, reason } = (cause ?? {}) as { type?: unknown; reason?: unknown };
      if (typeof type === 'string') return { type, reason: typeof reason === 'string' ? reason : '' };
    }
  } catch {
    // No JSON: shown as it is.
  }
  return { type: '', reason: text.trim() };
}

function deepest(cause: unknown): unknown {
  let found = cause;
  for (let level = 0; level < 10; level++) {
    const inner = (found as { caused_by?: unknown } | undefined)?.caused_by;
    if (inner === undefined) break;
    found = inner;
  }
  return found;
}

function refusalOf(answer: ClusterAnswer, pattern: string): OperatingError {
  const { status, advice } = answer;
  const said = saidIn(answer.text);
  const words = [said.type, said.reason]
    .filter((part) => part !== '')
    .join(': ')
    .slice(0, saidCharsMax);
  const [code, todo] = meaningOf(status, `${said.type} ${answer.text}`, pattern);
  const retryAfterMs =
    code === 'INDEX_UNAVAILABLE' && /^\d{1,4}$/.test(answer.retryAfter ?? '')
      ? Number(answer.retryAfter) * 1000
      : undefined;
  return new OperatingError(
    code,
    `searching ${pattern}: ${answer.request} was answered ${status}${words === '' ? '' : ` (${words})`}; ${advice ?? todo}`,
    retryAfterMs === undefined ? {} : { retryAfterMs },
  );
}

type IndexCode = 'INDEX_UNAVAILABLE' | 'INDEX_REFUSED' | 'INDEX_QUERY_LIMIT';

/** What a failure is, and what to do. */
function meaningOf(status: number, said: string, pattern: string): readonly [IndexCode, string] {
  if (/circuit_breaking_exception|too_many_buckets/.test(said))
    return [
      'INDEX_QUERY_LIMIT',
      'the question needs more memory than the server gives; narrow the time range or the query',
    ];
  if (
    /too_many_(?:nested_)?clauses|maxClauseCount|max_clause_count|too_complex_to_determinize|TooComplexToDeterminize/i.test(
      said,
    )
  )
    return ['INDEX_QUERY_LIMIT', 'the query looks at too much at once; name fields (field:value), or shorten it'];
  if (said.includes('allow_expensive_queries'))
    return [
      'INDEX_REFUSED',
      'the cluster forbids to go through all values of a field (search.allow_expensive_queries); write field:="whole value", or look in a text field',
    ];
  if (said.includes('max_result_window'))
    return ['INDEX_REFUSED', 'ask for fewer records at once, or raise index.max_result_window'];
  if (said.includes('No mapping found') || said.includes('fielddata'))
    return [
      'INDEX_REFUSED',
      'indices of the pattern differ in a field; check P2L_EXPLORER_INDEX and P2L_EXPLORER_TIME_FIELD',
    ];
  switch (status) {
    case 401:
      return ['INDEX_REFUSED', 'check P2L_EXPLORER_USER and P2L_EXPLORER_PASSWORD, or P2L_EXPLORER_API_KEY'];
    case 403:
      return [
        'INDEX_REFUSED',
        `the user needs the privileges read and view_index_metadata on ${pattern}: check its roles`,
      ];
    case 404:
      return ['INDEX_REFUSED', 'check P2L_EXPLORER_URL and P2L_EXPLORER_INDEX'];
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
      return ['INDEX_UNAVAILABLE', 'the server is busy or starting; it is asked again'];
    default:
      return ['INDEX_REFUSED', 'check P2L_EXPLORER_URL and P2L_EXPLORER_INDEX, or change the query'];
  }
}
