import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Hub, Link, PeerGone } from './link.ts';

function connect(hub: Hub, name: string): Link {
  const link = new Link(name, (envelope) => hub.route(envelope));
  hub.add(name, { isConnected: true, send: (envelope) => link.receive(envelope as Parameters<Link['receive']>[0]) });
  return link;
}

test('calls between children go through the hub and come back', async () => {
  const hub = new Hub();
  const a = connect(hub, 'a');
  const b = connect(hub, 'b');
  b.on('double', (body, from) => `${from}:${String(body)}${String(body)}`);
  hub.link.on('who', () => 'hub');
  assert.equal(await a.call('b', 'double', 'x'), 'a:xx');
  assert.equal(await b.call('supervisor', 'who', undefined), 'hub');
});

test('a handler’s error, an unknown kind and an absent process reject the call', async () => {
  const hub = new Hub();
  const a = connect(hub, 'a');
  const b = connect(hub, 'b');
  b.on('fail', () => {
    throw new Error('no luck');
  });
  await assert.rejects(a.call('b', 'fail', 1), /no luck/);
  await assert.rejects(a.call('b', 'nothing', 1), /does not know nothing/);
  await assert.rejects(
    a.call('c', 'fail', 1),
    (error) => error instanceof PeerGone && /c is not running/.test(error.message),
  );
});

test('calls to a process that ends are rejected at once', async () => {
  const hub = new Hub();
  const a = connect(hub, 'a');
  const b = connect(hub, 'b');
  b.on('hang', () => new Promise(() => undefined));
  const call = a.call('b', 'hang', 1);
  const rejected = assert.rejects(call, /b ended/);
  a.gone('b');
  await rejected;
  hub.remove('b');
  await assert.rejects(a.call('b', 'hang', 1), /not running/);
});

test('notes to an absent process are lost without harm', () => {
  const hub = new Hub();
  connect(hub, 'a').note('nobody', 'x', 1);
});

test('a late answer to a process that died is not taken for an answer to its successor', async () => {
  const hub = new Hub();
  const b = connect(hub, 'b');
  let answerFirst: (text: string) => void = () => undefined;
  b.on('slow', () => new Promise((resolve) => (answerFirst = resolve)));
  b.on('shards', () => 'shards');
  const first = connect(hub, 'a');
  void first.call('b', 'slow', undefined).catch(() => undefined);
  const second = connect(hub, 'a');
  const late: unknown[] = [];
  b.on('hang', () => new Promise(() => undefined));
  void second.call('b', 'hang', undefined).then(
    (body) => late.push(body),
    () => undefined,
  );
  answerFirst('metrics');
  assert.equal(await second.call('b', 'shards', undefined), 'shards');
  assert.deepEqual(late, []);
});
