import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProblem } from '../../core/errors.ts';
import { Registry } from '../../core/registry.ts';
import { builtinPlugins } from '../../plugins.ts';
import { isLater, laterPlugin, laterPlugins } from './later-plugins.ts';
import { lowerFluentd } from './lower.ts';
import { Lowering } from './lowering.ts';
import { parseFluentd } from './parser.ts';
import { testPlugins } from './test-plugins.ts';

function lower(text: string) {
  const parsed = parseFluentd(text, 'f.conf', { env: {}, hostname: 'h', workerId: '0' });
  const lowering = new Lowering(new Registry(testPlugins));
  const { model } = lowerFluentd(lowering, parsed.root);
  return { model, problems: lowering.problems, notes: lowering.notes };
}

test('no row is left of a plugin that has come', () => {
  const registry = new Registry(builtinPlugins);
  const come = laterPlugins.flatMap(({ kind, names }) =>
    names.filter((name) => registry.get(kind, name)).map((name) => `${kind} ${name}`),
  );
  assert.deepEqual(come, []);
});

test('each name stands once', () => {
  const names = laterPlugins.flatMap((row) => row.names.map((name) => `${row.kind} ${name}`));
  assert.equal(new Set(names).size, names.length);
});

test('a plugin that comes later is named with its place, keeps what is written, and what is known in it is checked', () => {
  const { model, problems, notes } = lower(
    '<match **>\n@type loki\nurl http://h\n<label>\napp $.a\n</label>\n<format>\n@type jsn\n</format>\n<buffer>\nflush_interval 5s\n</buffer>\n</match>',
  );
  assert.deepEqual(problems.map(formatProblem), [
    'f.conf:2:7: output loki: known, not in this version yet',
    'f.conf:8:7: unknown formatter plugin jsn; did you mean json?',
  ]);
  assert.deepEqual(model.outputs, []);
  assert.deepEqual(
    notes.filter(({ comparison }) => comparison === 'unsupported').map(({ of, text }) => `${of} ${text}`),
    ['output loki comes with a later version; its options are not checked'],
  );
});

test('a model for showing has the options as written, sections and the buffer', () => {
  const { model, problems } = lower(
    '<match **>\n@type loki\nurl http://h\n<label>\napp $.a\n</label>\n<buffer>\nflush_interval 5s\n</buffer>\n</match>',
  );
  assert.deepEqual(
    problems.map(({ severity }) => severity),
    ['later'],
  );
  const [output] = model.outputs;
  assert.deepEqual(output?.plugin.options, { url: 'http://h' });
  assert.deepEqual(
    output?.plugin.sections['label']?.[0]?.pairs.map(({ key, value }) => [key, value]),
    [['app', '$.a']],
  );
  assert.equal(output?.buffer.flushIntervalMs, 5000);
});

test('what stands for one cannot be created; other names are not known', () => {
  const plugin = laterPlugin('output', 'loki');
  assert.ok(plugin?.kind === 'output' && isLater(plugin));
  assert.throws(() => plugin.create({} as never, {} as never), TypeError);
  assert.equal(laterPlugin('output', 'lokki'), undefined);
  assert.equal(laterPlugin('filter', 'loki'), undefined);
  assert.ok(testPlugins.every((other) => !isLater(other)));
});
