import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { FakeClock } from '../../core/clock.ts';
import { silentLog } from '../../core/log.ts';
import { section } from '../../../test/fixture.ts';
import { Balancer } from './balancer.ts';
import { Discovery } from './discovery.ts';
import { FailureDetector } from './failure-detector.ts';
import { parseServerList } from './server-list.ts';

const node = (name: string, weight: number, isAvailable = true, isStandby = false) => ({
  name,
  weight,
  isAvailable,
  isStandby,
});

function counts(balancer: Balancer<ReturnType<typeof node>>, turns: number): Record<string, number> {
  const found: Record<string, number> = {};
  for (let i = 0; i < turns; i++) {
    const name = balancer.next(new Set())?.name ?? 'none';
    found[name] = (found[name] ?? 0) + 1;
  }
  return found;
}

test('servers get chunks by weight; a weight of 0 gets none', () => {
  const balancer = new Balancer<ReturnType<typeof node>>();
  balancer.rebuild([node('a', 60), node('b', 20), node('c', 0)]);
  assert.deepEqual(counts(balancer, balancer.ringSize * 2), { a: balancer.ringSize * 1.5, b: balancer.ringSize * 0.5 });
  balancer.rebuild([]);
  assert.deepEqual(counts(balancer, 1), { none: 1 });
});

test('standby servers stand in for the weight that is out', () => {
  const balancer = new Balancer<ReturnType<typeof node>>();
  balancer.rebuild([node('a', 60), node('s', 60, true, true)]);
  assert.deepEqual(Object.keys(counts(balancer, 20)), ['a']);
  balancer.rebuild([node('a', 60, false), node('s', 60, true, true), node('t', 60, true, true)]);
  assert.deepEqual(Object.keys(counts(balancer, 20)), ['s']);
});

test('a server that was tried is passed over', () => {
  const balancer = new Balancer<ReturnType<typeof node>>();
  const [a, b] = [node('a', 1), node('b', 1)];
  balancer.rebuild([a, b]);
  assert.equal(balancer.next(new Set([a])), b);
  assert.equal(balancer.next(new Set([a, b])), undefined);
});

test('the detector doubts a server the longer it is silent', () => {
  const detector = new FailureDetector(1000, 60_000, 0);
  for (let ms = 1000; ms <= 20_000; ms += 1000) detector.add(ms);
  assert.ok(detector.phi(21_000) < 1);
  assert.ok(detector.phi(40_000) > 8);
  assert.ok(detector.phi(60_000) > detector.phi(40_000));
  assert.equal(detector.isHardTimeout(80_000), false);
  assert.equal(detector.isHardTimeout(80_001), true);
  detector.clear();
  assert.equal(detector.sampleCount, 0);
  assert.equal(detector.phi(0), 0);
  detector.add(90_000);
  assert.equal(detector.sampleCount, 1);
});

const one = {
  host: 'a.example',
  port: 24_224,
  name: 'n: 1',
  weight: 30,
  standby: true,
  sharedKey: "it's",
  username: 'u',
  password: '',
};

test('server lists in JSON and YAML', () => {
  const json = JSON.stringify([
    { host: 'a.example', port: 24_224, name: 'n: 1', weight: 30, standby: true, shared_key: "it's", username: 'u' },
    { host: 'b', port: 1 },
  ]);
  const yaml = `# servers
---
- host: a.example
  port: 24224   # the usual one
  name: "n: 1"
  weight: 30
  standby: true
  shared_key: 'it''s'
  username: u
  password:

- host: b
  port: 1
`;
  const two = {
    host: 'b',
    port: 1,
    name: undefined,
    weight: 60,
    standby: false,
    sharedKey: undefined,
    username: '',
    password: '',
  };
  assert.deepEqual(parseServerList(json, true), [one, two]);
  assert.deepEqual(parseServerList(yaml, false), [one, two]);
  const bad: [string, RegExp][] = [
    ['host: a', /line 1/],
    ['- host: a', /has no port/],
    ['- port: 1', /has no host/],
    ['- host: a\n  port: x', /has no port/],
    ['- host: [a]\n  port: 1', /line 1: only plain/],
    ['- host: a\n  host: b', /stands twice/],
    ['- host: a\n  port: 1\n  colour: red', /colour is none of/],
    ['- host: a\n  port: 1\n  weight: -1', /weight/],
  ];
  for (const [text, pattern] of bad) assert.throws(() => parseServerList(text, false), pattern, text);
  for (const text of ['{}', '[1]', '[{"host":{}}]', 'nonsense'])
    assert.throws(() => parseServerList(text, true), Error, text);
});

test('a service discovery file is read again when it changes; a bad one is left out', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-sd-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'servers.json');
  const write = (...hosts: string[]) => writeFileSync(path, JSON.stringify(hosts.map((host) => ({ host, port: 1 }))));
  write('a');
  const clock = new FakeClock();
  const fixed = { ...one, host: 'fixed' };
  const discovery = new Discovery(
    {
      server: [section(fixed)],
      service_discovery: [
        section({ type: 'file', path }),
        section({ type: 'static' }, { service: [{ ...one, host: 'static' }] }),
      ],
    },
    clock,
    silentLog(),
  );
  const hosts = () => discovery.servers.map(({ host }) => host);
  await discovery.load();
  assert.deepEqual(hosts(), ['fixed', 'static', 'a']);
  let changes = 0;
  discovery.watch(() => changes++);
  const pass = async () => {
    clock.advance(3000);
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  write('a', 'b');
  while (changes === 0) await pass();
  assert.deepEqual(hosts(), ['fixed', 'static', 'a', 'b']);
  writeFileSync(path, 'nonsense');
  await pass();
  assert.deepEqual(hosts(), ['fixed', 'static', 'a', 'b']);
  discovery.stop();
  const missing = new Discovery(
    { service_discovery: [section({ type: 'file', path: '/nowhere.yaml' })] },
    clock,
    silentLog(),
  );
  await assert.rejects(missing.load(), /reading servers from \/nowhere.yaml/);
});
