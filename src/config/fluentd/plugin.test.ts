/** Formatters inside formatters: `<format> @type stdout` hands what is not its own to the one that `output_type` names. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProblem } from '../../core/errors.ts';
import { Registry } from '../../core/registry.ts';
import { lowerFluentd } from './lower.ts';
import { Lowering } from './lowering.ts';
import { parseFluentd } from './parser.ts';
import { testPlugins } from './test-plugins.ts';

/** Lowers an output that formats with stdout and `lines`: the formatter inside as `name options`, or what is wrong. */
function inside(...lines: string[]): unknown {
  const text = ['<match **>', '@type file', 'path /a', '<format>', '@type stdout', ...lines, '</format>', '</match>'];
  const parsed = parseFluentd(text.join('\n'), 'f', { env: {}, hostname: 'h', workerId: '0' });
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
