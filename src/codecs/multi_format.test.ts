import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProblem } from '../core/errors.ts';
import { Registry } from '../core/registry.ts';
import { lowerFluentd } from '../config/fluentd/lower.ts';
import { Lowering } from '../config/fluentd/lowering.ts';
import { parseFluentd } from '../config/fluentd/parser.ts';
import { builtinPlugins } from '../plugins.ts';
import { contextOf } from '../../test/fixture.ts';
import { shown } from '../../test/parsing.ts';
import { multiFormatParser } from './multi_format.ts';

function lower(patterns: string) {
  const text = `<source>\n@type stdin\ntag t\n<parse>\n@type multi_format\n${patterns}\n</parse>\n</source>\n<match **>\n@type null\n</match>`;
  const lowering = new Lowering(new Registry(builtinPlugins));
  const parsedText = parseFluentd(text, 'f.conf', { env: {}, hostname: 'h', workerId: '0' });
  const { model } = lowerFluentd(lowering, parsedText.root);
  return { parser: model.sources[0]?.plugin.parser, problems: lowering.problems.map(formatProblem) };
}
function parse(patterns: string, line: string): string {
  const { parser, problems } = lower(patterns);
  assert.deepEqual(problems, []);
  if (multiFormatParser.kind !== 'parser' || !parser) throw new TypeError('no parser');
  return shown(multiFormatParser.create(parser, contextOf(builtinPlugins)).parse(line));
}

const patterns = `format_key how
<pattern>
  format json
  time_key at
  time_type unixtime
</pattern>
<pattern>
  format /^(?<user>\\w+) (?<n>\\d+)$/
  types n:integer
  format_name words
</pattern>
<format>
  format none
</format>`;

test('the first pattern that makes a record of a text decides', () => {
  assert.equal(parse(patterns, '{"a":1,"at":5}'), '{"a":1,"how":"json#0"} 5.000000000');
  assert.equal(parse(patterns, 'ann 7'), '{"user":"ann","n":7,"how":"words"}');
  assert.equal(parse(patterns, '{"at":"never"}'), '{"message":"{\\"at\\":\\"never\\"}","how":"none#2"}');
});

test('without a pattern that fits all are named', () => {
  assert.match(
    parse('<pattern>\nformat json\n</pattern>\n<pattern>\nformat /^(?<a>a)$/\n</pattern>', 'b'),
    /^mismatch: no pattern fits \(json#0: .*; \/\^\(\?<a>a\)\$\/#1: the expression does not match\)$/,
  );
});

test('a pattern without a format, of an unknown one or with a wrong option is said with its place', () => {
  assert.deepEqual(lower('<pattern>\n@type json\n</pattern>').problems.slice(0, 1), [
    'f.conf:6:1: <pattern> has no format: the name of a parser was expected',
  ]);
  assert.match(
    lower('<pattern>\nformat jsn\n</pattern>').problems[0] ?? '',
    /f\.conf:7:8: unknown parser plugin jsn; did you mean json/,
  );
  assert.match(lower('<pattern>\nformat json\nfoo 1\n</pattern>').problems[0] ?? '', /^f\.conf:8:1: /);
  assert.match(lower('').problems[0] ?? '', /a section <pattern> is required/);
});
