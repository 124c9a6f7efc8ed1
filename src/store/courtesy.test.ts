import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Courtesy } from './courtesy.ts';

async function isSettled(promise: Promise<void>): Promise<boolean> {
  let settled = false;
  void promise.then(() => (settled = true));
  for (let i = 0; i < 5; i++) await turn();
  return settled;
}

test('work goes on at once while nobody asks', async () => {
  assert.equal(await isSettled(new Courtesy().giveWay(60_000)), true);
});

test('while somebody asks, work waits until the last question is over', async () => {
  const courtesy = new Courtesy();
  const [first, second] = [courtesy.begin(), courtesy.begin()];
  const work = courtesy.giveWay(60_000);
  assert.equal(await isSettled(work), false);
  first();
  first();
  assert.equal(await isSettled(work), false, 'a question that ends twice is one');
  second();
  await work;
});

test('and for so long at most: the question goes on beside it', async () => {
  const courtesy = new Courtesy();
  const over = courtesy.begin();
  await courtesy.giveWay(1);
  over();
});
