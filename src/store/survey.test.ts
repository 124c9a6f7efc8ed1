import assert from 'node:assert/strict';
import { test } from 'node:test';
import { neededWords } from './query/needs.ts';
import { parseQuery } from './query/parser.ts';
import { Survey, blockRows } from './survey.ts';

test('the bytes of records may be used again for the next ones', () => {
  const survey = new Survey();
  const bytes = Buffer.alloc(100);
  for (const record of ['{"first":1,"kept":{"a":true}}', '{"other":2,"kept":{"b":false}}', '{"first":3,"third":"x"}']) {
    const length = bytes.write(`${record}\n`);
    survey.add(bytes.subarray(0, length), 1);
    bytes.fill('#');
  }
  survey.end();
  assert.equal(survey.shapes.isComplete, true);
  for (const path of [['first'], ['other'], ['third'], ['kept'], ['kept', 'a'], ['kept', 'b']])
    assert.ok(survey.shapes.mayHave(path), path.join('.'));
  assert.equal(survey.shapes.mayHave(['a']), false);
  const counts = survey.shapes.paths().map(({ keys, present }) => [keys.join('.'), present]);
  assert.deepEqual(Object.fromEntries(counts), { first: 2, other: 1, third: 1, kept: 2, 'kept.a': 1, 'kept.b': 1 });
  assert.equal(survey.rows, 3);
});

test('rows of blocks that have not ended can match, those of others when their block has what is needed', () => {
  const survey = new Survey();
  const line = (n: number): Buffer => Buffer.from(`{"log":"timed ${n < blockRows ? 'out' : 'in'} ${n}"}\n`);
  for (let n = 0; n < 2 * blockRows + 10; n++) survey.add(line(n), 1);
  const candidates = (query: string): unknown => survey.candidates(neededWords(parseQuery(query)));
  const open = { from: 2 * blockRows, to: Number.MAX_SAFE_INTEGER };
  assert.deepEqual(candidates('log:"timed out"'), [{ from: 0, to: blockRows }, open]);
  assert.deepEqual(candidates('log:"timed in"'), [{ from: blockRows, to: Number.MAX_SAFE_INTEGER }]);
  // Both words are in every block, but nowhere next to each other.
  assert.deepEqual(candidates('log:"log timed"'), [open]);
  assert.deepEqual(candidates('log:*imed*'), [{ from: 0, to: Number.MAX_SAFE_INTEGER }]);
  assert.deepEqual(candidates('log:*nowh*'), [open]);
});
