import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonObject } from '../json/exact.ts';
import { firstPart, nextPart, pageSize, searchedSoFar } from './search-parts.ts';
import type { SearchPart } from './search-parts.ts';
import type { SearchPage } from './types.ts';

function page(ids: readonly string[], over: Partial<SearchPage>): SearchPage {
  const records = ids.map((id) => ({
    id,
    time: '',
    timeMs: 0,
    appendMs: 0,
    tag: '',
    source: '',
    fields: new JsonObject([], '{}'),
  }));
  const rest = { next: undefined, searchedToMs: undefined, isComplete: true, tookMs: 5, notes: [] };
  return { records, ...rest, fromMs: 1, toMs: 9, ...over };
}

/** The parts as they are asked for, one for each answer, and what follows. */
function partsOf(pages: readonly SearchPage[]): { asked: SearchPart[]; next: SearchPart | undefined } {
  const asked: SearchPart[] = [];
  let next: SearchPart | undefined = firstPart;
  for (const [i, one] of pages.entries()) {
    assert.ok(next);
    asked.push(next);
    next = nextPart(one, pages.slice(0, i + 1), next);
  }
  return { asked, next };
}

test('parts go on until the page is full, the next page begins anew; what gets nowhere is not shown', () => {
  const first = page(['a', 'b'], { isComplete: false, next: 'k1', searchedToMs: 8 });
  const empty = page([], { isComplete: false, next: 'k2', searchedToMs: 6 });
  const stuck = page(['gap'], { isComplete: false, searchedToMs: 6 });
  const full = page(['c'], { next: 'k3', searchedToMs: 5 });
  const pages = [first, empty, stuck, full];
  const { asked, next } = partsOf(pages);
  assert.deepEqual(
    [...asked, next].map((part) => [part?.after, part?.timeoutMs, part?.limit]),
    [
      [undefined, 400, pageSize],
      ['k1', 2000, pageSize - 2],
      ['k2', 2000, pageSize - 2],
      ['k2', 10_000, pageSize - 2],
      ['k3', 400, pageSize],
    ],
  );
  assert.ok(asked.slice(1).every((part) => part.first === first));
  const { records, ...rest } = searchedSoFar(pages, asked);
  assert.deepEqual(
    records.map(({ id }) => id),
    ['a', 'b', 'c'],
  );
  assert.deepEqual(rest, { isPartial: false, isCut: false, searchedToMs: 5, tookMs: 20 });
  assert.equal(searchedSoFar(pages.slice(0, 2), asked.slice(0, 2)).isPartial, true);
});

test('where the longest limit does not suffice the search is cut, and what there is is shown', () => {
  const stuck = page(['gap'], { isComplete: false });
  const pages = [stuck, stuck, stuck, stuck, stuck];
  const { asked, next } = partsOf(pages.slice(0, 4));
  assert.deepEqual(
    asked.map(({ timeoutMs }) => timeoutMs),
    [400, 2000, 10_000, 50_000],
  );
  assert.equal(next?.timeoutMs, 60_000);
  const whole = partsOf(pages);
  assert.equal(whole.next, undefined);
  const { isCut, isPartial, records } = searchedSoFar(pages, whole.asked);
  assert.deepEqual([isCut, isPartial, records.length], [true, false, 1]);
  assert.deepEqual(searchedSoFar([], []).records, []);
});
