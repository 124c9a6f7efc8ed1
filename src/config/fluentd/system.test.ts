/** What concerns the whole program: `<system>`, `<worker>`, strict values, values that only one plugin may have. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatProblem } from '../../core/errors.ts';
import { Registry } from '../../core/registry.ts';
import { lowerFluentd } from './lower.ts';
import { Lowering } from './lowering.ts';
import { parseFluentd } from './parser.ts';
import { testPlugins } from './test-plugins.ts';

function lower(text: string, settings: { strictConfigValue?: boolean } = {}) {
  const parsed = parseFluentd(text, 'f.conf', { env: {}, hostname: 'h', workerId: '0' });
  const lowering = new Lowering(new Registry(testPlugins), settings);
  const { model } = lowerFluentd(lowering, parsed.root);
  return { model, problems: [...parsed.problems, ...lowering.problems].map(formatProblem), notes: lowering.notes };
}

test('what <system> has for other programs is accepted; without_source leaves sources out', () => {
  const { model, problems, notes } = lower(
    '<system>\nwithout_source\n<counter_server>\nport 1\n</counter_server>\n<metrics>\n@type local\n</metrics>\n</system>\n<source>\n@type sample\n</source>',
  );
  assert.deepEqual(problems, []);
  assert.deepEqual(model.sources, []);
  assert.deepEqual(
    notes.map(({ text }) => text),
    [
      '<counter_server>: accepted without effect: there is no counter service, metrics are at the admin port',
      '<metrics>: accepted without effect: metrics are always kept, and shown in Prometheus form at the admin port',
      'without_source: sources are checked and left out',
    ],
  );
});

test('the variable makes values strict too', () => {
  const text = '<match **>\n@type stdout\n<buffer>\nretry_max_times 3x\n</buffer>\n</match>';
  assert.deepEqual(lower(text).problems, ['f.conf:4:17: warning: retry_max_times: found "3x", read as 3; write 3']);
  assert.deepEqual(lower(text, { strictConfigValue: true }).problems, [
    'f.conf:4:17: retry_max_times: found "3x", expected a whole number (strict_config_value)',
  ]);
});

test('log levels of plugins are known words, and without effect', () => {
  const { problems, notes } = lower(
    '<source>\n@type sample\nlog_level DEBUG\n</source>\n<match **>\n@type stdout\n@log_level wran\n</match>',
  );
  assert.deepEqual(problems, [
    'f.conf:7:12: @log_level: found "wran", expected one of trace, debug, info, warn, error, fatal; did you mean warn?',
  ]);
  assert.deepEqual(
    notes.filter(({ comparison }) => comparison === 'ignored').map(({ text }) => text),
    ['log_level: the own log has one level, P2L_LOGLEVEL or log_level of <system>'],
  );
});

describe('problems', () => {
  const table: readonly [string, string, readonly string[]][] = [
    [
      'workers that are not there',
      '<system>\nworkers 3\n</system>\n<worker>\n</worker>\n<worker 3>\n</worker>\n<worker 2-1>\n</worker>\n<worker 0-1>\n</worker>\n<worker 1-2>\n</worker>',
      [
        '4:1: <worker >: expected a number or a range such as 0-3',
        '6:1: <worker 3>: there are 3 workers, 0 to 2; say how many with workers in <system>',
        '8:1: <worker 2-1>: the range ends before it begins',
        '12:1: <worker 1-2>: worker 1 has a section on line 10 already',
      ],
    ],
    [
      'values that only begin like what was expected, strictly',
      '<system>\nstrict_config_value true\n</system>\n<match **>\n@type stdout\n<buffer>\nretry_max_times 3x\nflush_interval 500ms\nretry_forever on\n</buffer>\n</match>',
      [
        '8:16: warning: flush_interval: found "500ms", which Fluentd reads as 500 minutes; if 500ms is meant, write 0.5',
        '9:15: retry_forever: found "on", expected true or false (strict_config_value)',
        '7:17: retry_max_times: found "3x", expected a whole number (strict_config_value)',
      ],
    ],
    [
      'a position file of two',
      '<source>\n@type tail\npath /a\ntag x\npos_file /p\nformat json\n</source>\n<source>\n@type tail\npath /b\ntag x\npos_file /p\nformat json\n</source>',
      ['12:10: pos_file "/p" is used by another source tail already (f.conf:5); give each its own'],
    ],
  ];
  for (const [name, text, expected] of table)
    test(name, () =>
      assert.deepEqual(
        lower(text).problems,
        expected.map((line) => `f.conf:${line}`),
      ),
    );
});

test('a directory of more configuration is not passed over', () => {
  const { problems } = lower('<system>\nconfig_include_dir /etc/more\n</system>');
  assert.match(
    problems.join(),
    /:2:1: config_include_dir is not supported: write @include \/etc\/more\/\*\.conf instead/,
  );
});
