/** `/api/session`: the login of browsers. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Access, Login } from '../access.ts';
import { cookieText } from '../access.ts';
import { RequestError } from './failures.ts';
import { failures, jsonAnswer } from './openapi.ts';

/** Adds the routes. `isPrivate`: a request over the Unix socket, for which there is no login. */
export function addSessionRoutes(
  server: FastifyInstance,
  access: Access,
  isPrivate: (request: FastifyRequest) => boolean,
): void {
  server.get('/api/session', async (request) => {
    if (access.isOpen || isPrivate(request)) return { isOpen: true, user: null, methods: [] };
    return { isOpen: false, user: await access.userOf(request.raw), methods: access.methods };
  });
  server.post('/api/session', async (request, reply) => {
    if (access.isOpen || isPrivate(request)) throw new RequestError(409, 'there is no login here: nobody needs one');
    const id = await access.login(loginIn(request.body), request.raw);
    // Whoever logs in anew has no use for the old one.
    access.logout(request.raw);
    return reply.code(204).header('set-cookie', cookieText(request.raw, id)).send();
  });
  server.delete('/api/session', async (request, reply) => {
    access.logout(request.raw);
    return reply.code(204).header('set-cookie', cookieText(request.raw, undefined)).send();
  });
}

function loginIn(body: unknown): Login {
  const given = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  const { token, user, password } = given;
  if (typeof token === 'string') return { token };
  if (typeof user === 'string' && typeof password === 'string') return { user, password };
  throw new RequestError(400, 'expected {"token": "…"} or {"user": "…", "password": "…"}');
}

/** OpenAPI of the routes. */
export const sessionPaths = {
  '/api/session': {
    get: {
      tags: ['login'],
      summary: 'Who is logged in, and how one can',
      security: [],
      responses: {
        200: jsonAnswer('`isOpen`: nobody has to', { isOpen: false, user: 'anna', methods: ['token', 'password'] }),
      },
    },
    post: {
      tags: ['login'],
      summary: 'Logs a browser in',
      security: [],
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: {
              oneOf: [
                { type: 'object', required: ['token'], properties: { token: { type: 'string' } } },
                {
                  type: 'object',
                  required: ['user', 'password'],
                  properties: { user: { type: 'string' }, password: { type: 'string' } },
                },
              ],
            },
            example: { user: 'anna', password: '…' },
          },
        },
      },
      responses: {
        204: { description: 'Logged in: a cookie that ends after 12 hours without a request' },
        ...failures(400, 401, 429),
      },
    },
    delete: {
      tags: ['login'],
      summary: 'Logs it out',
      security: [],
      responses: { 204: { description: 'Logged out' } },
    },
  },
};
