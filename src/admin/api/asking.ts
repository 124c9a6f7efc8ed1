/** One question to the store for one request: it ends when its client goes away, and at the latest some time after its limit. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { StoreQueries } from '../../store/contract.ts';
import type { AdminBackend } from '../backend.ts';
import { RequestError } from './failures.ts';

/** What routes of the API need. */
export interface ApiContext {
  readonly backend: AdminBackend;
  readonly nowMs: () => number;
  /** Asked now and then by answers that go on: false once the login they began with has ended. */
  readonly isAllowedStill: (request: FastifyRequest) => Promise<boolean>;
  /** So often an answer that goes on without end writes something, in ms. */
  readonly pingMs: number;
}

/** The store keeps the time limit itself and answers with what it has; this long after it, nothing comes any more. */
const graceMs = 5000;

/** Where records can be looked for: in the store, or in indices of Elasticsearch or OpenSearch. */
export type Place = 'store' | 'index';

/** The place that is meant where none is named: the store, unless there is none. */
export function placeOf({ backend }: ApiContext, named: Place | undefined): Place {
  return named ?? (backend.storeState().state === 'off' && backend.index() ? 'index' : 'store');
}

/** @throws RequestError 503 where it is off, 400 where it is not configured. */
export function queriesOf(context: ApiContext, named: Place | undefined): StoreQueries {
  const { backend } = context;
  if (placeOf(context, named) === 'index') {
    const index = backend.index();
    if (index) return index.queries;
    throw new RequestError(400, 'in=index: no indices are configured; set P2L_EXPLORER_URL and start again');
  }
  const queries = backend.store();
  if (!queries)
    throw new RequestError(
      503,
      'the store is off, so nothing can be searched; set P2L_STORE=on, or P2L_EXPLORER_URL to search Elasticsearch or OpenSearch, and start again',
    );
  return queries;
}

/** Aborts when the client is gone before its answer was written. */
export function clientSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  const { raw } = reply;
  if (raw.destroyed) controller.abort();
  else
    raw.once('close', () => {
      if (!raw.writableFinished) controller.abort();
    });
  return controller.signal;
}

/** Asks and gives the answer. @throws what the question throws; RequestError 504 where none comes. */
export async function ask<T>(
  context: ApiContext,
  reply: FastifyReply,
  place: Place | undefined,
  timeoutMs: number,
  question: (queries: StoreQueries, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const queries = queriesOf(context, place);
  const controller = new AbortController();
  const gone = clientSignal(reply);
  const leave = (): void => controller.abort(new RequestError(499, 'the client went away'));
  gone.addEventListener('abort', leave);
  if (gone.aborted) leave();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    controller.abort();
  }, timeoutMs + graceMs);
  const { signal } = controller;
  // Whoever is asked should give up by itself; a request must not hang on it.
  const ended = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  try {
    signal.throwIfAborted();
    return await Promise.race([question(queries, signal), ended]);
  } catch (error) {
    if (!isLate) throw error;
    throw new RequestError(
      504,
      `the ${placeOf(context, place)} did not answer within ${timeoutMs} ms; narrow the time range or the query, or raise timeout`,
    );
  } finally {
    clearTimeout(timer);
    gone.removeEventListener('abort', leave);
  }
}
