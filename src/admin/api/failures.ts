/** What went wrong, as an answer of HTTP: a status and a text for people. Never a stack. */
import type { FastifyReply } from 'fastify';
import { ConfigError, OperatingError, errorText, formatProblem } from '../../core/errors.ts';
import type { ErrorCode } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { QueryError } from '../../store/query/query-error.ts';

/** A request that cannot be answered, for a reason that is the asker's. */
export class RequestError extends Error {
  readonly status: number;
  readonly retryAfterS: number | undefined;
  constructor(status: number, text: string, retryAfterS?: number) {
    super(text);
    this.name = 'RequestError';
    this.status = status;
    this.retryAfterS = retryAfterS;
  }
}

/** The store's process is back within a second or two, unless its machine is very busy. */
const retryAfterS = 2;

/**
 * Statuses of operating errors; all others are the program's own trouble, 500. A query that needs too much is one that
 * was understood and cannot be worked on, 422: 413 would speak of the size of what was sent.
 */
const statuses: Partial<Record<ErrorCode, number>> = {
  STORE_UNAVAILABLE: 503,
  STORE_READ: 503,
  STORE_QUERY_LIMIT: 422,
  INDEX_UNAVAILABLE: 503,
  INDEX_QUERY_LIMIT: 422,
  // Not 401 or 403: those would speak of the login here.
  INDEX_REFUSED: 424,
  JOURNAL_CLOSED: 503,
  JOURNAL_FULL: 503,
};

interface Failure {
  readonly status: number;
  readonly retryAfterS?: number | undefined;
  readonly body: {
    readonly detail: string | readonly string[];
    readonly code?: string;
    readonly at?: { readonly start: number; readonly end: number };
  };
}

/** The answer for anything thrown. */
export function failureOf(error: unknown): Failure {
  if (error instanceof RequestError)
    return { status: error.status, retryAfterS: error.retryAfterS, body: { detail: error.message } };
  if (error instanceof QueryError)
    return { status: 400, body: { detail: error.message, at: { start: error.at.start, end: error.at.end } } };
  if (error instanceof ConfigError) return { status: 422, body: { detail: error.problems.map(formatProblem) } };
  if (error instanceof OperatingError) {
    const status = statuses[error.code] ?? 500;
    return {
      status,
      retryAfterS: status === 503 ? Math.ceil((error.retryAfterMs ?? retryAfterS * 1000) / 1000) : undefined,
      body: { detail: error.message, code: error.code },
    };
  }
  // Fastify's own: a body too large, JSON that is none.
  const status =
    error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : 500;
  return { status, body: { detail: errorText(error) } };
}

/** The same with its headers. What nobody expected is logged too: its answer says little. */
export function failureAnswer(
  error: unknown,
  log: Log,
): Pick<Failure, 'status' | 'body'> & { readonly headers: Readonly<Record<string, string>> } {
  const { status, retryAfterS, body } = failureOf(error);
  if (status === 500 && !(error instanceof OperatingError))
    log.error(
      { error: errorText(error), stack: error instanceof Error ? error.stack : undefined },
      'An answer of the admin server failed; please report it.',
    );
  const headers = {
    // Bearer, for which browsers have no window of their own: the page has its form.
    ...(status === 401 && { 'www-authenticate': 'Bearer' }),
    ...(retryAfterS !== undefined && { 'retry-after': String(retryAfterS) }),
  };
  return { status, headers, body };
}

/** Sends it. */
export function sendFailure(error: unknown, reply: FastifyReply, log: Log): FastifyReply {
  const { status, headers, body } = failureAnswer(error, log);
  return reply.headers(headers).code(status).send(body);
}
