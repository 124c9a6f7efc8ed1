import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { gzipBody } from './gzip.ts';

test('each body is a member of its own, whatever was packed before or is at the same time', async () => {
  const bodies = [0, 1, 700_000, 3, 300_000, 0, 100].map((bytes, n) =>
    n % 2 === 0 ? randomBytes(bytes) : Buffer.alloc(bytes, n),
  );
  for (const body of bodies) assert.ok(gunzipSync(await gzipBody(body)).equals(body));
  const together = await Promise.all(bodies.map((body) => gzipBody(body)));
  for (const [n, packed] of together.entries()) assert.ok(gunzipSync(packed).equals(bodies[n] as Buffer));
});
