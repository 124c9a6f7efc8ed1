import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Registry } from '../../core/registry.ts';
import { builtinPlugins } from '../../plugins.ts';
import { readConfig } from '../load.ts';

/** Reads a configuration whose input has these processors; labels and what is said. */
async function read(processors: string, rest = '') {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-processors-'));
  try {
    const path = join(directory, 'a.yaml');
    writeFileSync(
      path,
      `pipeline:\n  inputs:\n    - name: dummy\n      processors:\n${processors}  outputs:\n    - name: 'null'\n      match: '*'\n${rest}`,
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
          - name: sql
            query: x
        metrics:
          - name: labels
`);
  assert.match(problems, /10: processor sql is not supported/);
  assert.match(problems, /processors for metrics: only logs are received here/);
});

test('a condition goes with its processor; multiline joins what is behind it', async () => {
  const { model, problems } = await read(`        logs:
          - name: multiline
            multiline.key_content: log
            multiline.parser: java
          - name: content_modifier
            action: insert
            key: a
            value: b
            condition:
              op: OR
              rules:
                - {field: $status, op: gt, value: 500}
                - field: $level
                  op: in
                  value: [error, fatal]
                  context: body
`);
  assert.equal(problems, '');
  const steps = model?.labels[model.sources[0]?.label ?? ''] ?? [];
  assert.deepEqual(
    steps.map(({ action }) => action.kind),
    ['join', 'filter', 'relabel'],
  );
  const [join, filter] = steps.map(({ action }) => action);
  assert.deepEqual(
    join?.kind === 'join' && model?.outputs.find(({ id }) => id === join.output)?.plugin.type,
    'fluentbit_multiline',
  );
  assert.deepEqual(filter?.kind === 'filter' && filter.condition, {
    op: 'or',
    rules: [
      { field: '$status', op: 'gt', values: ['500'] },
      { field: '$level', op: 'in', values: ['error', 'fatal'] },
    ],
  });
});

test('what is wrong with a condition is said with its place', async () => {
  const wrong = async (lines: string) =>
    (await read(`        logs:\n          - name: grep\n            regex: a b\n            condition:\n${lines}`))
      .problems;
  assert.match(
    await wrong('              op: xor\n              rules:\n                - {field: $a, op: eq, value: b}\n'),
    /9: .*op xor: expected and or or/,
  );
  assert.match(await wrong('              op: and\n'), /rules are missing/);
  const rule = (text: string) => wrong(`              rules:\n                - {${text}}\n`);
  assert.match(await rule('field: $a, op: eq'), /10: .*a rule needs field, op and value/);
  assert.match(await rule('field: $a, op: equ, value: b'), /unknown op equ; did you mean eq\?/);
  assert.match(await rule('field: $a, op: gt, value: b'), /gt b: a number was expected/);
  assert.match(await rule('field: $a, op: regex, value: "("'), /condition: .*\(/);
  assert.match(await rule('field: $a, op: eq, value: [b, c]'), /eq takes one value/);
  assert.match(await rule('field: $a, op: eq, value: b, context: metadata'), /records have no metadata here/);
  assert.match(await rule('field: $a, op: eq, value: b, other: c'), /a rule has no other/);
  const { problems } = await read(`        logs:
          - name: multiline
            multiline.key_content: log
            multiline.parser: java
            condition:
              rules:
                - {field: $a, op: eq, value: b}
`);
  assert.match(problems, /it joins records, which a condition would tear apart/);
});

test('extensions are passed over with a word', async () => {
  const { problems } = await read(
    '        logs:\n          - {name: grep, regex: a b}\n',
    'extensions:\n  - name: x\n',
  );
  assert.match(problems, /extensions: they have no effect here/);
});
