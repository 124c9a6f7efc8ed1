import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestHex } from '../../codecs/forward-handshake.ts';
import type { Value } from '../../core/record.ts';
import { Sender, security, startSource } from './forward-fixture.ts';

/** The PING that answers a HELO. */
function ping(helo: Value, sharedKey: string, user = '', password = ''): Value {
  const [, option] = helo as [Value, Map<string, Value>];
  const nonce = option.get('nonce') as Uint8Array;
  const auth = option.get('auth') as Uint8Array;
  const login = user === '' ? '' : digestHex(auth, user, password);
  return ['PING', 'client', 'salt', digestHex('salt', 'client', nonce, sharedKey), user, login];
}

async function shakeHands(port: number, ...login: [string, string?, string?]) {
  const sender = await Sender.open(port);
  const helo = await sender.next();
  sender.send(ping(helo, ...login));
  return { sender, helo, pong: (await sender.next()) as Value[] };
}

test('HELO, PING and PONG are what the protocol says', async (t) => {
  const { port, records } = await startSource(t, {}, security());
  const { sender, helo, pong } = await shakeHands(port, 'key');
  const [word, option] = helo as [string, Map<string, Value>];
  assert.equal(word, 'HELO');
  assert.equal((option.get('nonce') as Uint8Array).length, 16);
  assert.equal((option.get('auth') as Uint8Array).length, 16);
  assert.equal(option.get('keepalive'), true);
  assert.deepEqual(pong, [
    'PONG',
    true,
    '',
    'server',
    digestHex('salt', 'server', option.get('nonce') as Uint8Array, 'key'),
  ]);
  sender.send(['t', 1, { a: 1 }]);
  await sender.settle();
  assert.deepEqual(records(), ['t 1.000000000 {"a":1}']);
});

test('a wrong key, half a handshake and records before it are refused, counted and closed', async (t) => {
  const { port, records, refusedCounts } = await startSource(t, {}, security());
  const wrong = await shakeHands(port, 'no');
  assert.deepEqual(wrong.pong, ['PONG', false, 'shared_key mismatch', '', '']);
  assert.equal(await wrong.sender.next(), 'closed');
  const bad: Value[] = [
    ['t', 1, { a: 1 }],
    ['PING', 1, 2, 3, 4, 5],
    ['PING'],
    { a: 1 },
    'PING',
    null,
    ['PING', 'a', 'b', 'c', 'd', null],
  ];
  for (const value of bad) {
    const sender = await Sender.open(port);
    await sender.next();
    sender.send(value);
    sender.send(['t', 1, { a: 2 }]);
    assert.deepEqual(((await sender.next()) as Value[]).slice(0, 2), ['PONG', false]);
    assert.equal(await sender.next(), 'closed');
  }
  assert.deepEqual(records(), []);
  assert.equal(refusedCounts.get('not_authenticated'), 1 + bad.length);
});

test('users: name, password, and from where', async (t) => {
  const inner = {
    user: [
      { username: 'alice', password: 'one' },
      { username: 'bob', password: 'two' },
    ],
    client: [{ network: '127.0.0.0/8', users: ['alice'], sharedKey: 'local' }],
  };
  const { port } = await startSource(t, {}, security({ userAuth: true }, inner));
  const outcome = async (...login: [string, string?, string?]) => (await shakeHands(port, ...login)).pong[2];
  assert.equal(await outcome('local', 'alice', 'one'), '');
  assert.equal(await outcome('local', 'alice', 'two'), 'username/password mismatch');
  assert.equal(await outcome('local', 'bob', 'two'), 'username/password mismatch');
  assert.equal(await outcome('local'), 'username/password mismatch');
  assert.equal(await outcome('key', 'alice', 'one'), 'shared_key mismatch');
});

test('without allow_anonymous_source only named clients may send', async (t) => {
  const elsewhere = security({ allowAnonymousSource: false }, { client: [{ network: '192.0.2.0/24', users: [] }] });
  const one = await startSource(t, {}, elsewhere);
  assert.equal((await shakeHands(one.port, 'key')).pong[2], "anonymous source host '127.0.0.1' denied");
  const named = security({ allowAnonymousSource: false }, { client: [{ host: 'localhost', users: [] }] });
  const two = await startSource(t, {}, named);
  const host = (await shakeHands(two.port, 'key')).pong;
  // Where localhost is an IPv6 address first, 127.0.0.1 is somebody else.
  assert.ok(host[1] === true || JSON.stringify(host[2]).includes('denied'));
  const address = security({ allowAnonymousSource: false }, { client: [{ host: '127.0.0.1', users: [] }] });
  const three = await startSource(t, {}, address);
  assert.equal((await shakeHands(three.port, 'key')).pong[1], true);
});
