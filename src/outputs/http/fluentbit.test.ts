import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { batchOf, chunkOf, contextOf, outputContextOf } from '../../../test/fixture.ts';
import { readConfig } from '../../config/load.ts';
import type { Chunk, Plugin, WriteResult } from '../../core/plugin.ts';
import { Registry } from '../../core/registry.ts';
import { fluentbitTemplateFormatter } from '../../codecs/fluentbit_template.ts';
import { format } from '../../../test/formatting.ts';
import { builtinPlugins } from '../../plugins.ts';
import { fluentbitLokiOutput } from '../fluentbit_loki.ts';
import { fluentbitSplunkOutput } from '../fluentbit_splunk.ts';
import { tcpOutput } from '../tcp.ts';
import { httpOutput } from './index.ts';

const registry = new Registry(builtinPlugins);
const chunk = chunkOf(
  [
    batchOf(
      'app',
      ['{"n":0}', '{"n":1}'],
      [
        { seconds: 1, nanos: 0 },
        { seconds: 2, nanos: 0 },
      ],
    ),
  ],
  {
    tag: 'app',
  },
);

interface Received {
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A server on loopback; `answers` are its statuses in turn, 200 behind the last. */
async function target(t: TestContext, answers: number[] = []): Promise<{ port: number; received: Received[] }> {
  const received: Received[] = [];
  const server = createServer((req, res) => {
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    req.on('end', () => {
      received.push({ url: req.url, headers: req.headers, body: Buffer.concat(parts) });
      res.writeHead(answers.shift() ?? 200).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, received };
}

/** Reads an [OUTPUT]; what is wrong with it, and the model. */
async function read(plugin: Plugin, lines: readonly string[]) {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-output-'));
  try {
    const path = join(directory, 'a.conf');
    const text = [`Name ${plugin.fluentbit?.names?.[0] ?? plugin.name}`, ...lines]
      .map((line) => `    ${line}\n`)
      .join('');
    writeFileSync(path, `[INPUT]\n    Name dummy\n[OUTPUT]\n    Match *\n${text}`);
    const { loaded, problems } = await readConfig({ path, env: {}, registry });
    return { model: loaded?.model.outputs[0], problems: problems.map((one) => one.text) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Writes a chunk with an [OUTPUT]. */
async function send(
  t: TestContext,
  plugin: Plugin,
  lines: readonly string[],
  sent: Chunk = chunk,
): Promise<WriteResult | void> {
  const { model, problems } = await read(plugin, lines);
  assert.deepEqual(problems, []);
  assert.ok(model && plugin.kind === 'output' && model.plugin.type === plugin.name);
  const context = outputContextOf(contextOf(builtinPlugins), { buffer: model.buffer });
  const output = plugin.create({ ...model.plugin }, context);
  t.after(() => output.close());
  await output.open?.();
  return output.write(sent, new AbortController().signal);
}

test('http: forms, header_tag, zstd', async (t) => {
  const { port, received } = await target(t);
  await send(t, httpOutput, [`Port ${port}`, 'URI in', 'Header_Tag X-Tag', 'Header A b c', 'json_date_key false']);
  const [{ url, headers, body } = assert.fail()] = received;
  assert.deepEqual(
    [url, headers['x-tag'], headers['a'], headers['content-type']],
    ['/in', 'app', 'b c', 'application/json'],
  );
  assert.equal(body.toString(), '[{"n":0},{"n":1}]');
  await send(t, httpOutput, [`Port ${port}`, 'Format json_stream', 'Compress zstd', 'Header content-type text/x']);
  assert.deepEqual(
    [received[1]?.headers['content-encoding'], received[1]?.headers['content-type']],
    ['zstd', 'text/x'],
  );
  assert.equal(
    zstdDecompressSync(received[1]?.body ?? Buffer.alloc(0)).toString(),
    '{"date":1.0,"n":0}{"date":2.0,"n":1}',
  );
  const gelf = await send(t, httpOutput, [`Port ${port}`, 'Format gelf', 'gelf_short_message_key n']);
  assert.deepEqual(gelf, { refused: [] });
  assert.match(received[2]?.body.toString() ?? '', /^\{"version":"1\.1", "short_message":0, "timestamp":1\.000\}\n/);
});

test('splunk: the token, raw records, what is missing is said', async (t) => {
  const { port, received } = await target(t);
  const common = [`Port ${port}`, 'Splunk_Token tok'];
  await send(t, fluentbitSplunkOutput, [...common, 'Event_Field a $n', 'Channel c', 'Auto_Extract_Timestamp on']);
  const [{ url, headers, body } = assert.fail()] = received;
  assert.equal(url, '/services/collector/event?auto_extract_timestamp=true');
  assert.deepEqual([headers.authorization, headers['x-splunk-request-channel']], ['Splunk tok', 'c']);
  assert.equal(headers['content-type'], undefined);
  assert.match(body.toString(), /^\{"fields":\{"a":0\},"event":\{"n":0\}\}/);
  const { problems } = await read(fluentbitSplunkOutput, ['Event_Key $a[', 'Event_Field one']);
  assert.match(problems.join('\n'), /Splunk_Token or HTTP_User is required[\s\S]*Event_Field one: a name and a value/);
});

test('loki: one stream in one request, the tenant’s header; 400 is halved until the line is found', async (t) => {
  const { port, received } = await target(t, [204, 400]);
  await send(t, fluentbitLokiOutput, [
    `Port ${port}`,
    'Labels job=a, k=b',
    'Tenant_ID t',
    'Bearer_Token x',
    'Drop_Single_Key true',
  ]);
  const [{ url, headers, body } = assert.fail()] = received;
  assert.deepEqual([url, headers['x-scope-orgid'], headers.authorization], ['/loki/api/v1/push', 't', 'Bearer x']);
  assert.deepEqual(JSON.parse(body.toString()), {
    streams: [
      {
        stream: { job: 'a', k: 'b' },
        values: [
          ['1000000000', '0'],
          ['2000000000', '1'],
        ],
      },
    ],
  });
  await assert.rejects(send(t, fluentbitLokiOutput, [`Port ${port}`]), /OUTPUT_REFUSED|400/);
});

test('http: body_key and headers_key, a request for each record; what cannot be sent or is refused goes alone', async (t) => {
  const { port, received } = await target(t, [200, 503, 400]);
  const records = [
    '{"b":"one","h":{"X-A":"1","n":2,"content-type":"a/b"}}',
    '{"b":"two","h":{}}',
    '{"b":"three","h":{}}',
    '{"b":1,"h":{}}',
    '{"b":"x"}',
    '{"b":"x","h":{"A\\n":"x"}}',
  ];
  const sent = chunkOf([batchOf('app', records.slice(0, 2)), batchOf('app', records.slice(2))], { tag: 'app' });
  const lines = [`Port ${port}`, 'body_key $b', 'headers_key $h'];
  const result = await send(t, httpOutput, lines, sent);
  assert.deepEqual(result?.retry, [1]);
  assert.match(result.retryReason ?? '', /503/);
  assert.deepEqual(
    result.refused?.map(({ row, reason }) => [row, /body_key|headers_key|header "A|400/.exec(reason)?.[0]]).sort(),
    [
      [2, '400'],
      [3, 'body_key'],
      [4, 'headers_key'],
      [5, 'header "A'],
    ],
  );
  const [{ headers, body } = assert.fail()] = received;
  assert.deepEqual(
    [headers['x-a'], headers['n'], headers['content-type'], body.toString()],
    ['1', undefined, 'a/b', 'one'],
  );
  assert.match((await read(httpOutput, ['body_key $b'])).problems.join(), /must be given together/);
});

test('loki: tenant_id_key, a request for each tenant', async (t) => {
  const { port, received } = await target(t, [204, 204, 503]);
  const records = ['{"t":"a","n":1}', '{"t":"b","n":2}', '{"t":"a","n":3}', '{"n":4}'];
  const lines = [`Port ${port}`, 'Tenant_ID_Key $t', 'Tenant_ID other'];
  const result = await send(t, fluentbitLokiOutput, lines, chunkOf([batchOf('app', records)], { tag: 'app' }));
  assert.deepEqual(
    received.map(({ headers }) => headers['x-scope-orgid']),
    ['a', 'b', 'other'],
  );
  assert.deepEqual(result?.retry, [3]);
  assert.match(received[0]?.body.toString() ?? '', /\\"n\\":1.*\\"n\\":3/);
});

test('loki: label_map_path says which fields are labels, beside those of Labels', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-loki-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'map.json');
  writeFileSync(path, '{"kubernetes":{"pod_name":"pod","labels":{"app.kubernetes.io/name":"app"}},"stream":"stream"}');
  const { port, received } = await target(t);
  const record =
    '{"kubernetes":{"pod_name":"web-1","host":"h","labels":{"app.kubernetes.io/name":"web"}},"stream":"stdout","n":1}';
  const lines = [`Port ${port}`, 'Labels job=x', `Label_Map_Path ${path}`];
  await send(t, fluentbitLokiOutput, lines, chunkOf([batchOf('app', [record])], { tag: 'app' }));
  const { streams } = JSON.parse(received[0]?.body.toString() ?? '{}') as {
    streams: { stream: unknown; values: string[][] }[];
  };
  assert.deepEqual(streams[0]?.stream, { job: 'x', pod: 'web-1', app: 'web', stream: 'stdout' });
  assert.equal(streams[0]?.values[0]?.[1], '{"kubernetes":{"host":"h","labels":{}},"n":1}');
  for (const [text, expected] of [
    ['{"a":1}', /a is neither a label's name nor an object/],
    ['[]', /the file is neither/],
    ['{', /map\.json: .*a JSON file with an object/],
  ] as const) {
    writeFileSync(path, text);
    assert.match((await read(fluentbitLokiOutput, lines)).problems.join(), expected);
  }
  const absent = await read(fluentbitLokiOutput, [`Label_Map_Path ${path}.none`]);
  assert.match(absent.problems.join(), /label_map_path .*ENOENT/);
});

test('TLS: what tls.* says has an effect; names of certificates are looked at unless that is written off', async () => {
  const { model } = await read(httpOutput, ['tls on', 'tls.vhost v', 'tls.min_version TLSv1.3', 'tls.ca_path /c']);
  const { options } = model?.plugin ?? assert.fail();
  assert.deepEqual(
    [options['tlsServerName'], options['tlsMinVersion'], options['tlsCaCertDirectory'], options['tlsVerifyHostname']],
    ['v', 'TLSv1_3', '/c', true],
  );
  const off = await read(httpOutput, ['tls on', 'tls.verify_hostname off']);
  assert.equal(off.model?.plugin.options['tlsVerifyHostname'], false);
});

test('an accessor that cannot be read is an error of the configuration', async () => {
  const { problems } = await read(tcpOutput, ['Raw_Message_Key $log||']);
  assert.match(problems.join(), /output tcp: record accessor \$log\|\|: expected/);
});

test('fluentbit_template: a line filled from each record', () => {
  const batch = batchOf('app', ['{"log":"a","m":{"k":1.5}}', '{}']);
  assert.equal(
    format(fluentbitTemplateFormatter, { template: "$TAG: $log $m['k']" }, batch),
    'app: a 1.500000\napp:  \n',
  );
});
