/** Static files that an image holds packed by gzip, and nothing else of them: a browser unpacks them itself, for others it is done here. */
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { createGunzip } from 'node:zlib';
import type { FastifyInstance, FastifyRequest } from 'fastify';

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};

/** Answers `prefix` + name from `directory`/name.gz before anybody else does; where there is no such file, not at all. */
export async function servePackedFiles(server: FastifyInstance, prefix: string, directory: string): Promise<void> {
  const names = (await readdir(directory).catch((): string[] => [])).filter((name) => name.endsWith('.gz'));
  const packed = new Map(names.map((name) => [`${prefix}${name.slice(0, -'.gz'.length)}`, join(directory, name)]));
  if (packed.size === 0) return;
  server.addHook('onRequest', async (request, reply) => {
    const [path = ''] = request.url.split('?');
    const file = packed.get(path);
    if (file === undefined) return undefined;
    void reply.type(types[extname(path)] ?? 'application/octet-stream').header('vary', 'accept-encoding');
    const bytes = createReadStream(file);
    if (takesGzip(request)) return reply.header('content-encoding', 'gzip').send(bytes);
    return reply.send(bytes.pipe(createGunzip()));
  });
}

/** May an answer be packed by gzip? */
export function takesGzip({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  return /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:,|$))/.test(headers['accept-encoding'] ?? '');
}
