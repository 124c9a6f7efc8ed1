import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codecs } from '../core/batch.ts';
import { FakeClock } from '../core/clock.ts';
import { FakeDisk } from '../core/disk-fake.ts';
import type { DiskFile } from '../core/disk.ts';
import { FrameEncoder, FrameHead, crcSeed, frameKinds } from './frame.ts';
import {
  SegmentWindow,
  decodeSegmentHeader,
  encodeSegmentHeader,
  findNextFrame,
  segmentHeaderBytes,
  segmentName,
  segmentOffset,
} from './segment.ts';

const seed = crcSeed('abcdefghijklmnop');
const header = { shard: 'abcdefghijklmnop', firstOffset: 2 ** 45, firstSequence: 9, createdMs: 1.5, epoch: 4 };

/** Frames whose payloads are given, in a file behind a header. */
async function fileOf(
  payloads: readonly Buffer[],
): Promise<{ file: DiskFile; path: string; disk: FakeDisk; at: number[] }> {
  const encoder = new FrameEncoder(seed);
  const at: number[] = [];
  for (const [sequence, payload] of payloads.entries()) {
    at.push(segmentHeaderBytes + encoder.length);
    encoder.add({
      kind: frameKinds.records,
      sequence,
      firstOffset: sequence,
      durableOffset: sequence,
      appendMs: 0,
      generation: 1,
      tag: 't',
      source: 's',
      state: '',
      keys: '',
      records: [{ codec: codecs.msgpack, payloads: [payload], exact: [true], seconds: [0], nanos: [0] }],
    });
  }
  const disk = new FakeDisk(new FakeClock());
  const file = await disk.open('/s', 'create');
  await file.write([encodeSegmentHeader(header), encoder.view()], 0);
  return { file, path: '/s', disk, at };
}

/** Sequences of the frames that a window finds from the start on. */
async function walk(
  file: DiskFile,
  slabBytes: number,
  wantBytes: number,
): Promise<{ sequences: number[]; at: number }> {
  const window = new SegmentWindow(file, seed, slabBytes);
  const head = new FrameHead();
  const sequences: number[] = [];
  for (;;) {
    const verdict = window.look(head);
    if (verdict === 'frame') {
      sequences.push(head.sequence);
      window.pass(head);
    } else if (verdict === 'bad' || !(await window.fill(wantBytes, head))) return { sequences, at: window.position };
  }
}

test('names sort as offsets do, other names are no segments', () => {
  assert.equal(segmentName(0), '0000000000000000.seg');
  assert.equal(segmentOffset(segmentName(2 ** 52)), 2 ** 52);
  for (const name of ['shard.json', '0.seg', '00000000000000000.seg', '0000000000000000.seg.tmp'])
    assert.equal(segmentOffset(name), undefined, name);
});

test('a header is read back, and every flipped bit in it is noticed', () => {
  const bytes = encodeSegmentHeader(header);
  assert.equal(bytes.length, segmentHeaderBytes);
  assert.deepEqual(decodeSegmentHeader(bytes), { ...header, version: 1 });
  assert.equal(decodeSegmentHeader(bytes.subarray(0, 63)), undefined);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes);
    flipped[bit >>> 3] = (flipped[bit >>> 3] as number) ^ (1 << (bit & 7));
    assert.equal(decodeSegmentHeader(flipped), undefined, `bit ${bit}`);
  }
});

test('a window finds every frame whatever the sizes of slabs and reads', async () => {
  const sizes = [0, 1, 70_000, 5, 16_300, 40_000, 300, 16_384, 7];
  const { file } = await fileOf(sizes.map((size) => Buffer.alloc(size, 'x')));
  for (const slabBytes of [8, 20_000, 64 * 1024, 1024 * 1024])
    for (const wantBytes of [1, 17_000, 1024 * 1024]) {
      const { sequences, at } = await walk(file, slabBytes, wantBytes);
      assert.deepEqual(
        sequences,
        sizes.map((_, i) => i),
        `${slabBytes} ${wantBytes}`,
      );
      assert.equal(at, await file.size());
    }
});

test('what was read stays as it is while the window moves on', async () => {
  const { file } = await fileOf(Array.from({ length: 40 }, (_, i) => Buffer.alloc(3000, i)));
  const window = new SegmentWindow(file, seed, 16 * 1024);
  const head = new FrameHead();
  const kept: Buffer[] = [];
  for (;;) {
    const verdict = window.look(head);
    if (verdict === 'frame') {
      kept.push(window.slab.bytes.subarray(head.payloadAt, head.payloadAt + head.payloadBytes));
      window.pass(head);
    } else if (!(await window.fill(5000, head))) break;
  }
  assert.deepEqual(
    kept.map((bytes) => bytes.equals(Buffer.alloc(3000, bytes[0]))),
    kept.map(() => true),
  );
  assert.deepEqual(
    kept.map((bytes) => bytes[0]),
    Array.from({ length: 40 }, (_, i) => i),
  );
});

test('behind damage the next frame is found, by its length or by searching', async () => {
  for (const place of [0, 8, 70, 100]) {
    const { file, disk, path, at } = await fileOf([Buffer.alloc(50), Buffer.alloc(2_000_000), Buffer.alloc(9)]);
    disk.flip(path, (at[1] as number) + place, 0x10);
    const window = new SegmentWindow(file, seed, 1 << 20);
    window.seek(at[1] as number);
    const head = new FrameHead();
    let verdict = window.look(head);
    while (verdict === 'short' && (await window.fill(1 << 20, head))) verdict = window.look(head);
    assert.notEqual(verdict, 'frame');
    assert.equal(await findNextFrame(file, seed, at[1] as number, head, 0), at[2], `damage at ${place}`);
  }
});

test('a frame that somebody sent inside a record is not taken for the next one', async () => {
  const inner = new FrameEncoder(seed);
  inner.add({
    kind: frameKinds.records,
    sequence: 1000,
    firstOffset: 1000,
    durableOffset: 0,
    appendMs: 0,
    generation: 1,
    tag: 'evil',
    source: 's',
    state: '',
    keys: '',
    records: [],
  });
  // Two texts of one byte each and one record: the payload starts 98 bytes into the frame, so 6 bytes align it to 8.
  const { file, disk, path, at } = await fileOf([
    Buffer.alloc(1),
    Buffer.concat([Buffer.alloc(6), inner.view(), Buffer.alloc(100)]),
    Buffer.alloc(1),
  ]);
  disk.flip(path, (at[2] as number) - 1);
  const head = new FrameHead();
  const window = new SegmentWindow(file, seed, 1 << 20);
  window.seek(at[1] as number);
  await window.fill(1 << 20, head);
  assert.equal(window.look(head), 'bad');
  assert.equal(await findNextFrame(file, seed, at[1] as number, head, 0), at[2]);
  // The search alone would have found it: the test proves something.
  const blind = new FrameHead();
  assert.notEqual(await findNextFrame(file, seed, at[1] as number, blind, 0), at[2]);
});

test('frames from before the damage are not gone back to', async () => {
  const { file, at } = await fileOf([Buffer.alloc(1), Buffer.alloc(1), Buffer.alloc(1)]);
  assert.equal(await findNextFrame(file, seed, segmentHeaderBytes - 8, new FrameHead(), 1), at[2]);
  assert.equal(await findNextFrame(file, seed, segmentHeaderBytes - 8, new FrameHead(), 2), undefined);
});
