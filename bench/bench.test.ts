import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunOptions } from './scenario.ts';
import { scenarios } from './scenarios.ts';

const tiny: RunOptions = {
  isTiny: true,
  roundSeconds: undefined,
  rounds: undefined,
  gigabytes: undefined,
  millions: undefined,
  connections: undefined,
  only: [],
  say: () => {},
};

for (const scenario of scenarios)
  test(`${scenario.name} runs in its tiny size`, async () => {
    const outcome = await scenario.run(tiny);
    assert.match(outcome.resultHash, /^[0-9a-f]{16}$/);
    assert.ok(outcome.tables.length > 0);
    for (const table of outcome.tables) {
      assert.ok(table.rows.length > 0, table.title);
      for (const row of table.rows) assert.equal(row.length, table.columns.length, table.title);
    }
  });
