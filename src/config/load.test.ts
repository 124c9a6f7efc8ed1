import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { ConfigError, formatProblem } from '../core/errors.ts';
import { Registry } from '../core/registry.ts';
import { testPlugins } from './fluentd/test-plugins.ts';
import { loadConfig } from './load.ts';

const directory = mkdtempSync(join(tmpdir(), 'post2log-load-'));
after(() => rmSync(directory, { recursive: true }));

function write(path: string, text: string | Uint8Array): string {
  const full = join(directory, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, text);
  return full;
}
const load = (path: string | undefined, env: Record<string, string> = {}, registry = new Registry(testPlugins)) =>
  loadConfig({ path, env, registry });
/** The problems of a configuration that must not load, with the directory left out. */
async function problems(path: string | undefined, env: Record<string, string> = {}): Promise<string[]> {
  const error = await load(path, env).then(
    () => assert.fail('it loaded'),
    (error: unknown) => error,
  );
  assert.ok(error instanceof ConfigError, String(error));
  return error.problems.map((problem) => formatProblem(problem).replaceAll(`${directory}/`, ''));
}
const stdout = '<match **>\n@type stdout\n</match>\n';

describe('a file', () => {
  test('includes: globs in order, nested, relative to the file they stand in, inside sections', async () => {
    write(
      'a/conf.d/20.conf',
      '<filter **>\n@type record_transformer\n<record>\n@include ../rec.conf\nlast 3\n</record>\n</filter>',
    );
    write('a/conf.d/10.conf', '<source>\n@type sample\n</source>');
    write('a/conf.d/.hidden.conf', 'broken');
    write('a/conf.d/other.txt', 'broken');
    write('a/rec.conf', 'one 1\ntwo 2\n');
    write('a/sub/x/deep.conf', '<match never>\n@type null\n</match>');
    const path = write(
      'a/main.conf',
      `@include conf.d/*.conf\n@include sub/**/{deep,none}.conf\n@include "none/*.conf"\n${stdout}`,
    );
    const { model, warnings } = await load(path);
    assert.deepEqual(warnings, []);
    const steps = model.labels['@ROOT'] ?? [];
    assert.deepEqual(
      steps.map(({ match, at }) => [match.pattern, at.file.replace(`${directory}/`, ''), at.line]),
      [
        ['**', 'a/conf.d/20.conf', 1],
        ['never', 'a/sub/x/deep.conf', 1],
        ['**', 'a/main.conf', 4],
      ],
    );
    const [filter] = steps;
    assert.ok(filter?.action.kind === 'filter');
    assert.deepEqual(
      filter.action.plugin.sections['record']?.[0]?.pairs.map(({ key }) => key),
      ['one', 'two', 'last'],
    );
  });
  test('a problem in an included file has its place there', async () => {
    write('b/in.conf', '\n<match **>\n@type nosuch\n</match>');
    assert.deepEqual(await problems(write('b/main.conf', '@include in.conf')), [
      'b/main.conf:1:1: warning: there is no <source>: nothing will be received',
      'b/in.conf:3:7: unknown output plugin nosuch (there are copy, file, kafka2, null, relabel, rewrite_tag_filter, roundrobin, secondary_file, stdout, store)',
    ]);
  });
  test('paths of includes are read as URLs, and as they are written', async () => {
    write('u/a b.conf', '<match one>\n@type null\n</match>');
    write('u/c+d%20.conf', '<match two>\n@type null\n</match>');
    const path = write(
      'u/main.conf',
      '@include a%20b.conf\n@include "a b.conf"\n@include c+d%20.conf\n@include a+*.conf',
    );
    const { model } = await load(path);
    assert.deepEqual(
      model.labels['@ROOT']?.map(({ match }) => match.pattern),
      ['one', 'one', 'two', 'one'],
    );
  });
  test('the old include works in a file that a section includes', async () => {
    write('v/in.conf', 'include more.conf\ntag b');
    write('v/more.conf', 'rate 3');
    const { model, warnings } = await load(write('v/main.conf', '<source>\n@type sample\n@include in.conf\n</source>'));
    assert.deepEqual(
      warnings.map(({ text }) => text),
      ['include is deprecated; write @include'],
    );
    assert.equal(model.sources[0]?.plugin.options['rate'], 3);
    assert.equal(model.sources[0]?.plugin.options['tag'], 'b');
  });
  test('a file in another encoding', async () => {
    write('w/in.conf', Buffer.from([0x23, 0xc5, 0xc2, 0x0a]));
    assert.deepEqual(await problems(write('w/main.conf', '@include in.conf\n<match **>\n@type nul\n</match>')), [
      'w/main.conf:1:1: warning: there is no <source>: nothing will be received',
      'w/main.conf:3:7: unknown output plugin nul; did you mean null?',
      'w/in.conf:1:2: the byte 0xC5 is no UTF-8; save the file as UTF-8 (comments too)',
    ]);
  });
  test('a file that includes itself', async () => {
    write('c/in.conf', '@include main.conf');
    assert.match(
      (await problems(write('c/main.conf', '@include in.conf'))).join(),
      /c\/in\.conf:1:10: @include main\.conf: .*includes itself/,
    );
  });
  test('problems come in reading order, the variables first', async () => {
    const path = write('d.conf', '<match **>\n@type file\nappend x\n</match>\n<source>\n@type http\nport y\n</source>');
    assert.deepEqual(await problems(path, { P2L_WORKERS: 'z' }), [
      'P2L_WORKERS: found "z", expected a whole number',
      'd.conf:1:1: output file: path is required but missing (where; text)',
      'd.conf:3:8: append: found "x", expected true or false',
      'd.conf:7:6: port: found "y", expected a whole number',
    ]);
  });
  test('a file that is missing', async () =>
    assert.deepEqual(await problems(join(directory, 'none.conf')), ['reading configuration none.conf: no such file']));
  for (const [name, text] of [
    ['classic', '# comment\n[INPUT]\n    Name dummmy\n'],
    ['yaml', 'pipeline:\n  inputs:\n    - name: dummmy\n'],
  ] as const)
    test(`the dialect is told by the text: ${name}`, async () => {
      const [problem] = await problems(write(`e/${name}`, text));
      assert.match(problem ?? '', /^e\/\w+:3:\d+: unknown input plugin dummmy/);
    });
  test('a file called .yaml is YAML where its text looks like nothing', async () => {
    const [problem] = await problems(write('n.yaml', 'pipelines:\n  inputs:\n    - name: dummy\n'));
    assert.match(problem ?? '', /^n\.yaml:1:1: .*pipelines.*did you mean pipeline\?/);
  });
  test('a manifest of Kubernetes is told from a configuration, with the way to the one in it', async () => {
    const map = 'apiVersion: v1\ndata:\n  td-agent.conf: |-\n    <source>\n    </source>\nkind: ConfigMap\n';
    const manifest = `${map}metadata:\n  labels: {}\n  name: fluentd-config\n`;
    assert.deepEqual(await problems(write('m.yaml', manifest)), [
      'm.yaml:1:1: this is a ConfigMap of Kubernetes, and a configuration was expected: it stands under its key td-agent.conf; ' +
        String.raw`kubectl get configmap fluentd-config -o jsonpath='{.data.td-agent\.conf}' prints it`,
    ]);
  });
  test('an empty file runs, with a warning', async () => {
    const { warnings } = await load(write('f.conf', '\n'));
    assert.match(warnings.map(formatProblem).join(), /there is no <source>/);
  });
  test('workers: P2L_WORKERS goes before <system>', async () => {
    const path = write('g.conf', `<system>\nworkers 3\n</system>\n<source>\n@type sample\n</source>\n${stdout}`);
    assert.equal((await load(path)).workers, 3);
    assert.equal((await load(path, { P2L_WORKERS: '2' })).workers, 2);
  });
  test('what Kubernetes sets for a Service does not matter beside a file', async () => {
    const path = write('h.conf', `<source>\n@type sample\n</source>\n${stdout}`);
    assert.deepEqual((await load(path, { P2L_PORT: 'tcp://10.0.0.1:80' })).warnings, []);
  });
});

describe('plugin packages', () => {
  const api = new URL('../core/plugin.ts', import.meta.url).href;
  const plugin = (kind: string, name: string) =>
    `definePlugin({ kind: '${kind}', name: '${name}', summary: 'x', options: {}, example: '', create() {} })`;
  const add = (name: string, body: string) => {
    write(`node_modules/${name}/package.json`, JSON.stringify({ name, type: 'module', exports: './index.js' }));
    write(`node_modules/${name}/index.js`, `import { definePlugin } from '${api}';\n${body}`);
  };
  add(
    'post2log-plugin-shout',
    `export const a = ${plugin('output', 'shout')};\nexport const b = ${plugin('source', 'hear')};`,
  );
  add('listed', `export const a = ${plugin('output', 'from_list')};`);
  add('post2log-plugin-none', 'export const a = 1;');

  for (const type of ['post2log-plugin-shout', 'shout'])
    test(`@type ${type}`, async () => {
      const path = write(`p-${type}.conf`, `<source>\n@type sample\n</source>\n<match **>\n@type ${type}\n</match>`);
      const registry = new Registry(testPlugins);
      assert.deepEqual(
        (await load(path, {}, registry)).model.outputs.map(({ plugin }) => plugin.type),
        ['shout'],
      );
      await load(path, {}, registry);
    });
  test('listed in <system>', async () => {
    const path = write(
      'q.conf',
      '<system>\nplugins listed\n</system>\n<source>\n@type sample\n</source>\n<match **>\n@type from_list\n</match>',
    );
    const { model } = await load(path);
    assert.deepEqual([model.plugins, model.outputs[0]?.plugin.type], [['listed'], 'from_list']);
  });
  test('what cannot be loaded', async () => {
    const path = write(
      'r.conf',
      '<system>\nplugins missing\n</system>\n<match **>\n@type post2log-plugin-none\n</match>\n<source>\n@type sample\n</source>',
    );
    const found = await problems(path);
    assert.match(found[0] ?? '', /^r\.conf:2:9: loading plugin package missing: .*npm install missing/s);
    assert.match(
      found.join('\n'),
      /r\.conf:5:7: loading plugin package post2log-plugin-none: it exports nothing made by definePlugin/,
    );
  });
});

describe('the built-in configuration', () => {
  test('postback to stdout', async () => {
    const { model, warnings } = await load(undefined, { P2L_PORT: '8080' });
    assert.deepEqual(warnings, []);
    assert.deepEqual(
      model.sources.map(({ id, label, plugin }) => [id, label, plugin.type, plugin.options['port']]),
      [['postback', '@ROOT', 'postback', 8080]],
    );
    assert.equal(model.sources[0]?.plugin.options['host'], '0.0.0.0');
    assert.deepEqual(
      model.labels['@ROOT']?.map(({ match, action }) => [match.pattern, action]),
      [['**', { kind: 'output', output: 'builtin_stdout' }]],
    );
  });
  test('with matches of the user before', async () => {
    const extra = '<match test>\n  @type stdout\n</match>\n<system>\n  log_level debug\n</system>\n';
    const { model, warnings } = await load(undefined, { P2L_FLUENTD_EXTRACFG: extra });
    assert.deepEqual(warnings, []);
    assert.equal(model.logLevel, 'debug');
    assert.deepEqual(
      model.labels['@ROOT']?.map(({ match, action }) => [match.pattern, action]),
      [
        ['test', { kind: 'output', output: 'stdout' }],
        ['**', { kind: 'output', output: 'builtin_stdout' }],
      ],
    );
  });
  test('a match of everything does not warn of the built-in one behind it', async () =>
    assert.deepEqual((await load(undefined, { P2L_FLUENTD_EXTRACFG: stdout })).warnings, []));
  test('a problem in it has its place in the variable', async () =>
    assert.deepEqual(await problems(undefined, { P2L_FLUENTD_EXTRACFG: '<match a>\n  @type kafak2\n</match>' }), [
      'P2L_FLUENTD_EXTRACFG:2:9: unknown output plugin kafak2; did you mean kafka2?',
    ]));
  test('log files only', async () => {
    const { model, warnings } = await load(undefined, { P2L_FORWARDER: 'files', P2L_FLUENTD_EXTRACFG: stdout });
    assert.deepEqual(
      model.outputs.map(({ id }) => id),
      ['builtin_null', 'store'],
    );
    assert.match(
      warnings.map(formatProblem).join(),
      /^P2L_FLUENTD_EXTRACFG:1:1: warning: has no effect with P2L_FORWARDER=files/,
    );
  });
  test('signatures', async () => {
    const { model } = await load(undefined, { P2L_HMAC_SECRET: 's', P2L_HMAC_HEADER: 'X-Sig' });
    assert.equal(model.sources[0]?.plugin.options['signature'], 'custom');
    assert.deepEqual(await problems(undefined, { P2L_HMAC_SECRET: 's' }), [
      'P2L_HMAC_SECRET is set, but neither P2L_HMAC_PRESET (github, stripe, slack, shopify) nor P2L_HMAC_HEADER says how requests are signed',
    ]);
  });
  test('every wrong variable, and what the plugin checks', async () => {
    assert.deepEqual(await problems(undefined, { P2L_PORT: 'tcp://x', P2L_LOG_QUERYPARAM: 'maybe', P2L_KEEP: '?' }), [
      'P2L_KEEP: found "?", expected a duration such as 500ms, 10s, 5m, 24h, 7d, or seconds',
      'P2L_PORT: found "tcp://x", which Kubernetes sets for a Service whose name begins with p2l; set P2L_PORT in the pod\'s env, or enableServiceLinks: false in its spec, or rename the Service',
      'P2L_LOG_QUERYPARAM: found "maybe", expected true, false, 1 or 0',
    ]);
    assert.deepEqual(await problems(undefined, { P2L_ENDPOINT: 'x,y', P2L_PORT: '8080', P2L_RATE_LIMIT: '-1' }), [
      'P2L_ENDPOINT: endpoint x: expected a path that begins with /',
      'P2L_RATE_LIMIT: expected 0 or more',
    ]);
  });
});

describe('the store', () => {
  const named = (section: string) => write('s.conf', `<source>\n@type sample\n</source>\n${section}`);
  const match = '<match **>\n@type store\n</match>\n';
  const outputsOf = async (path: string | undefined, env: Record<string, string> = {}) => {
    const { model } = await load(path, env);
    return [model.outputs.map(({ id }) => id), model.taps ?? []];
  };

  test('gets every record without a file, and with one only where it is asked for', async () => {
    assert.deepEqual(await outputsOf(undefined), [['builtin_stdout', 'store'], ['store']]);
    assert.deepEqual(await outputsOf(undefined, { P2L_STORE: 'OFF' }), [['builtin_stdout'], []]);
    assert.deepEqual(await outputsOf(named(stdout)), [['stdout'], []]);
    assert.deepEqual(await outputsOf(named(stdout), { P2L_STORE: 'true' }), [['stdout', 'store'], ['store']]);
  });
  test('that a configuration names is used as it is routed', async () => {
    for (const env of [{}, { P2L_STORE: 'on' }] as Record<string, string>[])
      assert.deepEqual(await outputsOf(named(match), env), [['store'], []]);
    assert.deepEqual(await outputsOf(undefined, { P2L_FLUENTD_EXTRACFG: match }), [['store', 'builtin_stdout'], []]);
    const { model } = await load(named('<match **>\n@type store\n<buffer>\nflush_mode immediate\n</buffer>\n</match>'));
    assert.deepEqual([model.outputs[0]?.buffer.retry.waitMs, model.outputs[0]?.buffer.retry.waitMsMax], [100, 5000]);
  });
  test('is there once, under one name, and not as a secondary', async () => {
    assert.deepEqual(await problems(named(`<match a>\n@type store\n</match>\n${match}`)), [
      's.conf:7:1: a second output store (the first is at s.conf:4): there is one store, and it takes a record once; let one match or <label> lead to it',
    ]);
    assert.deepEqual(await problems(named('<match **>\n@type store\n@id mine\n</match>')), [
      's.conf:4:1: the output of the store is always called store; remove its @id, and leave @id store to it',
    ]);
    const other = '<match a>\n@type stdout\n@id store\n</match>\n';
    assert.deepEqual(await problems(named(other + match)), [
      's.conf:8:1: the output of the store is always called store; remove its @id, and leave @id store to it',
    ]);
    assert.deepEqual(await problems(named(other), { P2L_STORE: 'on' }), [
      'P2L_STORE=on: the output of the store is called store, and so is a section of the configuration; give that one another @id',
    ]);
    assert.deepEqual(await outputsOf(named(other)), [['store'], []]);
    assert.deepEqual(await problems(named(match), { P2L_STORE: 'off' }), [
      's.conf:4:1: P2L_STORE=off, but here is an output store; remove one of them',
    ]);
    const secondary = '<match **>\n@type stdout\n<secondary>\n@type store\n</secondary>\n</match>';
    assert.deepEqual(await problems(named(secondary)), [
      's.conf:6:1: the store cannot be a <secondary>: it takes records by its own place in the journal',
    ]);
    assert.deepEqual(await problems(named('<match **>\n@type stdout\n@id @replay\n</match>')), [
      's.conf:6:5: @id @replay: ids that begin with @ are reserved',
    ]);
  });
});
