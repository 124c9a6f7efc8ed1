/** `/api/dead-letters`: what was refused, looked at, sent through again, given up. */
import type { FastifyInstance } from 'fastify';
import type { AdminBackend, DeadLetterChoice } from '../backend.ts';
import { RequestError } from './failures.ts';

/** Most dead letters one request may list: they are held in memory while printed. */
const deadLettersMax = 1000;

interface Filters {
  readonly limit?: string;
  readonly output?: string;
  readonly reason?: string;
}

export function addDeadLetterRoutes(server: FastifyInstance, backend: AdminBackend): void {
  server.get<{ Querystring: Filters }>('/api/dead-letters', (request) => {
    const { limit: written, output, reason } = request.query;
    const limit = Number(written ?? 100);
    if (!Number.isInteger(limit) || limit < 1 || limit > deadLettersMax)
      throw new RequestError(400, `limit=${written}: expected a whole number from 1 to ${deadLettersMax}`);
    return backend.deadLetters(limit, { output, reason });
  });
  server.get<{ Params: { id: string } }>('/api/dead-letters/:id', async (request) => {
    const { id } = request.params;
    const found = await backend.deadLetter(id);
    if (!found) throw new RequestError(404, `There is no dead letter ${id}; it may have been replayed or dropped`);
    return found;
  });
  server.post<{ Body: unknown }>('/api/dead-letters/replay', async (request) => ({
    replayed: await backend.replayDeadLetters(choiceOf(request.body), isRouted(request.body)),
  }));
  server.post<{ Body: unknown }>('/api/dead-letters/drop', async (request) => ({
    dropped: await backend.dropDeadLetters(choiceOf(request.body)),
  }));
}

/** `{"ids": [...]}` or `{"ids": "all"}`, both with `output` and `reason` besides. @throws RequestError */
function choiceOf(body: unknown): DeadLetterChoice {
  const { ids, output, reason } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const isList = Array.isArray(ids) && ids.every((id): id is string => typeof id === 'string');
  const isText = (value: unknown): value is string | undefined => value === undefined || typeof value === 'string';
  if ((ids !== 'all' && !isList) || !isText(output) || !isText(reason))
    throw new RequestError(
      400,
      'expected {"ids": ["…"]} or {"ids": "all"}, with "output" and "reason" where only some of them are meant',
    );
  return { ids: isList ? ids : undefined, output, reason };
}

/** `"route": true`: through the filters and routes of the configuration. @throws RequestError */
function isRouted(body: unknown): boolean {
  const { route = false } = body as { route?: unknown };
  if (typeof route === 'boolean') return route;
  throw new RequestError(400, '"route" is true or false');
}

const limitParameter = { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: deadLettersMax } };
const filterParameters = [
  { name: 'output', in: 'query', description: 'Only those of this output', schema: { type: 'string' } },
  { name: 'reason', in: 'query', description: 'Only those with this text in their reason', schema: { type: 'string' } },
];
const json = (description: string) => ({ description, content: { 'application/json': {} } });
const choiceBody = {
  content: {
    'application/json': {
      schema: {
        type: 'object',
        required: ['ids'],
        properties: {
          ids: { oneOf: [{ type: 'array', items: { type: 'string' } }, { const: 'all' }] },
          output: { type: 'string' },
          reason: { type: 'string' },
        },
      },
    },
  },
};

/** For the API's documentation. */
export const deadLetterPaths = {
  '/api/dead-letters': {
    get: {
      tags: ['admin'],
      summary: 'The newest refused records that were neither replayed nor dropped',
      parameters: [limitParameter, ...filterParameters],
      responses: { 200: json('Dead letters') },
    },
  },
  '/api/dead-letters/{id}': {
    get: {
      tags: ['admin'],
      summary: 'One refused record with all that is known of it',
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
      responses: { 200: json('The dead letter'), 404: json('There is none') },
    },
  },
  '/api/dead-letters/replay': {
    post: {
      tags: ['admin'],
      summary:
        'Sends refused records to the output that refused them again, each once; with `"route": true` through filters to all',
      requestBody: choiceBody,
      responses: { 200: json('How many were replayed'), 400: json('Which ones is not clear') },
    },
  },
  '/api/dead-letters/drop': {
    post: {
      tags: ['admin'],
      summary: 'Gives refused records up and makes room',
      requestBody: choiceBody,
      responses: { 200: json('How many were dropped'), 400: json('Which ones is not clear') },
    },
  },
};
