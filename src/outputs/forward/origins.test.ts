import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Batch, Block } from '../../core/batch.ts';
import { Origins, streamOf } from '../../core/origin.ts';
import type { OriginRun } from '../../core/origin.ts';
import type { Chunk, ChunkBatch } from '../../core/plugin.ts';
import { batchOf, chunkOf, configOf, contextOf, outputContextOf, section } from '../../../test/fixture.ts';
import { startSource } from '../../sources/forward/forward-fixture.ts';
import { forwardOutput } from './index.ts';
import { PacketOrigins } from './origins.ts';
import { ForwardOutput } from './output.ts';

function part(batch: Batch, more: Partial<ChunkBatch> = {}): ChunkBatch {
  return { ...(chunkOf([batch]).batches[0] as ChunkBatch), ...more };
}
function chunk(...batches: ChunkBatch[]): Chunk {
  return { ...chunkOf(batches.map(({ batch }) => batch)), tag: 'app', batches };
}
function withOrigins(count: number, runs: readonly OriginRun[]): Batch {
  const plain = batchOf(
    'app',
    Array.from({ length: count }, (_, n) => `{"n":${n}}`),
  );
  return Batch.of('app', new Block({ ...plain.block.parts, origins: new Origins(runs) }));
}
const run = (stream: string, rows: number, offset: number, more: Partial<OriginRun> = {}): OriginRun => ({
  stream,
  rows,
  offset,
  ordinal: -1,
  before: 0,
  after: 0,
  ...more,
});
function runsOf(parts: readonly ChunkBatch[], refused: readonly number[] = []): readonly OriginRun[] {
  const origins = new PacketOrigins('out');
  for (const one of parts) origins.add(one, new Set(refused));
  return origins.runs;
}
const own = streamOf('00', 'out');
const carried = streamOf('s.a', 'out');

test('records of the own journal: whole frames, filtered ones, several of one, refused ones', () => {
  const four = batchOf('app', ['{}', '{}', '{}', '{}']);
  const span = { from: 0, to: 9 };
  assert.deepEqual(runsOf([part(four, { span })]), [run(own, 4, 0, { after: 5 })]);
  assert.deepEqual(runsOf([part(four.select([1, 3]), { span: { from: 0, to: 4 } })]), [
    run(own, 1, 1, { before: 1, after: 1 }),
    run(own, 1, 3),
  ]);
  assert.deepEqual(runsOf([part(four, { span: { from: 0, to: 4 } })], [1]), [
    run(own, 1, 0, { after: 1 }),
    run(own, 2, 2),
  ]);
  assert.deepEqual(runsOf([part(four.select([0, 1]), { ordinal: (row) => row })]), [
    run(own, 1, 0, { ordinal: 0 }),
    run(own, 1, 1, { ordinal: 1 }),
  ]);
});

test('records that came with an origin keep it', () => {
  const whole = withOrigins(4, [run('s.a', 3, 10, { before: 2 }), run('s.a', 1, 20, { ordinal: 3 })]);
  const span = { from: 0, to: 4 };
  assert.deepEqual(runsOf([part(whole, { span })]), [
    run(carried, 3, 10, { before: 2 }),
    run(carried, 1, 20, { ordinal: 3 }),
  ]);
  assert.deepEqual(runsOf([part(whole.select([1, 2]), { span })]), [run(carried, 2, 11, { before: 3 })]);
  assert.deepEqual(runsOf([part(whole.select([0]), { ordinal: () => 1 })]), [
    run(carried, 1, 10, { ordinal: 1, before: 2 }),
  ]);
  // Two of one that is a part already.
  assert.deepEqual(runsOf([part(whole.select([3]), { ordinal: () => 1 })]), [
    run(carried, 1, 20, { ordinal: 4 * 4096 + 1 }),
  ]);
  const mixed = withOrigins(2, [run('', 1, 0, { ordinal: 0 }), run('s.a', 1, 7)]);
  assert.deepEqual(runsOf([part(mixed, { span: { from: 0, to: 2 } })]), [run(own, 1, 0), run(carried, 1, 7)]);
});

test('origins go with the records, past entries that are refused, and only with exactly_once', async (t) => {
  const { port, context } = await startSource(t);
  const server = section({ host: '127.0.0.1', port, weight: 60, standby: false, username: '', password: '' });
  const open = async (exactlyOnce: boolean) => {
    const config = configOf(forwardOutput, { heartbeatType: 'none', exactlyOnce }, { sections: { server: [server] } });
    const output = new ForwardOutput(config as never, { ...outputContextOf(contextOf([])), id: 'out' });
    t.after(() => output.close());
    await output.open();
    return output;
  };
  const signal = new AbortController().signal;
  const batch = batchOf('app', ['{"n":1}', '{"n":2}']);
  const output = await open(true);
  await output.write(chunk(part(batch, { span: { from: 0, to: 2 } })), signal);
  assert.deepEqual(context.appended.at(-1)?.records.origins, [run(own, 2, 0)]);
  const bad = batchOf('app', ['{"n":1}', '{"n":123456789012345678901234567890}', '{"n":3}']);
  await output.write(chunk(part(bad, { span: { from: 0, to: 3 } })), signal);
  assert.deepEqual(context.appended.at(-1)?.records.origins, [run(own, 1, 0, { after: 1 }), run(own, 1, 2)]);
  const plain = await open(false);
  const before = context.appended.length;
  await plain.write(chunk(part(batch, { span: { from: 0, to: 2 } })), signal);
  while (context.appended.length === before) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(context.appended.at(-1)?.records.origins, undefined);
});
