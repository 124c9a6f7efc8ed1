import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parserOf, shown } from '../../test/parsing.ts';
import { encodeMsgpack } from '../core/msgpack.ts';
import { msgpackParser } from './msgpack.ts';

const all = (bytes: Buffer, options: Record<string, unknown> = {}) =>
  parserOf(msgpackParser, options).parseAll?.(bytes).map(shown);

test('maps one behind the other', () => {
  const bytes = Buffer.concat([
    encodeMsgpack({ a: 1, t: 5 }),
    encodeMsgpack([1, { c: 2 }]),
    encodeMsgpack({ b: null }),
  ]);
  assert.deepEqual(all(bytes, { timeKey: 't', timeType: 'unixtime', types: { a: 'string' } }), [
    '{"a":"1"} 5.000000000',
    'mismatch: expected a MessagePack map at byte 7',
    '{"c":2}',
    '{"b":null}',
  ]);
});

test('what ends early or is nothing', () => {
  const [first, second] = all(Buffer.concat([encodeMsgpack({ a: 1 }), Buffer.from([0x82, 0xa1])])) ?? [];
  assert.equal(first, '{"a":1}');
  assert.match(second ?? '', /^mismatch: .*byte/);
  assert.match(shown(parserOf(msgpackParser).parse(Buffer.alloc(0))), /^mismatch/);
});
