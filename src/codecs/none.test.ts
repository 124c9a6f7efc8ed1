import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configOf, contextOf } from '../../test/fixture.ts';
import { noneParser } from './none.ts';

test('a line is one field, as text or as bytes', () => {
  if (noneParser.kind !== 'parser') throw new TypeError('not a parser');
  const parser = noneParser.create(configOf(noneParser, { messageKey: 'line' }), contextOf([]));
  assert.deepEqual(parser.parse(Buffer.from('ünï ')), { fields: { line: 'ünï ' }, time: undefined });
  const withTime = noneParser.create(
    configOf(noneParser, { timeKey: 'message', types: { message: 'integer' } }),
    contextOf([]),
  );
  assert.deepEqual(withTime.parse('12'), { fields: { message: '12' }, time: undefined });
  assert.deepEqual(parser.parse(Buffer.from([0x61, 0xff])), {
    fields: { line: new Uint8Array([0x61, 0xff]) },
    time: undefined,
  });
});
