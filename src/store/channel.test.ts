import assert from 'node:assert/strict';
import { duplexPair } from 'node:stream';
import type { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { serialize } from 'node:v8';
import fc from 'fast-check';
import { OperatingError } from '../core/errors.ts';
import { Channel } from './channel.ts';
import type { ChannelHandlers } from './channel.ts';
import { QueryError } from './query/query-error.ts';

const none: ChannelHandlers = {
  call: () => Promise.reject(new Error('no calls')),
  stream: () => assert.fail('no streams'),
};

function pair(handlers: Partial<ChannelHandlers>, bytesMax?: number) {
  const [near, far] = duplexPair();
  const caller = new Channel(near, undefined, bytesMax);
  const callee = new Channel(far, { ...none, ...handlers }, bytesMax);
  return { caller, callee, near, far };
}

async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await nextTurn();
}

/** A promise that is settled from outside. */
function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
}

describe('calls', () => {
  test('carry values as they are, typed arrays and views of them too', async () => {
    const { caller } = pair({ call: (method, argument) => Promise.resolve({ method, argument }) });
    const block = Buffer.from('before{"a":1}behind');
    const argument = {
      payload: block.subarray(6, 13),
      offsets: Float64Array.from([1, 2 ** 53 - 1, -1]),
      ordinals: Int32Array.from([-1, 7]),
      nanos: Uint32Array.from([999_999_999]),
      none: undefined,
      big: 2n ** 70n,
      text: '한글 😀',
    };
    const answer = (await caller.call('insert', argument)) as { method: string; argument: typeof argument };
    assert.equal(answer.method, 'insert');
    assert.equal(Buffer.from(answer.argument.payload).toString(), '{"a":1}');
    assert.deepEqual({ ...answer.argument, payload: 0 }, { ...argument, payload: 0 });
  });

  test('are answered in any order', async () => {
    const first = gate();
    const { caller } = pair({
      call: async (method) => {
        if (method === 'first') await first.opened;
        return method;
      },
    });
    const slow = caller.call('first', undefined);
    assert.equal(await caller.call('second', undefined), 'second');
    first.open();
    assert.equal(await slow, 'first');
  });

  test('reject with the error of the other side: its code, its place, its text', async () => {
    const errors = [
      new OperatingError('STORE_FULL', 'the store is full', { retryAfterMs: 70 }),
      new QueryError('expected a value', { start: 3, end: 5 }),
      new TypeError('a fault'),
    ];
    const { caller } = pair({ call: (_method, index) => Promise.reject(errors[Number(index)]) });
    await assert.rejects(caller.call('m', 0), (error) => {
      assert(error instanceof OperatingError);
      assert.deepEqual(
        [error.code, error.retryable, error.retryAfterMs, error.message],
        ['STORE_FULL', true, 70, 'the store is full'],
      );
      return true;
    });
    await assert.rejects(caller.call('m', 1), (error) => {
      assert(error instanceof QueryError);
      assert.deepEqual(error.at, { start: 3, end: 5 });
      return true;
    });
    await assert.rejects(caller.call('m', 2), { name: 'Error', message: 'a fault' });
  });

  test('that are aborted reject at once and abort on the other side', async () => {
    const began = gate();
    const ended = gate();
    const { caller } = pair({
      call: async (_method, _argument, signal) => {
        began.open();
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        ended.open();
        throw new Error('too late to be seen');
      },
    });
    const abort = new AbortController();
    const call = caller.call('search', {}, abort.signal);
    await began.opened;
    abort.abort(new Error('nobody waits'));
    await assert.rejects(call, /nobody waits/);
    await ended.opened;
    await assert.rejects(caller.call('search', {}, abort.signal), /nobody waits/);
  });

  test('fail with STORE_UNAVAILABLE when the other side goes, then and later', async () => {
    const aborted = gate();
    const { caller, callee } = pair({
      call: (_method, _argument, signal) => new Promise(() => signal.addEventListener('abort', () => aborted.open())),
    });
    const call = caller.call('search', {});
    await turns();
    void callee.close();
    await assert.rejects(call, { code: 'STORE_UNAVAILABLE' });
    await assert.rejects(caller.call('search', {}), { code: 'STORE_UNAVAILABLE' });
    await aborted.opened;
    assert.equal(await caller.closed, undefined);
  });

  test('that are too large are refused alone, on either side', async () => {
    const { caller } = pair({ call: (method) => Promise.resolve(method === 'much' ? 'x'.repeat(5000) : 'ok') }, 1000);
    await assert.rejects(caller.call('much', {}), { code: 'STORE_QUERY_LIMIT' });
    await assert.rejects(caller.call('insert', 'x'.repeat(5000)), { code: 'STORE_QUERY_LIMIT' });
    await assert.rejects(
      caller.call('insert', () => undefined),
      /could not be cloned/,
    );
    assert.equal(await caller.call('little', {}), 'ok');
  });

  test('the other way are refused', async () => {
    const { callee } = pair({});
    await assert.rejects(callee.call('search', {}), /answers no calls/);
  });
});

describe('streams', () => {
  /** Counts what was asked of it. */
  function counting(count: number) {
    const state = { made: 0, isReturned: false };
    const stream = async function* () {
      try {
        for (let n = 0; n < count; n++) {
          state.made++;
          yield n;
        }
      } finally {
        state.isReturned = true;
      }
    };
    return { state, stream };
  }

  test('give all parts in order and end', async () => {
    const { stream } = counting(50);
    const { caller } = pair({ stream });
    const parts: unknown[] = [];
    for await (const part of caller.stream('export', {})) parts.push(part);
    assert.deepEqual(
      parts,
      Array.from({ length: 50 }, (_, n) => n),
    );
  });

  test('run no further ahead than two parts of their reader', async () => {
    const { state, stream } = counting(50);
    const { caller } = pair({ stream });
    const parts = caller.stream('export', {});
    await turns();
    assert.equal(state.made, 0);
    for (let n = 0; n < 5; n++) {
      assert.equal((await parts.next()).value, n);
      await turns();
      assert.equal(state.made, n + 2);
    }
    await parts.return(undefined);
    await turns();
    assert.equal(state.isReturned, true);
  });

  test('end with the error of the other side, behind what came before it', async () => {
    const { caller } = pair({
      stream: async function* () {
        yield 'one';
        throw new OperatingError('STORE_READ', 'broken');
      },
    });
    const parts = caller.stream('export', {});
    assert.equal((await parts.next()).value, 'one');
    await assert.rejects(parts.next(), { code: 'STORE_READ' });
  });

  test('end when they are aborted, while they wait for a part too', async () => {
    const ended = gate();
    const { caller } = pair({
      stream: async function* (_method, _argument, signal) {
        yield 'one';
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        ended.open();
      },
    });
    const abort = new AbortController();
    const parts = caller.stream('tail', {}, abort.signal);
    assert.equal((await parts.next()).value, 'one');
    const waiting = parts.next();
    await turns();
    abort.abort(new Error('enough'));
    await assert.rejects(waiting, /enough/);
    await ended.opened;
  });

  test('end with STORE_UNAVAILABLE when the other side goes', async () => {
    const { caller, far } = pair({
      stream: async function* (_method, _argument, signal) {
        yield 'one';
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    });
    const parts = caller.stream('tail', {});
    assert.equal((await parts.next()).value, 'one');
    far.destroy();
    await assert.rejects(parts.next(), { code: 'STORE_UNAVAILABLE' });
  });
});

describe('frames', () => {
  function frame(kind: number, number: number, value?: unknown): Buffer {
    const body = value === undefined ? Buffer.alloc(0) : serialize(value);
    const head = Buffer.alloc(9);
    head.writeUInt32LE(body.length, 0);
    head.writeUInt8(kind, 4);
    head.writeUInt32LE(number, 5);
    return Buffer.concat([head, body]);
  }
  const call = frame(1, 1, { method: 'm', argument: 'a', isStream: false });

  /** A callee, and what is written to its stream. */
  function callee(): { channel: Channel; far: Duplex; calls: unknown[] } {
    const [near, far] = duplexPair();
    const calls: unknown[] = [];
    const channel = new Channel(
      near,
      { ...none, call: (method, argument) => Promise.resolve(calls.push([method, argument])) },
      1000,
    );
    return { channel, far, calls };
  }

  test('arrive in any pieces', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), async (sizes) => {
        const { far, calls } = callee();
        const bytes = Buffer.concat([call, call, call]);
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = sizes[i % sizes.length] as number;
          far.write(bytes.subarray(at, at + size));
          at += size;
        }
        await turns(3);
        assert.deepEqual(
          calls,
          [1, 2, 3].map(() => ['m', 'a']),
        );
        far.destroy();
      }),
      { numRuns: 30 },
    );
  });

  for (const [name, bytes] of [
    ['longer than allowed', frame(1, 1, 'x'.repeat(2000)).subarray(0, 20)],
    ['of an unknown kind', frame(9, 1, 1)],
    ['whose body is no value', Buffer.concat([frame(1, 1, 'four').subarray(0, 9), Buffer.alloc(100, 0xee)])],
    ['that calls nothing', frame(1, 1, { argument: 1 })],
  ] as const)
    test(`${name} end the channel and nothing else`, async () => {
      const { channel, far, calls } = callee();
      far.on('error', () => undefined);
      far.write(bytes);
      assert.match(String((await channel.closed)?.message), /reading from the other process/);
      assert.deepEqual(calls, []);
    });

  test('about calls that are over mean nothing', async () => {
    const { far, calls } = callee();
    far.write(Buffer.concat([frame(4, 77), frame(7, 77, 1), frame(2, 78, 'answer'), frame(6, 79), call]));
    await turns();
    assert.equal(calls.length, 1);
  });
});
