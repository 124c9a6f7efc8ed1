/** `/api/store` and `/api/query/check`. */
import type { FastifyInstance } from 'fastify';
import { OperatingError } from '../../core/errors.ts';
import type { ApiContext } from './asking.ts';
import { RequestError } from './failures.ts';
import { failures, jsonAnswer } from './openapi.ts';
import { Parameters } from './parameters.ts';
import { checkQuery } from './query-check.ts';

/** Adds the routes. */
export function addStoreRoutes(server: FastifyInstance, context: ApiContext): void {
  const { backend } = context;
  server.get('/api/store', async (request) => {
    void new Parameters(request.query, []);
    const { state, waiting, lastError = null } = backend.storeState();
    const queries = backend.store();
    if (!queries || state !== 'running') return { state, status: null, waiting, lastError };
    try {
      return { state, status: await queries.status(), waiting, lastError };
    } catch (error) {
      // Its process ended between the two questions; it is started again.
      if (!(error instanceof OperatingError)) throw error;
      return { state: 'starting', status: null, waiting, lastError: error.message };
    }
  });

  server.post('/api/query/check', async (request) => {
    const { body } = request;
    const query = typeof body === 'object' && body !== null && 'query' in body ? body.query : undefined;
    if (typeof query !== 'string') throw new RequestError(400, 'expected {"query": "…"}');
    await checkQuery(query);
    return { isValid: true };
  });
}

/** OpenAPI of the routes. */
export const storePaths = {
  '/api/store': {
    get: {
      tags: ['search'],
      summary: 'How the store is',
      responses: {
        200: jsonAnswer('`waiting`: records of the journal that it does not have yet', {
          state: 'running',
          status: {
            records: 1_000_000,
            bytes: 61_000_000,
            bytesMax: 4_294_967_296,
            oldestMs: 1_795_183_200_000,
            newestMs: 1_795_273_200_123,
            partitions: [{ name: '00000007-20261121T1500Z', records: 1_000_000, bytes: 61_000_000 }],
            setAside: [],
          },
          waiting: 0,
          lastError: null,
        }),
        ...failures(401),
      },
    },
  },
  '/api/query/check': {
    post: {
      tags: ['search'],
      summary: 'Whether a query can be read',
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: { type: 'object', required: ['query'], properties: { query: { type: 'string' } } },
            example: { query: 'p1:v1 AND status>=500' },
          },
        },
      },
      responses: { 200: jsonAnswer('It can', { isValid: true }), ...failures(400, 401) },
    },
  },
};
