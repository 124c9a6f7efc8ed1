import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigError, formatProblem } from '../../core/errors.ts';
import { Registry } from '../../core/registry.ts';
import { builtinPlugins } from '../../plugins.ts';
import { convertConfig } from './index.ts';

async function convert(text: string, to: 'fluentd' | 'fluentbit', env: Record<string, string> = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-convert-'));
  const path = join(directory, 'given');
  try {
    writeFileSync(path, text);
    const converted = await convertConfig({ path, to, env, makeRegistry: () => new Registry(builtinPlugins) });
    const problems = converted.problems.map((problem) => formatProblem(problem).replace(`${path}:`, ''));
    return { text: converted.text.split('\n').slice(1).join('\n'), problems };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const fanOut = `pipeline:
  inputs:
    - name: dummy
      tag: a.b
  filters:
    - name: modify
      match: 'a.*'
      set: cluster west
  outputs:
    - name: stdout
      match: 'a.*'
      format: json_lines
    - name: "null"
      match: 'x.*'
    - name: es
      match: '*'
      host: \${ES_HOST}
      http_passwd: \${ES_PASSWORD}
`;

test('what fans out in Fluent Bit is copied in Fluentd; outputs that share no tags stand behind each other', async () => {
  const { text, problems } = await convert(fanOut, 'fluentd');
  assert.deepEqual(problems, []);
  assert.match(text, /<filter \/a\\\.\[\\s\\S\]\*\/>\n {2}@type modify/);
  assert.equal(text.match(/@type copy/g)?.length, 2);
  assert.match(text, /<label @BEHIND_2>\n {2}<match \*\*>\n {4}@type es/);
  const disjoint = fanOut.replace("match: '*'", "match: 'b.*'");
  assert.doesNotMatch((await convert(disjoint, 'fluentd')).text, /copy|label/);
});

test('secrets and variables stay variables, whatever their values are', async () => {
  const env = { ES_HOST: 'real-host', ES_PASSWORD: 'real-secret' };
  const { text } = await convert(fanOut, 'fluentd', env);
  assert.match(text, /host "#\{ENV\['ES_HOST'\]\}"/);
  assert.match(text, /http_passwd "#\{ENV\['ES_PASSWORD'\]\}"/);
  assert.doesNotMatch(text, /real-/);
  const back = await convert(text, 'fluentbit', env);
  assert.match(back.text, /http_passwd: "\$\{ES_PASSWORD\}"/);
  assert.doesNotMatch(back.text, /real-/);
});

test('a variable where a number stands is written as its value, and said', async () => {
  const text = '<source>\n@type forward\nport "#{ENV[\'PORT\']}"\n</source>\n<match **>\n@type null\n</match>\n';
  const { text: written, problems } = await convert(text, 'fluentbit', { PORT: '24999' });
  assert.match(written, /port: 24999/);
  assert.deepEqual(problems, [
    'warning: the variable PORT stands where a number or word is expected: its value of now was written',
  ]);
});

const labels = `<source>
  @type sample
  tag app.x
</source>
<source>
  @type sample
  tag own.y
  @label @OWN
</source>
<match app.{a,b}>
  @type null
</match>
<filter app.**>
  @type grep
  <regexp>
    key level
    pattern /err/i
  </regexp>
  <exclude>
    key $.k.ns
    pattern ^kube
  </exclude>
</filter>
<match app.** other.*>
  @type copy
  <store>
    @type stdout
  </store>
  <store>
    @type relabel
    @label @BRANCH
  </store>
</match>
<label @BRANCH>
  <filter **>
    @type record_transformer
    remove_keys secret
    <record>
      only here
    </record>
  </filter>
  <match **>
    @type counter
  </match>
</label>
<label @OWN>
  <match **>
    @type null
  </match>
</label>
`;

test('labels become the tags that come there, and filters of a branch processors', async () => {
  const { text, problems } = await convert(labels, 'fluentbit');
  assert.deepEqual(problems, []);
  assert.equal(
    text.slice(text.indexOf('  filters:')),
    `  filters:
    - name: grep
      match: app.x
      regex:
        - "level /err/i"
    - name: grep
      match: app.x
      exclude:
        - "$k['ns'] ^kube"
  outputs:
    - name: "null"
      alias: "null"
      match_regex: "(?!)"
    - name: stdout
      alias: stdout
      match: app.x
      format: json_lines
    - name: counter
      alias: "counter:stdout"
      match: app.x
      processors:
        logs:
          - name: modify
            set:
              - "only here"
          - name: modify
            remove:
              - secret
    - name: "null"
      alias: "null#2"
      match: own.y
`,
  );
});

test('a step behind a match does not get what that took', async () => {
  const text = labels.replace('tag app.x', 'tag app.x\n</source>\n<source>\n  @type forward');
  const { text: written, problems } = await convert(
    text.replace('  @label @OWN\n', '').replace(/<label @OWN>[^]*<\/label>\n/, ''),
    'fluentbit',
  );
  assert.deepEqual(problems, []);
  assert.match(written, /name: grep\n {6}match_regex: "\(\?!\(\?:app\\\\\.\(\?:a\|b\)\)\\\\z\)\(\?=\(\?:app/);
});

test('parsers, times and types of Fluentd', async () => {
  const source = (parse: string) =>
    convert(
      `<source>\n@type tail\npath /l\ntag t\n<parse>\n${parse}\n</parse>\n</source>\n<match **>\n@type null\n</match>`,
      'fluentbit',
    );
  const { text } = await source(
    '@type regexp\nexpression /^(?<time>\\S+) (?<n>\\d+)$/\ntime_format %Y-%m-%dT%H:%M:%S.%N\ntimezone +09:00\ntypes n:integer\nkeep_time_key true',
  );
  assert.match(text, /regex: "\/\^\(\?<time>\\\\S\+\) \(\?<n>\\\\d\+\)\$\/"/);
  assert.match(
    text,
    /time_format: "%Y-%m-%dT%H:%M:%S.%L"\n {4}time_keep: on\n {4}time_offset: "\+0900"\n {4}types: "n:integer"/,
  );
  assert.match((await source('@type regexp\nexpression /^(?<time>.*)$/')).problems.join('\n'), /needs a time_format/);
  assert.match((await source('@type nginx')).problems.join('\n'), /parser nginx: has no counterpart/);
});

test('what has no counterpart is named with its place', async () => {
  const config = `<source>
  @type sample
  tag t
</source>
<filter **>
  @type record_transformer
  enable_ruby true
  <record>
    a \${tag}
  </record>
</filter>
<match x>
  @type roundrobin
  <store>
    @type null
  </store>
</match>
<match **>
  @type rewrite_tag_filter
  <rule>
    key a
    pattern b
    tag c
  </rule>
</match>
`;
  const { problems } = await convert(config, 'fluentbit');
  assert.deepEqual(problems, [
    '12:1: roundrobin: Fluent Bit gives every output all records',
    '18:1: rewrite_tag_filter: give the records new tags with the filter rewrite_tag by hand; what comes behind it was not converted',
    '9:7: filter record_transformer: a: only texts and ${record["field"]} can be written in Fluent Bit',
  ]);
});

test('options that an output of Fluent Bit goes without are told, those that change nothing are not', async () => {
  const given = `<source>
  @type sample
  tag a
</source>
<match a>
  @type elasticsearch
  host 127.0.0.1
  request_timeout 30s
  logstash_format true
</match>
`;
  const { text, problems } = await convert(given, 'fluentbit');
  assert.match(text, /logstash_format: on/);
  assert.deepEqual(
    problems.filter((problem) => problem.includes('left out')),
    ['5:1: warning: output elasticsearch: request_timeout is left out; write it by hand where it matters'],
  );
});

test('mistakes of the configuration are told before anything is written; the same dialect is none to convert to', async () => {
  await assert.rejects(convert('<source>\n@type smaple\n</source>', 'fluentbit'), ConfigError);
  await assert.rejects(convert('<match **>\n@type null\n</match>', 'fluentd'), /is a configuration of fluentd already/);
});
