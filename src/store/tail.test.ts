import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { FakeClock } from '../core/clock.ts';
import { FixtureStore, type FixturePartition, type FixtureRow } from './partitions-fixture.ts';
import { Questions } from './questions.ts';
import type { TailPart } from './tail.ts';

function rows(from: number, to: number, text = ''): FixtureRow[] {
  return Array.from({ length: to - from }, (_, i) => ({
    seconds: 1_795_000_000 - i,
    nanos: 0,
    shard: 1,
    offset: from + i,
    ordinal: -1,
    appendMs: 0,
    tag: i % 2 ? 'odd' : 'even',
    source: 'http',
    record: { n: from + i, text },
  }));
}
const all = { query: '', fromMs: undefined, toMs: undefined };

describe('tail', () => {
  let store: FixtureStore;
  let partition: FixturePartition;
  let clock: FakeClock;
  let questions: Questions;
  let reader: AbortController;
  beforeEach(async () => {
    store = await FixtureStore.open();
    partition = await store.add();
    clock = new FakeClock();
    questions = new Questions(store, clock);
    reader = new AbortController();
  });
  afterEach(() => {
    reader.abort();
    assert.equal(store.listeners, 0);
    store.close();
  });
  const follow = (query = '', signal = reader.signal): AsyncIterator<TailPart> =>
    questions.tail({ ...all, query }, signal)[Symbol.asyncIterator]();
  /** Lets what waits be looked at, and gives what the reader gets then. */
  async function next(tail: AsyncIterator<TailPart>): Promise<TailPart> {
    const part = tail.next();
    clock.advance(200);
    const result = await part;
    return result.done ? assert.fail('it has ended') : result.value;
  }
  const numbers = ({ records }: TailPart): number[] => records.map(({ json }) => (JSON.parse(json) as { n: number }).n);

  test('what is stored from now on, as it came in', async () => {
    await partition.insert(rows(0, 10));
    const tail = follow();
    await partition.insert(rows(10, 13));
    await partition.insert(rows(13, 15));
    assert.deepEqual(numbers(await next(tail)), [10, 11, 12, 13, 14]);
    assert.equal(partition.taken, 1);
    await partition.insert(rows(15, 16), true);
    assert.deepEqual(numbers(await next(tail)), [15]);
    assert.equal(partition.open, 0);
  });

  test('only what matches; readers of one query share a look', async () => {
    const [odd, other, even] = [follow('_tag:="odd"'), follow('_tag:="odd"'), follow('_tag:="even"')];
    await partition.insert(rows(0, 5));
    assert.deepEqual(numbers(await next(odd)), [1, 3]);
    assert.deepEqual(numbers(await next(other)), [1, 3]);
    assert.deepEqual(numbers(await next(even)), [0, 2, 4]);
    assert.equal(partition.taken, 2);
    assert.equal(store.listeners, 2);
  });

  test('too many at once: the newest, and how many there were besides', async () => {
    const tail = follow('_tag:="odd"');
    await partition.insert(rows(0, 3000));
    const part = await next(tail);
    assert.deepEqual(
      numbers(part),
      rows(1000, 3000).flatMap(({ offset }) => (offset % 2 ? [offset] : [])),
    );
    assert.equal(part.skipped, 500);
  });

  test('large records: as many as fit', async () => {
    const tail = follow();
    await partition.insert(rows(0, 5, 'x'.repeat(1_500_000)));
    const part = await next(tail);
    assert.deepEqual([numbers(part), part.skipped], [[3, 4], 3]);
  });

  test('a slow reader loses the oldest, a quick one beside it does not', async () => {
    const [slow, quick] = [follow(), follow()];
    for (let i = 0; i < 3; i++) {
      await partition.insert(rows(i * 600, (i + 1) * 600));
      assert.equal((await next(quick)).records.length, 600);
    }
    const part = await next(slow);
    assert.deepEqual(
      numbers(part),
      rows(800, 1800).map(({ offset }) => offset),
    );
    assert.equal(part.skipped, 800);
  });

  test('rows that were sealed before anybody looked count as skipped', async () => {
    const tail = follow();
    await partition.insert(rows(0, 5));
    await partition.seal();
    assert.deepEqual(await next(tail), { records: [], skipped: 5 });
  });

  test('a reader that stops, or whose signal aborts, ends; the last one ends the work', async () => {
    const own = new AbortController();
    const [one, two] = [follow(), follow('', own.signal)];
    assert.equal(store.listeners, 1);
    const waiting = two.next();
    own.abort();
    assert.equal((await waiting).done, true);
    assert.equal(store.listeners, 1);
    await one.return?.();
    assert.equal(store.listeners, 0);
    assert.equal((await one.next()).done, true);
    assert.equal((await follow('', AbortSignal.abort()).next()).done, true);
    assert.equal(store.listeners, 0);
  });

  test('an error ends it with that error, a partition set aside does not', async () => {
    const tail = follow();
    await partition.insert(rows(0, 5));
    partition.isBroken = true;
    const healthy = await store.add();
    await healthy.insert(rows(5, 7));
    const first = await next(tail);
    assert.deepEqual([numbers(first), first.skipped], [[], 5]);
    assert.deepEqual(numbers(await next(tail)), [5, 6]);
    healthy.onStatement = () => {
      throw new Error('Out of Memory Error: x');
    };
    await healthy.insert(rows(7, 9));
    const failed = tail.next();
    clock.advance(200);
    await assert.rejects(failed, /STORE_QUERY_LIMIT|more memory/);
    assert.equal(store.listeners, 0);
  });
});
