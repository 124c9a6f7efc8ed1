import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import Fastify from 'fastify';
import { servePackedFiles } from './packed-files.ts';

test('packed files go out packed to those who take that, and unpacked to others', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-packed-'));
  context.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'page.js.gz'), gzipSync('let a;'));
  writeFileSync(join(directory, 'plain.css'), 'b {}');
  const server = Fastify();
  await servePackedFiles(server, '/docs/static/', directory);
  server.get('/docs/static/*', () => 'from elsewhere');
  const get = (name: string, encodings?: string) =>
    server.inject({
      url: `/docs/static/${name}`,
      headers: encodings === undefined ? {} : { 'accept-encoding': encodings },
    });

  for (const encodings of ['gzip', 'br, gzip;q=0.5', 'deflate, gzip']) {
    const packed = await get('page.js', encodings);
    assert.equal(packed.headers['content-encoding'], 'gzip', encodings);
    assert.equal(packed.headers['content-type'], 'text/javascript; charset=utf-8');
    assert.equal(gunzipSync(packed.rawPayload).toString(), 'let a;');
  }
  for (const encodings of [undefined, 'br', 'gzip;q=0', 'gzip;q=0.0, br']) {
    const unpacked = await get('page.js?v=1', encodings);
    assert.equal(unpacked.headers['content-encoding'], undefined, encodings);
    assert.equal(unpacked.payload, 'let a;');
  }
  for (const name of ['plain.css', 'page.js.gz', 'nothing', '..%2Fpage.js'])
    assert.equal((await get(name, 'gzip')).payload, 'from elsewhere');
});

test('where nothing is packed, others answer', async () => {
  const server = Fastify();
  await servePackedFiles(server, '/docs/static/', '/nonexistent');
  server.get('/docs/static/*', () => 'from elsewhere');
  assert.equal((await server.inject('/docs/static/page.js')).payload, 'from elsewhere');
});
