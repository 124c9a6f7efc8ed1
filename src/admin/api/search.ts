/** `/api/search` and `/api/histogram`. */
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { Completeness, FoundRecord } from '../../store/contract.ts';
import { ask } from './asking.ts';
import type { ApiContext } from './asking.ts';
import {
  answerExample,
  failures,
  jsonAnswer,
  parameter,
  recordExample,
  selectionParameters,
  timeoutParameter,
} from './openapi.ts';
import { Parameters, selectionNames } from './parameters.ts';
import type { Asked } from './parameters.ts';
import { recordText } from './records.ts';

/** The store's own limit of a page. */
const pageMax = 10_000;
/** The store's own limit of a histogram: more bars than a screen has pixels for. */
const bucketsMax = 1000;
/** Records are joined to texts of about this many characters on their way out: few writes, and no text as large as the answer. */
const pieceChars = 256 * 1024;

/** Adds the routes. */
export function addSearchRoutes(server: FastifyInstance, context: ApiContext): void {
  server.get('/api/search', async (request, reply) => {
    const given = new Parameters(request.query, [...selectionNames, 'timeout', 'limit', 'order', 'after']);
    const asked = given.selection(context.nowMs());
    const question = {
      ...asked,
      limit: given.whole('limit', 1, pageMax, 100),
      order: given.choice('order', ['newest', 'oldest']),
      after: given.text('after'),
    };
    const answer = await ask(context, reply, given.place(), asked.timeoutMs, (queries, signal) =>
      queries.search(question, signal),
    );
    const { next = null, searchedToMs = null } = answer;
    const rest = { next, searchedToMs, ...standing(answer, asked) };
    void reply.type('application/json; charset=utf-8');
    return Readable.from(answerPieces(answer.records, rest), { objectMode: false });
  });

  server.get('/api/histogram', async (request, reply) => {
    const given = new Parameters(request.query, [...selectionNames, 'timeout', 'buckets']);
    const asked = given.selection(context.nowMs());
    const question = { ...asked, buckets: given.whole('buckets', 1, bucketsMax, 60) };
    const answer = await ask(context, reply, given.place(), asked.timeoutMs, (queries, signal) =>
      queries.histogram(question, signal),
    );
    const { startMs, widthMs, counts, total } = answer;
    return { startMs, widthMs, counts, total, ...standing(answer, asked) };
  });
}

/** What every answer says of itself, and which times were meant. */
export function standing({ isComplete, tookMs, notes }: Completeness, { fromMs, toMs }: Asked): object {
  return { isComplete, tookMs, fromMs: fromMs ?? null, toMs: toMs ?? null, notes };
}

function* answerPieces(records: readonly FoundRecord[], rest: object): Generator<string> {
  let piece = '{"records":[';
  for (const [index, record] of records.entries()) {
    piece += `${index === 0 ? '' : ','}${recordText(record)}`;
    if (piece.length < pieceChars) continue;
    yield piece;
    piece = '';
  }
  yield `${piece}],${JSON.stringify(rest).slice(1)}`;
}

/** OpenAPI of the routes. */
export const searchPaths = {
  '/api/search': {
    get: {
      tags: ['search'],
      summary: 'Records, newest first, in pages',
      description:
        '`fields` is the record as it was received, digits and order of keys included. A page has all matching records from where it begins to its `next`, in order; where `timeout` ends it early it is shorter, perhaps empty, and `after=next` goes on behind what was looked at. So a short `timeout` shows the first records as soon as they are found. `searchedToMs`, newest first: this time and all later ones have been looked at; oldest first: all earlier ones; null: everything. Only where nothing could be looked at to its end in time is `next` null and `isComplete` false: then there may be gaps, and the same request needs a longer `timeout`.',
      parameters: [
        ...selectionParameters,
        parameter('limit', 'Records of a page', { type: 'integer', minimum: 1, maximum: pageMax, default: 100 }),
        parameter('order', 'By record time', { enum: ['newest', 'oldest'], default: 'newest' }),
        parameter('after', '`next` of the page before; a whole one or one that its `timeout` ended', {
          type: 'string',
        }),
        timeoutParameter,
      ],
      responses: {
        200: jsonAnswer('A page', { records: [recordExample], next: null, searchedToMs: null, ...answerExample }),
        ...failures(400, 401, 422, 424, 503, 504),
      },
    },
  },
  '/api/histogram': {
    get: {
      tags: ['search'],
      summary: 'How many records over time',
      description: 'Widths are round (1 s, 5 s, 1 min, …). Without `from` it begins with the oldest record.',
      parameters: [
        ...selectionParameters,
        parameter('buckets', 'About how many', { type: 'integer', minimum: 1, maximum: bucketsMax, default: 60 }),
        timeoutParameter,
      ],
      responses: {
        200: jsonAnswer('Counts of buckets that follow each other', {
          startMs: 1_795_269_600_000,
          widthMs: 60_000,
          counts: [3, 0, 5],
          total: 8,
          ...answerExample,
        }),
        ...failures(400, 401, 422, 424, 503, 504),
      },
    },
  },
};
