import assert from 'node:assert/strict';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { ConfigProblem } from '../../core/errors.ts';
import { Registry } from '../../core/registry.ts';
import { builtinPlugins } from '../../plugins.ts';
import { readConfig } from '../load.ts';
import type { ReadConfig } from '../load.ts';

/** Reads files as a configuration; the first one is the main one. */
async function read(files: Record<string, string>, env: Record<string, string> = {}): Promise<ReadConfig> {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-fluentbit-'));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      writeFileSync(join(directory, name), text);
    }
    const path = join(directory, Object.keys(files)[0] ?? '');
    const result = await readConfig({ path, env, registry: new Registry(builtinPlugins) });
    const short = ({ at, text, ...rest }: ConfigProblem): ConfigProblem => ({
      ...rest,
      text: text.replaceAll(`${directory}/`, ''),
      at: at && { ...at, file: at.file.replace(`${directory}/`, '') },
    });
    return { ...result, problems: result.problems.map(short) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const said = ({ problems }: ReadConfig): string[] =>
  problems.map(
    ({ at, text, severity }) =>
      `${at ? `${at.file}:${at.line}:${at.column}: ` : ''}${severity === 'warning' ? 'warning: ' : ''}${text}`,
  );

const pair = `[INPUT]
    Name dummy
    Tag  a.b
[OUTPUT]
    Name stdout
`;

test('one input and one output need no Match; chunks are cut by tag and written every Flush seconds', async () => {
  const { loaded, problems } = await read({ 'a.conf': `[SERVICE]\n    Flush 5\n${pair}` });
  assert.deepEqual(problems, []);
  const model = loaded?.model;
  assert.deepEqual(
    model?.sources.map(({ id, label, plugin }) => [id, label, plugin.type, plugin.options['tag']]),
    [['dummy.0', '@ROOT', 'sample', 'a.b']],
  );
  assert.deepEqual(
    model?.labels['@ROOT']?.map(({ match, take, action }) => [match.pattern, take, action.kind]),
    [['*', false, 'output']],
  );
  const buffer = model?.outputs[0]?.buffer;
  assert.deepEqual([buffer?.chunkKeys, buffer?.flushMode, buffer?.flushIntervalMs], [['tag'], 'interval', 5000]);
  assert.equal(buffer?.retry.triesMax, undefined);
});

test('filters come before outputs, whatever the order in the file; every output that matches gets a record', async () => {
  const { loaded, problems } = await read({
    'a.conf': `[INPUT]
    Name dummy
[OUTPUT]
    Name  null
    Match *
    Retry_Limit 3
[OUTPUT]
    Name        null
    Alias       second
    Match_Regex ^a
    Retry_Limit False
`,
  });
  assert.deepEqual(problems, []);
  assert.deepEqual(
    loaded?.model.labels['@ROOT']?.map(({ match, take }) => [match.syntax, match.pattern, take]),
    [
      ['glob', '*', false],
      ['regexp', '^a', false],
    ],
  );
  assert.deepEqual(
    loaded?.model.outputs.map(({ id, buffer }) => [id, buffer.retry.triesMax]),
    [
      ['null', 3],
      ['second', undefined],
    ],
  );
});

test('variables: @SET goes before the environment, an unset one is empty and said', async () => {
  const result = await read(
    {
      'a.conf': `@SET tag=from set
[INPUT]
    Name dummy
    Tag  \${tag}
    Samples \${NONE:-3}
    Rate \${NOWHERE}
[OUTPUT]
    Name stdout
    Match \${M}
`,
    },
    { tag: 'from env', M: '*' },
  );
  assert.deepEqual(said(result), [
    'a.conf:6:10: warning: ${NOWHERE} is not set, neither by @SET or env nor in the environment; nothing stands in its place',
  ]);
  const options = result.loaded?.model.sources[0]?.plugin.options;
  assert.deepEqual([options?.['tag'], options?.['samples'], options?.['rate']], ['from set', 3, 1]);
});

test('variables: HOSTNAME is always set; one may stand in a file', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-secret-'));
  try {
    writeFileSync(join(directory, 'secret'), 'from file\n');
    const path = join(directory, 'secret');
    const classic = await read({ 'a.conf': `@SET tag=file://${path}\n${pair.replace('a.b', '${tag}.${HOSTNAME}')}` });
    assert.deepEqual(said(classic), []);
    assert.equal(classic.loaded?.model.sources[0]?.plugin.options['tag'], `from file.${hostname()}`);
    const yaml = (env: string) =>
      read({
        'a.yaml': `env:\n${env}pipeline:\n  inputs:\n    - {name: dummy, tag: "\${tag}"}\n  outputs:\n    - name: stdout\n`,
      });
    const list = await yaml(
      `  - {name: tag, uri: "file://${path}", refresh_interval: 60}\n  - {name: other, value: x}\n`,
    );
    assert.match(
      said(list).join(),
      /^a\.yaml:2:\d+: warning: refresh_interval: the file is read with the configuration[^,]*$/,
    );
    assert.equal(list.loaded?.model.sources[0]?.plugin.options['tag'], 'from file');
    assert.match(said(await yaml('  - {name: tag}\n')).join(), /env: name and value \(or uri\) were expected/);
    assert.match(
      said(await yaml(`  tag: file://${path}.none\n`)).join(),
      /a\.yaml:2:8: reading the value of a variable: ENOENT/,
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('all mistakes are told, each with its place', async () => {
  const result = await read({
    'a.conf': `[SERVICE]
    Flsh 1
[INPUT]
    Name  dummmy
    Tag
  Rate  3
    Samples\t4
[OUTPT]
    Name stdout
[OUTPUT]
    Name   stdout
    Match  *
    Colour red
    Format xml
    Format json
[FILTER]
    Match *
@SETT a=b
@INCLUDE nope.conf
`,
  });
  assert.deepEqual(said(result), [
    'a.conf:2:5: warning: [SERVICE] has no property Flsh; did you mean flush?: it has no effect, as in Fluent Bit',
    'a.conf:4:11: unknown input plugin dummmy; did you mean dummy?',
    'a.conf:5:5: Tag has no value; Key and Value with a blank between them were expected',
    'a.conf:6:3: Rate is indented less than the first key of this file; 4 blanks were expected, found 2 blanks (comments too)',
    'a.conf:7:5: Samples: a tab stands behind it; a blank was expected between a key and its value',
    'a.conf:8:1: unknown section [OUTPT]; did you mean [OUTPUT]?',
    'a.conf:13:5: output stdout has no property Colour',
    'a.conf:14:12: warning: Format: found "xml", expected one of msgpack, json, json_lines, json_stream; it counts as not written',
    'a.conf:15:5: output stdout: Format is written twice (first on line 14); write it once',
    'a.conf:16:1: [FILTER] has no Name: the name of a plugin was expected',
    'a.conf:18:1: unknown command @SETT; did you mean @SET?',
    'a.conf:19:10: @INCLUDE nope.conf: no such file (nope.conf)',
  ]);
});

test('what Fluent Bit passes over is a warning: commands, sections, keys of parsers, forms that are none', async () => {
  const result = await read({
    'a.conf': `@FROB x
@SET nothing
[SERVICE]
    Grace        soon
    Parsers_File p.conf
[]
    Name dummy
[INPUT]
    Name tail
    Path /x
    Parser mine
[OUTPUT]
    Name             stdout
    Match            *
    Format           json_lines
    json_date_format rfc
`,
    'p.conf': '[PARSER]\n    Name mine\n    Format regex\n    Regex ^.*$\n    Colour red\n    Decode_Field yaml log\n',
  });
  assert.deepEqual(
    said(result).map((text) => text.slice(0, 40)),
    [
      'a.conf:1:1: warning: unknown command @FR',
      'a.conf:2:1: warning: @SET: name=value wa',
      'a.conf:4:18: warning: Grace: found "soon',
      'a.conf:6:1: warning: []: a section witho',
      'a.conf:16:22: warning: json_date_format:',
      'p.conf:4:11: warning: parser mine: Regex',
      'p.conf:5:5: warning: parser mine has no ',
      'p.conf:6:18: warning: parser mine: decod',
    ],
  );
  assert.equal(result.loaded?.model.outputs[0]?.plugin.formatter?.options['dateFormat'], 'double');
});

test('a Match_Regex that is no expression is an error', async () => {
  const result = await read({
    'a.conf':
      '[INPUT]\n    Name dummy\n[FILTER]\n    Name grep\n    Match_Regex (x\n[OUTPUT]\n    Name null\n    Match_Regex )\n',
  });
  assert.deepEqual(
    said(result).map((text) => text.replace(/: regular.*/, '')),
    ['a.conf:5:17: Match_Regex', 'a.conf:8:17: Match_Regex'],
  );
});

test('includes with a glob start where the main file lies, also inside of included files', async () => {
  const result = await read({
    'a.conf': '@INCLUDE conf.d/*.conf\n',
    'conf.d/10.conf': '[INPUT]\n\tName dummy\n@INCLUDE conf.d/inner.inc\n',
    'conf.d/20.conf': '[OUTPUT]\n    Name null\n    Match *\n@INCLUDE inner.inc\n',
    'conf.d/inner.inc': '[OUTPUT]\n  Name null\n  Match b\n',
  });
  assert.deepEqual(said(result), ['conf.d/20.conf:4:10: @INCLUDE inner.inc: no such file (inner.inc)']);
});

test('parsers stand in files of their own; one that does not exist is a warning, and lines are taken as they are', async () => {
  const result = await read({
    'a.conf': `[SERVICE]
    Parsers_File p.conf
[INPUT]
    Name tail
    Path /x/*.log
    Parser mine
[INPUT]
    Name tail
    Path /y
    Parser mime
[OUTPUT]
    Name null
    Match *
[PARSER]
    Name here
    Format json
`,
    'p.conf': '[PARSER]\n    Name mine\n    Format json\n    Time_Key t\n[PARSER]\n    Name broken\n',
  });
  assert.deepEqual(said(result), [
    'a.conf:2:18: Parsers_File p.conf has mistakes, which are listed with their places',
    'a.conf:10:12: warning: there is no parser mime; did you mean mine?: as in Fluent Bit, records are taken without it',
    'a.conf:14:1: [PARSER] stands in a file of its own in the classic form: put it there, and name the file with Parsers_File in [SERVICE]',
    'p.conf:5:1: parser broken: Format is required but missing (What the text is)',
  ]);
});

test('YAML: the same model, with env, includes, parsers, lists and camelCase', async () => {
  const result = await read({
    'a.yaml': `env:
  WHERE: here
service:
  flush: 2
parsers:
  - name: mine
    format: regex
    regex: '^(?<a>.*)$'
includes:
  - more/*.yaml
pipeline:
  inputs:
    - name: tail
      path: /x/\${WHERE}.log
      parser: mine
      readFromHead: on
`,
    'more/out.yaml': 'pipeline:\n  outputs:\n    - name: stdout\n      match: "*"\n      format: json_lines\n',
  });
  assert.deepEqual(said(result), []);
  const source = result.loaded?.model.sources[0];
  assert.deepEqual(
    [source?.plugin.options['path'], source?.plugin.options['readFromHead'], source?.plugin.parser?.type],
    ['/x/here.log', true, 'fluentbit'],
  );
  assert.equal(result.loaded?.model.outputs[0]?.buffer.flushIntervalMs, 2000);
});

test('YAML: mistakes have their places too', async () => {
  const result = await read({
    'a.yaml': `pipeline:
  input:
    - name: dummy
  outputs:
    - name: stdout
      match: '*'
      colour: red
      format: {a: b}
service: 3
`,
  });
  assert.deepEqual(said(result), [
    'a.yaml:1:1: warning: there is no [INPUT]: nothing will be received',
    'a.yaml:2:3: unknown section input; did you mean inputs?',
    'a.yaml:7:7: output stdout has no property colour',
    'a.yaml:8:7: output takes no map format; a value was expected',
    'a.yaml:9:10: service: keys and values were expected',
  ]);
});

test('outputs: what their properties become', async () => {
  const result = await read({
    'a.conf': `[INPUT]
    Name       forward
    Listen     127.0.0.1
    Tag_Prefix pre.
    Shared_Key k
    Security.Users ann "p w"
[OUTPUT]
    Name   http
    Match  *
    Host   h
    Port   8443
    URI    x/y
    tls    on
    tls.verify off
    Header X-One two words
    header_tag X-Tag
    HTTP_User  u
    net.keepalive off
[OUTPUT]
    Name   file
    Match  *
    Path   /var/100%/
    Format csv
    Delimiter tab
[OUTPUT]
    Name   forward
    Match  *
    Host   h
    Time_as_Integer on
    Storage.Total_Limit_Size 5M
`,
  });
  assert.deepEqual(said(result), []);
  const [http, file, forward] = result.loaded?.model.outputs ?? [];
  const options = http?.plugin.options ?? {};
  assert.deepEqual(
    ['endpoint', 'headers', 'headersFromPlaceholders', 'jsonArray', 'tlsVerifyMode', 'contentType'].map(
      (name) => options[name],
    ),
    ['https://h:8443/x/y', { 'X-One': 'two words' }, { 'X-Tag': '${tag}' }, true, 'none', 'application/json'],
  );
  assert.deepEqual(http?.plugin.sections['auth']?.[0]?.options, { method: 'basic', username: 'u', password: '' });
  assert.deepEqual(
    [file?.plugin.options['path'], file?.plugin.formatter?.options['delimiter'], file?.buffer.chunkKeys],
    ['/var/100%%/${tag}', '\t', ['tag']],
  );
  assert.deepEqual(
    [
      forward?.plugin.options['retainsMetadata'],
      forward?.plugin.sections['server']?.[0]?.options['port'],
      forward?.buffer.overflow,
    ],
    [false, 24_224, 'drop_oldest'],
  );
  const source = result.loaded?.model.sources[0]?.plugin;
  assert.deepEqual([source?.options['tag'], source?.options['tagPrefix']], [undefined, 'pre.']);
  assert.deepEqual(source?.sections['security']?.[0]?.sections?.['user']?.[0]?.options, {
    username: 'ann',
    password: 'p w',
  });
});
