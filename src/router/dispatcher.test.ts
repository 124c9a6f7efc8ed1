import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Batch } from '../core/batch.ts';
import { FakeClock } from '../core/clock.ts';
import { silentLog } from '../core/log.ts';
import type { Recipient, Refusal, Routed, RoutedFrame, Router } from './contract.ts';
import { Dispatcher } from './dispatcher.ts';
import type { DispatcherOptions } from './dispatcher.ts';
import { FakeJournal } from './journal-fake.ts';

/** Remembers what it was given; has room for as many frames as it is told. */
class Taker implements Recipient {
  readonly id: string;
  readonly takesRefusals: boolean;
  readonly backfillGeneration: number;
  readonly nexts = new Map<string, number>();
  readonly taken: string[] = [];
  readonly refused: string[] = [];
  readonly forgotten: string[] = [];
  slices = 0;
  room: number;
  #onRoom: () => void = () => undefined;

  constructor(id: string, options: { room?: number; next?: number; backfillGeneration?: number } = {}) {
    this.id = id;
    this.takesRefusals = id === '@router';
    this.room = options.room ?? Number.POSITIVE_INFINITY;
    this.backfillGeneration = options.backfillGeneration ?? 0;
    if (options.next !== undefined) this.nexts.set('s', options.next);
  }
  next(shard: string, firstOffset: number): number {
    return this.nexts.get(shard) ?? firstOffset;
  }
  hasRoom(): boolean {
    return this.room > 0;
  }
  accept(frame: RoutedFrame, batches: readonly Batch[] | undefined, refusals: readonly Refusal[]): void {
    assert.ok(this.hasRoom(), 'given more than there is room for');
    const next = this.next(frame.shard, 0);
    if (next >= frame.to) return;
    assert.ok(frame.from <= next, 'given a frame before the one it wants');
    this.nexts.set(frame.shard, frame.to);
    const first = `${frame.shard}-${frame.from}`;
    this.taken.push(batches ? `${first} ${batches.map(({ tag }) => tag).join()}` : first);
    for (const { reason, isKept } of refusals) this.refused.push(`${first} ${reason} ${isKept}`);
    if (batches) this.room--;
  }
  acceptLost(shard: string, lost: { from: number; to: number; reason: string }): void {
    this.nexts.set(shard, lost.to);
    this.taken.push(`${shard}-${lost.from} ${lost.reason}`);
  }
  endSlice(): void {
    this.slices++;
  }
  forget(shard: string): void {
    this.forgotten.push(shard);
  }
  onRoom(listener: () => void): void {
    this.#onRoom = listener;
  }
  giveRoom(room: number): void {
    this.room = room;
    this.#onRoom();
  }
}

/** Sends every frame to the outputs named, under a tag that tells who routed it. */
function routerTo(name: string, ...outputs: string[]): Router & { routed: number } {
  const router = {
    routed: 0,
    outputs: new Set(outputs),
    route(batch: Batch) {
      router.routed++;
      const isEmpty = outputs.length === 0;
      return {
        emissions: outputs.map((output) => ({ output, batch: batch.withTag(name) })),
        refusals: isEmpty ? [{ reason: 'no_route', batch, isKept: false }] : [],
      };
    },
  };
  return router;
}

interface Setting {
  readonly journal: FakeJournal;
  readonly dispatcher: Dispatcher;
  readonly clock: FakeClock;
  readonly errors: string[];
  readonly settle: () => Promise<void>;
}
function setUp(routerFor: DispatcherOptions['routerFor'], takers: readonly Taker[], generation = 1): Setting {
  const journal = new FakeJournal();
  const clock = new FakeClock();
  const errors: string[] = [];
  const log = silentLog();
  log.error = (...given: unknown[]) => {
    errors.push(String(given[1]));
  };
  const dispatcher = new Dispatcher({ directory: journal, routerFor, generation, clock, log, gapMs: 0 });
  dispatcher.setRecipients(takers);
  journal.onChange(() => dispatcher.wake());
  return {
    journal,
    dispatcher,
    clock,
    errors,
    async settle() {
      for (let turn = 0; turn < 40; turn++) await nextTurn();
    },
  };
}
const one = ['{}'];

test('each frame is read and routed once for all, in the order of its shard', async () => {
  const router = routerTo('r', 'a', 'b');
  const takers = [new Taker('@router'), new Taker('a'), new Taker('b')];
  const { journal, dispatcher, settle } = setUp(() => router, takers);
  journal.append('s', 't', one);
  dispatcher.start();
  await settle();
  journal.append('s', 't', one);
  journal.append('u', 't', one);
  await settle();
  for (const taker of takers.slice(1)) assert.deepEqual(taker.taken, ['s-0 r', 's-1 r', 'u-0 r']);
  assert.deepEqual(takers[0]?.taken, ['s-0', 's-1', 'u-0']);
  assert.equal(router.routed, 3);
  assert.equal(journal.framesRead, 3);
  await dispatcher.stop();
  assert.equal(journal.openReaders, 0);
});

test('an output without room leaves the pass, the others go on; it catches up and rejoins', async () => {
  const router = routerTo('r', 'slow', 'fast');
  const slow = new Taker('slow', { room: 1 });
  const fast = new Taker('fast');
  const { journal, dispatcher, settle } = setUp(() => router, [slow, fast]);
  for (let i = 0; i < 5; i++) journal.append('s', 't', one);
  dispatcher.start();
  await settle();
  assert.equal(fast.taken.length, 5);
  assert.equal(slow.taken.length, 1);
  slow.giveRoom(2);
  await settle();
  assert.equal(slow.taken.length, 3);
  slow.giveRoom(Number.POSITIVE_INFINITY);
  await settle();
  assert.deepEqual(slow.taken, fast.taken);
  const { routed } = router;
  journal.append('s', 't', one);
  await settle();
  assert.equal(router.routed, routed + 1, 'it is level: one routing for both');
  assert.equal(journal.openReaders, 1);
  await dispatcher.stop();
});

test('while no output has room the pass stands still instead of routing for the refusals alone', async () => {
  const router = routerTo('r', 'a');
  const account = new Taker('@router');
  const output = new Taker('a', { room: 2 });
  const { journal, dispatcher, settle } = setUp(() => router, [account, output]);
  for (let i = 0; i < 6; i++) journal.append('s', 't', one);
  dispatcher.start();
  await settle();
  assert.deepEqual([output.taken.length, account.taken.length], [2, 2]);
  output.giveRoom(10);
  await settle();
  assert.deepEqual([output.taken.length, account.taken.length], [6, 6]);
  assert.equal(router.routed, 6, 'nothing was routed twice');
  assert.equal(journal.framesRead, 6, 'nothing was read twice');
  await dispatcher.stop();
});

test('at a start everyone goes on from its own place', async () => {
  const passes: string[] = [];
  const router = routerTo('r', 'a', 'b');
  const takers = [new Taker('a', { next: 1 }), new Taker('b', { next: 3 })];
  const { journal, dispatcher, settle } = setUp((_, pass) => {
    passes.push(pass);
    return router;
  }, takers);
  for (let i = 0; i < 5; i++) journal.append('s', 't', one);
  dispatcher.start();
  await settle();
  assert.deepEqual(
    takers.map(({ taken }) => taken.length),
    [4, 2],
  );
  assert.deepEqual(new Set(passes), new Set(['shared', 'replay']));
  await dispatcher.stop();
});

test('each frame is routed by its generation; one that is gone by the running one, said once', async () => {
  const routers = new Map([
    [1, routerTo('one', 'a')],
    [3, routerTo('three', 'a')],
  ]);
  const taker = new Taker('a');
  const { journal, dispatcher, settle, errors } = setUp(async (generation) => routers.get(generation), [taker], 3);
  for (const generation of [1, 2, 2, 3]) journal.append('s', 't', one, { generation });
  dispatcher.start();
  await settle();
  assert.deepEqual(taker.taken, ['s-0 one', 's-1 three', 's-2 three', 's-3 three']);
  assert.equal(errors.length, 1);
  await dispatcher.stop();
});

test('a new output sees what its generation routed, or with a backfill the past as well', async () => {
  const routers = [routerTo('zero', 'old'), routerTo('one', 'old'), routerTo('two', 'old', 'new', 'filled')];
  const takers = [new Taker('old'), new Taker('new'), new Taker('filled', { backfillGeneration: 2 })];
  const [old] = takers;
  const { journal, dispatcher, settle } = setUp((generation) => routers[generation], [old as Taker], 1);
  journal.append('s', 't', one, { generation: 1 });
  dispatcher.start();
  await settle();
  dispatcher.setRecipients(takers, 2);
  await settle();
  journal.append('s', 't', one, { generation: 1 });
  journal.append('s', 't', one, { generation: 2 });
  await settle();
  assert.deepEqual(
    takers.map(({ taken }) => taken),
    [
      ['s-0 one', 's-1 one', 's-2 two'],
      ['s-0', 's-1', 's-2 two'],
      ['s-0 two', 's-1 two', 's-2 two'],
    ],
  );
  await dispatcher.stop();
});

test('records for an output that is no longer there are kept, not lost', async () => {
  const account = new Taker('@router');
  const { journal, dispatcher, settle } = setUp(() => routerTo('r', 'a', 'gone'), [account, new Taker('a')]);
  journal.append('s', 't', one);
  dispatcher.start();
  await settle();
  assert.deepEqual(account.refused, ['s-0 no_output: gone true']);
  await dispatcher.stop();
});

test('without outputs the refusals are counted', async () => {
  const account = new Taker('@router');
  const { journal, dispatcher, settle } = setUp(() => routerTo('r'), [account]);
  journal.append('s', 't', one);
  dispatcher.start();
  await settle();
  assert.deepEqual(account.refused, ['s-0 no_route false']);
  await dispatcher.stop();
});

test('unreadable frames are handed on as lost, between the others', async () => {
  const takers = [new Taker('a'), new Taker('b', { room: 1 })];
  const { journal, dispatcher, settle } = setUp(() => routerTo('r', 'a', 'b'), takers);
  for (let i = 0; i < 4; i++) journal.append('s', 't', one);
  journal.lose('s', 1, 3);
  dispatcher.start();
  await settle();
  takers[1]?.giveRoom(5);
  await settle();
  for (const { taken } of takers) assert.deepEqual(taken, ['s-0 r', 's-1 corrupt', 's-3 r']);
  await dispatcher.stop();
});

test('a shard that cannot be read is tried again, the others go on meanwhile', async () => {
  const taker = new Taker('a');
  const { journal, dispatcher, settle, clock, errors } = setUp(() => routerTo('r', 'a'), [taker]);
  journal.append('s', 't', one);
  journal.append('u', 't', one);
  journal.failingReads = 1;
  dispatcher.start();
  await settle();
  assert.deepEqual(taker.taken, ['u-0 r']);
  assert.match(errors.join(), /reading shard s: input\/output error/);
  clock.advance(1000);
  await settle();
  assert.deepEqual(taker.taken, ['u-0 r', 's-0 r']);
  await dispatcher.stop();
});

test('a configuration that cannot be loaded holds its records up, not for ever', async () => {
  const taker = new Taker('a');
  let failures = 2;
  const { journal, dispatcher, settle, clock, errors } = setUp(() => {
    if (failures-- > 0) throw new Error('disk gone');
    return routerTo('r', 'a');
  }, [taker]);
  journal.append('s', 't', one);
  dispatcher.start();
  for (let i = 0; i < 3; i++) {
    await settle();
    clock.advance(1000);
  }
  await settle();
  assert.deepEqual(taker.taken, ['s-0 r']);
  assert.equal(errors.length, 2);
  await dispatcher.stop();
});

test('while even the running configuration is missing its records wait', async () => {
  const taker = new Taker('a');
  let router: Router | undefined;
  const { journal, dispatcher, settle, clock, errors } = setUp(() => router, [taker]);
  journal.append('s', 't', one);
  dispatcher.start();
  await settle();
  assert.deepEqual(taker.taken, []);
  assert.match(errors.join(), /running configuration 1/);
  router = routerTo('r', 'a');
  clock.advance(1000);
  await settle();
  assert.deepEqual(taker.taken, ['s-0 r']);
  await dispatcher.stop();
});

test('a shard that left the journal is forgotten', async () => {
  const taker = new Taker('a');
  const { journal, dispatcher, settle } = setUp(() => routerTo('r', 'a'), [taker]);
  journal.append('s', 't', one);
  dispatcher.start();
  await settle();
  journal.seal('s');
  await settle();
  assert.equal(journal.openReaders, 0, 'a shard that is read to its end needs no reader');
  await journal.retain(() => 1);
  journal.append('u', 't', one);
  await settle();
  assert.deepEqual(taker.forgotten, ['s']);
  await dispatcher.stop();
});

test('under load it looks for news at most once in its gap, at rest at once', async () => {
  const clock = new FakeClock();
  const journal = new FakeJournal();
  const taker = new Taker('a');
  const dispatcher = new Dispatcher({
    directory: journal,
    routerFor: () => routerTo('r', 'a'),
    generation: 1,
    clock,
    log: silentLog(),
    gapMs: 5,
  });
  dispatcher.setRecipients([taker]);
  journal.onChange(() => dispatcher.wake());
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await nextTurn();
  };
  dispatcher.start();
  await settle();
  journal.append('s', 't', one);
  await settle();
  assert.equal(taker.taken.length, 0, 'the gap since the last look is not over');
  clock.advance(5);
  await settle();
  assert.equal(taker.taken.length, 1);
  clock.advance(60);
  journal.append('s', 't', one);
  await settle();
  assert.equal(taker.taken.length, 2, 'it was at rest for longer than the gap');
  await dispatcher.stop();
});

/** A router whose filter waits for tag `late` until `release` is called. */
function waitingRouter(output: string) {
  let isReady = false;
  let release = (): void => undefined;
  const ready = new Promise<void>((resolve) => {
    release = () => {
      isReady = true;
      resolve();
    };
  });
  const router: Router = {
    outputs: new Set([output]),
    route(batch) {
      const again = (): Routed =>
        batch.tag === 'late' && !isReady
          ? { emissions: [], refusals: [], waiting: { ready, again } }
          : { emissions: [{ output, batch }], refusals: [] };
      return again();
    },
  };
  return { router, release };
}

test('a shard whose filter waits keeps its order; others go on', async () => {
  const taker = new Taker('a');
  const { router, release } = waitingRouter('a');
  const { journal, dispatcher, settle } = setUp(() => router, [taker]);
  journal.append('s', 'first', one);
  journal.append('s', 'late', one);
  journal.append('s', 'behind', one);
  journal.append('u', 'other', one);
  dispatcher.start();
  await settle();
  assert.deepEqual(taker.taken, ['s-0 first', 'u-0 other']);
  release();
  await settle();
  assert.deepEqual(taker.taken.slice(2), ['s-1 late', 's-2 behind']);
  await dispatcher.stop();
});

test('it stops while a filter waits; the records stay where they are', async () => {
  const taker = new Taker('a');
  const { journal, dispatcher, settle } = setUp(() => waitingRouter('a').router, [taker]);
  journal.append('s', 'late', one);
  dispatcher.start();
  await settle();
  await dispatcher.stop();
  assert.deepEqual(taker.taken, []);
});

test('an output that catches up waits too, and then gets its records in order', async () => {
  const fast = new Taker('a');
  const slow = new Taker('b', { room: 0 });
  const { router, release } = waitingRouter('b');
  const { journal, dispatcher, settle } = setUp(
    (_, pass) => (pass === 'replay' ? router : routerTo('r', 'a', 'b')),
    [fast, slow],
  );
  journal.append('s', 'first', one);
  journal.append('s', 'late', one);
  dispatcher.start();
  await settle();
  slow.giveRoom(5);
  await settle();
  assert.deepEqual([fast.taken.length, slow.taken], [2, ['s-0 first']]);
  release();
  await settle();
  assert.deepEqual(slow.taken, ['s-0 first', 's-1 late']);
  await dispatcher.stop();
});
