/** The OpenAPI 3.1 description of a postback source's endpoints, shown by the admin server at /docs. */
import type { PostbackOptions } from './options.ts';

const answer = (description: string, example: unknown): unknown => ({
  description,
  content: { 'application/json': { example } },
});
const detail = (text: string): unknown => ({ detail: text });

const anyObject = { schema: { type: 'object', additionalProperties: true } };

const requestBody = {
  required: false,
  description:
    'One record, or several: an array of objects and NDJSON are taken as a whole or not at all. gzip, deflate, br and zstd are unpacked.',
  content: {
    'application/json': { schema: { oneOf: [{ type: 'object' }, { type: 'array', items: { type: 'object' } }] } },
    'application/x-ndjson': { schema: { type: 'string' } },
    'application/x-www-form-urlencoded': anyObject,
    'multipart/form-data': anyObject,
  },
};

/** Paths of one configured source. */
export function postbackPaths(options: PostbackOptions): Readonly<Record<string, unknown>> {
  const isGuarded =
    options.bearerToken !== undefined || (options.signature !== undefined && options.signature !== 'none');
  const responses: Record<string, unknown> = {
    200: answer('All records are on disk', { status: 'success' }),
    400: answer('The body, the query or the path is malformed', detail('… at line 1, column 7')),
    ...(isGuarded ? { 401: answer('Token or signature is missing or wrong', detail('…')) } : {}),
    ...(options.allowFrom ? { 403: answer('The address is not let in', detail('…')) } : {}),
    404: answer('No endpoint has this path', detail('Not Found')),
    405: answer('The endpoint does not take this method; Allow says which', detail('Method Not Allowed')),
    413: answer('The body is too large, packed or unpacked', detail('…')),
    415: answer('The type or encoding of the body is not known', detail('…')),
    ...(options.rateLimit
      ? { 429: answer('Too many requests from this address; Retry-After says when', detail('…')) }
      : {}),
    503: answer('Nothing was taken: the journal is full or the program stops; Retry-After says when', detail('…')),
  };
  const headers = options.idempotencyHeader
    ? [
        {
          name: options.idempotencyHeader,
          in: 'header',
          schema: { type: 'string' },
          description: 'Makes a repeated request be taken once',
        },
      ]
    : [];
  const operation = (method: string): unknown => ({
    tags: ['postback'],
    summary: 'Takes a postback; its query parameters become fields',
    parameters: headers,
    ...(method === 'get' ? {} : { requestBody }),
    responses,
  });
  const url = serverUrl(options);
  const servers = url === undefined ? {} : { servers: [{ url }] };
  return Object.fromEntries(
    options.endpoints.map((endpoint) => {
      const path = endpoint.replace(/\/\*$/, '/{rest}');
      const rest = endpoint.endsWith('/*')
        ? {
            parameters: [
              { name: 'rest', in: 'path', required: true, schema: { type: 'string' }, description: 'Becomes the tag' },
            ],
          }
        : {};
      const methods = options.methods.map((method) => method.toLowerCase());
      return [
        path,
        { ...servers, ...rest, ...Object.fromEntries(methods.map((method) => [method, operation(method)])) },
      ];
    }),
  );
}

/** Where it listens; an address that stands for all is called localhost. Undefined: the system chooses the port. */
function serverUrl({ host, port, tlsCert }: PostbackOptions): string | undefined {
  if (port === 0) return undefined;
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `${tlsCert === undefined ? 'http' : 'https'}://${name}:${port}`;
}
