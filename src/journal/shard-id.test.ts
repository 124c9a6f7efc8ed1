import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isShardId, newShardId } from './shard-id.ts';

test('an id is 80 bits in 16 characters, the same bits the same id', () => {
  assert.equal(newShardId(Buffer.alloc(10)), 'aaaaaaaaaaaaaaaa');
  assert.equal(newShardId(Buffer.alloc(10, 0xff)), '7777777777777777');
  // RFC 4648 section 10, without padding: foobar twice is 60 bits, so take ten bytes of it.
  assert.equal(newShardId(Buffer.from('foobarfoob')), 'mzxw6ytbojtg633c');
});

test('ids of different bits differ', () => {
  const ids = new Set(Array.from({ length: 1000 }, () => newShardId()));
  assert.equal(ids.size, 1000);
  for (const id of ids) assert(isShardId(id));
});

test('other names are no ids', () => {
  for (const name of ['', 'lost+found', 'aaaaaaaaaaaaaaa', 'aaaaaaaaaaaaaaaaa', 'AAAAAAAAAAAAAAAA', 'aaaaaaaaaaaaaaa1'])
    assert(!isShardId(name), name);
});
