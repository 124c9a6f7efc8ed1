/** `/api/fields` and `/api/fields/values`. */
import type { FastifyInstance } from 'fastify';
import { ask } from './asking.ts';
import type { ApiContext } from './asking.ts';
import { RequestError } from './failures.ts';
import { answerExample, failures, jsonAnswer, parameter, selectionParameters, timeoutParameter } from './openapi.ts';
import { Parameters, selectionNames } from './parameters.ts';
import { standing } from './search.ts';

/** The store's own limit of values. */
const valuesMax = 1000;

/** Adds the routes. */
export function addFieldRoutes(server: FastifyInstance, context: ApiContext): void {
  server.get('/api/fields', async (request, reply) => {
    const given = new Parameters(request.query, [...selectionNames, 'timeout']);
    const asked = given.selection(context.nowMs());
    const answer = await ask(context, reply, given.place(), asked.timeoutMs, (queries, signal) =>
      queries.fields(asked, signal),
    );
    const { fields, sampled, hasMore } = answer;
    return { fields, sampled, hasMore, ...standing(answer, asked) };
  });

  server.get('/api/fields/values', async (request, reply) => {
    const given = new Parameters(request.query, [...selectionNames, 'timeout', 'field', 'limit']);
    const asked = given.selection(context.nowMs());
    const field = given.text('field');
    if (field === undefined)
      throw new RequestError(400, 'field is missing; expected the name of one, such as kubernetes.pod_name');
    const question = { ...asked, field, limit: given.whole('limit', 1, valuesMax, 10) };
    const answer = await ask(context, reply, given.place(), asked.timeoutMs, (queries, signal) =>
      queries.values(question, signal),
    );
    const { values, total, present } = answer;
    return { field, values, total, present, ...standing(answer, asked) };
  });
}

/** OpenAPI of the routes. */
export const fieldPaths = {
  '/api/fields': {
    get: {
      tags: ['search'],
      summary: 'Which fields the records have',
      parameters: [...selectionParameters, timeoutParameter],
      responses: {
        200: jsonAnswer('Most frequent first; `count` of `sampled` records have it', {
          fields: [{ name: 'status', types: ['number', 'string'], count: 812 }],
          sampled: 1000,
          hasMore: false,
          ...answerExample,
        }),
        ...failures(400, 401, 422, 424, 503, 504),
      },
    },
  },
  '/api/fields/values': {
    get: {
      tags: ['search'],
      summary: 'The most frequent values of a field',
      parameters: [
        { ...parameter('field', 'Keys joined by dots', { type: 'string' }, 'kubernetes.pod_name'), required: true },
        ...selectionParameters,
        parameter('limit', 'How many', { type: 'integer', minimum: 1, maximum: valuesMax, default: 10 }),
        timeoutParameter,
      ],
      responses: {
        200: jsonAnswer('`present` of `total` records have the field', {
          field: 'status',
          values: [{ value: '200', count: 790 }],
          total: 1000,
          present: 812,
          ...answerExample,
        }),
        ...failures(400, 401, 422, 424, 503, 504),
      },
    },
  },
};
