/** Everything that is wrong with a configuration is said at once, whatever kind of mistake it is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProblem } from '../../core/errors.ts';
import { Registry } from '../../core/registry.ts';
import { lowerFluentd } from './lower.ts';
import { Lowering } from './lowering.ts';
import { parseFluentd } from './parser.ts';
import { testPlugins } from './test-plugins.ts';

const text = `<sorce>
  @type tail
</sorce>
<source>
  @type tail
  path /a
  tag a
  rotate_wate 5
  refresh_interval soon
  <parse>
    @type jsonn
  </parse>
</source>
<filter a.{b,c>
  @type grep
  <regexp>
    key k
  </regexp>
</filter>
<source>
  @type sample
  tag "x \\q"
  <label @X>
<match a>
  @type stdot
</match>
<match b>
  @type file
  <bufer>
    flush_interval 1s
  </bufer>
</macth>
<match c>
  @type relabel
  @label @OTHR
</match>
<label @OTHER>
  <match **>
    @type file
    path '/b
    <buffer tag>
      flush_mode imediate
    </buffer>
  </match>
</label>"
`;

const expected = [
  '1:1: unknown section <sorce>; did you mean <source>?',
  '8:3: source tail has no option rotate_wate; did you mean rotate_wait?',
  '9:20: refresh_interval: found "soon", expected a duration: 10s, 5m, 1h, 1d, or seconds such as 0.5',
  '11:11: unknown parser plugin jsonn; did you mean json?',
  '14:1: <filter a.{b,c>: a closing } is missing',
  '16:3: <regexp>: pattern is required but missing (what; a regular expression: /…/, /…/i or bare)',
  '20:1: <source> is never closed: </source> was expected before the end of the file',
  String.raw`22:10: unknown escape \q in double quotes: \n \r \t \f \b \0 and \ before a sign are known; write \\q, or use single quotes`,
  '23:3: <label> is never closed: </label> was expected before the end of the file',
  '23:3: warning: nothing enters <label @X>: no @label names it',
  '25:9: unknown output plugin stdot; did you mean stdout?',
  '27:1: output file: path is required but missing (where; text)',
  '29:3: output file takes no section <bufer>; did you mean <buffer>?',
  '32:1: </macth> does not close <match> of line 27: </match> was expected',
  '35:10: there is no <label @OTHR>; did you mean @OTHER?',
  '37:1: warning: nothing enters <label @OTHER>: no @label names it',
  "40:10: unterminated single quote in path of <match>: it opens here and has no closing ' on its line",
  '42:18: flush_mode: found "imediate", expected one of default, lazy, interval, immediate; did you mean immediate?',
  '45:9: nothing may follow </label> on its line, found `"`: a stray quote (one that ends a variable of a shell is no part of the configuration)',
];

test('a configuration with many mistakes says all of them, each with its place, what was expected and the nearest name', () => {
  const parsed = parseFluentd(text, 'f.conf', { env: {}, hostname: 'h', workerId: '0' });
  assert.equal(parsed.isTorn, false);
  const lowering = new Lowering(new Registry(testPlugins));
  lowerFluentd(lowering, parsed.root);
  const found = [...parsed.problems, ...lowering.problems].toSorted((a, b) => (a.at?.line ?? 0) - (b.at?.line ?? 0));
  assert.deepEqual(
    found.map((problem) => formatProblem(problem).replace('f.conf:', '')),
    expected,
  );
});
