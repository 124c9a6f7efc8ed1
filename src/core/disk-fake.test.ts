import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from './clock.ts';
import { FakeDisk } from './disk-fake.ts';

const keepNothing = (): number => 0;
const keepAll = (): number => 0.999_999;

async function text(disk: FakeDisk, path: string): Promise<string | undefined> {
  return (await disk.readFile(path))?.toString();
}

test('a crash loses what was not synced, and keeps what was', async () => {
  const disk = new FakeDisk(new FakeClock());
  await disk.makeDirectory('/a');
  const file = await disk.open('/a/f', 'create');
  await file.write([Buffer.from('abc')], 0);
  await file.sync();
  await disk.syncDirectory('/a');
  await file.write([Buffer.from('XYZ')], 1);
  assert.equal(await text(disk, '/a/f'), 'aXYZ');
  assert.equal(await text(disk.crash(keepNothing), '/a/f'), 'abc');
});

test('what was not synced may also be there, whole or torn', async () => {
  const results = new Set<string | undefined>();
  for (let seed = 0; seed < 60; seed++) {
    const disk = new FakeDisk(new FakeClock());
    const file = await disk.open('/f', 'create');
    await disk.syncDirectory('/');
    await file.write([Buffer.from('abcd')], 0);
    let state = seed * 7_919_777 + 1;
    const random = (): number => (state = (state * 16807 + 11) % 2147483647) / 2147483647;
    results.add(await text(disk.crash(random), '/f'));
  }
  for (const expected of ['', 'abcd']) assert(results.has(expected), `never ${expected}`);
  assert(
    [...results].some((found) => found !== '' && found !== 'abcd'),
    'never torn',
  );
});

test('entries are durable when their directory was synced, in any combination until then', async () => {
  const make = async (): Promise<FakeDisk> => {
    const disk = new FakeDisk(new FakeClock());
    await disk.makeDirectory('/a');
    const file = await disk.open('/a/new.tmp', 'create-durable');
    await file.write([Buffer.from('x')], 0);
    await disk.rename('/a/new.tmp', '/a/new');
    return disk;
  };
  assert.deepEqual(await (await make()).crash(keepNothing).list('/a'), []);
  assert.deepEqual(await (await make()).crash(keepAll).list('/a'), ['new']);
  let calls = 0;
  const onlyTheRename = (): number => (calls++ === 1 ? 0.9 : 0);
  assert.deepEqual(await (await make()).crash(onlyTheRename).list('/a'), ['new']);
  const synced = await make();
  await synced.syncDirectory('/a');
  assert.deepEqual(await synced.crash(keepNothing).list('/a'), ['new']);
});

test('durable writes need no sync', async () => {
  const disk = new FakeDisk(new FakeClock());
  const file = await disk.open('/f', 'create-durable');
  await disk.syncDirectory('/');
  await file.write([Buffer.from('ab'), Buffer.from('c')], 0);
  assert.equal(await text(disk.crash(keepNothing), '/f'), 'abc');
});

test('a full disk takes what fits, then says so', async () => {
  const disk = new FakeDisk(new FakeClock());
  disk.capacityBytes = 5;
  const file = await disk.open('/f', 'create');
  await assert.rejects(file.write([Buffer.from('abcdefgh')], 0), { code: 'ENOSPC' });
  assert.equal(await text(disk, '/f'), 'abcde');
  assert.equal((await disk.space()).freeBytes, 0);
  await file.truncate(1);
  assert.equal((await disk.space()).freeBytes, 4);
});

test('faults hit the operation and path named, so often, and syncing after a failed sync is noticed', async () => {
  const disk = new FakeDisk(new FakeClock());
  const file = await disk.open('/f', 'create');
  const other = await disk.open('/g', 'create');
  disk.fail('sync', 'EIO', 1, '/f');
  await other.sync();
  await assert.rejects(file.sync(), { code: 'EIO' });
  assert.deepEqual(disk.violations, []);
  await file.sync();
  assert.equal(disk.violations.length, 1);
});

test('after a crash the old life never comes back', async () => {
  const disk = new FakeDisk(new FakeClock());
  const file = await disk.open('/f', 'create');
  let isAnswered = false;
  void file.write([Buffer.from('abc')], 0).then(() => (isAnswered = true));
  const next = disk.kill();
  await new Promise((resolve) => setImmediate(resolve));
  assert(!isAnswered);
  assert.equal(await text(next, '/f'), '');
});

test('modes, missing files and damage', async () => {
  const clock = new FakeClock();
  const disk = new FakeDisk(clock);
  await assert.rejects(disk.open('/f', 'read'), { code: 'ENOENT' });
  await assert.rejects(disk.open('/a/f', 'create'), { code: 'ENOENT' });
  const file = await disk.open('/f', 'create');
  await assert.rejects(disk.open('/f', 'create'), { code: 'EEXIST' });
  await file.write([Buffer.from('abc')], 0);
  await disk.open('/f', 'write');
  disk.flip('/f', 1, 0x20);
  assert.equal(await text(disk, '/f'), 'aBc');
  const buffer = Buffer.alloc(10);
  assert.equal(await file.read(buffer, 1), 2);
  assert.equal(await file.read(buffer, 99), 0);
  assert.deepEqual(await disk.stat('/f'), { size: 3, modifiedMs: clock.nowMs(), isDirectory: false });
  await disk.remove('/f');
  await disk.remove('/f');
  assert.equal(await disk.stat('/f'), undefined);
});
