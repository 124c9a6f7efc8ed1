/** `/api/store` and `/api/query/check`. */
import type { FastifyInstance } from 'fastify';
import { OperatingError } from '../../core/errors.ts';
import type { StoreQueries, StoreStatus } from '../../store/contract.ts';
import type { StoreState } from '../backend.ts';
import { placeOf, queriesOf } from './asking.ts';
import type { ApiContext, Place } from './asking.ts';
import { RequestError } from './failures.ts';
import { failures, jsonAnswer, placeParameter } from './openapi.ts';
import { Parameters } from './parameters.ts';
import { checkQuery } from './query-check.ts';

/** Adds the routes. */
export function addStoreRoutes(server: FastifyInstance, context: ApiContext): void {
  server.get('/api/store', async (request) => {
    const named = new Parameters(request.query, ['in']).place();
    const places = placesOf(context);
    if (placeOf(context, named) === 'index') return { ...(await indexState(context)), places };
    return { ...(await storeState(context)), places };
  });

  server.post('/api/query/check', async (request) => {
    const { body } = request;
    const query = typeof body === 'object' && body !== null && 'query' in body ? body.query : undefined;
    if (typeof query !== 'string') throw new RequestError(400, 'expected {"query": "…"}');
    await checkQuery(query);
    return { isValid: true };
  });
}

/** Where records can be looked for, the usual place first. */
function placesOf({
  backend,
}: ApiContext): { readonly in: Place; readonly pattern?: string; readonly place?: string }[] {
  const index = backend.index();
  return [
    ...(backend.storeState().state === 'off' ? [] : [{ in: 'store' as const }]),
    ...(index ? [{ in: 'index' as const, pattern: index.pattern, place: index.place }] : []),
  ];
}

/** How a place is, as the answer has it. */
interface PlaceState {
  readonly state: StoreState['state'];
  readonly status: StoreStatus | null;
  readonly waiting: number;
  readonly lastError: string | null;
}

async function storeState({ backend }: ApiContext): Promise<PlaceState> {
  const { state, waiting, lastError = null } = backend.storeState();
  const queries = backend.store();
  const standing = { state, waiting, lastError };
  return queries && state === 'running' ? stateOf(queries, standing) : { ...standing, status: null };
}

function indexState(context: ApiContext): Promise<PlaceState> {
  return stateOf(queriesOf(context, 'index'), { state: 'running', waiting: 0, lastError: null });
}

/** `starting`: it does not answer just now. */
async function stateOf(queries: StoreQueries, standing: Omit<PlaceState, 'status'>): Promise<PlaceState> {
  try {
    return { ...standing, status: await queries.status() };
  } catch (error) {
    // Its process ended between the two questions and is started again, or the server is away.
    if (!(error instanceof OperatingError)) throw error;
    return { ...standing, state: 'starting', status: null, lastError: error.message };
  }
}

/** OpenAPI of the routes. */
export const storePaths = {
  '/api/store': {
    get: {
      tags: ['search'],
      summary: 'How the store is, or the indices that are searched; and where records can be looked for',
      parameters: [placeParameter],
      responses: {
        200: jsonAnswer(
          '`waiting`: records of the journal that the store does not have yet. Of indices, sizes are not known',
          {
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
            places: [{ in: 'store' }, { in: 'index', pattern: 'logstash-*', place: 'https://logs.example.com:9200' }],
          },
        ),
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
