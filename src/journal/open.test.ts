import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { realClock } from '../core/clock.ts';
import { realDisk } from '../core/disk.ts';
import { silentLog } from '../core/log.ts';
import { appendOf, readShard } from './journal-fixture.ts';
import { openJournal } from './open.ts';

test('a journal on the real disk: many callers, segments, restart, deletion', async () => {
  const root = await mkdtemp(join(tmpdir(), 'p2l-journal-'));
  const options = {
    disk: realDisk,
    clock: realClock,
    log: silentLog(),
    directory: join(root, 'dead'),
    quarantine: join(root, 'quarantine'),
    owner: 'test',
    limitBytes: 1e9,
    segmentBytes: 20_000,
    keepMs: 0,
  };
  try {
    const first = await openJournal(options);
    const offsets = await Promise.all(
      Array.from({ length: 16 }, async (_, caller) => {
        const told: number[] = [];
        for (let n = 0; n < 50; n++)
          told.push(await first.writer.append(appendOf([caller * 50 + n], { source: `tail.${caller}`, state: { n } })));
        return told;
      }),
    );
    assert.deepEqual(
      offsets.flat().sort((a, b) => a - b),
      Array.from({ length: 800 }, (_, i) => i),
    );
    const old = first.writer.shard;
    // Not closed: as after a kill.
    const second = await openJournal(options);
    const { texts, lost } = await readShard(second.directory, old, 0, 5000);
    assert.deepEqual(lost, []);
    for (const [caller, told] of offsets.entries())
      for (const [n, offset] of told.entries()) assert.equal(texts[offset], `{"n":${caller * 50 + n}}`);
    assert.equal(second.writer.state.get('tail.3')?.get('n'), 49);
    await second.writer.append(appendOf([1]));
    await second.retain(() => 800);
    assert.deepEqual(await readdir(options.directory), [second.writer.shard]);
    await second.close();
    await first.writer.close();
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});
