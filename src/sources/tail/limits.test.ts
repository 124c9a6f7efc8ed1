import assert from 'node:assert/strict';
import { test } from 'node:test';
import { section } from '../../../test/fixture.ts';
import { FakeClock } from '../../core/clock.ts';
import { Limits } from './limits.ts';
import { Turns } from './turns.ts';

test('bytes a second: none are left when they are used up, and again a second later', () => {
  const clock = new FakeClock();
  const allowance = new Limits(clock, 100_000, undefined).of('/a.log');
  assert.ok(allowance);
  allowance.used(65_536, 10);
  assert.equal(allowance.bytesNow(), 65_536);
  allowance.used(65_536, 10);
  assert.equal(allowance.bytesNow(), 0);
  clock.advance(1000);
  assert.equal(allowance.bytesNow(), 65_536);
  assert.equal(new Limits(clock, -1, undefined).of('/a.log'), undefined);
});

test('lines of a group are shared by its files; the rule that names more goes first', () => {
  const clock = new FakeClock();
  const rules = [
    { match: {}, limit: -1 },
    { match: { app: '/^shop/' }, limit: 100 },
    { match: { app: '/^shop/', host: 'web1' }, limit: 0 },
  ];
  const group = section(
    { pattern: '/^\\/log\\/(?<app>[a-z]+)-(?<host>[a-z0-9]+)/', ratePeriod: 5000 },
    { rule: rules },
  );
  const limits = new Limits(clock, -1, group);
  assert.equal(limits.of('/log/other-web1.log'), undefined);
  assert.equal(limits.of('/log/shop-web1.log')?.bytesNow(), 0);
  const [first, second] = [limits.of('/log/shop-a.log'), limits.of('/log/shop-b.log')];
  assert.ok(first && second);
  first.used(10, 50);
  assert.equal(first.bytesNow(), 0);
  assert.ok(second.bytesNow() > 0);
  second.close();
  assert.ok(first.bytesNow() > 0);
  first.used(10, 50);
  assert.equal(first.bytesNow(), 0);
  clock.advance(5000);
  assert.ok(first.bytesNow() > 0);
});

test('turns are fair: a file that wants more waits behind the others', async () => {
  const taken: number[] = [];
  const left = new Map([
    [1, 3],
    [2, 1],
  ]);
  const turns = new Turns<number>(async (file) => {
    await Promise.resolve();
    taken.push(file);
    left.set(file, (left.get(file) ?? 0) - 1);
    return (left.get(file) ?? 0) > 0;
  });
  turns.wake(1);
  turns.wake(2);
  await turns.idle();
  assert.deepEqual(taken, [1, 2, 1, 1]);
  await turns.close();
  turns.wake(2);
  await turns.idle();
  assert.equal(taken.length, 4);
});

test('lines over the limit go on under a tag of their own where that is asked for', () => {
  const clock = new FakeClock();
  const options = { pattern: '/(?<app>a)/', ratePeriod: 5000, overLimit: 'divert', divertTag: 'over.*' };
  const limits = new Limits(clock, 65_536, section(options, { rule: [{ match: {}, limit: 10 }] }));
  const allowance = limits.of('/a.log');
  assert.ok(allowance);
  assert.equal(allowance.tagNow('app.$&'), 'app.$&');
  allowance.used(100, 10);
  assert.equal(allowance.tagNow('app.$&'), 'over.app.$&');
  assert.equal(allowance.bytesNow(), 65_536);
  allowance.used(65_536, 10);
  assert.equal(allowance.bytesNow(), 0);
  clock.advance(5000);
  assert.equal(allowance.tagNow('app'), 'app');
});
