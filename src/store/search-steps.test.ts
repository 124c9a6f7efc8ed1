import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SearchAnswer, SearchRequest } from './contract.ts';
import { searchInSteps } from './search-steps.ts';

const never = new AbortController().signal;
const request = { query: 'q', fromMs: undefined, toMs: undefined, order: 'newest', limit: 5 } as const;

function answer(count: number, next: string | undefined, isComplete: boolean): SearchAnswer {
  const records = Array.from({ length: count }, (_, index) => ({
    id: `${next}-${index}`,
    seconds: 0,
    nanos: 0,
    appendMs: 0,
    tag: '',
    source: '',
    json: '{}',
  }));
  return { records, next, isComplete, searchedToMs: undefined, tookMs: 1, notes: [] };
}

/** Gives these answers, one after the other. */
function answering(answers: readonly SearchAnswer[]): {
  readonly asked: SearchRequest[];
  readonly search: (request: SearchRequest) => Promise<SearchAnswer>;
} {
  const asked: SearchRequest[] = [];
  return {
    asked,
    search: (one) => {
      asked.push(one);
      return Promise.resolve(answers[asked.length - 1] ?? assert.fail('asked once more'));
    },
  };
}

async function taken(
  answers: readonly SearchAnswer[],
  pageMax = 100,
): Promise<{ found: number[]; asked: [string | undefined, number | undefined, number][] }> {
  const queries = answering(answers);
  const found: number[] = [];
  for await (const { records } of searchInSteps(queries, request, pageMax, never)) found.push(records.length);
  return { found, asked: queries.asked.map(({ after, timeoutMs, limit }) => [after, timeoutMs, limit]) };
}

test('the first step is short; the others go on until the records are there', async () => {
  assert.deepEqual(await taken([answer(0, 'a', false), answer(2, 'b', false), answer(3, 'c', true)]), {
    found: [0, 2, 3],
    asked: [
      [undefined, 400, 5],
      ['a', 2000, 5],
      ['b', 2000, 3],
    ],
  });
});

test('what is asked at once is limited; behind a whole page the step is short again', async () => {
  assert.deepEqual(await taken([answer(2, 'a', true), answer(1, 'b', false), answer(1, undefined, true)], 2), {
    found: [2, 1, 1],
    asked: [
      [undefined, 400, 2],
      ['a', 400, 2],
      ['b', 2000, 2],
    ],
  });
});

test('a step that gets nowhere is tried again for longer, and what it found is not given; the longest is the last', async () => {
  assert.deepEqual(
    await taken([
      answer(1, undefined, false),
      answer(1, undefined, false),
      answer(1, 'a', false),
      answer(2, undefined, false),
      answer(2, undefined, false),
      answer(3, undefined, false),
    ]),
    {
      found: [1, 3],
      asked: [
        [undefined, 400, 5],
        [undefined, 2000, 5],
        [undefined, 10_000, 5],
        ['a', 10_000, 4],
        ['a', 50_000, 4],
        ['a', 60_000, 4],
      ],
    },
  );
});
