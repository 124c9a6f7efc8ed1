import assert from 'node:assert/strict';
import { test } from 'node:test';
import { format } from '../../test/formatting.ts';
import { hashFormatter } from './hash.ts';

test('a record as Ruby prints it, as recorded', () => {
  assert.equal(format(hashFormatter).split('\n')[2], '{"a"=>nil, "b"=>true, "msg"=>"plain"}');
});
