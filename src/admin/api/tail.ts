/** `/api/tail`: records as they are stored, as Server-Sent Events. */
import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { FoundRecord, StoreQueries } from '../../store/contract.ts';
import { clientSignal, queriesOf } from './asking.ts';
import type { ApiContext } from './asking.ts';
import { failureOf, RequestError } from './failures.ts';
import { failures, parameter, placeParameter, recordExample } from './openapi.ts';
import { Parameters } from './parameters.ts';
import { checkQuery } from './query-check.ts';
import { recordText } from './records.ts';

/** Each is matched against everything that is stored, and holds a connection; a browser has six at most for one address. */
const tailsMax = 32;
/** Written and not taken by the client yet; what comes beyond it is skipped and counted, so that a slow reader costs no more. */
const backlogBytesMax = 1024 * 1024;
/** A client that takes nothing for so many pings is gone, whatever its connection says. */
const silentPingsMax = 4;
/** Records of one event: a browser draws them at once. */
const eventRecordsMax = 500;
/** When a browser connects again after its connection broke, in ms. */
const reconnectMs = 2000;

/** Adds the route. */
export function addTailRoute(server: FastifyInstance, context: ApiContext): void {
  let running = 0;
  server.get('/api/tail', { exposeHeadRoute: false }, async (request, reply) => {
    const given = new Parameters(request.query, ['query', 'in']);
    const query = given.text('query') ?? '';
    const queries = queriesOf(context, given.place());
    if (running >= tailsMax)
      throw new RequestError(429, `${tailsMax} live tails run already; close one, or try again later`, 10);
    running++;
    try {
      await checkQuery(query);
      const controller = new AbortController();
      clientSignal(reply).addEventListener('abort', () => controller.abort());
      if (reply.raw.destroyed) return;
      // The store hears of it before the client hears that it runs: what is stored from then on comes.
      const parts = queries.tail({ query, fromMs: undefined, toMs: undefined }, controller.signal);
      const records = parts[Symbol.asyncIterator]();
      const next = records.next();
      next.catch(() => undefined);
      reply.hijack();
      const stream = new EventStream(reply.raw);
      const pings = setInterval(() => {
        if (!stream.ping()) controller.abort();
        void context.isAllowedStill(request).then((isAllowed) => {
          if (!isAllowed) controller.abort();
        });
      }, context.pingMs);
      try {
        await stream.follow(records, next);
      } finally {
        clearInterval(pings);
        controller.abort();
        stream.end();
      }
    } finally {
      running--;
    }
  });
}

type TailPart = Awaited<ReturnType<AsyncIterator<{ records: readonly FoundRecord[]; skipped: number }>['next']>>;
type TailIterator = ReturnType<ReturnType<StoreQueries['tail']>[typeof Symbol.asyncIterator]>;

/** One client's connection. */
class EventStream {
  readonly #raw: ServerResponse;
  #skipped = 0;
  #silentPings = 0;

  constructor(raw: ServerResponse) {
    this.#raw = raw;
    raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    });
    raw.write(`retry: ${reconnectMs}\n\n`);
  }
  /** False once the client has taken nothing for too long. */
  ping(): boolean {
    if (this.#isBehind()) return ++this.#silentPings < silentPingsMax;
    this.#silentPings = 0;
    this.#tellSkipped();
    this.#raw.write(': ping\n\n');
    return true;
  }
  /** Until the store ends it. What goes wrong is told as an event `failed`; the client may connect again. */
  async follow(parts: TailIterator, first: Promise<TailPart>): Promise<void> {
    try {
      for (let part = await first; part.done !== true; part = await parts.next())
        this.#show(part.value.records, part.value.skipped);
    } catch (error) {
      if (!this.#raw.destroyed) this.#raw.write(`event: failed\ndata: ${JSON.stringify(failureOf(error).body)}\n\n`);
    }
  }
  end(): void {
    this.#raw.end();
  }
  #isBehind(): boolean {
    return this.#raw.writableLength > backlogBytesMax;
  }
  #show(records: readonly FoundRecord[], skipped: number): void {
    this.#skipped += skipped;
    for (let start = 0; start < records.length; start += eventRecordsMax) {
      const some = records.slice(start, start + eventRecordsMax);
      if (this.#isBehind()) {
        this.#skipped += some.length;
        continue;
      }
      this.#tellSkipped();
      this.#raw.write(`event: records\ndata: [${some.map(recordText).join(',')}]\n\n`);
    }
    if (!this.#isBehind()) this.#tellSkipped();
  }
  #tellSkipped(): void {
    if (this.#skipped === 0) return;
    this.#raw.write(`event: skipped\ndata: ${this.#skipped}\n\n`);
    this.#skipped = 0;
  }
}

/** OpenAPI of the route. */
export const tailPaths = {
  '/api/tail': {
    get: {
      tags: ['search'],
      summary: 'Records as they are stored, or become searchable (Server-Sent Events)',
      description:
        'Events: `records`, a JSON array of records as in /api/search; `skipped`, how many were left out because they came faster than they were stored for this tail or than the client took them; `failed`, `{"detail"}`, after which the connection ends. A comment comes every 15 s.',
      parameters: [
        parameter('query', 'In the query language; empty: all records', { type: 'string' }, 'p1:v1'),
        placeParameter,
      ],
      responses: {
        200: {
          description: 'The stream',
          content: {
            'text/event-stream': { example: `event: records\ndata: ${JSON.stringify([recordExample])}\n\n` },
          },
        },
        ...failures(400, 401, 424, 429, 503),
      },
    },
  },
};
