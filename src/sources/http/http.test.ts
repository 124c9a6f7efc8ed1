import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import { encodeMsgpack } from '../../core/msgpack.ts';
import { OperatingError } from '../../core/errors.ts';
import { FakeContext, RawClient, send } from '../postback/harness.test.ts';
import { at, httpConfig, post, problemOf, startHttp, taken } from './harness.test.ts';

const json = 'application/json';
const form = 'application/x-www-form-urlencoded';

test('the path is the tag; time comes from its parameter, else from the record', async (t) => {
  const { context, port } = await startHttp(t);
  for (const path of ['/a/b/c', '/a.b', '/x/', '/', '//d//e', '/sp%20ace/%E6', '/a//b//', 'http://h/p/q', '/t#f'])
    assert.equal((await post(port, `${path}?time=5`, json, '{"k":1}')).status, 200, path);
  assert.deepEqual(
    taken(context).map(({ tag }) => tag),
    ['a.b.c', 'a.b', 'x', '', '.e', 'sp%20ace.%E6', 'a..b', 'p.q', 't'],
  );
  context.appended.length = 0;
  await post(port, '/t?time=1709618829.123456789', json, '{"time":9}');
  await post(port, '/t?time=-1.25', json, '{}');
  await post(port, '/t', json, '[{"a":3,"time":1709618828},{"a":4,"time":1709618829.5},{"a":5,"time":null}]');
  const found = taken(context).map(({ seconds, nanos, fields }) => [seconds, nanos, fields]);
  assert.deepEqual(found.slice(0, 4), [
    [1_709_618_829, 123_456_700, { time: 9 }],
    [-2, 750_000_000, {}],
    [1_709_618_828, 0, { a: 3 }],
    [1_709_618_829, 500_000_000, { a: 4 }],
  ]);
  assert.ok((found[4]?.[0] as number) > 1_700_000_000, 'a null time is now');
});

test('time 0, no number, or nothing is now; a time beyond all calendars is refused', async (t) => {
  const { context, port } = await startHttp(t);
  for (const time of ['', 'abc', '0', '0.0'])
    assert.equal((await post(port, `/t?time=${time}`, json, '{}')).status, 200, time);
  for (const { seconds } of taken(context)) assert.ok(seconds > 1_700_000_000);
  const answer = await post(port, '/t?time=1e300', json, '{}');
  assert.match(`${answer.status} ${answer.text}`, /^400 400 Bad Request\ntime "1e300" is beyond/);
  const text = await post(port, '/t', json, '{"time":"2024-03-05"}');
  assert.match(text.text, /can't convert String into an exact number/);
  assert.equal(context.refusals.get('invalid_time t'), 2);
});

test('forms: json, ndjson and msgpack parameters, of the body before the query', async (t) => {
  const { context, port } = await startHttp(t);
  const bodies: [string, string][] = [
    ['/t?time=1', 'json=%7B%22a%22%3A%22b%20c%2Bd%22%7D'],
    ['/t?time=9', 'json=%7B%22a%22%3A1%7D&time=2'],
    ['/t?time=3&json=%7B%22q%22%3A1%7D', 'x=y'],
    ['/t?time=4', 'ndjson=%7B%22a%22%3A5%7D%0A%7B%22a%22%3A6%7D%0A'],
    ['/t?time=5', 'msgpack=%81%A1a%04'],
    ['/t?time=6', 'json={"raw":"a+b%2Bc;d"}'],
    ['/t?time=7', 'json={"n":1}&json={"n":2}'],
  ];
  for (const [path, body] of bodies) assert.equal((await post(port, path, form, body)).status, 200, body);
  const found = taken(context).map(({ seconds, fields }) => [seconds, fields]);
  assert.deepEqual(found, [
    [1, { a: 'b c+d' }],
    [2, { a: 1 }],
    [3, { q: 1 }],
    [4, { a: 5 }],
    [4, { a: 6 }],
    [5, { a: 4 }],
    [6, { raw: 'a b+c;d' }],
    [7, { n: 1 }],
  ]);
  const none = await post(port, '/t', form, 'foo=bar');
  assert.equal(none.status, 400);
  assert.equal(none.text, "400 Bad Request\n'json', 'ndjson' or 'msgpack' parameter is required\n");
});

test('multipart forms, a file among them', async (t) => {
  const { context, port } = await startHttp(t);
  const data = new FormData();
  data.append('json', new Blob(['[{"a":1},{"a":2}]'], { type: json }), 'records.json');
  data.append('time', '7');
  const request = new Request('http://x/', { method: 'POST', body: data });
  const body = new Uint8Array(await request.arrayBuffer());
  assert.equal((await post(port, '/t', request.headers.get('content-type') ?? '', body)).status, 200);
  assert.deepEqual(
    taken(context).map(({ seconds, fields }) => [seconds, fields]),
    [
      [7, { a: 1 }],
      [7, { a: 2 }],
    ],
  );
});

test('content types are those of Fluentd, by case', async (t) => {
  const { context, port } = await startHttp(t);
  for (const type of [
    undefined,
    'text/plain',
    'application/csp-report',
    'APPLICATION/JSON',
    'application/octet-stream',
  ])
    assert.equal((await post(port, '/t', type, '{"a":1}')).status, 400, type);
  assert.equal((await post(port, '/t?time=1', `${json}; charset=utf-8`, '{"a":1}')).status, 200);
  assert.equal(taken(context).length, 1);
  assert.equal(context.refusals.get('no_records t'), 5);
});

test('MessagePack: a map, an array, several values, bytes; what is broken is refused whole', async (t) => {
  const { context, port } = await startHttp(t, { options: { rejectInvalid: true } });
  const type = 'application/msgpack';
  const map = encodeMsgpack({ a: 1 });
  const all = Buffer.concat([map, encodeMsgpack([{ a: 2 }, { b: new Uint8Array([255]) }]), map]);
  assert.equal((await post(port, '/t?time=3', type, all)).status, 200);
  assert.deepEqual(
    taken(context).map(({ fields }) => fields),
    [{ a: 1 }, { a: 2 }, { b: new Uint8Array([255]) }, { a: 1 }],
  );
  assert.equal(context.appended.length, 1, 'all of a request go into one append');
  const broken: [Uint8Array, RegExp][] = [
    [Buffer.from([0xc1]), /^400 Bad Request\ninvalid byte\n$/],
    [map.subarray(0, 3), /the end in the middle of a value/],
    [Buffer.concat([map, Buffer.from([5])]), /expected a map at byte 4/],
    [encodeMsgpack([{ a: 1 }, null]), /expected a map at element 2 of byte 0/],
    [Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff]), /a length beyond the end/],
    [Buffer.alloc(300, 0x91), /nested deeper than 200 levels/],
    [Buffer.alloc(0), /the body is empty/],
  ];
  for (const [body, expected] of broken) {
    const answer = await post(port, '/t', type, body);
    assert.equal(answer.status, 400);
    assert.match(answer.text, expected);
  }
  assert.match((await post(port, '/t', type, Buffer.from([0xc1]))).headers['post2log-problem'] as string, /at byte 0/);
  assert.equal(taken(context).length, 4);
});

test('JSON that is none, or holds what is no object, is refused with its place, and nothing of it is taken', async (t) => {
  const { context, port } = await startHttp(t, { options: { rejectInvalid: true } });
  const broken: [string, RegExp][] = [
    ['not json', /invalid JSON at line 1 column 1 \(byte 0\): expected a value/],
    ['', /the text ends at line 1 column 1/],
    ['{"a":1}}', /\(byte 7\): expected nothing behind the value/],
    ['null', /expected a JSON object or an array/],
    ['[{"a":1},5]', /expected a JSON object at element 2, line 1 column 10/],
    ['{"a":'.repeat(300) + '1' + '}'.repeat(300), /nested deeper than 200 levels/],
  ];
  for (const [body, expected] of broken) {
    const answer = await post(port, '/t?time=1', json, body);
    assert.equal(answer.status, 400, body);
    assert.match(answer.text, expected);
  }
  assert.equal((await post(port, '/t', 'application/x-ndjson', '{"a":1}\n{bad\n')).status, 400);
  assert.deepEqual(taken(context), []);
  for (const body of ['[]', ' [ ] ']) assert.equal((await post(port, '/t', json, body)).status, 200, 'nothing in it');
  assert.equal((await post(port, '/t', 'application/x-ndjson', '')).status, 200);
});

test('numbers, order and odd keys of JSON come through, each key once; line breaks outside of texts go', async (t) => {
  const { context, port } = await startHttp(t);
  const bodies = [
    '{"b":1.0,"a":12345678901234567890}',
    '{\n "z": 1,\r\n "y": "x\\n"\n}',
    '{"time":1,"__proto__":1e2}',
    '{"a": 1,"\\u0061":1.50,"2":2}',
  ];
  for (const body of bodies) assert.equal((await post(port, '/t', json, body)).status, 200);
  assert.deepEqual(context.texts, [
    '{"b":1.0,"a":12345678901234567890}',
    '{  "z": 1,  "y": "x\\n" }',
    '{"__proto__":1e2}',
    '{"a":1.50,"2":2}',
  ]);
});

test('content codings are undone, within limits', async (t) => {
  const options = { bodySizeLimit: 1000, decompressionSizeLimit: 2000 };
  const { context, port } = await startHttp(t, { options });
  assert.equal((await post(port, '/t', json, gzipSync('{"a":1}'), { 'content-encoding': 'gzip' })).status, 200);
  assert.equal((await post(port, '/t', json, deflateSync('{"a":2}'), { 'content-encoding': 'deflate' })).status, 200);
  assert.equal(taken(context).length, 2);
  const bomb = gzipSync(`{"a":"${'x'.repeat(100_000)}"}`);
  const answer = await post(port, '/t', json, bomb, { 'content-encoding': 'gzip' });
  assert.equal(`${answer.status} ${answer.text}`, '413 Too large');
  const broken = await post(port, '/t', json, 'no gzip', { 'content-encoding': 'gzip' });
  assert.equal(`${broken.status} ${broken.text}`, '400 ');
  assert.match(broken.headers['post2log-problem'] as string, /not valid gzip/);
  assert.equal((await post(port, '/t', json, '{}', { 'content-encoding': 'lzma' })).status, 415);
});

test('a body over the limit is 413, announced, sent or asked for', async (t) => {
  const { context, port } = await startHttp(t, { options: { bodySizeLimit: 64 } });
  const large = `{"a":"${'y'.repeat(100)}"}`;
  assert.equal((await post(port, '/t', json, large)).text, 'Too large');
  const chunked = await post(port, '/t', json, large, { 'transfer-encoding': 'chunked' });
  assert.equal(chunked.status, 413);
  const client = new RawClient(port);
  client.write('POST /t HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n');
  await client.closed;
  assert.match(client.text, /^HTTP\/1.1 413 /);
  assert.equal(context.refusals.get('body_too_large t'), 3);
  const other = new RawClient(port);
  other.write('POST /t HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: magic\r\n\r\n{}');
  await other.closed;
  assert.match(other.text, /^HTTP\/1.1 417 /);
  assert.equal((await post(port, '/t', json, '{"after":1}')).status, 200);
});

test('headers, query parameters and the address become fields', async (t) => {
  const options = { addHttpHeaders: true, addQueryParams: true, addRemoteAddr: true };
  const { context, port } = await startHttp(t, { options });
  const headers = { 'X-Custom-Id': '42', 'X-Many': ['a', 'b'], 'X-Forwarded-For': '1.2.3.4, 5.6.7.8' };
  await post(port, '/t?time=1&foo-a=bar&x%20y=1&e=&foo-a=2', json, '[{"a":1},{"a":2}]', headers);
  const [first, second] = taken(context);
  assert.ok(first && second);
  assert.equal((second.fields as { a: number }).a, 2);
  const { HTTP_HOST: host, HTTP_CONNECTION: connection, ...fields } = first.fields as Record<string, unknown>;
  assert.ok(host !== undefined && connection !== undefined);
  assert.deepEqual(fields, {
    a: 1,
    HTTP_CONTENT_TYPE: json,
    HTTP_CONTENT_LENGTH: fields['HTTP_CONTENT_LENGTH'],
    HTTP_X_CUSTOM_ID: '42',
    HTTP_X_MANY: ['a', 'b'],
    HTTP_X_FORWARDED_FOR: '1.2.3.4, 5.6.7.8',
    QUERY_TIME: '1',
    QUERY_FOO_A: 'bar',
    'QUERY_X Y': '1',
    QUERY_E: '',
    REMOTE_ADDR: '1.2.3.4',
  });
  context.appended.length = 0;
  await post(port, '/t?b=%FF', json, '{"a":1}');
  const fieldsWithBytes = taken(context)[0]?.fields as Record<string, unknown>;
  assert.deepEqual(fieldsWithBytes['QUERY_B'], new Uint8Array([255]));
  assert.equal(fieldsWithBytes['REMOTE_ADDR'], '127.0.0.1');
});

test('CORS: allowed, wildcards, denied, preflight', async (t) => {
  const corsAllowOrigins = ['', 'http://ok.example', 'http://*.wild.example'];
  const { context, port } = await startHttp(t, { options: { corsAllowOrigins, corsAllowCredentials: true } });
  const ask = (origin: string | undefined, body = '{}') =>
    post(port, '/t', json, body, origin === undefined ? {} : { Origin: origin });
  const allowed = await ask('http://ok.example');
  assert.deepEqual(
    [
      allowed.status,
      allowed.headers['access-control-allow-origin'],
      allowed.headers['access-control-allow-credentials'],
    ],
    [200, 'http://ok.example', 'true'],
  );
  assert.equal((await ask('http://a.wild.example')).status, 200);
  assert.equal((await ask('http://ok.example', '{bad')).headers['access-control-allow-origin'], 'http://ok.example');
  for (const origin of ['http://bad.example', 'http://ok.example.evil', 'http://.wild.exampl', undefined]) {
    const answer = await ask(origin);
    assert.equal(`${answer.status} ${answer.text}`, '403 ', origin);
  }
  assert.equal(context.refusals.get('forbidden '), 4);
  const preflight = (origin: string, method: string) =>
    send(port, '/t', {
      method: 'OPTIONS',
      headers: { Origin: origin, 'Access-Control-Request-Method': method, 'Access-Control-Request-Headers': 'X-A' },
    });
  const yes = await preflight('http://ok.example', 'POST');
  assert.deepEqual(
    [yes.status, yes.headers['access-control-allow-methods'], yes.headers['access-control-allow-headers']],
    [200, 'POST', 'X-A'],
  );
  assert.equal((await preflight('http://ok.example', 'PUT')).status, 403);
  assert.equal((await preflight('http://bad.example', 'POST')).status, 403);
  const open = await startHttp(t, { options: { corsAllowOrigins: ['*'] } });
  assert.equal((await post(open.port, '/t', json, '{}')).headers['access-control-allow-origin'], '*');
});

test('GET asks whether the server is there; PUT sends, DELETE without a body has nothing, OPTIONS is for CORS', async (t) => {
  const { context, port } = await startHttp(t);
  const head = async (method: string, path = '/t') => (await send(port, path, { method })).status;
  assert.equal(await head('GET'), 200);
  assert.equal(await head('GET', '/t?json=%7B%7D'), 200);
  assert.equal(await head('OPTIONS'), 403);
  assert.equal(await head('DELETE'), 400);
  assert.equal((await send(port, '/t', { method: 'PUT', body: '{}', headers: { 'content-type': json } })).status, 200);
  assert.equal(taken(context).length, 1);
  assert.equal(context.refusals.get('get_not_taken '), 1, 'a record in a GET is lost to its sender, and counted');
});

test('answers: a picture, 204, and nothing but text', async (t) => {
  const picture = await startHttp(t, { options: { respondWithEmptyImg: true } });
  const image = await post(picture.port, '/t', json, '{}');
  assert.deepEqual(
    [image.status, image.headers['content-type'], image.headers['content-length']],
    [200, 'image/gif; charset=utf-8', '35'],
  );
  const quiet = await startHttp(t, { options: { use204Response: true } });
  const none = await post(quiet.port, '/t', json, '{}');
  assert.deepEqual([none.status, none.text], [204, '']);
  assert.equal((await post(quiet.port, '/t', json, '{bad')).status, 204);
});

test('a connection ends where its sender asks for it, without a word', async (t) => {
  const { port } = await startHttp(t);
  const client = new RawClient(port);
  const head = 'POST /t HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 2\r\n';
  client.write(`${head}\r\n{}${head}Connection: close\r\n\r\n{}`);
  await client.closed;
  const answers = client.text.split(/(?=HTTP\/1\.1 )/);
  assert.deepEqual(
    answers.map((answer) => [answer.slice(9, 12), /connection: ([\w-]+)/i.exec(answer)?.[1]]),
    [
      ['200', 'keep-alive'],
      ['200', undefined],
    ],
  );
});

test('a body that cannot be read is answered as in Fluentd once it is kept', async (t) => {
  const { context, port } = await startHttp(t);
  const type = 'application/msgpack';
  const unread: [string, string | Uint8Array, RegExp][] = [
    [json, '{bad', /invalid JSON at line 1 column 2/],
    [json, Buffer.from([0x22, 0xff, 0x22]), /not UTF-8/],
    [json, ' null', /expected a JSON object/],
    [type, encodeMsgpack({ a: 1 }).subarray(0, 2), /a length beyond the end/],
  ];
  for (const [contentType, body, problem] of unread) {
    const answer = await post(port, '/t', contentType, body);
    assert.deepEqual([answer.status, answer.text], [200, '']);
    assert.match(answer.headers['post2log-problem'] as string, problem);
  }
  assert.deepEqual(
    context.kept.map(({ tag, raw }) => [tag, Buffer.from(raw)]),
    unread.map(([, body]) => ['t', Buffer.from(body)]),
  );
  assert.equal((await post(port, '/t', json, '')).status, 200, 'there is nothing to keep');
  assert.equal(context.kept.length, unread.length);
  for (const body of ['5', '[null]', '[{"a":1},5]'])
    assert.equal((await post(port, '/t', json, body)).status, 400, body);
  const half = Buffer.concat([encodeMsgpack({ a: 1 }), Buffer.from([0x81])]);
  assert.equal((await post(port, '/t', type, half)).status, 400, 'a record of it would be taken');
  assert.deepEqual(taken(context), []);
  context.keepRefused = () => Promise.reject(new Error('full'));
  assert.equal((await post(port, '/t', json, '{bad')).status, 400, 'what cannot be kept is not said yes to');
});

test('a parser that is named takes the body, whatever its type; what it does not take is 400', async (t) => {
  const running = {
    parse: (body: Buffer | string) => {
      const [key, value] = body.toString().split('=');
      if (key === undefined || value === undefined) return { problem: 'no =', kind: 'mismatch' as const };
      return { fields: { [key]: value }, time: { seconds: 9, nanos: 1 } };
    },
  };
  const parser = { kind: 'parser' as const, type: 'regexp', options: {}, sections: {}, at };
  const { context, port } = await startHttp(t, { parser, running, options: { addRemoteAddr: true } });
  assert.equal((await post(port, '/t', 'text/plain', 'k=v')).status, 200);
  assert.equal((await post(port, '/t?time=5', json, 'k=w')).status, 200);
  assert.deepEqual(
    taken(context).map(({ seconds, fields }) => [seconds, fields]),
    [
      [9, { k: 'v', REMOTE_ADDR: '127.0.0.1' }],
      [5, { k: 'w', REMOTE_ADDR: '127.0.0.1' }],
    ],
  );
  const answer = await post(port, '/t', 'text/plain', 'nomatch');
  assert.equal(answer.text, '400 Bad Request\nReceived event is not regexp: nomatch\n');
  assert.equal(answer.headers['post2log-problem'], 'no regexp: no =');
});

test('no answer before the records are durable; a full journal is 503', async (t) => {
  const context = new FakeContext();
  context.isHolding = true;
  const { port } = await startHttp(t, { context });
  let isAnswered = false;
  const answering = post(port, '/t', json, '{"a":1}').then((answer) => {
    isAnswered = true;
    return answer;
  });
  await context.until(() => context.held.length === 1);
  assert.equal(isAnswered, false);
  context.held.shift()?.resolve();
  assert.equal((await answering).status, 200);
  context.isHolding = false;
  context.appendWith = () => Promise.reject(new OperatingError('JOURNAL_FULL', 'full', { retryAfterMs: 3000 }));
  const full = await post(port, '/t', json, '{"a":1}');
  assert.deepEqual([full.status, full.headers['retry-after']], [503, '3']);
  assert.equal(full.text, '503 Service Unavailable\nthe journal is full\n');
  assert.equal(context.refusals.get('journal_full t'), 1);
});

test('limits on records, paths, heads and bytes held', async (t) => {
  const options = { recordsLimit: 2, headerLimit: 8192 };
  const { context, port } = await startHttp(t, { options });
  assert.equal((await post(port, '/t', json, '[{},{},{}]')).status, 413);
  assert.equal((await post(port, '/t', 'application/msgpack', encodeMsgpack([{}, {}, {}]))).status, 413);
  assert.equal((await post(port, `/${'x'.repeat(5000)}`, json, '{}')).status, 400);
  assert.equal((await post(port, `/${'x'.repeat(9000)}`, json, '{}')).status, 431);
  assert.equal((await post(port, '/t?%FF=1', json, '{}')).status, 400);
  assert.equal(context.refusals.get('too_many_records t'), 2);
  assert.deepEqual(taken(context), []);
});

test('a body of a million small objects is refused before it is unpacked', async (t) => {
  const { port } = await startHttp(t);
  const bombs: [string, Buffer][] = [
    [json, Buffer.from(`[${'[],'.repeat(1_000_001)}[]]`)],
    ['application/msgpack', Buffer.concat([Buffer.from([0xdd, 0x00, 0x10, 0x00, 0x00]), Buffer.alloc(1 << 20, 0x80)])],
  ];
  for (const [type, body] of bombs) assert.match(String((await post(port, '/t', type, body)).status), /^4(?:00|13)$/);
});

test('check: credentials need origins, TLS its files, timeouts an end', () => {
  const problem = (setup: Parameters<typeof httpConfig>[0]) => problemOf(httpConfig(setup)) ?? '';
  assert.match(problem({ options: { corsAllowCredentials: true } }), /without "\*"/);
  assert.match(problem({ options: { corsAllowCredentials: true, corsAllowOrigins: ['*'] } }), /without "\*"/);
  assert.match(problem({ options: { headersTimeout: 0 } }), /must be above 0/);
  assert.match(problem({ options: { headersTimeout: 9, requestTimeout: 8 } }), /must not be above/);
  assert.match(problem({ transport: { argument: 'tls', options: {} } }), /cert_path and private_key_path/);
  assert.match(problem({ transport: { argument: 'udp', options: {} } }), /expected tls or tcp/);
  const files = { certPath: 'a', privateKeyPath: 'b' };
  assert.match(problem({ transport: { argument: 'tls', options: { ...files, minVersion: 'TLSv1_2' } } }), /together/);
  assert.match(problem({ transport: { argument: 'tls', options: { ...files, clientCertAuth: true } } }), /ca_path/);
});
