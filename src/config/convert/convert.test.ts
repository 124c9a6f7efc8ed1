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

test('what tries one parser after the other is told where it cannot be written', async () => {
  const tail = '  inputs:\n    - name: tail\n      path: /x\n      multiline.parser: docker, cri\n';
  const { problems } = await convert(`pipeline:\n${tail}  outputs:\n    - name: stdout\n      match: '*'\n`, 'fluentd');
  assert.match(problems.join('\n'), /source tail: is not wholly the same in what was written: multiline\.parser$/m);
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
    'warning: the variable PORT stands where a number or word is expected: the value of now was written',
  ]);
});

test('a default of a variable goes along; where it has no spelling what holds now is written, and said', async () => {
  const output = (options: string): string =>
    `<source>\n@type forward\n</source>\n<match **>\n@type elasticsearch\n${options}\n</match>\n`;
  const text = output(`host "#{ENV['HOST'] || 'search'}"
logstash_format true
logstash_prefix "#{ENV.fetch('PREFIX', 'logs')}-a"
user "#{ENV['ES_USER'] || use_default}"
password "#{ENV['PASS'] || use_nil}"
path "#{ENV['PATH_A'] || ENV['PATH_B'] || '/es'}"`);
  const { text: written, problems } = await convert(text, 'fluentbit', { PASS: 'secret', PATH_B: '/b' });
  assert.match(written, /host: "\$\{HOST:-search\}"/);
  assert.match(written, /logstash_prefix: "\$\{PREFIX:-logs\}-a"/);
  assert.match(written, /http_passwd: "\$\{PASS\}"/);
  assert.match(written, /path: "\$\{PATH_B:-\/es\}"/);
  assert.doesNotMatch(written, /http_user|secret/);
  assert.deepEqual(
    problems.filter((problem) => problem.includes('variable')),
    ['warning: the variables ES_USER, PASS, PATH_A stand with a default that cannot be written: what holds now was'],
  );
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
  const nginx = await source('@type nginx');
  assert.deepEqual(
    nginx.problems.filter((problem) => !problem.includes('left out by Fluentd')),
    [],
  );
  assert.match(
    nginx.text,
    /format: regex\n {4}regex: .*http_x_forwarded_for.*\n(?:.*\n)*? {4}time_format: "%d\/%b\/%Y:%H:%M:%S %z"/,
  );
  assert.match((await source('@type apache2')).text, /types: "code:integer size:integer"/);
  assert.match((await source('@type cri')).text, /regex: .*<logtag>.*\n(?:.*\n)*? {4}time_keep: on/);
  const syslog = await source('@type syslog\nwith_priority true');
  assert.match(syslog.text, /regex: "\/\^<\(\?<pri>.*\n(?:.*\n)*? {4}types: "pri:integer"/);
  assert.match((await source('@type csv\nkeys a')).problems.join('\n'), /parser csv: has no counterpart/);
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
    invert true
  </rule>
</match>
`;
  const { problems } = await convert(config, 'fluentbit');
  assert.deepEqual(problems, [
    '12:1: roundrobin: Fluent Bit gives every output all records',
    '20:3: rewrite_tag_filter: invert has no counterpart in Fluent Bit',
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

test('new tags of Fluentd are those of a filter, and what no rule takes goes no further', async () => {
  const config = `<source>
  @type sample
  tag app.web
</source>
<match app.**>
  @type rewrite_tag_filter
  <rule>
    key $.m.level
    pattern /^(warn|error)$/i
    tag seen.$1.\${tag_parts[1]}
  </rule>
  <rule>
    key text
    pattern "a b"
    tag other.\${tag}
  </rule>
</match>
<match seen.**>
  @type null
  @id seen
</match>
<match **>
  @type null
  @id rest
</match>
`;
  const { text, problems } = await convert(config, 'fluentbit');
  assert.deepEqual(problems, []);
  assert.match(text, /name: rewrite_tag\n {6}match_regex: .*app/);
  assert.match(text, /- "\$m\['level'\] \/\^\(warn\|error\)\$\/i seen\.\$1\.\$TAG\[1\] false"/);
  assert.match(text, /- "\$text \\"a b\\" other\.\$TAG false"/);
  assert.match(text, /alias: rest\n {6}match_regex: "\(\?!\(\?:app/, 'old tags go no further');
  const back = await convert(text, 'fluentd');
  assert.deepEqual(back.problems, []);
  assert.match(
    back.text,
    /key \$\["m"\]\["level"\]\n {4}pattern \/\^\(warn\|error\)\$\/i\n {4}tag seen\.\$1\.\$\{tag_parts\[1\]\}\n/,
  );
  const branch = await convert(
    config.replace(
      /<match app\.\*\*>([^]*?)<\/match>/,
      (_, inner: string) =>
        `<match app.**>\n@type copy\n<store>${inner}</store>\n<store>\n@type null\n@id old\n</store>\n</match>`,
    ),
    'fluentbit',
  );
  assert.deepEqual(branch.problems, []);
  assert.match(branch.text, /seen\.\$1\.\$TAG\[1\] true"/, 'beside a copy the record stays under its old tag');
});

test('new tags of Fluent Bit are those of a match, behind which all others go on in a label', async () => {
  const config = (rules: string) => `pipeline:
  inputs:
    - {name: dummy, tag: app.web}
  filters:
    - name: modify
      match: '*'
      set: a b
    - name: rewrite_tag
      match: 'app.*'
      rule: ${rules}
    - name: modify
      match: '*'
      set: c d
  outputs:
    - {name: "null", match: '*'}
`;
  const { text, problems } = await convert(config('["$m[\'k\'] ^x$ new.$TAG[1] false"]'), 'fluentd');
  assert.deepEqual(problems, []);
  assert.match(
    text,
    /<match \/app.*\n {2}@type rewrite_tag_filter\n {2}<rule>\n {4}key .*\n {4}pattern \/\^x\$\/\n {4}tag new\.\$\{tag_parts\[1\]\}\n/,
  );
  assert.match(text, /pattern \/\(\?!\)\/\n {4}invert true\n {4}tag "?\$\{tag\}"?\n {4}label @BEHIND_1/);
  assert.match(text, /<match \*\*>\n {2}@type relabel\n {2}@label @BEHIND_1/);
  assert.match(text, /<label @BEHIND_1>\n {2}<filter \*\*>/);
  const kept = await convert(config('["$a ^x$ new true"]'), 'fluentd');
  assert.deepEqual(kept.problems, []);
  assert.match(kept.text, /@type copy\n {2}<store>\n {4}@type rewrite_tag_filter[^]*?<store>\n {4}@type relabel/);
  const mixed = await convert(config('["$a ^x$ new true", "$a ^y$ new false"]'), 'fluentd');
  assert.match(mixed.problems.join(), /write two filters/);
  assert.match((await convert(config('["$a ^x$ new.$b false"]'), 'fluentd')).problems.join(), /a tag is made of \$TAG/);
});

test('several servers of forward are an upstream, and servers again', async () => {
  const config = `<source>
  @type sample
  tag t
</source>
<match **>
  @type forward
  <server>
    host 10.0.0.1
    port 24225
    weight 60
  </server>
  <server>
    name second
    host "#{ENV['SECOND']}"
    weight 10
  </server>
</match>
`;
  const { text, problems } = await convert(config, 'fluentbit', { SECOND: 'x' });
  assert.deepEqual(
    problems.map((problem) => problem.replace(/^.*?: warning: /, '')),
    [
      'output forward: weight has no counterpart in Fluent Bit; servers take turns evenly',
      'output forward: Fluent Bit itself reads upstream_servers from a file of its own, whose path stands in upstream: move that section into one',
    ],
  );
  assert.match(text, /upstream: servers_1\n/);
  assert.match(
    text,
    /upstream_servers:\n {2}- name: servers_1\n {4}nodes:\n {6}- name: server_1\n {8}host: 10\.0\.0\.1\n {8}port: 24225\n {6}- name: second\n {8}host: "\$\{SECOND\}"/,
  );
  const back = await convert(text, 'fluentd', { SECOND: 'x' });
  assert.deepEqual(back.problems, []);
  assert.match(back.text, /<server>\n(?:.*\n)*?.*host 10\.0\.0\.1[^]*<server>[^]*host "#\{ENV\['SECOND'\]\}"/);
  const standby = await convert(config.replace('weight 10', 'standby true'), 'fluentbit');
  assert.match(standby.problems.join(), /standby has no counterpart/);
});

test('a variable keeps its default', async () => {
  const yaml = `pipeline:
  inputs:
    - {name: dummy, tag: "\${TAG:-it's.web}"}
  outputs:
    - {name: es, match: '*', host: "\${ES_HOST:-es.local}", port: "\${ES_PORT:-9201}"}
`;
  const { text } = await convert(yaml, 'fluentd');
  assert.match(text, /tag "#\{ENV\.fetch\('TAG', 'it\\'s\.web'\)\}"/);
  assert.match(text, /host "#\{ENV\.fetch\('ES_HOST', 'es\.local'\)\}"/);
  assert.match(text, /port 9201/, 'a number is written as it is now');
  const back = await convert(text, 'fluentbit');
  assert.match(back.text, /tag: "\$\{TAG:-it's\.web\}"/);
  assert.match(back.text, /host: "\$\{ES_HOST:-es\.local\}"/);
});
