/** `/docs`: the OpenAPI description of the admin API and of what the program receives. Loaded when first asked for. */
import { fileURLToPath } from 'node:url';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AdminBackend } from './backend.ts';
import { systemCode } from '../core/errors.ts';
import { version } from '../core/version.ts';
import { deadLetterPaths } from './api/dead-letters.ts';
import { exportPaths } from './api/export.ts';
import { fieldPaths } from './api/fields.ts';
import { searchPaths } from './api/search.ts';
import { sessionPaths } from './api/session.ts';
import { storePaths } from './api/store.ts';
import { tailPaths } from './api/tail.ts';
import { servePackedFiles } from './packed-files.ts';

/** Where an image has the page's files, packed; nowhere else is there such a directory, and the package's own are shown. */
const packedDirectory = fileURLToPath(new URL('../static/', import.meta.url));

const json = (description: string): unknown => ({ description, content: { 'application/json': {} } });
const adminPaths = {
  '/healthz': { get: { tags: ['admin'], summary: 'Lives', responses: { 200: { description: 'ok' } } } },
  '/readyz': {
    get: {
      tags: ['admin'],
      summary:
        'Takes records and delivers; otherwise 503 with reasons. For each output whether its target answers, since when not, and (with a login) what to do',
      responses: { 200: json('Ready'), 503: json('Not ready, with reasons') },
    },
  },
  '/metrics': {
    get: { tags: ['admin'], summary: 'Prometheus metrics', responses: { 200: { description: 'Text exposition' } } },
  },
  '/api/status': {
    get: {
      tags: ['admin'],
      summary: 'Journal, outputs with their counts and lag, processes',
      responses: { 200: json('Status') },
    },
  },
  '/api/reload': {
    post: {
      tags: ['admin'],
      summary: 'Reads the configuration again; a bad one leaves the running one in place',
      responses: { 200: json('The generation that runs'), 422: json('What is wrong with the new configuration') },
    },
  },
  '/api/outputs/{id}/drop': {
    post: {
      tags: ['admin'],
      summary: 'Gives up what waits for a removed output',
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
      responses: { 200: json('How many records were given up'), 409: json('No such removed output') },
    },
  },
};

/** The whole OpenAPI 3.1 document. */
function openApi(backend: AdminBackend): unknown {
  return {
    openapi: '3.1.0',
    info: {
      title: 'post2log',
      version,
      description: 'The postback endpoints are on their own port; the admin API is on this one.',
    },
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'The token of P2L_ADMIN_TOKEN' },
        user: { type: 'http', scheme: 'basic', description: 'A user of P2L_ADMIN_USERS' },
      },
    },
    paths: {
      ...backend.receivingPaths(),
      ...searchPaths,
      ...fieldPaths,
      ...exportPaths,
      ...tailPaths,
      ...storePaths,
      ...sessionPaths,
      ...adminPaths,
      ...deadLetterPaths,
    },
  };
}

/** An image without store and explorer has not the page's files either. */
const noPage = 'This installation has no page for the API; /openapi.json describes it.\n';

/** Adds /openapi.json and /docs. The page's library is large, so it is loaded at the first request. */
export function serveDocs(server: FastifyInstance, backend: AdminBackend): void {
  server.get('/openapi.json', () => openApi(backend));
  let pages: Promise<FastifyInstance> | undefined;
  const show = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    pages ??= docPages(backend);
    const app = await pages.catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (!app) return reply.code(404).type('text/plain; charset=utf-8').send(noPage);
    reply.hijack();
    app.routing(request.raw, reply.raw);
    return undefined;
  };
  server.get('/docs', show);
  server.get('/docs/*', show);
}

/** In the page's dark bar, 40 pixels high. */
const logo =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 150 40" fill="none"><rect y="4" width="32" height="32" rx="9" fill="#0b7285"/>' +
  '<path d="M7 14.700h15.700m-4.300-4.300 4.300 4.300-4.300 4.300M7 21.700h17.300M7 27.700h10.700" stroke="#fff" stroke-width="2.700" stroke-linecap="round" stroke-linejoin="round"/>' +
  '<text x="42" y="28" fill="#fff" font-family="sans-serif" font-size="23" font-weight="700">post2log</text></svg>';

async function docPages(backend: AdminBackend): Promise<FastifyInstance> {
  const [{ default: Fastify }, { default: swagger }, { default: swaggerUi }] = await Promise.all([
    import('fastify'),
    import('@fastify/swagger'),
    import('@fastify/swagger-ui'),
  ]);
  const pages = Fastify();
  await pages.register(swagger, { mode: 'static', specification: { document: openApi(backend) as never } });
  await servePackedFiles(pages, '/docs/static/', packedDirectory);
  await pages.register(swaggerUi, {
    routePrefix: '/docs',
    logo: { type: 'image/svg+xml', content: logo, href: '/', target: '_self' },
    theme: { title: 'post2log API' },
  });
  await pages.ready();
  return pages;
}
