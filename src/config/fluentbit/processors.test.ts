import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Registry } from '../../core/registry.ts';
import { builtinPlugins } from '../../plugins.ts';
import { readConfig } from '../load.ts';

/** Reads a configuration whose input has these processors; labels and what is said. */
async function read(processors: string) {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-processors-'));
  try {
    const path = join(directory, 'a.yaml');
    writeFileSync(
      path,
      `pipeline:\n  inputs:\n    - name: dummy\n      processors:\n${processors}  outputs:\n    - name: 'null'\n      match: '*'\n`,
    );
    const { loaded, problems } = await readConfig({ path, env: {}, registry: new Registry(builtinPlugins) });
    return { model: loaded?.model, problems: problems.map(({ at, text }) => `${at?.line}: ${text}`).join('\n') };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('filters as processors: in written order, for this input’s records alone', async () => {
  const { model, problems } = await read(`        logs:
          - {name: content_modifier, action: insert, key: a, value: b}
          - {name: grep, regex: a b}
`);
  assert.equal(problems, '');
  const label = model?.sources[0]?.label ?? '';
  assert.deepEqual(
    model?.labels[label]?.map(({ action }) => (action.kind === 'filter' ? action.plugin.type : action.kind)),
    ['content_modifier', 'fluentbit_grep', 'relabel'],
  );
});

test('what is not supported is said, nothing of it is passed over', async () => {
  const { problems } = await read(`        logs:
          - name: content_modifier
            action: insert
            key: a
            value: b
            condition:
              op: and
          - name: sql
            query: x
        metrics:
          - name: labels
`);
  assert.match(problems, /10: processor content_modifier: condition is not supported/);
  assert.match(problems, /12: processor sql is not supported/);
  assert.match(problems, /processors for metrics: only logs are received here/);
});
