import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { AddressSet, ClientFinder, clientKey, parseAddress } from './client-address.ts';

const request = (remoteAddress: string | undefined, headers: Record<string, string> = {}) =>
  ({ socket: { remoteAddress }, headers }) as unknown as IncomingMessage;
const address = (text: string) => {
  const found = parseAddress(text);
  assert.ok(found, text);
  return found;
};

test('address sets: addresses, ranges, IPv4 in IPv6', () => {
  const set = new AddressSet(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32', '::1', '::ffff:198.51.100.0/120']);
  for (const text of [
    '10.255.0.1',
    '192.0.2.1',
    '2001:db8:1::5',
    '::1',
    '::ffff:10.1.1.1',
    '198.51.100.9',
    'fe80::1%eth0',
  ])
    assert.equal(set.has(address(text)), text !== 'fe80::1%eth0', text);
  for (const text of ['11.0.0.1', '192.0.2.2', '2001:db9::1', '::2']) assert.equal(set.has(address(text)), false, text);
  for (const bad of ['', 'x', '10.0.0.0/33', '10.0.0.0/', '1.2.3.4.5'])
    assert.throws(() => new AddressSet([bad]), /is not an address/);
});

test('trusted proxies: the last address that is not trusted is the client', () => {
  const finder = new ClientFinder(['10.0.0.0/8', '::1'], 'x-forwarded-for');
  const find = (remote: string, value?: string) =>
    finder.find(request(remote, value === undefined ? {} : { 'x-forwarded-for': value }))?.toString();
  assert.equal(find('10.0.0.1', '1.2.3.4'), '1.2.3.4');
  assert.equal(find('::ffff:10.0.0.1', '9.9.9.9, 1.2.3.4, 10.0.0.2'), '1.2.3.4');
  assert.equal(find('::1', ' [2001:db8::1]:443 '), '2001:db8::1');
  assert.equal(find('10.0.0.1', '1.2.3.4:5678'), '1.2.3.4');
  assert.equal(find('10.0.0.1', '10.0.0.3,10.0.0.2'), '10.0.0.3');
  assert.equal(find('10.0.0.1'), '10.0.0.1');
});

test('trusted proxies: nobody else is believed, and a hop that is no address ends the way', () => {
  const finder = new ClientFinder(['10.0.0.0/8'], 'x-forwarded-for');
  const find = (remote: string, value: string) =>
    finder.find(request(remote, { 'x-forwarded-for': value }))?.toString();
  assert.equal(find('8.8.8.8', '1.2.3.4'), '8.8.8.8');
  for (const value of ['unknown', '1.2.3.4, garbage', '1.2.3.4,', '0x01020304', '1234', ''])
    assert.equal(find('10.0.0.1', value), '10.0.0.1', value);
  assert.equal(
    new ClientFinder([], 'x-forwarded-for').find(request('8.8.8.8', { 'x-forwarded-for': '1.2.3.4' }))?.toString(),
    '8.8.8.8',
  );
  assert.equal(finder.find(request(undefined)), undefined);
});

test('trusted proxies: Forwarded (RFC 7239) where it is chosen, and only there', () => {
  const finder = new ClientFinder(['10.0.0.0/8'], 'forwarded');
  const find = (value: string) =>
    finder.find(request('10.0.0.1', { forwarded: value, 'x-forwarded-for': '6.6.6.6' }))?.toString();
  assert.equal(find('for=1.2.3.4;proto=http;by=10.0.0.1'), '1.2.3.4');
  assert.equal(find('for=9.9.9.9, For="[2001:db8::2]:80";host="a,b"'), '2001:db8::2');
  assert.equal(find('for=1.2.3.4, for=10.0.0.7'), '1.2.3.4');
  assert.equal(find('for=1.2.3.4, proto=https'), '10.0.0.1');
  assert.equal(find('for=_hidden'), '10.0.0.1');
  assert.equal(find('for="1.2.3.4, for=5.6.7.8'), '10.0.0.1');
  assert.equal(find(`for="${'\\\\"'.repeat(5000)}, for=1.2.3.4`), '10.0.0.1');
});

test('one client: an IPv4 address, or the /64 of an IPv6 address', () => {
  assert.equal(clientKey(address('1.2.3.4')), '1.2.3.4');
  assert.equal(clientKey(address('2001:db8:0:1::5')), clientKey(address('2001:db8:0:1:ffff::9')));
  assert.notEqual(clientKey(address('2001:db8:0:1::5')), clientKey(address('2001:db8:0:2::5')));
});
