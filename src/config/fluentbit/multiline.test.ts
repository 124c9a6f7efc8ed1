/** `[MULTILINE_PARSER]`, `multiline.parser`, Multiline and Docker_Mode, in both forms. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Registry } from '../../core/registry.ts';
import { builtinPlugins } from '../../plugins.ts';
import { readConfig } from '../load.ts';
import type { PluginModel } from '../model.ts';

interface Read {
  readonly input: PluginModel | undefined;
  readonly said: string[];
}

async function read(files: Readonly<Record<string, string>>): Promise<Read> {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-multiline-'));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
    const path = join(directory, Object.keys(files)[0] ?? '');
    const { loaded, problems } = await readConfig({ path, env: {}, registry: new Registry(builtinPlugins) });
    const said = problems.map(({ at, text, severity }) => {
      const place = at ? `${at.file.replace(`${directory}/`, '')}:${at.line}:${at.column}: ` : '';
      return `${place}${severity === 'warning' ? 'warning: ' : ''}${text}`;
    });
    return { input: loaded?.model.sources[0]?.plugin, said };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A tail with properties, and a file of parsers. */
const classic = (properties: string, parsers = '') =>
  read({
    'a.conf': `[SERVICE]\n    Parsers_File p.conf\n[INPUT]\n    Name tail\n    Path /x\n${properties}\n[OUTPUT]\n    Name stdout\n`,
    'p.conf': parsers,
  });

const rules = `[MULTILINE_PARSER]
    Name          App
    Type          regex
    Flush_Timeout 1000
    Rule "start_state, other" "/^\\d+ \\"x\\" .*/" "cont"
    rule "cont" "/^\\s+.*/" "cont"
`;
const ruleOptions = [
  { from: ['start_state', 'other'], regex: '/^\\d+ "x" .*/', to: 'cont' },
  { from: ['cont'], regex: '/^\\s+.*/', to: 'cont' },
];

test('rules in both forms; parsers in order, names in any case', async () => {
  const { input, said } = await classic('    multiline.parser app, Docker\n    multiline.parser cri', rules);
  assert.deepEqual(said, []);
  const parsers = input?.parsers ?? [];
  assert.deepEqual(
    parsers.map(({ options: { name, builtin, flushTimeout } }) => [name, builtin, flushTimeout]),
    [
      ['App', undefined, 1000],
      [undefined, 'docker', 4000],
      [undefined, 'cri', 4000],
    ],
  );
  assert.deepEqual(
    parsers[0]?.sections['rule']?.map(({ options }) => options),
    ruleOptions,
  );
  const yaml = await read({
    'a.yaml': `multiline_parsers:
  - name: app
    type: regex
    rules:
      - state: start_state, other
        regex: '/^\\d+ "x" .*/'
        next_state: cont
      - state: cont
        regex: '/^\\s+.*/'
        next_state: cont
pipeline:
  inputs:
    - name: tail
      path: /x
      multiline.parser: [app, java]
  outputs:
    - name: stdout
      match: '*'
`,
  });
  assert.deepEqual(yaml.said, []);
  assert.deepEqual(
    yaml.input?.parsers?.[0]?.sections['rule']?.map(({ options }) => options),
    ruleOptions,
  );
  assert.equal(yaml.input?.parsers?.[1]?.options['builtin'], 'java');
});

test('what is wrong is said with its place', async () => {
  const { said } = await classic(
    '    multiline.parser jav',
    `[MULTILINE_PARSER]
    Name a
    Type regex
    Rule "cont" "/x/" "cont"
[MULTILINE_PARSER]
    Name b
    Type regex
    Rule "start_state" "/(/" "nowhere"
    Rule "start_state"
[MULTILINE_PARSER]
    Name c
    Type regexp
[MULTILINE_PARSER]
    Name d
    Type regex
    Parser none
[MULTILINE_PARSER]
    Name java
    Type endswith
    Match_String x
`,
  );
  const expected = [
    /^p\.conf:4:10: parser a: Rule "cont" .*: the first rule has to name start_state/,
    /^p\.conf:8:10: .*regular expression/,
    /^p\.conf:9:10: .*states, an expression and the next state were expected/,
    /^p\.conf:8:10: .*no rule counts from the state nowhere \(there are start_state\)/,
    /^p\.conf:12:10: Type.*did you mean regex/,
    /^p\.conf:16:12: warning: there is no parser none/,
    /^p\.conf:16:12: .*Parser none is not defined/,
    /^p\.conf:13:1: .*Type regex needs Rule/,
    /^p\.conf:18:10: warning: .*built-in one of that name/,
    /^a\.conf:6:22: there is no multiline parser jav; did you mean java\?/,
  ];
  for (const pattern of expected)
    assert.ok(
      said.some((text) => pattern.test(text)),
      `${String(pattern)} in\n${said.join('\n')}`,
    );
});

test('a flush timeout below half a second is refused, as there; 0 is the default', async () => {
  const of = (ms: number) => rules.replace('1000', String(ms));
  assert.match((await classic('    multiline.parser App', of(200))).said.join(), /a\.conf:6:22: .*500 milliseconds/);
  const { input, said } = await classic('    multiline.parser App', of(0));
  assert.deepEqual([said, input?.parsers?.[0]?.options['flushTimeout']], [[], 4000]);
});

const parsers =
  '[PARSER]\n    Name first\n    Format regex\n    Regex ^(?<a>x.*)\n[PARSER]\n    Name next\n    Format json\n';

test('Multiline: a first parser, and further ones', async () => {
  const { input, said } = await classic(
    '    Multiline On\n    Parser_Firstline first\n    Parser_1 next\n    Multiline_Flush 2',
    parsers,
  );
  assert.deepEqual(said, []);
  assert.equal(input?.parser?.type, 'fluentbit_firstline');
  assert.deepEqual(
    input?.parser?.parsers?.map(({ options: { format } }) => format),
    ['regex', 'json'],
  );
  assert.equal(input?.options['multilineFlushInterval'], 2000);
  const missing = await classic('    Multiline On\n    Parser_1 nowhere', parsers);
  assert.match(missing.said.join('\n'), /a\.conf:6:15: .*Multiline needs Parser_Firstline/);
  assert.match(missing.said.join('\n'), /a\.conf:7:14: .*\[PARSER\] named nowhere was expected/);
});

test('Docker_Mode, and what cannot stand together', async () => {
  const { input, said } = await classic('    Docker_Mode On\n    Docker_Mode_Parser first\n    Parser next', parsers);
  assert.deepEqual(said, []);
  assert.deepEqual([input?.options['dockerMode'], input?.parser?.options['format']], [true, 'json']);
  assert.equal(input?.parsers?.length, 1);
  const both = await classic('    Docker_Mode On\n    Multiline On\n    Parser_Firstline first', parsers);
  assert.match(both.said.join('\n'), /a\.conf:6:17: .*Docker_Mode cannot be on beside Multiline/);
});

test('multiline_buffer_limit: in powers of 1024, for inputs and filters; what cannot be read or kept is said', async () => {
  const limits = async (written: string) => {
    const directory = mkdtempSync(join(tmpdir(), 'p2l-multiline-'));
    try {
      const path = join(directory, 'a.conf');
      writeFileSync(
        path,
        `[SERVICE]\n    Flush 1\n${written}[INPUT]\n    Name tail\n    Path /x\n    multiline.parser java\n[FILTER]\n    Name multiline\n    Match *\n    multiline.key_content log\n    multiline.parser go\n[OUTPUT]\n    Name stdout\n    Match *\n`,
      );
      const { loaded, problems } = await readConfig({ path, env: {}, registry: new Registry(builtinPlugins) });
      const { sources, outputs } = loaded?.model ?? { sources: [], outputs: [] };
      return [
        sources[0]?.plugin.options['multilineBufferLimit'],
        outputs[0]?.plugin.options['joinedBytesMax'],
        problems.map(({ text }) => text).join(),
      ];
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  };
  const mib = 1024 * 1024;
  assert.deepEqual(await limits(''), [2 * mib, 2 * mib, '']);
  const line = (size: string) => `    multiline_buffer_limit ${size}\n`;
  for (const [size, bytes] of [
    ['2000', 2000],
    ['16k', 16_384],
    ['1.5MB', 1.5 * mib],
    ['4MiB', 4 * mib],
  ] as const)
    assert.deepEqual(await limits(line(size)), [bytes, bytes, '']);
  const [read, , said] = await limits(line('lots'));
  assert.equal(read, 2 * mib);
  assert.match(String(said), /multiline_buffer_limit: found "lots", expected a size/);
  for (const size of ['0', 'false', '1G']) {
    const [most, , why] = await limits(line(size));
    assert.equal(most, 8 * mib);
    assert.match(String(why), /more than the journal takes in a record/);
  }
});
