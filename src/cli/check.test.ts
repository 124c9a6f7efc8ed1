import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { testPlugins } from '../config/fluentd/test-plugins.ts';
import { Registry } from '../core/registry.ts';
import { check } from './check.ts';

const directory = mkdtempSync(join(tmpdir(), 'post2log-check-'));
after(() => rmSync(directory, { recursive: true }));

async function run(text: string, env: Record<string, string> = {}) {
  const path = join(directory, 'f.conf');
  writeFileSync(path, text);
  let [out, err] = ['', ''];
  const code = await check({
    path: text === '' ? undefined : path,
    env,
    registry: new Registry(testPlugins),
    out: (piece) => (out += piece),
    err: (piece) => (err += piece),
  });
  return { code, out: out.replaceAll(`${directory}/`, ''), err: err.replaceAll(`${directory}/`, '') };
}

const whole = `
<source>
  @type tail
  @id app
  path /var/log/app.log
  tag app
  rotate_wait 1m
  enable_watch_timer no
  <parse>
    @type json
    time_key time
  </parse>
</source>
<filter app>
  @type record_transformer
  <record>
    host \${hostname}
    api_token t0psecret
  </record>
</filter>
<match app>
  @type copy
  <store>
    @type kafka2
    brokers a:9092,https://u:pw2@b:9092
    password hunter2
    headers {"Authorization": "Bearer x", "X-A": "1"}
    <buffer tag>
      @type file
      path /b
      flush_interval 10s
      retry_max_times 3
    </buffer>
    <secondary>
      @type file
      path /dead
    </secondary>
  </store>
  <store ignore_error>
    @type relabel
    @label @OUT
  </store>
</match>
<label @OUT>
  <match **>
    @type file
    path /var/log/out
    <inject>
      tag_key t
    </inject>
  </match>
</label>`;

test('the tree shows what differs from the defaults, masks secrets, and names what has no effect', async () => {
  const { code, out, err } = await run(whole);
  assert.equal(err, 'f.conf: ok\n');
  assert.equal(code, 0);
  assert.deepEqual(out.split('\n'), [
    'sources',
    '└─ tail (app) → @ROOT  [f.conf:2]',
    '   ├─ path /var/log/app.log',
    '   ├─ tag app',
    '   ├─ rotate_wait 1m',
    '   ├─ enable_watch_timer false',
    '   └─ parse json',
    '      └─ time_key time',
    'label @ROOT',
    '├─ filter app: record_transformer  [f.conf:14]',
    '│  └─ <record>',
    '│     ├─ host ${hostname}',
    '│     └─ api_token ******',
    '└─ match app: copy',
    '   ├─ kafka2 (kafka2:a:9092,https://u:******@b:9092)  [f.conf:23]',
    '   │  ├─ brokers a:9092, https://u:******@b:9092',
    '   │  ├─ password ******',
    '   │  ├─ headers {"Authorization":"******","X-A":"1"}',
    '   │  ├─ format json',
    '   │  ├─ chunks',
    '   │  │  ├─ by tag',
    '   │  │  ├─ written 10s after the first record',
    '   │  │  ├─ at most 268435456 bytes',
    '   │  │  └─ given up after 3 retries: to the secondary, else to the dead letters',
    '   │  └─ secondary file',
    '   │     ├─ path /dead',
    '   │     └─ format json',
    '   └─ relabel → @OUT',
    'label @OUT',
    '└─ match **: file (file:/var/log/out)  [f.conf:45]',
    '   ├─ path /var/log/out',
    '   ├─ format out_file',
    '   ├─ inject',
    '   │  └─ tag_key t',
    '   └─ chunks',
    '      └─ by time (time: 1d, zone local)',
    'compared with Fluentd 1.16',
    '├─ source tail  [f.conf:2]',
    '│  ├─ same: path, tag, rotate_wait',
    '│  └─ without effect: enable_watch_timer',
    '├─ parser json  [f.conf:9]',
    '│  └─ same: time_key',
    '├─ output kafka2  [f.conf:23]',
    '│  ├─ same: brokers, password, headers, <buffer> flush_interval, retry_max_times',
    '│  ├─ better: what waits for an output is in the journal, on disk before it is acknowledged, and survives a crash',
    '│  └─ without effect: path: waiting records stay in the journal',
    '├─ output file  [f.conf:34]',
    '│  └─ same: path',
    '├─ store  [f.conf:39]',
    '│  └─ better: ignore_error: every store has its own place in the journal, none waits for another',
    '└─ output file  [f.conf:45]',
    '   └─ same: path',
    '',
  ]);
});

test('every error, warnings among them, and exit status 2', async () => {
  const { code, out, err } = await run('<match a,b>\n@type nul\n</match>\n<source>\n@type sample\nrate x\n</source>');
  assert.equal(code, 2);
  assert.equal(out, '');
  assert.deepEqual(err.split('\n'), [
    'f.conf:1:1: warning: <match a,b>: a comma outside {} is part of the tag; separate patterns with blanks',
    'f.conf:2:7: unknown output plugin nul; did you mean null?',
    'f.conf:6:6: rate: found "x", expected a number',
    'f.conf: 2 errors',
    '',
  ]);
});

test('plugins of later versions are counted beside errors', async () => {
  const { code, err } = await run('<match a>\n@type s3\n</match>\n<match b>\n@type nul\n</match>');
  assert.equal(code, 2);
  assert.match(err, /\nf\.conf: 1 error, 1 plugin not in this version yet\n$/);
});

test('without a file it is the built-in configuration', async () => {
  const { code, out, err } = await run('', { P2L_PORT: '8080', P2L_BEARER_TOKEN: 'hunter2', P2L_TYPO: '1' });
  assert.equal(code, 0);
  assert.deepEqual(out.split('\n'), [
    'sources',
    '└─ postback → @ROOT  [built-in]',
    '   ├─ port 8080',
    '   └─ bearer_token ******',
    'every record as it is received',
    '└─ store  [built-in]',
    'label @ROOT',
    '└─ match **: stdout (builtin_stdout)  [built-in]',
    '   └─ format stdout',
    '',
  ]);
  assert.equal(
    err,
    'warning: P2L_TYPO is no variable of post2log and has no effect\nthe built-in configuration: ok, 1 warning\n',
  );
});
