/**
 * Segments of damaged and random bytes: readers, recovery and the key scan must come to an end without throwing, and
 * never give a record that was not written. `P2L_FUZZ_RUNS=n` for longer runs.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FrameHead, Slab, crcSeed } from './frame.ts';
import { JournalFixture, appendOf, fixtureDirectory, readShard } from './journal-fixture.ts';
import { recentKeys } from './recent-keys.ts';
import { segmentName } from './segment.ts';

const numRuns = Number(process.env['P2L_FUZZ_RUNS'] ?? 60);

/** What happens to a segment: bytes overwritten, cut out, put in, or the end lost. */
const damage = fc.record({
  kind: fc.constantFrom('overwrite', 'remove', 'insert', 'cut'),
  place: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 200 }),
});

function damaged(before: Buffer, { kind, place, bytes }: { kind: string; place: number; bytes: Uint8Array }): Buffer {
  const at = Math.floor(place * before.length);
  const rest = kind === 'insert' ? before.subarray(at) : before.subarray(at + bytes.length);
  if (kind === 'cut') return before.subarray(0, at);
  return Buffer.concat([before.subarray(0, at), kind === 'remove' ? Buffer.alloc(0) : bytes, rest]);
}

test('damaged segments never throw, hang or invent records', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 4 }), fc.boolean(), async (damages, isClosed) => {
      const fixture = new JournalFixture();
      const journal = await fixture.open({ segmentBytes: 800 });
      const sent = new Set<string>();
      for (let n = 0; n < 24; n += 2) {
        const request = appendOf([n, n + 1], { tag: `t${n % 4}`, keys: [`k${n}`], state: { file: n } });
        for (const payload of request.records.payloads) sent.add(String(payload));
        await journal.writer.append(request);
      }
      const shard = journal.writer.shard;
      if (isClosed) await journal.close();
      fixture.disk = fixture.disk.kill();
      const directory = `${fixtureDirectory}/${shard}`;
      const segments = (await fixture.disk.list(directory)).filter((name) => name.endsWith('.seg'));
      for (const [index, one] of damages.entries()) {
        const path = `${directory}/${segments[index % segments.length] ?? segmentName(0)}`;
        const bytes = damaged((await fixture.disk.readFile(path)) ?? Buffer.alloc(0), one);
        const file = await fixture.disk.open(path, 'write');
        await file.truncate(0);
        await file.write([bytes], 0);
      }
      const again = await fixture.open();
      const { texts, lost } = await readShard(again.directory, shard, 0, 300);
      for (const text of texts) assert(sent.delete(text), `${text} was invented or given twice`);
      for (const range of lost) assert(range.from < range.to);
      for await (const { key } of recentKeys(fixture.options(), 0)) assert.match(key, /^k\d+$/);
      await again.writer.append(appendOf([1000]));
      await again.close();
    }),
    { numRuns },
  );
});

test('random bytes are never a frame', () => {
  const seed = crcSeed('abcdefghijklmnop');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, hasMagic) => {
      const slab = new Slab(bytes.length);
      slab.bytes.set(bytes);
      if (hasMagic && bytes.length >= 4) slab.bytes.write('P2LF', 'latin1');
      assert.notEqual(new FrameHead().read(slab, 0, bytes.length, seed), 'frame');
    }),
    { numRuns: 2000 },
  );
});
