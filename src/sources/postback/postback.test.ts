import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { FakeClock } from '../../core/clock.ts';
import { OperatingError } from '../../core/errors.ts';
import type { ErrorCode } from '../../core/errors.ts';
import { FakeContext, RawClient, checkOf, configWith, detailOf, send, sendJson, startSource } from './harness.test.ts';
import type { PostbackOptions } from './options.ts';
import { PostbackSource } from './source.ts';

const ok = '{"status":"success"}';

test('answers after the append: 200 only once the records are durable', async (t) => {
  const context = new FakeContext();
  context.isHolding = true;
  const { port } = await startSource(t, {}, context);
  const client = new RawClient(port);
  client.write('POST /postback HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n{"a":1}');
  await context.until(() => context.held.length === 1);
  // Another request is answered meanwhile, so this one had its chance.
  assert.equal((await send(port, '/healthz', { method: 'GET' })).text, 'ok');
  assert.equal(client.text, '');
  context.held.shift()?.resolve();
  await client.until(/success/);
  assert.match(client.text, /^HTTP\/1\.1 200 OK\r\nContent-Type: application\/json\r\nContent-Length: 20\r\n/);
  assert.ok(client.text.endsWith(`\r\n\r\n${ok}`));
  client.socket.destroy();
});

test('requests of one turn share an append, each tag its own', async (t) => {
  const context = new FakeContext();
  context.isHolding = true;
  const { port } = await startSource(t, { endpoints: ['/postback', '/postback/*'] }, context);
  const client = new RawClient(port);
  const post = (path: string, n: number) => `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n{"a":${n}}`;
  // Pipelined in one packet: read in one turn.
  client.write(post('/postback', 1) + post('/postback/x', 2) + post('/postback', 3));
  await context.until(() => context.held.length >= 2);
  for (const held of context.held.splice(0)) held.resolve();
  await client.until(/(?:success[^]*){3}/);
  client.socket.destroy();
  assert.deepEqual(
    context.appended.map(({ tag, records }) => [tag, records.payloads.length]),
    [
      ['post2log', 2],
      ['x', 1],
    ],
  );
});

test('a record that is too large for the journal is refused alone', async (t) => {
  const context = new FakeContext();
  context.appendWith = (request) => {
    if (request.records.payloads.some((payload) => String(payload).includes('huge')))
      return Promise.reject(new OperatingError('RECORD_TOO_LARGE', 'too large'));
    context.appended.push(request);
    return Promise.resolve(0);
  };
  const { port } = await startSource(t, {}, context);
  const client = new RawClient(port);
  for (const word of ['"a"', '"huge"', '"b"'])
    client.write(`POST /postback HTTP/1.1\r\nHost: x\r\nContent-Length: ${word.length + 6}\r\n\r\n{"a":${word}}`);
  await client.until(/(?:HTTP\/1\.1 [^]*){3}\}$/);
  client.socket.destroy();
  assert.deepEqual(client.text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 413', 'HTTP/1.1 200']);
  assert.deepEqual(context.records, [{ a: 'a' }, { a: 'b' }]);
  assert.equal(context.refusals.get('record_too_large post2log'), 1);
});

test('503 with Retry-After when the journal is full, fails or stops', async (t) => {
  const context = new FakeContext();
  const { port } = await startSource(t, {}, context);
  for (const [code, reason, retryAfterMs, wait] of [
    ['JOURNAL_FULL', 'journal_full', undefined, '5'],
    ['JOURNAL_FULL', 'journal_full', 29_500, '30'],
    ['JOURNAL_WRITE', 'journal_write', undefined, '5'],
    ['JOURNAL_CLOSED', 'stopping', undefined, '5'],
  ] as const) {
    const error = new OperatingError(
      code satisfies ErrorCode,
      'writing /secret/path: no',
      retryAfterMs === undefined ? {} : { retryAfterMs },
    );
    context.appendWith = () => Promise.reject(error);
    const answer = await sendJson(port, '/postback', '{}');
    assert.deepEqual([answer.status, answer.headers['retry-after']], [503, wait]);
    assert.doesNotMatch(answer.text, /secret/);
    assert.ok((context.refusals.get(`${reason} post2log`) ?? 0) > 0);
  }
  context.appendWith = undefined;
  assert.equal((await sendJson(port, '/postback', '{}')).status, 200, 'and works again');
});

test('an unexpected error is 500 without its text', async (t) => {
  const context = new FakeContext();
  context.appendWith = () => Promise.reject(new TypeError('/secret/path'));
  const { port } = await startSource(t, {}, context);
  const answer = await sendJson(port, '/postback', '{}');
  assert.deepEqual([answer.status, answer.text], [500, '{"detail":"Internal Server Error"}']);
});

test('keep refused: raw bytes of 400, 413 and 415 go to the dead letters', async (t) => {
  const { port, context } = await startSource(t, { keepRefused: true, bodyLimit: 100, bearerToken: 'x' });
  const headers = { authorization: 'Bearer x' };
  const compressed = Buffer.from('1f8b0800ffff', 'hex');
  await send(port, '/postback?q=1', { body: '{"a":', headers: { ...headers, 'content-type': 'application/json' } });
  await send(port, '/postback', { body: compressed, headers: { ...headers, 'content-encoding': 'gzip' } });
  await send(port, '/postback', { body: 'hello', headers: { ...headers, 'content-type': 'text/plain' } });
  assert.equal((await send(port, '/postback', { body: 'y'.repeat(200), headers })).status, 413);
  assert.equal((await send(port, '/postback', { body: '{"a":' })).status, 401, 'strangers fill no dead letters');
  assert.deepEqual(
    context.kept.map(({ reason, tag, raw }) => [reason, tag, Buffer.from(raw).toString('latin1')]),
    [
      ['invalid_json', 'post2log', '{"a":'],
      ['invalid_compression', 'post2log', compressed.toString('latin1')],
      ['unsupported_type', 'post2log', 'hello'],
      ['body_too_large', 'post2log', 'y'.repeat(100)],
    ],
  );
  assert.equal(context.kept[3]?.detail?.['truncated'], 'true');
  assert.equal(context.kept[0]?.detail?.['url'], '/postback?q=1');
  assert.equal(context.kept[0]?.detail?.['content-type'], 'application/json');
  assert.match(context.kept[0]?.detail?.['detail'] ?? '', /the text ends at line 1 column 6/);
});

test('keep refused: nothing is kept without it, and a failing dead-letter queue does not stop the answer', async (t) => {
  const off = await startSource(t);
  assert.equal((await sendJson(off.port, '/postback', '{')).status, 400);
  assert.equal(off.context.kept.length, 0);
  const context = new FakeContext();
  context.keepRefused = () => Promise.reject(new Error('full'));
  const { port } = await startSource(t, { keepRefused: true }, context);
  assert.equal((await sendJson(port, '/postback', '{')).status, 400);
});

test('limits: a body beyond the limit is 413, declared or not, and the connection goes on', async (t) => {
  const { port, context } = await startSource(t, { bodyLimit: 1000 });
  const client = new RawClient(port);
  client.write(`POST /postback HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n${'x'.repeat(1001)}`);
  client.write('POST /postback HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  for (let i = 0; i < 3; i++) client.write(`190\r\n${'y'.repeat(400)}\r\n`);
  client.write('0\r\n\r\nPOST /postback HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}');
  await client.until(/success/);
  client.socket.destroy();
  assert.deepEqual(client.text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 413', 'HTTP/1.1 413', 'HTTP/1.1 200']);
  assert.match(client.text, /"the body is larger than 1000 bytes"/);
  assert.equal(context.refusals.get('body_too_large post2log'), 2);
  assert.equal(
    (await sendJson(port, '/postback', `{"a":"${'x'.repeat(1000 - 8)}"}`)).status,
    200,
    'the limit itself fits',
  );
});

test('limits: a head beyond the limit is 431, garbage is 400, and the server lives on', async (t) => {
  const { port, context } = await startSource(t, { headerLimit: 2048 });
  for (const [text, status, reason] of [
    [`POST /postback HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(3000)}\r\n\r\n`, 431, 'head_too_large'],
    ['hello there\r\n\r\n', 400, 'bad_request'],
    ['POST /postback HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n', 400, 'bad_request'],
    [
      'POST /postback HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
      'bad_request',
    ],
    ['\u0016\u0003\u0001\u0002\u0000\u0001\u0000', 400, 'bad_request'],
  ] as const) {
    const before = context.refusals.get(`${reason} post2log`) ?? 0;
    const client = new RawClient(port);
    client.write(text);
    await client.closed;
    assert.match(client.text, new RegExp(`^HTTP/1\\.1 ${status} `), JSON.stringify(text.slice(0, 40)));
    assert.match(client.text, /Connection: close\r\n\r\n\{"detail":"/);
    assert.equal(context.refusals.get(`${reason} post2log`), before + 1);
  }
  assert.equal((await sendJson(port, '/postback', '{}')).status, 200);
});

test('limits: bodies beyond the memory budget are 503, and the budget is given back', async (t) => {
  const { port, context } = await startSource(t, { bodyLimit: 1000, memoryLimit: 1000 });
  const first = new RawClient(port);
  first.write(`POST /postback HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{"a":"${'x'.repeat(600)}`);
  const second = `{"a":"${'y'.repeat(500)}"}`;
  let answer = await sendJson(port, '/postback', second);
  // The first body's bytes may arrive after the second's.
  while (answer.status === 200) answer = await sendJson(port, '/postback', second);
  assert.deepEqual([answer.status, answer.headers['retry-after']], [503, '5']);
  first.write(`${'x'.repeat(900 - 8 - 600)}"}`);
  await first.until(/success/);
  first.socket.destroy();
  assert.equal((await sendJson(port, '/postback', second)).status, 200);
  assert.equal(context.refusals.get('overloaded post2log'), 1);
});

test('slow loris: half-sent requests are closed after the timeout and counted', async (t) => {
  const context = new FakeContext();
  const { port } = await startSource(t, { headersTimeout: 500, requestTimeout: 800 }, context);
  const clients = [
    'POST /postback HTTP/1.1\r\nHost: x\r\nX-Slow: ',
    'POST /postback HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"a":',
  ].map((text) => {
    const client = new RawClient(port);
    client.write(text);
    return client;
  });
  for (const client of clients) {
    await client.closed;
    assert.match(client.text, /^HTTP\/1\.1 408 Request Timeout\r\n/);
  }
  assert.equal(context.refusals.get('request_timeout post2log'), 2);
  assert.equal(context.refusals.get('aborted post2log'), undefined, 'counted once');
  assert.equal(context.appended.length, 0);
  const silent = new RawClient(port);
  await silent.closed;
  assert.equal(context.refusals.get('request_timeout post2log'), 2, 'a connection without a request is not one');
  assert.equal((await sendJson(port, '/postback', '{}')).status, 200);
});

test('a sender that goes away in its body is counted, and nothing of it is kept', async (t) => {
  const context = new FakeContext();
  const { port } = await startSource(t, {}, context);
  const client = new RawClient(port);
  client.write('POST /postback HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"a":1}');
  await once(client.socket, 'connect');
  client.socket.end();
  await context.until(() => context.refusals.size > 0);
  assert.deepEqual([...context.refusals], [['aborted post2log', 1]]);
  assert.equal(context.appended.length, 0);
});

test('a sender that goes away before its answer: the record is kept, nothing breaks', async (t) => {
  const context = new FakeContext();
  context.isHolding = true;
  const { port } = await startSource(t, {}, context);
  const client = new RawClient(port);
  client.write('POST /postback HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n{"a":1}');
  await context.until(() => context.held.length === 1);
  client.socket.destroy();
  await client.closed;
  context.held.shift()?.resolve();
  context.isHolding = false;
  assert.equal((await sendJson(port, '/postback', '{"b":1}')).status, 200);
  assert.deepEqual(context.records, [{ a: 1 }, { b: 1 }]);
  assert.equal(context.refusals.size, 0);
});

test('garbage behind a request that waits for its fsync does not get ahead of its answer', async (t) => {
  const context = new FakeContext();
  context.isHolding = true;
  const { port } = await startSource(t, {}, context);
  const client = new RawClient(port);
  client.write('POST /postback HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}GARBAGE\r\n\r\n');
  await client.closed;
  assert.equal(client.text, '');
});

test('keep-alive: one connection carries many requests; requestsPerConnection ends it', async (t) => {
  const { port } = await startSource(t, { requestsPerConnection: 3 });
  const client = new RawClient(port);
  const post = 'POST /postback HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}';
  client.write(post);
  await client.until(/success/);
  client.write(post);
  await client.until(/success[^]*success/);
  client.write(post);
  await client.closed;
  assert.deepEqual(client.text.match(/Connection: \S+/g), [
    'Connection: keep-alive',
    'Connection: keep-alive',
    'Connection: close',
  ]);
});

test('keep-alive: an idle connection is closed after its time', async (t) => {
  const { port } = await startSource(t, { keepAliveTimeout: 50 });
  const client = new RawClient(port);
  client.write('POST /postback HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}');
  await client.closed;
  assert.match(client.text, /success/);
});

test('Expect: 100-continue is asked for where the head is fine, refused where it is not', async (t) => {
  const { port, context } = await startSource(t, { bodyLimit: 100, endpoints: ['/postback'] });
  const head = (path: string, length: number, expect = '100-continue') =>
    `POST ${path} HTTP/1.1\r\nHost: x\r\nExpect: ${expect}\r\nContent-Length: ${length}\r\n\r\n`;
  const good = new RawClient(port);
  good.write(head('/postback', 7));
  await good.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
  good.write('{"a":1}');
  await good.until(/success/);
  good.socket.destroy();
  for (const [text, status] of [
    [head('/postback', 101), 413],
    [head('/other', 7), 404],
    [head('/postback', 7, 'the-unexpected'), 417],
  ] as const) {
    const client = new RawClient(port);
    client.write(text);
    await client.closed;
    assert.match(client.text, new RegExp(`^HTTP/1\\.1 ${status} [^]*Connection: close`));
  }
  assert.deepEqual(context.records, [{ a: 1 }]);
});

test('more connections than allowed are closed at once and counted', async (t) => {
  const context = new FakeContext();
  const { port } = await startSource(t, { connectionsMax: 1 }, context);
  const first = new RawClient(port);
  first.write('POST /postback HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}');
  await first.until(/success/);
  const second = new RawClient(port);
  await second.closed;
  assert.equal(second.text, '');
  assert.equal(context.refusals.get('too_many_connections post2log'), 1);
  first.socket.destroy();
});

test('many connections at a time', async (t) => {
  const { port, context } = await startSource(t);
  const count = 1000;
  const clients = Array.from({ length: count }, () => new RawClient(port));
  for (const client of clients) client.write('POST /postback HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n');
  for (const client of clients) client.write('{}');
  for (const client of clients) await client.until(/success/);
  for (const client of clients) client.socket.destroy();
  assert.equal(context.texts.length, count);
});

test('stop: in-flight requests are answered with Connection: close, new ones are not accepted', async () => {
  const context = new FakeContext();
  context.isHolding = true;
  const source = new PostbackSource(configWith(), context);
  await source.start();
  const port = source.address?.port ?? 0;
  const agent = new Agent({ keepAlive: true });
  const req = httpRequest({ host: '127.0.0.1', port, path: '/postback', method: 'POST', agent });
  req.end('{"a":1}');
  await context.until(() => context.held.length === 1);
  const arriving = new RawClient(port);
  arriving.write('POST /postback HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 7\r\n\r\n');
  await arriving.until(/100 Continue/);
  const stopped = source.stop();
  await assert.rejects(sendJson(port, '/postback', '{}'), { code: 'ECONNREFUSED' });
  arriving.write('{"b":2}');
  await context.until(() => context.held.length === 2);
  const responded = once(req, 'response') as Promise<[IncomingMessage]>;
  for (const held of context.held) held.resolve();
  const [res] = await responded;
  assert.deepEqual([res.statusCode, res.headers.connection], [200, 'close']);
  res.resume();
  await arriving.closed;
  assert.match(arriving.text, /200 OK[^]*Connection: close/);
  await stopped;
  agent.destroy();
  assert.deepEqual(context.records, [{ a: 1 }, { b: 2 }]);
});

test('stop: idle connections are closed at once; a request that never becomes whole is cut with 503', async () => {
  const context = new FakeContext(new FakeClock());
  const source = new PostbackSource(configWith(), context);
  await source.start();
  const port = source.address?.port ?? 0;
  const idle = new RawClient(port);
  idle.write('POST /postback HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}');
  await idle.until(/success/);
  const half = new RawClient(port);
  half.write('POST /postback HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n');
  await half.until(/100 Continue/);
  const stopped = source.stop();
  await idle.closed;
  (context.clock as FakeClock).advance(5000);
  await half.until(/503/);
  assert.match(half.text, /503 Service Unavailable[^]*Retry-After: 1/);
  (context.clock as FakeClock).advance(5000);
  await stopped;
  assert.equal(context.refusals.get('stopping post2log'), 1);
});

test('start: a busy port names host, port, reason and the next step', async (t) => {
  const { port } = await startSource(t);
  const second = new PostbackSource(configWith({ port }), new FakeContext());
  await assert.rejects(second.start(), {
    code: 'LISTEN_FAILED',
    message: `listening for postbacks on 127.0.0.1:${port}: the port is in use (EADDRINUSE); stop what uses it, or try P2L_PORT=8080`,
  });
  const elsewhere = new PostbackSource(configWith({ host: '192.0.2.1' }), new FakeContext());
  await assert.rejects(elsewhere.start(), { code: 'LISTEN_FAILED', message: /192\.0\.2\.1:0: .*check P2L_HOST/ });
  await second.stop();
});

test('two workers share a port', async (t) => {
  const first = await startSource(t, {}, new FakeContext(undefined, { index: 0, count: 2 }));
  const second = await startSource(t, { port: first.port }, new FakeContext(undefined, { index: 1, count: 2 }));
  for (let i = 0; i < 50; i++) assert.equal((await sendJson(first.port, '/postback', '{}')).status, 200);
  assert.equal(first.context.texts.length + second.context.texts.length, 50);
});

test('options that cannot work are said', () => {
  const cases: readonly [Partial<PostbackOptions>, RegExp][] = [
    [{ endpoints: [] }, /endpoints is empty/],
    [{ endpoints: ['postback'] }, /must begin with/],
    [{ endpoints: ['/a/*/b'] }, /only as its last part/],
    [{ endpoints: ['/a?b'] }, /must be a path/],
    [{ methods: ['PATCH'] }, /method "PATCH" is not one of POST, GET, PUT/],
    [{ methods: [] }, /methods is empty/],
    [{ tlsCert: 'x' }, /must be given together/],
    [{ headersTimeout: 2, requestTimeout: 1 }, /must not be above/],
    [{ requestTimeout: 0 }, /must be above 0/],
    [{ bodyLimit: 2, memoryLimit: 1 }, /must not be above memory_limit/],
  ];
  for (const [options, text] of cases) assert.match(checkOf(configWith(options)) ?? '', text);
  assert.equal(checkOf(configWith({ endpoints: ['/', '/a/*', '/postback'], methods: ['post', 'GET'] })), undefined);
});

test('requests are counted by status', async (t) => {
  const { port, context } = await startSource(t);
  await sendJson(port, '/postback', '{}');
  assert.equal(detailOf(await sendJson(port, '/x', '{}')), 'Not Found');
  const text = await context.metrics.registry.metrics();
  assert.match(text, /postback_requests_total\{source="postback",status="200"\} 1/);
  assert.match(text, /postback_requests_total\{source="postback",status="404"\} 1/);
});
