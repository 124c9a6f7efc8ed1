import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findProblems, outputIds } from './check.ts';
import type { Evidence } from './check.ts';

const output = { id: outputIds.stdout, delivered: 5, refused: {}, passed: 0, waiting: 0 };

/** Records 1, 2 and 3–4 (one request) acknowledged, 5 not but taken, 6 neither; 2 was delivered to stdout twice. */
function honest(): Evidence {
  const arrived = [1, 2, 3, 4, 5];
  return {
    requests: [
      { first: 1, count: 1, isKeyed: false, isAcked: true },
      { first: 2, count: 1, isKeyed: true, isAcked: true },
      { first: 3, count: 2, isKeyed: false, isAcked: true },
      { first: 5, count: 1, isKeyed: false, isAcked: false },
      { first: 6, count: 1, isKeyed: false, isAcked: false },
    ],
    file: { times: new Map(arrived.map((n) => [n, 1])), unreadable: [] },
    stdout: { times: new Map(arrived.map((n) => [n, n === 2 ? 2 : 1])), unreadable: [] },
    store: { times: new Map(arrived.map((n) => [n, 1])), unreadable: [] },
    status: {
      appended: 5,
      outputs: [
        { ...output, id: outputIds.file },
        output,
        { ...output, id: outputIds.store },
        { ...output, id: 'builtin', delivered: 0, passed: 5 },
      ],
      processes: [],
    },
  };
}

function without(evidence: Evidence, name: 'file' | 'stdout' | 'store', n: number): Evidence {
  const times = new Map(evidence[name].times);
  times.delete(n);
  return { ...evidence, [name]: { ...evidence[name], times } };
}

function twice(evidence: Evidence, n: number, name: 'file' | 'store' = 'file'): Evidence {
  return { ...evidence, [name]: { ...evidence[name], times: new Map(evidence[name].times).set(n, 2) } };
}

function found(evidence: Evidence, pattern: RegExp): void {
  const problems = findProblems(evidence);
  assert.ok(
    problems.some((text) => pattern.test(text)),
    `expected ${String(pattern)} among ${JSON.stringify(problems)}`,
  );
}

test('an honest run has no problems', () => {
  assert.deepEqual(findProblems(honest()), []);
});

test('a lost acknowledged record is found, in every output', () => {
  found(without(honest(), 'file', 1), /^1 acknowledged records are missing in the file: 1$/);
  found(without(honest(), 'stdout', 1), /^1 acknowledged records are missing on stdout: 1$/);
  found(without(honest(), 'store', 1), /^1 acknowledged records are missing in the store: 1$/);
});

test('a doubled record is found, acknowledged or not, with a key or without', () => {
  found(twice(honest(), 1), /^1 records are in the file more than once: 1$/);
  found(twice(honest(), 5), /^1 records are in the file more than once: 5$/);
  found(twice(honest(), 5, 'store'), /^1 records are in the store more than once: 5$/);
  found(twice(honest(), 2), /^1 records sent with an Idempotency-Key are in the file more than once: 2$/);
});

test('a request taken in part, a record from nowhere and one that reached only one output are found', () => {
  found(without(honest(), 'file', 4), /^1 requests were taken in part \(their first records\): 3$/);
  const { file } = honest();
  found(
    { ...honest(), file: { ...file, times: new Map(file.times).set(9, 1) } },
    /^1 records in the file were never sent: 9$/,
  );
  found(without(honest(), 'stdout', 5), /^1 records of the file did not reach stdout: 5$/);
  found(without(honest(), 'file', 5), /^1 records of stdout did not reach the file: 5$/);
  found(without(honest(), 'store', 5), /^1 records of the file did not reach the store: 5$/);
  found(without(honest(), 'file', 5), /^1 records of the store did not reach the file: 5$/);
});

test('lines that are no records are found', () => {
  found({ ...honest(), file: { ...honest().file, unreadable: ['{"n":'] } }, /^1 lines of the file are no records/);
});

test('counts that do not balance are found', () => {
  const { status } = honest();
  const withOutput = (change: object): Evidence => ({
    ...honest(),
    status: { ...status, outputs: [{ ...output, id: outputIds.file, ...change }, output] },
  });
  found(withOutput({ delivered: 4 }), /= 4, but 5 were appended$/);
  found(withOutput({ delivered: 4, waiting: 1 }), /1 records still wait$/);
  found(withOutput({ delivered: 4, refused: { no_route: 1 } }), /refused {"no_route":1}$/);
  found(withOutput({ delivered: 4, passed: 1 }), /4 delivered, but 5 are in the file$/);
  found(without(honest(), 'store', 5), /5 delivered, but 4 are in the store$/);
  found({ ...honest(), status: { ...status, outputs: [output] } }, /^the status names no output crash_file$/);
  found({ ...honest(), status: { ...status, appended: 6 } }, /^6 records were appended, but 5 are in the file$/);
});
