import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatProblem } from '../../core/errors.ts';
import { Registry } from '../../core/registry.ts';
import type { ActionModel, PipelineModel } from '../model.ts';
import { lowerFluentd } from './lower.ts';
import { Lowering } from './lowering.ts';
import { parseFluentd } from './parser.ts';
import { testPlugins } from './test-plugins.ts';

function lower(text: string, exactlyOnce = false) {
  const parsed = parseFluentd(text, 'f.conf', { env: {}, hostname: 'h', workerId: '0' });
  const lowering = new Lowering(new Registry(testPlugins), { exactlyOnce });
  const { model, workers } = lowerFluentd(lowering, parsed.root);
  return {
    model,
    workers,
    problems: [...parsed.problems, ...lowering.problems].map(formatProblem),
    notes: lowering.notes,
  };
}
/** The model of a text without problems. */
function good(text: string): PipelineModel {
  const { model, problems } = lower(text);
  assert.deepEqual(problems, []);
  return model;
}
/** Match patterns and what becomes of them, by label. */
function routes(model: PipelineModel): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(model.labels).map(([label, steps]) => [
      label,
      steps.map(({ match, action, take }) => `${match.pattern} ${take ? 'take' : 'pass'} ${actionText(action)}`),
    ]),
  );
}
function actionText(action: ActionModel): string {
  switch (action.kind) {
    case 'copy':
    case 'roundrobin':
      return `${action.kind}(${action.actions.map(actionText).join(' ')})`;
    case 'relabel':
      return `relabel:${action.label}`;
    case 'retag':
      return `${action.plugin.type}:${action.label}`;
    case 'filter':
      return action.plugin.type;
    case 'output':
    case 'join':
      return action.output;
  }
  return assert.fail('an action of no known kind');
}

/** Each kind of step, in the root and in labels. */
const everyRoute = `
<source>
  @type sample
  @label @IN
</source>
<source>
  @type sample
  tag x
</source>
<source>
  @type sample
  @id mine
</source>
<filter app.** {a,b}.*>
  @type grep
  <and>
    <regexp>
      key $.a.b
      pattern /x/i
    </regexp>
  </and>
</filter>
<match raw>
  @type rewrite_tag_filter
  <rule>
    key t
    pattern ^(.*)$
    tag $1
  </rule>
</match>
<match /a\\.(b|c)/>
  @type copy
  copy_mode shallow
  <store>
    @type stdout
  </store>
  <store ignore_error>
    @type copy
    <store>
      @type relabel
      @label @OUT
    </store>
    <store>
      @type stdout
    </store>
  </store>
</match>
<match>
  @type null
</match>
<label @IN>
  <match **>
    @type rewrite_tag_filter
    <rule>
      key t
      pattern /x/
      tag y
      label @OUT
    </rule>
  </match>
</label>
<label @OUT>
  <match **>
    @type rewrite_tag_filter
    @label @ROOT
    <rule>
      key t
      pattern /x/
      tag y
    </rule>
  </match>
</label>
<label @ERROR>
  <match **>
    @type stdout
  </match>
</label>
<label @FLUENT_LOG>
  <match **>
    @type stdout
  </match>
</label>`;

describe('routes', () => {
  test('labels, filters, matches, copy, relabel, retag', () => {
    const model = good(everyRoute);
    assert.deepEqual(routes(model), {
      '@ROOT': [
        'app.** {a,b}.* pass grep',
        'raw take rewrite_tag_filter:@ROOT',
        '/a\\.(b|c)/ take copy(stdout copy(relabel:@OUT stdout#2))',
        '** take null',
      ],
      '@IN': ['** take rewrite_tag_filter:@IN'],
      '@OUT': ['** take rewrite_tag_filter:@ROOT'],
      '@ERROR': ['** take stdout#3'],
      '@FLUENT_LOG': ['** take stdout#4'],
    });
    assert.deepEqual(
      model.sources.map(({ id, label }) => [id, label]),
      [
        ['own_log', '@FLUENT_LOG'],
        ['sample', '@IN'],
        ['sample.1', '@ROOT'],
        ['mine', '@ROOT'],
      ],
    );
    const grep = model.labels['@ROOT']?.[0]?.action;
    assert.ok(grep?.kind === 'filter');
    assert.deepEqual(grep.plugin.sections['and']?.[0]?.sections?.['regexp']?.[0]?.options, {
      key: '$.a.b',
      pattern: '/x/i',
    });
  });
  test('ids of outputs hold when others come and go, and never take a written one', () => {
    const file = (path: string, id = '') => `<match ${path}>\n@type file\npath /${path}\n${id}\n</match>\n`;
    const ids = (text: string) => good(text).outputs.map(({ id }) => id);
    assert.deepEqual(ids(file('a') + file('b')), ['file:/a', 'file:/b']);
    assert.deepEqual(ids(file('b') + file('c') + file('a')), ['file:/b', 'file:/c', 'file:/a']);
    assert.deepEqual(ids(file('a') + file('a') + file('a', '@id file:/a#2')), ['file:/a', 'file:/a#3', 'file:/a#2']);
    assert.deepEqual(ids(file('a', 'id old')), ['old']);
  });
  test('stores share records where copy_mode says so', () => {
    for (const [mode, expected] of Object.entries({ no_copy: 'record', shallow: 'nested' })) {
      const text = `<match **>\n@type copy\ncopy_mode ${mode}\n<store>\n@type null\n</store>\n</match>`;
      const action = good(text).labels['@ROOT']?.[0]?.action;
      assert.ok(action?.kind === 'copy' && action.shares === expected, mode);
    }
  });
  test('the own log comes to <label @FLUENT_LOG>, else to the root where a pattern begins with fluent', () => {
    const ownLog = (text: string) =>
      good(text).sources.flatMap(({ plugin, label }) => (plugin.type === 'own_log' ? [label] : []));
    const match = (pattern: string) => `<match ${pattern}>\n@type null\n</match>\n`;
    assert.deepEqual(ownLog(`<label @FLUENT_LOG>\n${match('**')}</label>\n${match('fluent.**')}`), ['@FLUENT_LOG']);
    for (const pattern of ['fluent.**', 'a fluent.warn', '{fluent.error,b}', 'fluent'])
      assert.deepEqual(ownLog(match(pattern)), ['@ROOT'], pattern);
    for (const pattern of ['**', 'my.fluent.x', 'fluentd.**']) assert.deepEqual(ownLog(match(pattern)), [], pattern);
  });
  test('workers are one pipeline', () => {
    const { model, problems } = lower(`
<worker 0>
  <source>
    @type sample
  </source>
  <match a>
    @type null
  </match>
</worker>
<match b>
  @type stdout
</match>`);
    assert.deepEqual(problems, []);
    assert.deepEqual(routes(model)['@ROOT'], ['b take stdout', 'a take null']);
    assert.equal(model.sources.length, 1);
  });
  test('system', () => {
    const { model, workers } = lower(
      '<system>\nlog_level debug\nworkers 4\nroot_dir /x\nplugins a,b\n<log>\nformat json\n</log>\n</system>',
    );
    assert.deepEqual([model.logLevel, workers, model.plugins], ['debug', 4, ['a', 'b']]);
  });
});

describe('plugins', () => {
  const plugin = (text: string) => {
    const model = good(text);
    return model.outputs[0]?.plugin ?? model.sources[0]?.plugin;
  };
  test('options, defaults and what use_nil and use_default leave out', () => {
    const tail = plugin(`
<source>
  @type tail
  path /a
  tag x
  read_from_head "#{ENV['NOPE'] || true}"
  path_key "#{ENV['NOPE'] || use_nil}"
  refresh_interval "#{ENV['NOPE'] || use_default}"
  follow_inodes
  exclude_path ["/b", "/c d"]
  <parse>
    @type json
    keep_time_key "#{ENV['NOPE'] || use_default}"
    types a:integer,b:float
  </parse>
</source>`);
    assert.deepEqual(tail?.options, {
      path: '/a',
      tag: 'x',
      readFromHead: true,
      refreshInterval: 60_000,
      rotateWait: 5000,
      excludePath: ['/b', '/c d'],
      enableWatchTimer: true,
      skipRefreshOnStartup: false,
      followInodes: true,
      readLinesLimit: 1000,
    });
    assert.deepEqual(tail?.parser?.options, {
      timeType: 'string',
      keepTimeKey: false,
      types: { a: 'integer', b: 'float' },
    });
  });
  test('free-form sections keep order, text and JSON', () => {
    const model = good(
      `
<filter **>
  @type record_transformer
  <record>
    b \${record["a"]} # comment
    "a" '12'
    @timestamp x
    json {"x": 1}
    text '{"y": 2}'
    broken {x
    10 "#{ENV['NOPE'] || use_nil}"
    empty
  </record>
</filter>`.replace('    broken {x\n', ''),
    );
    const action = model.labels['@ROOT']?.[0]?.action;
    assert.ok(action?.kind === 'filter');
    assert.deepEqual(
      action.plugin.sections['record']?.[0]?.pairs.map(({ key, value, json }) => [key, value, json]),
      [
        ['b', '${record["a"]}', undefined],
        ['a', '12', undefined],
        ['@timestamp', 'x', undefined],
        ['json', '{"x":1}', { x: 1 }],
        ['text', '{"y": 2}', { y: 2 }],
        ['10', '', null],
        ['empty', '', undefined],
      ],
    );
  });
  test('formatters: default, <format>, flat', () => {
    const formatter = (body: string) => plugin(`<match **>\n@type file\npath /a\n${body}\n</match>`)?.formatter;
    assert.equal(formatter('')?.type, 'out_file');
    assert.equal(formatter('<format>\n@type json\nadd_newline false\n</format>')?.options['addNewline'], false);
    assert.equal(formatter('<format>\n</format>')?.type, 'out_file');
    assert.deepEqual(formatter('format ltsv\ndelimiter ,')?.options, { delimiter: ',' });
    assert.deepEqual(formatter('add_newline false')?.options, { addNewline: false });
  });
  test('inject: <inject>, flat', () => {
    const inject = (body: string) => plugin(`<match **>\n@type stdout\n${body}\n</match>`)?.inject;
    assert.equal(inject(''), undefined);
    assert.deepEqual(inject('<inject>\ntag_key t\ntime_key at\ntime_type string\ntime_format %Y\nutc\n</inject>'), {
      tagKey: 't',
      timeKey: 'at',
      timeType: 'string',
      timeFormat: '%Y',
      localtime: false,
    });
    assert.deepEqual(inject('<inject>\ntime_key at\n</inject>'), { timeKey: 'at', timeType: 'float' });
    assert.deepEqual(inject('include_tag_key true\ntag_key t\ninclude_time_key true\nutc'), {
      tagKey: 't',
      timeKey: 'time',
      timeType: 'string',
      localtime: false,
    });
  });
  test('parsers: flat, as v0.12 wrote them', () => {
    const parser = (body: string) => plugin(`<source>\ntype tail\npath /a\ntag x\n${body}\n</source>`)?.parser;
    assert.deepEqual(parser('format /^(?<time>.*) (?<m>.*)$/\ntime_format %d/%b')?.options, {
      timeFormat: '%d/%b',
      timeType: 'string',
      keepTimeKey: false,
      expression: '/^(?<time>.*) (?<m>.*)$/',
    });
    assert.deepEqual(
      parser('format json\ntypes a=integer|b=float\ntypes_delimiter |\ntypes_label_delimiter =')?.options['types'],
      {
        a: 'integer',
        b: 'float',
      },
    );
  });
  test('P2L_EXACTLY_ONCE applies where the output has it and says nothing', () => {
    const text =
      '<match a>\n@type kafka2\n</match>\n<match b>\n@type kafka2\nexactly_once false\n</match>\n<match c>\n@type stdout\n</match>';
    const { model } = lower(text, true);
    assert.deepEqual(
      model.outputs.map(({ plugin }) => plugin.options['exactlyOnce']),
      [true, false, undefined],
    );
  });
  test('secondary: another plugin, or the same one; a file has the format of the output around it, or its own', () => {
    const model = good(`
<match a>
  @type file
  path /a
  format ltsv
  <secondary>
    path /b
  </secondary>
</match>
<match b>
  @type stdout
  <secondary>
    @type file
    path /c
    format json
  </secondary>
</match>`);
    assert.deepEqual(
      model.outputs.map(({ secondary: s }) => [s?.type, s?.options['path'], s?.formatter?.type]),
      [
        ['file', '/b', 'ltsv'],
        ['file', '/c', 'json'],
      ],
    );
  });
});

describe('problems', () => {
  const stdout = '<match **>\n@type stdout\n</match>\n';
  const table: readonly [string, string, readonly string[]][] = [
    [
      'an unknown source',
      '<source>\n  @type nosuch\n</source>',
      ['2:9: unknown source plugin nosuch (there are http, postback, sample, tail)'],
    ],
    ['an unknown output', '<match **>\n@type fil\n</match>', ['2:7: unknown output plugin fil; did you mean file?']],
    [
      'a step by another name',
      '<match **>\n@type cpoy\n</match>',
      ['2:7: unknown output plugin cpoy; did you mean copy?'],
    ],
    [
      'an unknown parser',
      '<source>\n@type http\n<parse>\n@type jsn\n</parse>\n</source>',
      ['4:7: unknown parser plugin jsn; did you mean json?'],
    ],
    [
      'an unknown formatter',
      '<match **>\n@type stdout\nformat jso\n</match>',
      ['3:8: unknown formatter plugin jso; did you mean json?'],
    ],
    ['no type', '<match **>\n</match>', ['1:1: <match> has no @type: the name of a plugin was expected']],
    [
      'no type of a store',
      '<match **>\n@type copy\n<store>\n</store>\n</match>',
      ['3:1: <store> has no @type: the name of a plugin was expected'],
    ],
    ['no store', '<match **>\n@type copy\n</match>', ['1:1: copy needs at least one section <store>']],
    [
      'an unknown option',
      '<match **>\n@type file\npath /a\napend true\n</match>',
      ['4:1: output file has no option apend; did you mean append?'],
    ],
    [
      'an option that belongs into <buffer>',
      '<match **>\n@type stdout\nretry_max_times 3\n</match>',
      ['3:1: output stdout has no option retry_max_times; it belongs into <buffer>'],
    ],
    [
      'a missing option',
      '<source>\n@type tail\ntag a\n<parse>\n@type json\n</parse>\n</source>',
      ['1:1: source tail: path is required but missing (files to read; text)'],
    ],
    [
      'a required option that is nil',
      `<source>\n@type tail\npath "#{use_nil}"\ntag a\nformat json\n</source>`,
      ['3:1: source tail: path is required, but use_nil leaves it out'],
    ],
    [
      'two buffers',
      '<match **>\n@type file\npath /a\n<buffer>\n</buffer>\n<buffer>\n</buffer>\n</match>',
      ['6:1: <buffer> may stand only once here (first on line 4)'],
    ],
    ['a bad number', '<source>\n@type http\nport abc\n</source>', ['3:6: port: found "abc", expected a whole number']],
    [
      'a number out of range',
      '<source>\n@type http\nport 70000\n</source>',
      ['3:6: port: found "70000", expected a whole number, <=65535'],
    ],
    [
      'a bad boolean',
      '<match **>\n@type file\npath /a\nappend maybe\n</match>',
      ['4:8: append: found "maybe", expected true or false'],
    ],
    [
      'a bad choice',
      '<source>\n@type tail\npath /a\ntag a\n<parse>\n@type json\ntime_type flaot\n</parse>\n</source>',
      ['7:11: time_type: found "flaot", expected one of string, float, unixtime; did you mean float?'],
    ],
    [
      'a trap',
      '<source>\n@type http\nbody_size_limit 10mb\n</source>',
      ['3:17: warning: body_size_limit: found "10mb", which Fluentd reads as 10 MiB; write 10m'],
    ],
    [
      'an unknown section',
      '<match **>\n@type stdout\n<bufer>\n</bufer>\n</match>',
      ['3:1: output stdout takes no section <bufer>; did you mean <buffer>?'],
    ],
    [
      'a section nobody takes',
      '<source>\n@type sample\n<parse>\n@type json\n</parse>\n</source>',
      ['3:1: source sample takes no section <parse>'],
    ],
    [
      'a missing section',
      '<match **>\n@type rewrite_tag_filter\n</match>',
      ['1:1: step rewrite_tag_filter: a section <rule> is required but missing'],
    ],
    [
      'a section inside a free-form one',
      '<filter **>\n@type record_transformer\n<record>\n<x>\n</x>\n</record>\n</filter>',
      ['4:1: <record> takes no section <x>'],
    ],
    [
      'the check of a plugin',
      '<source>\n@type tail\npath /a\ntag a\n<parse>\n@type regexp\nexpression /^(.*)$/\n</parse>\n</source>',
      ['5:1: parser regexp: expression has no named captures'],
    ],
    [
      'a missing parser',
      '<source>\n@type tail\npath /a\ntag a\n</source>',
      ['1:1: source tail: a section <parse> is required but missing'],
    ],
    [
      'an unknown directive',
      '<mach **>\n@type stdout\n</mach>',
      ['1:1: unknown section <mach>; did you mean <match>?'],
    ],
    [
      'a stray parameter',
      'include_x y',
      ['1:1: include_x stands outside of any section; expected <source>, <match>, <filter>, <label> or @include'],
    ],
    [
      'a label nobody wrote',
      '<source>\n@type sample\n@label @INN\n</source>\n<label @IN>\n</label>',
      [
        '3:8: there is no <label @INN>; did you mean @IN?',
        '5:1: warning: nothing enters <label @IN>: no @label names it',
      ],
    ],
    [
      'a relabel without label',
      '<match **>\n@type relabel\n</match>',
      ['1:1: relabel needs a @label: the name of a <label> was expected'],
    ],
    [
      'a label of a rule nobody wrote',
      '<match **>\n@type rewrite_tag_filter\n<rule>\nkey a\npattern b\ntag c\nlabel @X\n</rule>\n</match>',
      ['3:1: there is no <label @X>'],
    ],
    [
      'a label twice',
      '<label @ERROR>\n</label>\n<label @ERROR>\n</label>',
      ['3:1: <label @ERROR> is written twice (first on line 1); put both into one'],
    ],
    ['a label without name', '<label>\n</label>', ['1:1: <label> needs a name: <label @NAME>']],
    ['a label @ROOT', '<label @ROOT>\n</label>', ['1:1: @ROOT is what stands outside of labels and cannot be a label']],
    [
      'a source in a label',
      '<label @ERROR>\n<source>\n@type sample\n</source>\n</label>',
      ['2:1: <label> takes no section <source> (it takes <filter>, <match>)'],
    ],
    [
      'an id twice',
      '<source>\n@type sample\n@id same\n</source>\n<match **>\n@type stdout\n@id same\n</match>',
      ['7:5: @id same is taken already (f.conf:3); ids must be unique'],
    ],
    [
      'a match that gets nothing',
      `${stdout}<match a>\n@type null\n</match>`,
      ['4:1: warning: <match a> gets no records: <match **> on line 1 takes them all before it'],
    ],
    [
      'commas between patterns',
      '<match a,b>\n@type null\n</match>',
      ['1:1: warning: <match a,b>: a comma outside {} is part of the tag; separate patterns with blanks'],
    ],
    ['a brace that is open', '<match {a,b>\n@type null\n</match>', ['1:1: <match {a,b>: a closing } is missing']],
    [
      'an expression that is open',
      '<match /a b/>\n@type null\n</match>',
      [
        '1:1: <match /a>: the closing / of the regular expression is missing (patterns are separated by blanks; write \\s for one)',
      ],
    ],
    [
      'system twice',
      '<system>\n</system>\n<system>\n</system>',
      ['3:1: <system> may stand only once here (first on line 1)'],
    ],
    [
      'an unknown system option',
      '<system>\nlog_levl info\n</system>',
      ['2:1: <system> has no option log_levl; did you mean log_level?'],
    ],
    [
      'utc and localtime',
      '<match **>\n@type stdout\n<inject>\ntime_key t\nutc true\nlocaltime true\n</inject>\n</match>',
      ['3:1: <inject>: utc and localtime contradict each other; write one of them'],
    ],
    [
      'a format of time that has no effect',
      '<match **>\n@type stdout\n<inject>\ntime_key t\ntime_format %Y\n</inject>\n</match>',
      ['3:1: warning: <inject>: time_format has no effect unless time_type string is written too'],
    ],
    [
      'a label of an output',
      '<match **>\n@type stdout\n@label @ROOT\n</match>',
      ['1:1: warning: output stdout: @label has no effect, the output emits nothing'],
    ],
    [
      'a secondary with a buffer',
      '<match **>\n@type stdout\n<secondary>\n<buffer>\n</buffer>\n</secondary>\n</match>',
      ['4:1: <secondary> takes no <buffer>: it writes the chunks of the output around it'],
    ],
  ];
  for (const [name, text, expected] of table)
    test(name, () =>
      assert.deepEqual(
        lower(text).problems,
        expected.map((line) => `f.conf:${line}`),
      ),
    );

  test('no problem shows a secret', () => {
    const { problems } = lower('<source>\n@type http\npassword hunter2\nport x\npasword hunter2\n</source>');
    assert.equal(problems.length, 2);
    assert.ok(!problems.join().includes('hunter2'));
  });
  test('a problem in a value is not reported twice', () =>
    assert.equal(lower('<match **>\n@type file\npath "\\z"\n</match>').problems.length, 1));
  test('options without effect are named', () => {
    const { notes, problems } = lower(
      '<source>\n@type tail\npath /a\ntag x\nformat json\nenable_watch_timer no\n</source>',
    );
    assert.deepEqual(problems, []);
    assert.deepEqual(
      notes.map(({ comparison, text }) => `${comparison}: ${text}`),
      ['ignored: enable_watch_timer: accepted without effect', 'same: path, tag'],
    );
  });
});
