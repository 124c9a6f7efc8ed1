/** Configurations that people have (test/configs/), as `check` shows them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Registry } from '../core/registry.ts';
import { builtinPlugins } from '../plugins.ts';
import { check } from './check.ts';

const folder = new URL('../../test/configs/', import.meta.url).pathname;

async function checked(path: string | undefined, env: Record<string, string> = {}) {
  let [out, err] = ['', ''];
  const status = await check({
    path: path === undefined ? undefined : folder + path,
    env,
    registry: new Registry(builtinPlugins),
    out: (text) => (out += text),
    err: (text) => (err += text),
  });
  return { status, out: out.replaceAll(folder, ''), err: err.replaceAll(folder, '') };
}

/** What stands in front of the comparison. */
const pipeline = (out: string): string[] => out.split('compared with', 1)[0]?.trimEnd().split('\n') ?? [];

describe('the kafka configuration of a postback receiver', () => {
  const extra = readFileSync(`${folder}kafka.conf`, 'utf8');
  test('with its placeholders, the first that is none is named', async () => {
    const { status, err } = await checked(undefined, { P2L_FLUENTD_EXTRACFG: extra });
    assert.equal(status, 2);
    assert.match(err, /EXTRACFG:1:1: output kafka2: broker "<카프카 IP>:<카프카 Port>" is no host:port/);
  });
  test('filled in, it is shown', async () => {
    const filled = extra.replace('<카프카 IP>:<카프카 Port>', 'kafka.example.com:9092');
    const { status, out, err } = await checked(undefined, { P2L_FLUENTD_EXTRACFG: filled });
    assert.equal(status, 0, err);
    assert.deepEqual(
      pipeline(out).filter((line) =>
        /kafka2|brokers|use_event_time|default_topic|format json|chunks|written/.test(line),
      ),
      [
        '├─ match 태그: kafka2 (kafka2:kafka.example.com:9092/test)  [P2L_FLUENTD_EXTRACFG:1]',
        '│  ├─ default_topic test',
        '│  ├─ use_event_time true',
        '│  ├─ brokers kafka.example.com:9092',
        '│  ├─ format json',
        '│  └─ chunks',
        '│     └─ written 10s after the first record',
      ],
    );
    assert.match(out, /better: <buffer> @type memory: what waits is in the journal/);
  });
  test('with the quote of the shell left in it, the quote is named', async () => {
    const { status, out, err } = await checked('kafka-stray-quote.conf');
    assert.equal(status, 2);
    assert.equal(out, '');
    assert.match(
      err,
      /^kafka-stray-quote\.conf:20:9: nothing may follow <\/match> on its line, found `"`: a stray quote/m,
    );
  });
});

test('the sidecar of Cloud Logging, in the old spelling', async () => {
  const { status, out, err } = await checked('google-cloud-sidecar.conf');
  assert.equal(err, 'google-cloud-sidecar.conf: ok\n');
  assert.equal(status, 0);
  assert.deepEqual(pipeline(out), [
    'sources',
    '└─ tail → @ROOT  [google-cloud-sidecar.conf:2]',
    '   ├─ path /api/log/app.log',
    '   ├─ tag app.log',
    '   ├─ pos_file /api/log/app.log.pos',
    '   └─ parse none',
    'label @ROOT',
    '└─ match **: google_cloud  [google-cloud-sidecar.conf:17]',
  ]);
});

test('the sidecar of the Elasticsearch service', async () => {
  const { status, out, err } = await checked('aws-elasticsearch-sidecar.conf', {
    AWS_ACCESS_KEY: 'shown-never',
    AWS_ACCESS_SECRET: 'shown-never',
  });
  assert.equal(err, 'aws-elasticsearch-sidecar.conf: ok\n');
  assert.equal(status, 0);
  assert.doesNotMatch(out, /shown-never/);
  for (const line of ['parse none', 'tag_key @log_name', '<endpoint>', 'region ap-northeast-2', 'written 1s after'])
    assert.ok(out.includes(line), line);
});

test('the old spelling of everything, without a problem', async () => {
  const { status, out, err } = await checked('old-spelling.conf');
  assert.equal(err, 'old-spelling.conf: ok\n');
  assert.equal(status, 0);
  const lines = pipeline(out).map((line) => line.replace(/^[^\w]*/, ''));
  for (const line of [
    'parse nginx',
    'keys time, host, req_id, user',
    'types {"user":"string","req_id":"integer"}',
    'types {"code":"integer","size":"integer"}',
    String.raw`format_firstline /\d{4}-\d{1,2}-\d{1,2}/`,
    'by time (time: 1d, zone +00:00)',
    'written 1m after the first record',
    'given up after 17 retries: to the secondary, else to the dead letters',
    'time_type string',
    'match **: null (last)  [old-spelling.conf:88]',
  ])
    assert.ok(lines.includes(line), `${line}\nin\n${out}`);
  assert.match(out, /when more than \d+ bytes wait for this output a warning says so/);
});

test('the influxdb configuration: its placeholder is named with its place, and no password', async () => {
  const { status, out, err } = await checked('influxdb.conf');
  assert.equal(status, 2);
  assert.match(err, /^influxdb\.conf:4:8: port: found "<InfluxDB Port>", expected a whole number$/m);
  assert.doesNotMatch(out + err, /유저암호/);
});

test('an option of <buffer> is not compared as the one of that name which the output has', async () => {
  const forward = (section: string): string =>
    `<match x>\n@type forward\n<server>\nhost a\n</server>\n<${section}>\n@type file\npath /x\n</${section}>\n</match>`;
  const { out } = await checked(undefined, { P2L_FLUENTD_EXTRACFG: forward('buffer') });
  assert.match(out, /output forward/);
  assert.doesNotMatch(out, /differs: path/);
  const other = await checked(undefined, { P2L_FLUENTD_EXTRACFG: forward('service_discovery') });
  assert.match(other.out, /differs: path/);
});
