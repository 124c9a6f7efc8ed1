/** `post2log convert`: a configuration and what it became, each run on the same input, deliver the same records. */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { convert } from '../../src/cli/convert.ts';
import { startProgram, temporaryDirectory } from '../program.ts';

/** Runs a configuration whose tail ends the program at the end of its file; gives the records that were printed. */
async function printed(t: TestContext, config: string): Promise<string[]> {
  const program = await startProgram(t, { args: ['run', '-c', config], env: { CLUSTER: 'west' } });
  assert.equal(await program.exited, 0, program.stderr);
  return program.stdout
    .split('\n')
    .filter((line) => line.includes('{'))
    .map((line) => {
      const record = JSON.parse(line.slice(line.indexOf('{'))) as Record<string, unknown>;
      // Fluent Bit's form has the time in the record, Fluentd's beside it.
      delete record['date'];
      // modify puts fields elsewhere.
      return JSON.stringify(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)));
    })
    .toSorted();
}

interface Case {
  readonly to: 'fluentd' | 'fluentbit';
  readonly config: string;
  readonly lines: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
  /** How many records both print. */
  readonly count: number;
}

async function deliversTheSame(t: TestContext, { to, config, lines, files = {}, count }: Case): Promise<void> {
  const directory = await temporaryDirectory(t);
  const place = (text: string): string => text.replaceAll('DIR', directory);
  await mkdir(join(directory, 'out'));
  await writeFile(join(directory, 'in.log'), `${lines.join('\n')}\n`);
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), place(text));
  const given = join(directory, 'given');
  const written = join(directory, 'written');
  await writeFile(given, place(config));
  assert.equal(await convert({ to, config: given, output: written }), 0);
  const before = await printed(t, given);
  const after = await printed(t, written);
  assert.equal(before.length, count);
  assert.deepEqual(after, before, await readFile(written, 'utf8'));
}

const lines = Array.from({ length: 200 }, (_, i) => {
  const level = ['info', 'warn', 'error'][i % 3] ?? '';
  return `2024-03-05T06:07:${String(i % 60).padStart(2, '0')}Z ${level} ${i} user${i % 7} took ${i}.5 ms`;
});
const expression = String.raw`^(?<time>[^ ]+) (?<level>[^ ]+) (?<n>\d+) (?<message>.*)$`;

test('Fluent Bit, classic: parser, filters, fan-out to two outputs', (t) =>
  deliversTheSame(t, {
    to: 'fluentd',
    lines,
    files: {
      'parsers.conf': `[PARSER]
    Name        line
    Format      regex
    Regex       ${expression}
    Time_Key    time
    Time_Format %Y-%m-%dT%H:%M:%SZ
    Types       n:integer
`,
    },
    config: `[SERVICE]
    Parsers_File parsers.conf
[INPUT]
    Name           tail
    Path           DIR/in.log
    Tag            app.log
    Parser         line
    Read_from_Head On
    Exit_On_Eof    On
[FILTER]
    Name  grep
    Match app.*
    Regex level ^(warn|error)$
[FILTER]
    Name          modify
    Match         *
    Set           cluster \${CLUSTER}
    Rename        message log
    Condition     Key_Exists n
[FILTER]
    Name       nest
    Match      app.*
    Operation  nest
    Wildcard   l*
    Nest_under inner
[OUTPUT]
    Name   stdout
    Match  app.*
    Format json_lines
[OUTPUT]
    Name  file
    Match *
    Path  DIR/out
`,
    count: 133,
  }));

test('Fluentd: parser, filters, labels, a branch with filters of its own', (t) =>
  deliversTheSame(t, {
    to: 'fluentbit',
    lines,
    config: `<source>
  @type tail
  path DIR/in.log
  tag app.log
  read_from_head true
  exit_on_eof true
  <parse>
    @type regexp
    expression /${expression}/
    time_format %Y-%m-%dT%H:%M:%S%z
    types n:integer
  </parse>
</source>
<filter app.**>
  @type grep
  <exclude>
    key level
    pattern /^INFO$/i
  </exclude>
</filter>
<match other.**>
  @type null
</match>
<match **>
  @type copy
  <store>
    @type relabel
    @label @PRINT
  </store>
  <store>
    @type null
  </store>
</match>
<label @PRINT>
  <filter **>
    @type record_transformer
    remove_keys level
    <record>
      cluster "#{ENV['CLUSTER']}"
      copy \${record["message"]}
    </record>
  </filter>
  <match **>
    @type stdout
  </match>
</label>
`,
    count: 133,
  }));

test('Fluentd: JSON lines with a time, several matches', (t) =>
  deliversTheSame(t, {
    to: 'fluentbit',
    lines: lines.map((line, i) =>
      JSON.stringify({ ts: '2024-03-05T06:07:08.5+0100', n: i, nested: { a: [i] }, text: line }),
    ),
    config: `<source>
  @type tail
  path DIR/in.log
  tag app.json
  read_from_head true
  exit_on_eof true
  <parse>
    @type json
    time_key ts
    time_format %Y-%m-%dT%H:%M:%S.%N%z
    keep_time_key true
  </parse>
</source>
<match app.text app.xml>
  @type null
</match>
<match app.*>
  @type stdout
</match>
`,
    count: 200,
  }));

const numbered = Array.from({ length: 60 }, (_, n) => JSON.stringify({ n, level: ['info', 'warn', 'error'][n % 3] }));

for (const keep of ['false', 'true'])
  test(`Fluent Bit: new tags, keep ${keep}`, (t) =>
    deliversTheSame(t, {
      to: 'fluentd',
      lines: numbered,
      files: { 'parsers.conf': '[PARSER]\n    Name   json\n    Format json\n' },
      config: `[SERVICE]
    Parsers_File parsers.conf
[INPUT]
    Name           tail
    Path           DIR/in.log
    Tag            app.log
    Parser         json
    Read_from_Head On
    Exit_On_Eof    On
[FILTER]
    Name  rewrite_tag
    Match app.*
    Rule  $level ^(warn|error)$ seen.$1.$TAG[1] ${keep}
[FILTER]
    Name  modify
    Match seen.*
    Set   is seen
[OUTPUT]
    Name   stdout
    Match  *
    Format json_lines
`,
      count: keep === 'true' ? 100 : 60,
    }));

test('Fluentd: new tags; what no rule takes goes no further', (t) =>
  deliversTheSame(t, {
    to: 'fluentbit',
    lines: numbered,
    config: `<source>
  @type tail
  path DIR/in.log
  tag app.log
  read_from_head true
  exit_on_eof true
  <parse>
    @type json
  </parse>
</source>
<match app.**>
  @type rewrite_tag_filter
  <rule>
    key level
    pattern /^(warn|error)$/
    tag seen.$1.\${tag_parts[1]}
  </rule>
</match>
<filter seen.error.*>
  @type record_modifier
  <record>
    bad yes
  </record>
</filter>
<match **>
  @type stdout
</match>
`,
    count: 40,
  }));
