/**
 * Random lives of a delivery against a model: appends, targets that refuse, retry, throw and hang, crashes that lose what
 * was not synced, reloads, removed outputs, dropped records. In half of the lives the exactly-once output keeps its chunks
 * open by time, so that they are staged (packed in half of these) while the journal forgets their records. In a third of
 * them the output that may drop has a limit on what waits for it. In the end each record must have ended as the model says.
 * `P2L_MODEL_SEED=n` runs one seed, `P2L_MODEL_RUNS=n` that many.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { defaultBuffer, rootLabel } from '../config/model.ts';
import type { ActionModel, BufferModel, PipelineModel, StepModel } from '../config/model.ts';
import { Batch } from '../core/batch.ts';
import { FakeClock } from '../core/clock.ts';
import { FakeDisk } from '../core/disk-fake.ts';
import { OperatingError } from '../core/errors.ts';
import { silentLog } from '../core/log.ts';
import { Metrics } from '../core/metrics.ts';
import type { AppendRequest, Chunk, Output, WriteResult } from '../core/plugin.ts';
import { getField } from '../core/record.ts';
import type { JournalDirectory } from '../journal/contract.ts';
import type { Router } from '../router/contract.ts';
import { Dispatcher } from '../router/dispatcher.ts';
import { FakeJournal, jsonBlock } from '../router/journal-fake.ts';
import { compileRouter } from '../router/router.ts';
import type { Delivery, OutputPlan } from './contract.ts';
import { decodeDeadLetter } from './dead-letter.ts';
import { openDelivery } from './delivery.ts';

type Random = () => number;
function randomFrom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const at = { file: 'model.conf', line: 1, column: 1 };
const step = (pattern: string, action: ActionModel, take = true): StepModel => ({
  match: { syntax: 'fluentd', pattern },
  action,
  take,
  at,
});
const to = (output: string): ActionModel => ({ kind: 'output', output });
const copy = (...actions: ActionModel[]): ActionModel => ({ kind: 'copy', actions });
const filter = (type: string): ActionModel => ({
  kind: 'filter',
  plugin: { kind: 'filter', type, options: {}, sections: {}, at },
});

/** Routing by generation modulo 3; the third has no `least`. */
const routings: readonly StepModel[][] = [
  [
    step('a', copy(to('exact'), to('least'), to('drop'))),
    step('b', to('least')),
    step('c', copy(to('exact'), to('exact'))),
  ],
  [
    step('b', filter('odd'), false),
    step('c', filter('reject'), false),
    step('b', copy(to('least'), to('exact'), to('least'))),
    step('**', copy(to('exact'), to('drop'))),
  ],
  [step('a', to('exact'), false), step('**', to('drop'))],
];
const outputIds = (generation: number): string[] =>
  generation % 3 === 2 ? ['exact', 'drop'] : ['exact', 'least', 'drop'];

function routerOf(generation: number): Router {
  const model: PipelineModel = {
    version: 1,
    sources: [],
    labels: { [rootLabel]: routings[generation % 3] as StepModel[] },
    outputs: [],
    plugins: [],
  };
  return compileRouter(model, {
    compileMatch:
      ({ pattern }) =>
      (tag) =>
        pattern === '**' || pattern === tag,
    createFilter: ({ type }) => ({
      apply: (batch, reject) =>
        batch.map((fields, row) => {
          if (Number(getField(fields, 'n')) % 2 === 1) return fields;
          if (type === 'reject') reject(row, 'not odd');
          return undefined;
        }),
    }),
    createRetagger: () => ({ dropReason: '', retag: () => undefined }),
    log: silentLog(),
  });
}

/** What an output wrote, as the world outside keeps it. */
interface Target {
  ids: string[];
}

class World {
  readonly random: Random;
  readonly journal = new FakeJournal();
  readonly targets = new Map<string, Target>();
  readonly deadIds = new Map<string, Set<string>>();
  /** What the model says each output gets, and what the router refuses. */
  readonly expected = new Map<string, string[]>();
  appended = 0;
  generation = 0;
  clock = new FakeClock();
  disk = new FakeDisk(this.clock);
  life = 0;
  isHealthy = false;
  readonly isLazy: boolean;
  readonly isPacked: boolean;
  readonly isLimited: boolean;
  hasStaged = false;
  delivery!: Delivery;
  dispatcher!: Dispatcher;
  #nextNumber = 0;
  #hung: (() => void)[] = [];
  #signature = 0;

  constructor(seed: number) {
    this.random = randomFrom(seed);
    this.isLazy = seed % 2 === 1;
    this.isPacked = seed % 4 === 1;
    this.isLimited = seed % 3 === 0;
    for (const id of ['exact', 'least', 'drop']) this.targets.set(id, { ids: [] });
  }
  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }
  async start(): Promise<void> {
    const life = ++this.life;
    const dead = new Promise<never>(() => undefined);
    // A process that is gone learns nothing more.
    const alive = async <T>(promise: Promise<T>): Promise<T> => {
      try {
        const value = await promise;
        return life === this.life ? value : await dead;
      } catch (error) {
        if (life === this.life) throw error;
        return dead;
      }
    };
    const directory: Pick<JournalDirectory, 'shards' | 'reader'> = {
      shards: () => this.journal.shards(),
      reader: async (shard) => {
        const reader = await this.journal.reader(shard);
        return {
          shard,
          read: (from, until, bytesMax) => alive(reader.read(from, until, Math.min(bytesMax, 500))),
          close: () => reader.close(),
        };
      },
    };
    const dispatcher = new Dispatcher({
      directory,
      routerFor: (generation) => routerOf(generation),
      generation: this.generation,
      clock: this.clock,
      log: silentLog(),
      gapMs: this.below(2) * 5,
    });
    this.dispatcher = dispatcher;
    this.delivery = await openDelivery({
      dataDir: '/d',
      disk: this.disk,
      clock: this.clock,
      log: silentLog(),
      metrics: new Metrics(),
      appendDead: (request) => (life === this.life ? alive(this.#keepDead(request)) : dead),
      shards: () => this.journal.shards(),
      onRecipients: (recipients) => dispatcher.setRecipients(recipients),
      queueBytesMax: 2000 + this.below(8000),
      commitIntervalMs: 50,
      random: this.random,
    });
    await this.delivery.setOutputs(outputIds(this.generation).map((id) => this.#plan(id, life)));
    await this.delivery.drain(this.delivery.unfinished().map((id) => this.#plan(id, life)));
    dispatcher.setRecipients(this.delivery.recipients());
    this.journal.onChange(() => dispatcher.wake());
    dispatcher.start();
  }
  append(): void {
    const shard = `s${this.below(2)}`;
    const tag = 'abcx'[this.below(4)] as string;
    const payloads = Array.from({ length: 1 + this.below(12) }, () => JSON.stringify({ n: this.#nextNumber++ }));
    // Seconds of three timekeys, one of which is not over for a while.
    const seconds = Math.floor(this.clock.nowMs() / 1000) - 5 * this.below(2) + 5 * this.below(2);
    const first = this.journal.append(shard, tag, payloads, { generation: this.generation, seconds });
    this.appended += payloads.length;
    const routed = routerOf(this.generation).route(Batch.of(tag, jsonBlock(shard, first, payloads)));
    const perOutput = new Map<string, string[]>();
    const add = (id: string, batch: Batch): void => {
      const list = perOutput.get(id) ?? [];
      perOutput.set(id, list);
      for (let row = 0; row < batch.count; row++) list.push(`${shard}-${batch.offset(row)}`);
    };
    for (const { output, batch } of routed.emissions) add(output, batch);
    for (const { reason, batch } of routed.refusals) add(`@${reason}`, batch);
    for (const [id, ids] of perOutput) {
      const seen = new Map<string, number>();
      const named = ids.map((recordId) => {
        const k = seen.get(recordId) ?? 0;
        seen.set(recordId, k + 1);
        return ids.filter((other) => other === recordId).length > 1 ? `${recordId}.${k}` : recordId;
      });
      this.expected.set(id, [...(this.expected.get(id) ?? []), ...named]);
    }
  }
  async reload(): Promise<void> {
    this.generation++;
    this.#signature++;
    await this.during(this.delivery.setOutputs(outputIds(this.generation).map((id) => this.#plan(id, this.life))));
    this.dispatcher.setRecipients(this.delivery.recipients(), this.generation);
  }
  async crash(): Promise<void> {
    this.life++;
    this.#hung = [];
    this.clock = new FakeClock();
    this.disk = this.disk.crash(this.random);
    await this.start();
  }
  async stopAndStart(): Promise<void> {
    await this.during(this.delivery.stop(this.below(300)));
    await this.during(this.dispatcher.stop());
    this.life++;
    await this.start();
  }
  /** Lets time go by until the promise is settled. */
  async during<T>(promise: Promise<T>): Promise<T> {
    let isOver = false;
    const over = promise.finally(() => {
      isOver = true;
    });
    for (let turn = 0; !isOver && turn < 20_000; turn++) {
      if (turn % 50 === 49) this.release();
      await this.pass(1, 40);
    }
    assert.ok(isOver, 'it does not come to an end');
    return over;
  }
  async pass(turns: number, ms: number): Promise<void> {
    for (let turn = 0; turn < turns; turn++) {
      await nextTurn();
      this.clock.advance(ms);
    }
  }
  release(): void {
    for (const resolve of this.#hung.splice(0)) resolve();
  }
  isPoison(id: string): boolean {
    return Number(/-(\d+)/.exec(id)?.[1]) % 13 === 5;
  }

  async #keepDead(request: AppendRequest): Promise<void> {
    if (!this.isHealthy && this.random() < 0.2) throw new OperatingError('JOURNAL_FULL', 'no room');
    await nextTurn();
    for (const payload of request.records.payloads) {
      const letter = decodeDeadLetter(Buffer.from(payload));
      const ids = this.deadIds.get(letter.output) ?? new Set<string>();
      this.deadIds.set(letter.output, ids.add(letter.emissionId));
    }
  }
  #plan(id: string, life: number): OutputPlan {
    const lazy = {
      chunkBytesMax: 1500,
      chunkKeys: ['time'],
      timekeySeconds: 5,
      timezone: 'UTC',
      flushMode: 'lazy' as const,
      flushAtShutdown: this.random() < 0.5,
      ...(this.isPacked && { compress: 'gzip' as const }),
    };
    const buffer: BufferModel = {
      ...defaultBuffer,
      chunkBytesMax: 300,
      chunkKeys: id === 'least' ? ['tag', 'n'] : [],
      flushMode: id === 'least' ? 'interval' : 'immediate',
      flushIntervalMs: 100,
      concurrency: id === 'exact' ? 1 : 3,
      retry: { ...defaultBuffer.retry, waitMs: 20, waitMsMax: 200 },
      overflow: id === 'drop' ? 'drop_oldest' : 'block',
      ...(id === 'exact' && this.isLazy && lazy),
      ...(id === 'least' && { queuedChunksMax: 1 + this.below(3), chunkFullPart: 0.8 }),
      ...(id === 'drop' && this.isLimited && { backlogBytesMax: 1000 }),
    };
    return { id, buffer, signature: `${this.#signature}`, create: (committed) => this.#output(id, life, committed) };
  }
  #output(id: string, life: number, committed: unknown): Output {
    const target = this.targets.get(id) as Target;
    const never = new Promise<never>(() => undefined);
    let writing = 0;
    let isOpen = false;
    const output: Output = {
      open: async () => {
        if (!this.isHealthy && this.random() < 0.2) throw new OperatingError('OUTPUT_UNREACHABLE', 'not yet');
        if (id === 'exact') target.ids.length = (committed as { length: number } | undefined)?.length ?? 0;
        isOpen = true;
      },
      write: async (chunk) => {
        assert.ok(isOpen, 'written before it was open');
        writing++;
        try {
          const result = await this.#write(id, target, chunk, life);
          return life === this.life ? result : await never;
        } finally {
          writing--;
        }
      },
      close: async () => {
        isOpen = false;
      },
    };
    if (id !== 'exact') return output;
    return {
      ...output,
      commit: async () => {
        assert.equal(writing, 0, 'committed while a write runs');
        const { length } = target.ids;
        await nextTurn();
        assert.equal(target.ids.length, length, 'written during a commit');
        return life === this.life ? { length } : never;
      },
    };
  }
  async #write(id: string, target: Target, chunk: Chunk, life: number): Promise<WriteResult | void> {
    const ids = chunk.batches.flatMap((part) =>
      Array.from({ length: part.batch.count }, (_, row) => part.emissionId(row)),
    );
    assert.equal(ids.length, chunk.count);
    const chance = this.isHealthy ? 1 : this.random();
    if (chance < 0.3) await nextTurn();
    if (chance < 0.06) await new Promise<void>((resolve) => this.#hung.push(resolve));
    if (life !== this.life) return undefined;
    if (chance < 0.12) throw new OperatingError('OUTPUT_UNREACHABLE', 'later', { retryAfterMs: 30 });
    if (chance < 0.15) throw new Error('a bug');
    if (this.random() < 0.5 && ids.some((one) => this.isPoison(one))) throw new OperatingError('OUTPUT_REFUSED', 'no');
    // An exactly-once target in order: what it puts off would overtake.
    const retry = id === 'exact' ? [] : ids.flatMap((_, row) => (!this.isHealthy && this.random() < 0.1 ? [row] : []));
    const refused = ids.flatMap((one, row) =>
      this.isPoison(one) && !retry.includes(row) ? [{ row, reason: 'poison' }] : [],
    );
    target.ids.push(...ids.filter((one, row) => !this.isPoison(one) && !retry.includes(row)));
    return { retry, refused };
  }
}

function checkBalance(world: World): void {
  for (const status of [...world.delivery.status(), world.delivery.routerStatus()]) {
    const refused = Object.values(status.refused).reduce((sum, count) => sum + count, 0);
    assert.equal(
      status.delivered + refused + status.passed + status.waiting,
      world.appended + status.derived,
      `balance of ${status.id}: ${JSON.stringify(status)}`,
    );
  }
}

async function act(world: World): Promise<void> {
  const chance = world.random();
  if (chance < 0.55) for (let left = 1 + world.below(8); left > 0; left--) world.append();
  else if (chance < 0.62) await world.crash();
  else if (chance < 0.65) await world.stopAndStart();
  else if (chance < 0.69) await world.reload();
  else if (chance < 0.73) {
    const shard = world.journal.shards()[0];
    if (shard) world.delivery.dropOldest(shard.shard, world.below(shard.durableOffset + 1));
  } else if (chance < 0.78) await world.journal.retain((shard) => world.delivery.passed(shard, 0));
  else if (chance < 0.8) world.disk.fail('sync', 'EIO', 1, 'cursors');
  else if (chance < 0.82) world.journal.failingReads = 1;
  else if (chance < 0.84) world.disk.fail(world.below(2) ? 'sync' : 'write', 'EIO', 1, 'staged');
  else if (chance < 0.9) world.release();
  else if (chance < 0.92) world.delivery.flush();
  await world.pass(world.below(12), world.below(40));
  world.hasStaged ||= (await world.disk.list('/d/staged/exact')).length > 0;
  checkBalance(world);
}

async function settle(world: World): Promise<void> {
  world.isHealthy = true;
  world.disk.heal();
  world.journal.failingReads = 0;
  const isDone = (): boolean =>
    [...world.delivery.status(), world.delivery.routerStatus()].every(({ waiting }) => waiting === 0);
  for (let turn = 0; turn < 5000 && !isDone(); turn++) {
    world.release();
    await world.pass(1, 40);
  }
  checkBalance(world);
  assert.ok(isDone(), `records wait for ever: ${JSON.stringify(world.delivery.status(), undefined, 1)}`);
}

function checkEnds(world: World): void {
  const wanted = (id: string): string[] => (world.expected.get(id) ?? []).filter((one) => !world.isPoison(one));
  const poisoned = (id: string): string[] => (world.expected.get(id) ?? []).filter((one) => world.isPoison(one));
  const got = (id: string): string[] => (world.targets.get(id) as Target).ids;
  assert.deepEqual([...got('exact')].sort(), wanted('exact').sort(), 'exactly once');
  assert.deepEqual([...new Set(got('least'))].sort(), wanted('least').sort(), 'at least once');
  assert.deepEqual([...(world.deadIds.get('exact') ?? [])].sort(), poisoned('exact').sort(), 'dead letters');
  assert.deepEqual([...(world.deadIds.get('least') ?? [])].sort(), poisoned('least').sort(), 'dead letters');
  for (const shard of ['s0', 's1']) {
    const ids = got('exact').filter((id) => id.startsWith(`${shard}-`));
    const numbers = ids.map((id) => Number(id.slice(3)));
    const offsets = ids.map((id) => Number.parseInt(id.slice(3), 10));
    const isFrameOrder = offsets.every((offset, i) => i === 0 || offset >= (offsets[i - 1] as number) - 12);
    // By time, earlier records come later where their time is not over yet.
    assert.ok((isFrameOrder || world.isLazy) && numbers.length === offsets.length, `order in shard ${shard}`);
  }
  const exact = world.delivery.status().find(({ id }) => id === 'exact');
  assert.equal(exact?.delivered, wanted('exact').length);
  const drop = world.delivery.status().find(({ id }) => id === 'drop');
  const dropRefused = Object.values(drop?.refused ?? {}).reduce((sum, count) => sum + count, 0);
  assert.equal((drop?.delivered ?? 0) + dropRefused, (world.expected.get('drop') ?? []).length);
  assert.equal(drop?.backlog?.bytes ?? 0, 0, 'nothing waits, so nothing counts as waiting');
  const overflow = drop?.refused['overflow'] ?? 0;
  const unique = new Set(got('drop')).size;
  assert.ok(unique <= wanted('drop').length && unique + overflow >= wanted('drop').length, 'dropped ones are counted');
  const router = world.delivery.routerStatus();
  for (const reason of ['no_route', 'filtered', 'not odd'])
    assert.equal(router.refused[reason] ?? 0, (world.expected.get(`@${reason}`) ?? []).length, reason);
  assert.equal(world.deadIds.get('@router')?.size ?? 0, (world.expected.get('@not odd') ?? []).length);
}

async function live(seed: number, actions: number): Promise<boolean> {
  const world = new World(seed);
  await world.start();
  for (let left = actions; left > 0; left--) await act(world);
  await settle(world);
  checkEnds(world);
  assert.deepEqual(world.disk.violations, []);
  await world.during(world.delivery.stop(0));
  await world.during(world.dispatcher.stop());
  return world.hasStaged;
}

const runs = Number(process.env['P2L_MODEL_RUNS'] ?? 25);
const firstSeed = Number(process.env['P2L_MODEL_SEED'] ?? Date.now() % 1_000_000);
const seeds = Array.from({ length: process.env['P2L_MODEL_SEED'] ? 1 : runs }, (_, i) => firstSeed + i);

test('every record ends as the model says, whatever happens on the way', async (t) => {
  let staged = 0;
  for (const seed of seeds)
    try {
      if (await live(seed, 60)) staged++;
    } catch (error) {
      t.diagnostic(`P2L_MODEL_SEED=${seed}`);
      throw error;
    }
  assert.ok(seeds.length < 10 || staged > 0, 'chunks were staged in some of the lives');
});
