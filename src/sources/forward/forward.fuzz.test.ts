import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { OperatingError } from '../../core/errors.ts';
import { jsonDepthMax, stringifyJson } from '../../core/json.ts';
import { MsgpackFramer } from '../../core/msgpack-scan.ts';
import { decodeMsgpack, encodeMsgpack } from '../../core/msgpack.ts';
import { Float } from '../../core/record.ts';
import type { Value } from '../../core/record.ts';
import { configOf } from '../../../test/fixture.ts';
import { fuzzRuns } from '../../../test/fuzzing.ts';
import { Gatherer } from './intake.ts';
import { forwardSource } from './index.ts';
import { JsonFramer } from './json.ts';
import type { ForwardOptions } from './options.ts';
import { PacketReader } from './reader.ts';
import { unpack } from './unpack.ts';

const options = configOf(forwardSource).options as ForwardOptions;
const peer = { address: '127.0.0.1', port: 1, hostname: 'h' };

/** Takes a stream as a connection does; what is not ours is thrown on. Returns how many messages were taken. */
async function takeAll(stream: readonly Buffer[], rules: Partial<ForwardOptions>): Promise<number> {
  const first = stream[0]?.[0];
  const isJson = first === 0x5b || first === 0x7b;
  const framer = isJson ? new JsonFramer(100_000) : new MsgpackFramer(100_000);
  const reader = new PacketReader(
    { ...options, ...rules },
    {
      now: () => ({ seconds: 1, nanos: 0 }),
      refuse: (reason) => assert.match(reason, /^[a-z_]+$/),
      warn: () => undefined,
      unpack: (packed, compression) => unpack(packed, compression, 100_000),
    },
  );
  const gatherer = new Gatherer();
  let taken = 0;
  try {
    for (const chunk of stream) {
      framer.add(chunk);
      for (let bytes = framer.next(); bytes; bytes = framer.next()) {
        await reader.take(bytes, isJson, peer, gatherer);
        taken++;
      }
    }
  } catch (error) {
    if (!(error instanceof OperatingError && error.code === 'PARSE_FAILED')) throw error;
  }
  // Whatever was taken can be read later.
  for (const { records } of gatherer.take())
    for (const [i, payload] of records.payloads.entries()) {
      assert.ok(decodeMsgpack(payload as Uint8Array) instanceof Map);
      assert.ok(Number.isSafeInteger(records.seconds[i]));
      assert.ok((records.nanos[i] as number) <= 999_999_999);
    }
  return taken;
}

const scalar: fc.Arbitrary<Value> = fc.oneof(
  fc.constantFrom<Value>(null, true, 0, -1, 1.5, 70_000, 1_709_618_828, 2n ** 64n - 1n, new Float(1), 'text', ''),
  fc.string({ maxLength: 40 }),
  fc.uint8Array({ maxLength: 20 }),
  fc.double(),
);
const value: fc.Arbitrary<Value> = fc.letrec<{ any: Value }>((tie) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    scalar,
    fc.array(tie('any'), { maxLength: 4 }),
    fc.array(fc.tuple(fc.string({ maxLength: 5 }), tie('any')), { maxLength: 4 }).map((pairs) => new Map(pairs)),
  ),
})).any;
const entry = fc.oneof(fc.tuple(scalar, value), value);
const option = fc.oneof(
  value,
  fc.record({
    size: scalar,
    chunk: scalar,
    compressed: fc.constantFrom<Value>('text', 'gzip', 'zstd', '', 'other', 1),
  }),
);
/** Messages that are nearly right. */
const message: fc.Arbitrary<Value> = fc.oneof(
  fc.tuple(scalar, fc.array(entry, { maxLength: 5 }), option),
  fc.tuple(scalar, scalar, value, option),
  fc.tuple(
    fc.string(),
    fc
      .array(entry, { maxLength: 5 })
      .map((list): Value => new Uint8Array(Buffer.concat(list.map((one) => encodeMsgpack(one))))),
    option,
  ),
  value,
);
/** Their bytes, damaged here and there, in pieces. */
const stream = fc
  .tuple(
    fc.array(message, { minLength: 1, maxLength: 4 }),
    fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }),
    fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 10 }),
  )
  .map(([messages, damages, sizes]) => {
    const bytes = Buffer.concat(messages.map((one) => encodeMsgpack(one)));
    for (const [at, byte] of damages) if (bytes.length > 0) bytes[at % bytes.length] = byte;
    const pieces: Buffer[] = [];
    for (let at = 0, i = 0; at < bytes.length; at += sizes[i++ % sizes.length] as number)
      pieces.push(bytes.subarray(at, at + (sizes[i % sizes.length] as number)));
    return pieces;
  });
const rules = fc.record({ skipInvalidEvent: fc.boolean(), sourceAddressKey: fc.constantFrom(undefined, 'from') });

test('no stream of bytes makes the reader throw anything but its own error', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        stream,
        fc.array(
          fc.uint8Array({ minLength: 1, maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
          { minLength: 1 },
        ),
      ),
      rules,
      async (pieces, rule) => {
        await takeAll(pieces, rule);
      },
    ),
    fuzzRuns(2000, 2),
  );
});

test('nor does any text', async () => {
  const text = fc.oneof(
    fc.array(message, { minLength: 1, maxLength: 4 }).map((list) => list.map(stringifyJson).join(' ')),
    fc.array(fc.json(), { minLength: 1 }).map((list) => `[${list.join(',')}]`),
    fc
      .array(fc.constantFrom('[', ']', '{', '}', '"', ',', ':', '\\', '1', 'e', '-', 'null', ' ', 'ü'), {
        minLength: 1,
      })
      .map((list) => `[${list.join('')}`),
  );
  await fc.assert(
    fc.asyncProperty(text, rules, async (one, rule) => {
      await takeAll([Buffer.from(one)], rule);
    }),
    fuzzRuns(2000, 2),
  );
});

test('a record as deep as records may be is taken', async () => {
  const nested = Buffer.concat([
    Buffer.from('93a16101', 'hex'),
    Buffer.alloc(1, 0x81),
    Buffer.from('a161', 'hex'),
    Buffer.alloc(jsonDepthMax - 1, 0x91),
    Buffer.from([1]),
  ]);
  assert.equal(await takeAll([nested], {}), 1);
});

test('a reader with a bug is caught', async () => {
  await assert.rejects(
    fc.assert(
      fc.asyncProperty(stream, async (pieces) => {
        if ((await takeAll(pieces, {})) > 1) throw new RangeError('canary');
      }),
      { numRuns: 1000 },
    ),
  );
});
