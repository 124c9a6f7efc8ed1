import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../core/clock.ts';
import { FakeDisk } from '../core/disk-fake.ts';
import { silentLog } from '../core/log.ts';
import { CursorStore } from './cursor.ts';
import type { CursorState } from './cursor.ts';

const directory = '/d/cursors';

function stateOf(id: string, low: number): CursorState {
  return {
    id,
    counts: { delivered: low, passed: 0, derived: 0, refused: {} },
    shards: { s: { start: 0, low, done: [], partials: {} } },
    state: { low },
    backfillGeneration: 0,
    isClosed: false,
  };
}
function storeOn(disk: FakeDisk, said: string[] = []): CursorStore {
  const log = silentLog();
  log.error = (...given: unknown[]) => {
    said.push(String(given[1]));
  };
  return new CursorStore(directory, disk, new FakeClock(), log);
}
async function commits(store: CursorStore, id: string, count: number): Promise<void> {
  const file = await store.open(id);
  for (let low = 1; low <= count; low++) await file.commit(stateOf(id, low));
  await file.close();
}
const lowOf = (state: CursorState | undefined): number | undefined => state?.shards['s']?.low;

test('the last commit is found again; ids that differ have files that differ', async () => {
  const disk = new FakeDisk(new FakeClock());
  const store = storeOn(disk);
  await store.prepare();
  const ids = ['a', 'A b', 'a/b', '../x', '한글', '@router', `${'x'.repeat(300)}1`, `${'x'.repeat(300)}2`];
  for (const [i, id] of ids.entries()) await commits(store, id, i + 1);
  for (const [i, id] of ids.entries()) assert.equal(lowOf((await store.open(id)).found), i + 1);
  assert.deepEqual((await store.list()).map(({ id }) => id).sort(), [...ids].sort());
  for (const name of await disk.list(directory)) assert.ok(/^[\w%~.-]+$/.test(name) && name.length < 200, name);
});

test('an output without a cursor has found nothing, and nothing is said', async () => {
  const said: string[] = [];
  const store = storeOn(new FakeDisk(new FakeClock()), said);
  await store.prepare();
  assert.equal((await store.open('new')).found, undefined);
  assert.deepEqual(said, []);
});

test('a crash at any time leaves the last commit that resolved, or the one under way', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(6), fc.nat(30), fc.integer(), async (done, turns, seed) => {
      let disk = new FakeDisk(new FakeClock());
      const store = storeOn(disk);
      await store.prepare();
      const file = await store.open('x');
      let resolved = 0;
      for (let low = 1; low <= done; low++) {
        await file.commit(stateOf('x', low));
        resolved = low;
      }
      void file.commit(stateOf('x', done + 1)).then(() => {
        resolved = done + 1;
      });
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      const resolvedAtCrash = resolved;
      let chance = seed;
      disk = disk.crash(() => ((chance = (Math.imul(chance, 1103515245) + 12345) >>> 0) % 1000) / 1000);
      const found = lowOf((await storeOn(disk).open('x')).found) ?? 0;
      assert.ok(found >= resolvedAtCrash && found <= done + 1, `found ${found}, resolved ${resolvedAtCrash}`);
      // And it goes on from there.
      await commits(storeOn(disk), 'x', done + 3);
      assert.equal(lowOf((await storeOn(disk).open('x')).found), done + 3);
    }),
    { numRuns: 60 },
  );
});

test('a damaged slot falls back to the other; two damaged slots are set aside, loudly, and start anew', async () => {
  const disk = new FakeDisk(new FakeClock());
  const said: string[] = [];
  const store = storeOn(disk, said);
  await store.prepare();
  await commits(store, 'x', 3);
  disk.flip(`${directory}/x.0`, 40);
  assert.equal(lowOf((await store.open('x')).found), 2);
  assert.deepEqual(said, []);
  disk.flip(`${directory}/x.1`, 40);
  const file = await store.open('x');
  assert.equal(file.found, undefined);
  assert.match(said.join(), /cursor of output x.*may deliver records again/);
  assert.equal((await disk.list(directory)).filter((name) => name.includes('.bad-')).length, 2);
  await file.commit(stateOf('x', 9));
  assert.equal(lowOf((await store.open('x')).found), 9);
});

test('a failed sync is not tried again on its file, and costs no commit that was made', async () => {
  const disk = new FakeDisk(new FakeClock());
  const store = storeOn(disk);
  await store.prepare();
  const file = await store.open('x');
  for (let low = 1; low <= 2; low++) await file.commit(stateOf('x', low));
  disk.fail('sync', 'EIO', 2, 'cursors');
  await assert.rejects(file.commit(stateOf('x', 3)), { code: 'EIO' });
  assert.equal(lowOf((await store.open('x')).found), 2);
  await assert.rejects(file.commit(stateOf('x', 4)), { code: 'EIO' });
  await file.commit(stateOf('x', 5));
  assert.equal(lowOf((await store.open('x')).found), 5);
  assert.deepEqual(disk.violations, []);
});
