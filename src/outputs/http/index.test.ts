import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server, ServerResponse } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { batchOf, chunkOf, configOf, contextOf, modelOf, outputContextOf, section } from '../../../test/fixture.ts';
import { defaultBuffer } from '../../config/model.ts';
import type { BufferModel, PluginModel } from '../../config/model.ts';
import { OperatingError } from '../../core/errors.ts';
import type { Chunk, Output } from '../../core/plugin.ts';
import { csvFormatter } from '../../codecs/csv.ts';
import { jsonFormatter } from '../../codecs/json.ts';
import { ltsvFormatter } from '../../codecs/ltsv.ts';
import { builtinPlugins } from '../../plugins.ts';
import { httpOutputOver } from './index.ts';

interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly socket: Socket;
}
type Answer = (res: ServerResponse, received: Received) => void;

/** A server on loopback that keeps what it gets; `answers` are given in turn, the last one again and again. */
async function target(
  t: TestContext,
  ...answers: Answer[]
): Promise<{ url: string; received: Received[]; server: Server }> {
  const received: Received[] = [];
  const server = createServer((req, res) => {
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    req.on('end', () => {
      const { method = '', url = '', headers, socket } = req;
      const one = { method, url, headers, body: Buffer.concat(parts), socket };
      received.push(one);
      (answers[received.length - 1] ?? answers.at(-1) ?? ((to) => to.end()))(res, one);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received, server };
}

const status =
  (code: number, body = '', headers: Record<string, string> = {}): Answer =>
  (res) =>
    res.writeHead(code, headers).end(body);

interface Made {
  readonly options: Record<string, unknown>;
  readonly auth?: Record<string, unknown>;
  readonly formatter?: PluginModel;
  readonly buffer?: Partial<BufferModel>;
  readonly env?: Record<string, string>;
}

/** An output that is open, closed when the test ends. */
async function make(t: TestContext, { options, auth, formatter, buffer, env = {} }: Made): Promise<Output> {
  const plugin = httpOutputOver(env);
  assert.ok(plugin.kind === 'output');
  const whole = { ...defaultBuffer, ...buffer };
  const method = { method: 'basic', ...auth };
  const config = configOf(plugin, options, {
    ...(auth && { sections: { auth: [section(method)] } }),
    ...(formatter && { formatter }),
  });
  plugin.check?.(config, whole);
  const output = plugin.create(config, outputContextOf(contextOf(builtinPlugins), { buffer: whole }));
  await output.open?.();
  t.after(() => output.close());
  return output;
}

const signal = new AbortController().signal;
const records = batchOf('a.b', ['{"n":0}', '{"n":1}', '{"n":2}']);
const chunk = (rest: Partial<Chunk> = {}): Chunk => chunkOf([records], rest);

/** What a write failed with. */
async function failure(writing: Promise<unknown>): Promise<OperatingError> {
  const error: unknown = await writing.then(
    () => assert.fail('it was written'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof OperatingError, String(error));
  return error;
}

test('a chunk is one POST of NDJSON, on a connection that is kept', async (t) => {
  const { url, received } = await target(t);
  const output = await make(t, { options: { endpoint: `${url}/api/in?x=1` } });
  assert.deepEqual(await output.write(chunk(), signal), { refused: [] });
  await output.write(chunk(), signal);
  const [first, second] = received;
  assert.equal(`${first?.method} ${first?.url}`, 'POST /api/in?x=1');
  assert.equal(first?.headers['content-type'], 'application/x-ndjson');
  assert.equal(first?.headers['content-length'], '24');
  assert.match(first?.headers['user-agent'] ?? '', /^post2log\//);
  assert.equal(first?.body.toString(), '{"n":0}\n{"n":1}\n{"n":2}\n');
  assert.equal(first?.socket, second?.socket);
  const once = await make(t, { options: { endpoint: url, reuseConnections: false } });
  await once.write(chunk(), signal);
  await once.write(chunk(), signal);
  assert.notEqual(received[2]?.socket, received[3]?.socket);
});

test('json_array, other formats and their types, gzip', async (t) => {
  const { url, received } = await target(t);
  const bodies: [Record<string, unknown>, PluginModel | undefined, string, string][] = [
    [{ jsonArray: true }, undefined, 'application/json', '[{"n":0}\n,{"n":1}\n,{"n":2}\n]'],
    [
      { jsonArray: true },
      modelOf(jsonFormatter, { addNewline: false }),
      'application/json',
      '[{"n":0},{"n":1},{"n":2}]',
    ],
    [{}, modelOf(ltsvFormatter), 'text/tab-separated-values', 'n:0\nn:1\nn:2\n'],
    [{ contentType: 'x/y' }, modelOf(csvFormatter, { fields: ['n'] }), 'x/y', '"0"\n"1"\n"2"\n'],
  ];
  for (const [options, formatter, type, body] of bodies) {
    const output = await make(t, { options: { endpoint: url, ...options }, ...(formatter && { formatter }) });
    await output.write(chunk(), signal);
    assert.deepEqual([received.at(-1)?.headers['content-type'], received.at(-1)?.body.toString()], [type, body]);
  }
  const packed = await make(t, { options: { endpoint: url, compress: 'gzip' } });
  await packed.write(chunk(), signal);
  assert.equal(received.at(-1)?.headers['content-encoding'], 'gzip');
  assert.equal(gunzipSync(received.at(-1)?.body ?? '').toString(), '{"n":0}\n{"n":1}\n{"n":2}\n');
});

test('PUT, headers, placeholders in headers and endpoint, user and password', async (t) => {
  const { url, received } = await target(t);
  const output = await make(t, {
    options: {
      endpoint: `${url}/in/\${tag}/\${tag[1]}/\${k}/%Y?c=\${chunk_id}`,
      httpMethod: 'put',
      headers: { 'X-A': '1', 'x-b': 'zwei ö' },
      headersFromPlaceholders: { 'x-tag': '${tag}', 'x-k': '${k}' },
    },
    auth: { username: 'us:er', password: 'pä' },
    buffer: { chunkKeys: ['tag', 'time', 'k'], timekeySeconds: 3600, timezone: '+00:00' },
  });
  const fields = new Map([['k', 'ü ?#/x']]);
  await output.write(chunk({ id: 'c1', tag: 'a.b', timekeySeconds: 1_709_618_400, fields }), signal);
  const { method, url: path, headers } = received[0] as Received;
  assert.equal(`${method} ${path}`, 'PUT /in/a.b/b/%C3%BC%20%3F%23/x/2024?c=c1');
  assert.deepEqual([headers['x-a'], headers['x-tag'], headers.authorization], ['1', 'a.b', 'Basic dXM6ZXI6cMOk']);
  assert.equal(Buffer.from(headers['x-b'] as string, 'latin1').toString(), 'zwei ö');
  assert.equal(Buffer.from(headers['x-k'] as string, 'latin1').toString(), 'ü ?#/x');
});

test('what a placeholder is filled with leads nowhere else', async (t) => {
  const { url, received } = await target(t);
  const buffer = { chunkKeys: ['tag'] };
  const path = await make(t, { options: { endpoint: `${url}/in/\${tag}/x` }, buffer });
  const refusedFor = async (output: Output, tag: string): Promise<string> => {
    const result = await output.write(chunk({ tag }), signal);
    assert.equal(result?.refused?.length, 3, tag);
    return result.refused[0]?.reason ?? '';
  };
  for (const tag of ['..', '../../admin', '%2e%2e']) assert.match(await refusedFor(path, tag), /leads out of the path/);
  const header = await make(t, { options: { endpoint: url, headersFromPlaceholders: { 'x-t': '${tag}' } }, buffer });
  assert.match(await refusedFor(header, 'a\r\nx-evil: 1'), /no such header: header "x-t"/);
  const options = { endpoint: `http://\${tag}:1/in`, allowedHosts: ['good.example'] };
  const host = await make(t, { options, buffer });
  assert.match(await refusedFor(host, 'evil.example'), /none of allowed_hosts/);
  assert.match(await refusedFor(host, 'good.example@evil.example'), /is no host/);
  assert.match(await refusedFor(host, 'good.example/x'), /is no host/);
  assert.deepEqual(received, []);
});

test('statuses: later, refused as a whole, refused for what was sent', async (t) => {
  const later = { 'Retry-After': '7' };
  const { url } = await target(
    t,
    status(503, 'busy', later),
    status(429),
    status(500, 'no\n'),
    status(302),
    status(400, 'bad n'),
    status(204),
  );
  const output = await make(t, { options: { endpoint: `${url}/x?key=secret` } });
  const busy = await failure(output.write(chunk(), signal));
  assert.deepEqual([busy.code, busy.retryAfterMs], ['OUTPUT_UNREACHABLE', 7000]);
  assert.match(busy.message, /^503 Service Unavailable answered to POST http:\/\/127\.0\.0\.1:\d+\/x: busy$/);
  assert.equal((await failure(output.write(chunk(), signal))).code, 'OUTPUT_UNREACHABLE');
  const whole = await output.write(chunk(), signal);
  assert.deepEqual(
    whole?.refused?.map(({ row }) => row),
    [0, 1, 2],
  );
  assert.match(
    whole?.refused?.[0]?.reason ?? '',
    /^OUTPUT_REFUSED: 500 Internal Server Error answered to POST .*\/x: no$/,
  );
  const moved = await output.write(chunk(), signal);
  assert.match(moved?.refused?.[0]?.reason ?? '', /redirects are not followed/);
  const bad = await failure(output.write(chunk(), signal));
  assert.deepEqual([bad.code, bad.retryable], ['OUTPUT_REFUSED', false]);
  assert.deepEqual(await output.write(chunk(), signal), { refused: [] });
});

test('retryable_response_codes are taken as written', async (t) => {
  const { url } = await target(t, status(500), status(503));
  const output = await make(t, { options: { endpoint: url, retryableResponseCodes: ['500'] } });
  assert.equal((await failure(output.write(chunk(), signal))).code, 'OUTPUT_UNREACHABLE');
  assert.equal((await output.write(chunk(), signal))?.refused?.length, 3);
});

test('a server that is not there, breaks off or closed a kept connection', async (t) => {
  const { url, received, server } = await target(
    t,
    (res) => res.end(),
    (res) => res.socket?.destroy(),
    (res) => res.end(),
  );
  const output = await make(t, { options: { endpoint: url } });
  await output.write(chunk(), signal);
  // The second request goes out on the kept connection and is sent anew: the server closed it without an answer.
  await output.write(chunk(), signal);
  assert.equal(received.length, 3);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  const gone = await failure(output.write(chunk(), signal));
  assert.deepEqual([gone.code, gone.retryable], ['OUTPUT_UNREACHABLE', true]);
  assert.match(gone.message, /^sending POST http:\/\/127\.0\.0\.1:\d+\/: .*is the server running/);
  await assert.rejects(output.probe?.() ?? Promise.resolve(), /connecting to http:/);
});

test('a server that says nothing is given up, and so is one that opens no connection', async (t) => {
  const silent = await target(t, () => {});
  const output = await make(t, { options: { endpoint: silent.url, readTimeout: 1 } });
  const mute = await failure(output.write(chunk(), signal));
  assert.match(mute.message, /no byte came for 1 s/);
  const tcp = createTcpServer();
  tcp.listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  t.after(() => tcp.close());
  const { port } = tcp.address() as AddressInfo;
  const tls = await make(t, { options: { endpoint: `https://127.0.0.1:${port}/`, sslTimeout: 1 } });
  assert.match((await failure(tls.write(chunk(), signal))).message, /the TLS handshake took longer than 1 s/);
});

test('an answer without an end is cut; its status counts', async (t) => {
  const { url } = await target(t, (res) => {
    res.writeHead(500);
    const more = (): void => {
      while (!res.destroyed && res.write('x'.repeat(65_536)));
      if (!res.destroyed) res.once('drain', more);
    };
    more();
  });
  const output = await make(t, { options: { endpoint: url } });
  const result = await output.write(chunk(), signal);
  assert.equal(result?.refused?.length, 3);
  assert.ok((result.refused[0]?.reason.length ?? 0) < 400);
});

test('a stop ends a write', async (t) => {
  const { url, received } = await target(t, () => controller.abort());
  const controller = new AbortController();
  const output = await make(t, { options: { endpoint: url } });
  assert.equal((await failure(output.write(chunk(), controller.signal))).code, 'OUTPUT_UNREACHABLE');
  assert.equal(received.length, 1);
});

test('through a proxy: whole URLs for http, a tunnel for https', async (t) => {
  const { url, received } = await target(t);
  const { host } = new URL(url);
  const seen: string[] = [];
  const proxy = createServer((req, res) => {
    seen.push(`${req.method} ${req.url} ${req.headers['proxy-authorization']}`);
    res.end();
  });
  proxy.on('connect', (req, socket: Socket, head: Buffer) => {
    seen.push(`CONNECT ${req.url} ${req.headers['proxy-authorization']}`);
    if (req.url?.startsWith('refused')) return socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    const other = connect(Number(new URL(url).port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      other.write(head);
      socket.pipe(other).pipe(socket);
    });
    for (const one of [socket, other]) one.on('error', () => {});
    return undefined;
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  const at = `u%20x:p@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const authorization = 'Basic dSB4OnA=';
  const plain = await make(t, { options: { endpoint: `${url}/in`, proxy: `http://${at}` } });
  await plain.write(chunk(), signal);
  assert.deepEqual(seen.splice(0), [`POST http://${host}/in ${authorization}`]);
  const fromEnv = await make(t, { options: { endpoint: 'https://refused.example/' }, env: { http_proxy: at } });
  const refused = await failure(fromEnv.write(chunk(), signal));
  assert.match(refused.message, /gave no tunnel to refused.example:443: HTTP\/1.1 403 Forbidden/);
  // The other end of this tunnel speaks no TLS.
  const secure = await make(t, { options: { endpoint: `https://${host}/`, proxy: `http://${at}` } });
  assert.equal((await failure(secure.write(chunk(), signal))).code, 'OUTPUT_UNREACHABLE');
  assert.deepEqual(seen, [`CONNECT refused.example:443 ${authorization}`, `CONNECT ${host} ${authorization}`]);
  assert.deepEqual(received, []);
});

test('check names what does not fit', async (t) => {
  const problem = async (made: Made): Promise<string> =>
    make(t, made).then(
      () => '',
      (error: unknown) => (error as Error).message,
    );
  const endpoint = 'http://x.example/';
  const cases: [Made, RegExp][] = [
    [{ options: { endpoint: 'x.example' } }, /no URL such as https/],
    [{ options: { endpoint: 'ftp://u:secret@x/' } }, /^(?!.*secret).*no URL/],
    [{ options: { endpoint, proxy: 'ftp://x' } }, /proxy must be a URL/],
    [{ options: { endpoint, jsonArray: true }, formatter: modelOf(ltsvFormatter) }, /json_array needs the format json/],
    [{ options: { endpoint }, auth: { method: 'aws_sigv4' } }, /aws_sigv4 needs aws_service/],
    [{ options: { endpoint, tlsClientCertPath: 'a' } }, /given together/],
    [{ options: { endpoint, retryableResponseCodes: ['5x'] } }, /"5x" is no HTTP status/],
    [{ options: { endpoint, headers: { 'a b': 'x' } } }, /header "a b"/],
    [{ options: { endpoint: `${endpoint}\${tag}` } }, /write <buffer tag>/],
    [{ options: { endpoint, headersFromPlaceholders: { x: '${k}' } } }, /write <buffer k>/],
  ];
  for (const [made, expected] of cases) assert.match(await problem(made), expected);
  assert.equal(await problem({ options: { endpoint: `${endpoint}a%20b` } }), '');
});
