import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { codecs } from '../core/batch.ts';
import type { EncodedRecords } from '../core/batch.ts';
import { OriginBuilder, Origins } from '../core/origin.ts';
import type { RowOrigin } from '../core/origin.ts';
import { FrameEncoder, FrameHead, Slab, crcSeed, frameHeaderBytes, frameKinds } from './frame.ts';
import type { FrameDraft } from './frame.ts';

const seed = crcSeed('abcdefghijklmnop');

function slabOf(bytes: Uint8Array): Slab {
  const slab = new Slab(bytes.length);
  slab.bytes.set(bytes);
  return slab;
}
function encode(...drafts: readonly FrameDraft[]): Buffer {
  const encoder = new FrameEncoder(seed);
  for (const draft of drafts) encoder.add(draft);
  return Buffer.from(encoder.view());
}

function runsOf(origins: readonly (Pick<RowOrigin, 'stream' | 'offset' | 'ordinal'> | undefined)[]) {
  const builder = new OriginBuilder();
  for (const origin of origins) builder.add(origin && { ...origin, before: 0, after: 0 });
  return builder.runs;
}

const records: fc.Arbitrary<EncodedRecords> = fc
  .array(
    fc.record({
      payload: fc.oneof(fc.string({ unit: 'grapheme' }), fc.uint8Array()),
      exact: fc.boolean(),
      seconds: fc.maxSafeInteger(),
      nanos: fc.nat(999_999_999),
      origin: fc.option(
        fc.record({
          stream: fc.constantFrom('ab.c', 'd.e'),
          offset: fc.nat(),
          ordinal: fc.integer({ min: -1, max: 5 }),
        }),
        { nil: undefined },
      ),
    }),
    { maxLength: 6 },
  )
  .map((rows) => ({
    ...(rows.some(({ origin }) => origin) && { origins: runsOf(rows.map(({ origin }) => origin)) }),
    codec: codecs.json,
    payloads: rows.map(({ payload }) => payload),
    exact: rows.map(({ exact }) => exact),
    seconds: rows.map(({ seconds }) => seconds),
    nanos: rows.map(({ nanos }) => nanos),
  }));

const draft: fc.Arbitrary<FrameDraft> = fc.record({
  kind: fc.constantFrom(...Object.values(frameKinds)),
  sequence: fc.maxSafeNat(),
  firstOffset: fc.maxSafeNat(),
  durableOffset: fc.maxSafeNat(),
  appendMs: fc.double({ noNaN: true }),
  generation: fc.nat(),
  tag: fc.string({ unit: 'grapheme' }),
  source: fc.string(),
  state: fc.json(),
  keys: fc.array(fc.string(), { minLength: 1 }).map((keys) => JSON.stringify(keys)),
  records: fc.array(records, { maxLength: 4 }),
});

test('what is encoded is read back, frame behind frame', () => {
  fc.assert(
    fc.property(fc.array(draft, { minLength: 1, maxLength: 4 }), (drafts) => {
      const bytes = encode(...drafts);
      const slab = slabOf(bytes);
      const head = new FrameHead();
      let at = 0;
      for (const expected of drafts) {
        assert.equal(head.read(slab, at, bytes.length, seed), 'frame');
        for (const name of ['kind', 'sequence', 'firstOffset', 'durableOffset', 'appendMs', 'generation'] as const)
          assert.equal(head[name], expected[name], name);
        assert.equal(head.tag(slab), expected.tag);
        assert.equal(head.source(slab), expected.source);
        assert.equal(head.state(slab), expected.state);
        assert.deepEqual(head.keys(slab), JSON.parse(expected.keys));
        const { bounds, exact, seconds, nanos } = head.arrays(slab);
        const rows = expected.records.flatMap((part) => part.payloads.map((payload, i) => ({ payload, part, i })));
        assert.equal(head.count, rows.length);
        for (const [row, { payload, part, i }] of rows.entries()) {
          const start = head.payloadAt + (bounds[row] as number);
          const end = head.payloadAt + (bounds[row + 1] as number);
          assert(slab.bytes.subarray(start, end).equals(Buffer.from(payload as Uint8Array)));
          assert.equal(exact[row] === 1, part.exact[i]);
          assert.equal(seconds[row], part.seconds[i]);
          assert.equal(nanos[row], part.nanos[i]);
          assert.deepEqual(head.origins(slab)?.at(row), part.origins && new Origins(part.origins).at(i));
        }
        at += head.frameBytes;
        assert.equal(at % 8, 0);
      }
      assert.equal(at, bytes.length);
    }),
    { numRuns: 200 },
  );
});

const sample: FrameDraft = {
  kind: frameKinds.records,
  sequence: 7,
  firstOffset: 2 ** 40 + 3,
  durableOffset: 2 ** 40,
  appendMs: 1_700_000_000_123,
  generation: 2,
  tag: 'app',
  source: 'http',
  state: '',
  keys: '',
  records: [
    { codec: codecs.msgpack, payloads: [Buffer.from('81a16e01', 'hex')], exact: [true], seconds: [-1], nanos: [5] },
  ],
};

test('the bytes on disk are those of version 1', () => {
  const bytes = encode(sample);
  assert.equal(
    bytes.toString('hex').replace(/^(.{8}).{8}/, '$1--------'),
    [
      '50324c46',
      '--------',
      '70000000',
      '01020000',
      '0700000000000000',
      '0300000000010000',
      '0000000000010000',
      '00b08756febc7842',
      '01000000',
      '02000000',
      '03000000',
      '04000000',
      '00000000',
      '00000000',
      '04000000',
      '00000000',
      '000000000000f0bf',
      '05000000',
      '04000080',
      '617070',
      '68747470',
      '81a16e01',
      '0000000000',
    ].join(''),
  );
});

test('every flipped bit is noticed', () => {
  const bytes = encode(sample);
  const head = new FrameHead();
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const slab = slabOf(bytes);
    slab.bytes[bit >>> 3] = (slab.bytes[bit >>> 3] as number) ^ (1 << (bit & 7));
    assert.notEqual(head.read(slab, 0, bytes.length, seed), 'frame', `bit ${bit}`);
  }
});

test('a frame of another shard is none of this', () => {
  const bytes = encode(sample);
  assert.equal(new FrameHead().read(slabOf(bytes), 0, bytes.length, crcSeed('ponmlkjihgfedcba')), 'bad');
});

test('every cut is short, and says how long the frame is once the header is there', () => {
  const bytes = encode(sample);
  const head = new FrameHead();
  for (let end = 0; end < bytes.length; end++) {
    assert.equal(head.read(slabOf(bytes), 0, end, seed), 'short');
    if (end >= frameHeaderBytes) assert.equal(head.frameBytes, bytes.length);
  }
});

test('zeros are no frame', () => {
  assert.equal(new FrameHead().read(slabOf(Buffer.alloc(256)), 0, 256, seed), 'bad');
});

test('a large frame grows the buffer, and reset gives it back', () => {
  const encoder = new FrameEncoder(seed);
  const payload = 'ü'.repeat(6_000_000);
  encoder.add(sample);
  encoder.add({
    ...sample,
    records: [{ codec: codecs.json, payloads: [payload], exact: [false], seconds: [0], nanos: [0] }],
  });
  const slab = slabOf(encoder.view());
  const head = new FrameHead();
  assert.equal(head.read(slab, 0, encoder.length, seed), 'frame');
  assert.equal(head.read(slab, head.frameBytes, encoder.length, seed), 'frame');
  assert.equal(slab.bytes.toString('utf8', head.payloadAt, head.payloadAt + head.payloadBytes), payload);
  encoder.reset();
  assert.equal(encoder.length, 0);
  encoder.add(sample);
  assert(encoder.view().equals(encode(sample)));
});
