import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fakeBackend } from './backend-fake.ts';
import { withAdminServer } from './server-fixture.ts';

/** Asks for a path as it stands: fetch would tidy it. */
function statusOf(url: string, path: string): Promise<number | undefined> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    request({ hostname, port, path }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    })
      .on('error', reject)
      .end();
  });
}

test('the build is served: the page anew each time, hashed files for ever, nothing from outside', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'p2l-explorer-'));
  try {
    const dist = join(directory, 'dist');
    await mkdir(join(dist, 'assets'), { recursive: true });
    await writeFile(join(directory, 'secret.txt'), 'secret');
    await writeFile(join(dist, '.stamp'), 'hidden');
    await writeFile(join(dist, 'index.html'), '<!doctype html><p>explorer');
    await writeFile(join(dist, 'favicon.svg'), '<svg/>');
    await writeFile(join(dist, 'program.exe'), 'x');
    await writeFile(join(dist, 'assets', 'index-a1B2.js'), 'run()');
    await mkdir(join(dist, 'folder.js'));
    await symlink('/nowhere', join(dist, 'broken.js'));
    await withAdminServer(fakeBackend(), { explorer: dist, token: 't' }, async (url) => {
      const page = await fetch(`${url}/?query=p1:v1`);
      assert.equal(page.status, 200);
      assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8');
      assert.equal(page.headers.get('cache-control'), 'no-cache');
      assert.equal(await page.text(), '<!doctype html><p>explorer');
      const etag = page.headers.get('etag') ?? '';
      const again = await fetch(`${url}/`, { headers: { 'if-none-match': etag } });
      assert.equal(again.status, 304);
      assert.equal(await again.text(), '');
      const head = await fetch(`${url}/`, { method: 'HEAD' });
      assert.deepEqual([head.status, head.headers.get('content-length')], [200, '26']);

      const script = await fetch(`${url}/assets/index-a1B2.js`);
      assert.equal(script.headers.get('content-type'), 'text/javascript; charset=utf-8');
      assert.equal(script.headers.get('cache-control'), 'public, max-age=31536000, immutable');
      assert.equal(await script.text(), 'run()');
      assert.equal((await fetch(`${url}/favicon.svg`)).headers.get('content-type'), 'image/svg+xml');

      for (const path of [
        '/.stamp',
        '/../secret.txt',
        '/%2e%2e/secret.txt',
        '/..%2fsecret.txt',
        '/assets/..%2f..%2fsecret.txt',
        '/assets/%2e%2e/%2e%2e/secret.txt',
        '/assets//index-a1B2.js',
        '/assets',
        '/assets/',
        '/folder.js',
        '/broken.js',
        '/program.exe',
        '/index.html%00.js',
        '/nothing.js',
        '/api/nothing',
      ])
        assert.equal(await statusOf(url, path), 404, path);
      assert.equal((await fetch(`${url}/`, { method: 'POST' })).status, 401);
    });
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('scripts are packed for who takes that, and anew when they change', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'p2l-explorer-'));
  try {
    const script = join(directory, 'index-a1B2.js');
    await withAdminServer(fakeBackend(), { explorer: directory, token: 't' }, async (url) => {
      const asked = (headers: Record<string, string>) => fetch(`${url}/index-a1B2.js`, { headers });
      for (const text of ['first();'.repeat(1000), 'second();'.repeat(1000)]) {
        await writeFile(script, text);
        const packed = await asked({ 'accept-encoding': 'br, gzip' });
        assert.deepEqual(
          ['content-encoding', 'vary'].map((name) => packed.headers.get(name)),
          ['gzip', 'accept-encoding'],
        );
        assert.ok(Number(packed.headers.get('content-length')) < text.length / 10);
        assert.equal(await packed.text(), text);
        const plain = await asked({ 'accept-encoding': 'br, gzip;q=0' });
        assert.equal(plain.headers.get('content-encoding'), null);
        assert.equal(await plain.text(), text);
        const tag = plain.headers.get('etag') ?? '';
        assert.equal(packed.headers.get('etag'), tag);
        assert.equal((await asked({ 'if-none-match': tag })).status, 304);
      }
    });
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('where the build is missing the page says how to make it', async () => {
  await withAdminServer(fakeBackend(), { explorer: '/nowhere' }, async (url) => {
    const page = await fetch(url);
    assert.equal(page.status, 503);
    assert.match(await page.text(), /npm run build:web/);
    assert.equal((await fetch(`${url}/favicon.svg`)).status, 404);
  });
});
