/** Formatters inside formatters: `<format> @type stdout` hands what is not its own to the one that `output_type` names. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProblem } from '../../core/errors.ts';
import { text } from '../../core/options.ts';
import { definePlugin } from '../../core/plugin.ts';
import { Registry } from '../../core/registry.ts';
import { lowerFluentd } from './lower.ts';
import { Lowering } from './lowering.ts';
import { parseFluentd } from './parser.ts';
import { testPlugins } from './test-plugins.ts';

/** Lowers an output that formats with stdout and `lines`: the formatter inside as `name options`, or what is wrong. */
function inside(...lines: string[]): unknown {
  const written = [
    '<match **>',
    '@type file',
    'path /a',
    '<format>',
    '@type stdout',
    ...lines,
    '</format>',
    '</match>',
  ];
  const parsed = parseFluentd(written.join('\n'), 'f', { env: {}, hostname: 'h', workerId: '0' });
  const lowering = new Lowering(new Registry(testPlugins));
  const { model } = lowerFluentd(lowering, parsed.root);
  const errors = lowering.problems.filter(({ severity }) => severity !== 'warning').map(formatProblem);
  if (errors.length > 0) return errors;
  const formatter = model.outputs[0]?.plugin.formatter;
  assert.equal(formatter?.type, 'stdout');
  return formatter.formatter && [formatter.formatter.type, formatter.formatter.options];
}

test('the formatter inside gets its options', () => {
  assert.deepEqual(inside('output_type ltsv', 'delimiter |'), ['ltsv', { delimiter: '|' }]);
  assert.deepEqual(inside('delimiter |', 'output_type ltsv'), ['ltsv', { delimiter: '|' }]);
  assert.deepEqual(inside('output_type ltsv'), ['ltsv', { delimiter: '\t' }]);
});

test('the default is only configured where something is said of it', () => {
  assert.equal(inside(), undefined);
  assert.equal(inside('output_type json'), undefined);
  assert.deepEqual(inside('add_newline false'), ['json', { addNewline: false }]);
});

test('what neither of them knows is named', () => {
  assert.deepEqual(inside('output_type json', 'delimiter |'), [
    'f:7:1: formatter stdout has no option delimiter (it has output_type)',
  ]);
});

const marked = definePlugin({
  kind: 'parser',
  name: 'marked',
  summary: 'Takes a text behind its mark.',
  options: { mark: text('What stands before a text.', { default: '>' }) },
  example: '@type marked',
  create: () => ({ parse: () => ({ fields: {}, time: undefined }) }),
});
const asking = definePlugin({
  kind: 'source',
  name: 'asking',
  summary: 'Asks somebody for records.',
  usesParser: true,
  defaultParser: 'marked',
  options: {
    bind: text('Where it listens.', { default: 'here', warnAbsent: 'it listens here alone' }),
    polite: text('How it asks.', { warnWritten: 'has no effect' }),
  },
  example: '@type asking',
  create: () => assert.fail('not made'),
});

/** Lowers such a source: its parser as `name options`, and all that is said. */
function asked(...lines: string[]): { parser: unknown; said: string[] } {
  const parsed = parseFluentd(['<source>', '@type asking', ...lines, '</source>'].join('\n'), 'f', {
    env: {},
    hostname: 'h',
    workerId: '0',
  });
  const lowering = new Lowering(new Registry([...testPlugins, marked, asking]));
  const parser = lowerFluentd(lowering, parsed.root).model.sources[0]?.plugin.parser;
  return { parser: parser && [parser.type, parser.options], said: lowering.problems.map(formatProblem) };
}

test('a source with a default parser takes its options with and without <parse>', () => {
  assert.deepEqual(asked('bind x'), { parser: undefined, said: [] });
  assert.deepEqual(asked('bind x', 'mark #!'), { parser: ['marked', { mark: '#!' }], said: [] });
  assert.deepEqual(asked('bind x', '<parse>', 'mark *', '</parse>'), { parser: ['marked', { mark: '*' }], said: [] });
  assert.deepEqual(asked('bind x', '<parse>', '@type json', '</parse>').said, []);
  assert.deepEqual(asked('bind x', 'marc *').said, ['f:4:1: source asking has no option marc (it has bind, polite)']);
});

test('an option may have something to say where it is written, or where it is not', () => {
  assert.deepEqual(asked('polite very').said, [
    'f:1:1: warning: source asking: bind is not written: it listens here alone',
    'f:3:1: warning: polite: has no effect',
  ]);
});
