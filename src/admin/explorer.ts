/** The explorer's files, as the build left them in web/dist. They hold nothing secret, so that the login form is among them. */
import { readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { takesGzip } from './packed-files.ts';

/** Where the package has them: beside src/ and beside dist/. */
export const explorerDirectory = fileURLToPath(new URL('../../web/dist', import.meta.url));

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
};

/** Names without a way out of the directory: no slash, no dot in front, nothing that needs decoding. At most three deep, as builds are. */
const path = /^(?:[\w-][\w.-]*\/){0,2}[\w-][\w.-]*$/;
/** Their names change with what they hold. */
const hashed = /^assets\//;

/** Texts of at least so many bytes are packed for who takes that. */
const packedBytesMin = 1024;
const packedTypes = /^(?:text|application)\//;
const pack = promisify(gzip);

/** Files as they were packed last: a build has a handful. */
class Packed {
  readonly #files = new Map<string, { readonly tag: string; readonly bytes: Promise<Buffer> }>();

  get(file: string, tag: string): Promise<Buffer> {
    const known = this.#files.get(file);
    if (known?.tag === tag) return known.bytes;
    const bytes = readFile(file).then((text) => pack(text));
    bytes.catch(() => this.#files.delete(file));
    this.#files.set(file, { tag, bytes });
    return bytes;
  }
}

/** Adds `/` and what lies below it. */
export function serveExplorer(server: FastifyInstance, directory: string): void {
  const packed = new Packed();
  const show = async (
    name: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply | undefined> => {
    const type = types[extname(name)];
    if (!path.test(name) || type === undefined) return undefined;
    const file = join(directory, name);
    const found = await stat(file).catch(() => undefined);
    if (found?.isFile() !== true) return undefined;
    const isPacked = found.size >= packedBytesMin && packedTypes.test(type);
    // Packed or not, it says the same.
    const tag = `${isPacked ? 'W/' : ''}"${found.size.toString(36)}-${Math.floor(found.mtimeMs).toString(36)}"`;
    void reply
      .header('cache-control', hashed.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache')
      .header('etag', tag);
    if (isPacked) void reply.header('vary', 'accept-encoding');
    if (request.headers['if-none-match'] === tag) return reply.code(304).send();
    void reply.type(type);
    if (isPacked && takesGzip(request))
      return reply.header('content-encoding', 'gzip').send(await packed.get(file, tag));
    return reply.send(await readFile(file));
  };
  server.get('/', async (request, reply) => {
    const shown = await show('index.html', request, reply);
    return shown ?? reply.code(503).type('text/html; charset=utf-8').send(missing);
  });
  server.get<{ Params: { '*': string } }>('/*', async (request, reply) => {
    const shown = await show(request.params['*'], request, reply);
    return shown ?? reply.callNotFound();
  });
}

const missing = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>post2log</title>
<h1>The explorer is not built</h1>
<p>Run <code>npm run build:web</code> where post2log is installed, and load this page again. Until then <code>post2log query</code> searches in a terminal, and the API is described at <a href="/docs">/docs</a>.</p>
</html>
`;
