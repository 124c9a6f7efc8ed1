/** Configurations that the real Fluentd was run with: what it took is taken, what it refused is refused with its place. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { formatProblem } from '../../core/errors.ts';
import { Registry } from '../../core/registry.ts';
import { lowerFluentd } from './lower.ts';
import { Lowering } from './lowering.ts';
import { parseFluentd } from './parser.ts';
import { testPlugins } from './test-plugins.ts';

function problemsOf(text: string, env: Record<string, string> = {}): string[] {
  const parsed = parseFluentd(text, 'fluent.conf', { env, hostname: 'h', workerId: '0' });
  const lowering = new Lowering(new Registry(testPlugins));
  if (!parsed.isTorn) lowerFluentd(lowering, parsed.root);
  return [...parsed.problems, ...lowering.problems].map(formatProblem);
}

const json = '  <parse>\n    @type json\n    time_format %Y-%m-%dT%H:%M:%S%z\n  </parse>\n';
const source = (body: string) => `<source>\n  @type tail\n  path /in.log\n  tag app.log\n${body}</source>\n`;
const stdout = '<match **>\n  @type stdout\n</match>\n';

describe('what Fluentd takes', () => {
  const cases: readonly [string, string, readonly string[]][] = [
    [
      'reserved parameters and <system>',
      `<system>\n  log_level warn\n  <log>\n    format text\n  </log>\n</system>\n${source(`  @id my_tail\n  @log_level error\n${json}`)}${stdout}`,
      [],
    ],
    [
      'expressions only in double quotes',
      `<filter **>\n  @type record_transformer\n  <record>\n    a "#{ENV['T']}-#{ENV['T'].upcase}"\n    b '#{ENV["T"]}'\n    c x#{ENV["T"]}\n    d "#{ENV['NOPE'] || 'dflt'}"\n    e "#{1 + 2}"\n  </record>\n</filter>\n`,
      [],
    ],
    [
      'sizes, durations, booleans',
      `${source(`  read_from_head yes\n  refresh_interval 1h\n  rotate_wait 0.5\n  skip_refresh_on_startup false\n  follow_inodes\n  pos_file /x.pos\n${json}`)}<match **>\n  @type stdout\n  <buffer>\n    chunk_limit_size 8m\n    total_limit_size 1g\n    flush_interval 0.2s\n    flush_thread_interval 50ms\n    retry_wait 1h\n  </buffer>\n</match>\n`,
      [
        'fluent.conf:21:20: warning: flush_interval: found "0.2s", which Fluentd reads as 2 seconds; if 0.2s is meant, write 0.2',
        'fluent.conf:22:27: warning: flush_thread_interval: found "50ms", read as 50; write 50',
      ],
    ],
    [
      'use_nil and use_default',
      source(
        `  read_from_head "#{ENV['NOPE'] || true}"\n  path_key "#{ENV['NOPE'] || use_nil}"\n  refresh_interval "#{ENV['NOPE'] || use_default}"\n  <parse>\n    @type json\n    null_value_pattern "#{ENV['NOPE'] || use_nil}"\n  </parse>\n`,
      ),
      [],
    ],
    [
      'v0.12 parsers',
      '<source>\n  type tail\n  format /^\\[(?<time>[^\\]]*)\\] (?<level>[A-Z]+) (?<message>.*)$/\n  time_format %d/%b/%Y:%H:%M:%S %z\n  path /app.log\n  read_from_head yes\n  tag app.log\n</source>\n<match **>\n  type stdout\n</match>\n',
      [],
    ],
    [
      'v0.12 outputs',
      '<match app.**>\n  type file\n  path /log\n  format ltsv\n  include_tag_key true\n  tag_key t\n  include_time_key true\n  time_slice_format %Y%m%d%H\n  time_slice_wait 1s\n  buffer_type memory\n  append true\n  utc\n</match>\n',
      [],
    ],
  ];
  for (const [name, text, expected] of cases)
    test(name, () => assert.deepEqual(problemsOf(text, { T: 'tee' }), expected));
});

describe('what Fluentd refuses, or should', () => {
  const cases: readonly [string, string, readonly string[]][] = [
    [
      'an unknown escape',
      '<match **>\n  @type stdout\n  x "\\u00e9"\n</match>',
      ['3:6: unknown escape \\u', '3:3: output stdout has no option x'],
    ],
    [
      'a bad integer',
      `<source>\n  @type http\n  port abc\n</source>\n${stdout}`,
      ['3:8: port: found "abc", expected a whole number'],
    ],
    [
      'an expression without names',
      source('  <parse>\n    @type regexp\n    expression /^(.*)$/\n  </parse>\n'),
      ['5:3: parser regexp: expression has no named captures'],
    ],
    [
      'an id twice',
      `${source(`  @id same\n${json}`)}<match **>\n  @id same\n  @type stdout\n</match>`,
      ['12:7: @id same is taken already'],
    ],
    [
      'flush_interval with immediate',
      '<match **>\n  @type stdout\n  <buffer>\n    flush_mode immediate\n    flush_interval 1s\n  </buffer>\n</match>',
      ['5:5: flush_interval can stand only with flush_mode interval'],
    ],
    ['a wrong end', '<source>\n  @type sample\n  tag a\n</match>', ['4:1: </match> does not close <source>']],
    ['no parser', source(''), ['1:1: source tail: a section <parse> is required']],
    [
      'a missing option',
      `<source>\n  @type tail\n  tag a\n${json}</source>`,
      ['1:1: source tail: path is required but missing'],
    ],
    ['no type', '<match **>\n</match>', ['1:1: <match> has no @type']],
    ['no end', '<source>\n  @type tail\n  tag a', ['1:1: <source> is never closed']],
    ['an unknown source', '<source>\n  @type nosuch\n</source>', ['2:9: unknown source plugin nosuch']],
    ['an unknown output', '<match **>\n  @type nosuch\n</match>', ['2:9: unknown output plugin nosuch']],
    ['an unknown parser', source('  <parse>\n    @type nosuch\n  </parse>\n'), ['6:11: unknown parser plugin nosuch']],
    ['an open quote', '<match **>\n  @type "stdout\n</match>', ['2:9: unterminated double quote in @type of <match>:']],
    [
      'unknown options and sections, which Fluentd only warns of',
      `${source(`  no_such_param 1\n${json}`)}<match **>\n  @type stdout\n  another_unknown yes\n  <nosuchsection>\n    a 1\n  </nosuchsection>\n</match>`,
      [
        '5:3: source tail has no option no_such_param',
        '13:3: output stdout has no option another_unknown',
        '14:3: output stdout takes no section <nosuchsection>',
      ],
    ],
  ];
  for (const [name, text, expected] of cases)
    test(name, () => {
      const found = problemsOf(text);
      assert.equal(found.length, expected.length, found.join('\n'));
      for (const [index, start] of expected.entries())
        assert.ok(found[index]?.startsWith(`fluent.conf:${start}`), `${found[index]}\nexpected ${start}`);
    });
});

/** The recorded cases lie beside the checkout where they are kept; they are no part of it. */
const corpus = new URL('../../../../shared/conformance/fluentd/', import.meta.url).pathname;
const tornCases = ['bad-escape-in-double-quotes', 'mismatched-close', 'unclosed-section', 'unterminated-quote'];

test(
  'every recorded configuration parses, those excepted that the real program could not parse either',
  { skip: existsSync(corpus) ? false : 'the recorded cases (../shared/conformance/fluentd) are not on this machine' },
  () => {
    const names = readdirSync(corpus).filter((name) => existsSync(`${corpus}${name}/fluent.conf`));
    const failing = names.filter((name) => {
      const text = readFileSync(`${corpus}${name}/fluent.conf`, 'utf8').replaceAll('@@IN@@/', '/no/such/*/');
      const env = (JSON.parse(readFileSync(`${corpus}${name}/case.json`, 'utf8')) as { env?: Record<string, string> })
        .env;
      const { problems } = parseFluentd(text, `${name}/fluent.conf`, { env: env ?? {}, hostname: 'h', workerId: '0' });
      return problems.some((problem) => problem.severity !== 'warning');
    });
    assert.ok(names.length > 100);
    assert.deepEqual(
      failing,
      tornCases.map((name) => `config-error-${name}`),
    );
  },
);
