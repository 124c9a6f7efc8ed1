import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinEntry, joinIdForbidden, joinSource, joinSourceIn } from './join-source.ts';

test('a source says what received it, what joined it, and where it enters', () => {
  const once = joinSource('tail.0', 'concat', 'joined');
  assert.equal(once, 'tail.0 @concat');
  assert.deepEqual(joinSourceIn(once), { from: 'tail.0', id: 'concat', entry: 'concat', rejected: undefined, hops: 1 });
  const labelled = joinSource(once, 'multiline#2', { label: '@T' });
  assert.equal(labelled, 'tail.0 @multiline#2*2>@T');
  assert.deepEqual(joinSourceIn(labelled), {
    from: 'tail.0',
    id: 'multiline#2',
    entry: joinEntry('multiline#2', '@T'),
    rejected: undefined,
    hops: 2,
  });
  const failed = joinSourceIn(joinSource(labelled, 'concat', { error: 'why! >*' }));
  assert.deepEqual(failed, { from: 'tail.0', id: 'concat', entry: 'concat', rejected: 'why! >*', hops: 3 });
});

test('other sources were not joined', () => {
  for (const source of ['tail.0', 'a@b', '@replay', 'x @>'])
    assert.deepEqual(joinSourceIn(source), {
      from: source,
      id: undefined,
      entry: undefined,
      rejected: undefined,
      hops: 0,
    });
  assert.equal(joinIdForbidden.test('my-concat#2'), false);
  for (const id of ['a>b', 'a!b', 'a*2', 'a @b']) assert.equal(joinIdForbidden.test(id), true);
});
