import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { batchOf, chunkOf, configOf, contextOf, outputContextOf } from '../../../test/fixture.ts';
import { defaultBuffer } from '../../config/model.ts';
import { OperatingError } from '../../core/errors.ts';
import type { Output, OutputSpec } from '../../core/plugin.ts';
import { fluentbitInfluxdbOutput } from '../fluentbit_influxdb.ts';
import { influxdb2Output } from '../influxdb2.ts';
import { influxdbOutput } from './index.ts';

interface Asked {
  readonly request: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}
type Answer = { readonly status: number; readonly body?: string; readonly headers?: Record<string, string> };
type Reply = (asked: Asked, count: number) => Answer;

const databases = JSON.stringify({
  results: [{ statement_id: 0, series: [{ name: 'databases', columns: ['name'], values: [['_internal'], ['logs']] }] }],
});
const error = (text: string): string => JSON.stringify({ error: text });

/** A server that answers as told, and keeps what it was asked. */
async function serve(context: TestContext, reply: Reply): Promise<{ port: number; asked: Asked[] }> {
  const asked: Asked[] = [];
  const server = createServer((req, res) => {
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    req.on('end', () => {
      const whole = Buffer.concat(parts);
      const body = (req.headers['content-encoding'] === 'gzip' ? gunzipSync(whole) : whole).toString();
      const one = { request: `${req.method} ${req.url}`, headers: req.headers, body };
      asked.push(one);
      const answer = req.url?.includes('SHOW+DATABASES') ? { status: 200, body: databases } : reply(one, asked.length);
      res.writeHead(answer.status, answer.headers);
      res.end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, asked };
}

function make(
  context: TestContext,
  plugin: unknown,
  options: Record<string, unknown>,
  chunkKeys: readonly string[] = ['tag'],
): Output {
  const spec = plugin as OutputSpec;
  const config = configOf(plugin as never, options);
  const output = spec.create(config, outputContextOf(contextOf([]), { buffer: { ...defaultBuffer, chunkKeys } }));
  context.after(() => output.close());
  return output;
}
const v1 = (context: TestContext, port: number, options: Record<string, unknown> = {}): Output =>
  make(context, influxdbOutput, { host: '127.0.0.1', port, dbname: 'logs', ...options });
const signal = new AbortController().signal;
const taken: Reply = () => ({ status: 204 });

/** A server that holds no text in field v, and takes whatever else is beside it. */
const numbersOnly: Reply = ({ body, request }) => {
  if (request.startsWith('GET')) return { status: 200, body: '{"results":[{"statement_id":0}]}' };
  const dropped = body.split('\n').filter((line) => line.includes('v="')).length;
  const text = `partial write: field type conflict: input field "v" on measurement "m" is type string, already exists as type float dropped=${dropped}`;
  return dropped === 0 ? { status: 204 } : { status: 400, body: error(text) };
};

describe('requests', () => {
  test('of Fluentd’s plugin: the databases first, then lines', async (context) => {
    const { port, asked } = await serve(context, taken);
    const output = v1(context, port, { user: 'u1', password: 'p w&d', defaultRetentionPolicy: 'week' });
    await output.open?.();
    assert.deepEqual(await output.write(chunkOf([batchOf('m', ['{"v":1}', '{"v":2}'])]), signal), { refused: [] });
    assert.deepEqual(
      asked.map(({ request }) => request),
      ['GET /query?q=SHOW+DATABASES&u=u1&p=p+w%26d', 'POST /write?db=logs&precision=s&rp=week&u=u1&p=p+w%26d'],
    );
    assert.equal(asked[1]?.headers['content-type'], 'application/octet-stream');
    assert.equal(asked[1]?.body, 'm v=1i 1709618820\nm v=2i 1709618821');
  });
  test('one for each retention policy', async (context) => {
    const { port, asked } = await serve(context, taken);
    const output = v1(context, port, { retentionPolicyKey: 'rp' });
    const records = ['{"v":1}', '{"v":2,"rp":"year"}', '{"v":3}', '{"v":4,"rp":"year"}'];
    await output.write(chunkOf([batchOf('m', records)]), signal);
    assert.deepEqual(
      asked.map(({ request, body }) => [/rp=(\w*)/.exec(request)?.[1], body.match(/v=\d/g)?.join()]),
      [
        [undefined, 'v=1,v=3'],
        ['year', 'v=2,v=4'],
      ],
    );
  });
  test('placeholders in measurement; gzip', async (context) => {
    const { port, asked } = await serve(context, taken);
    const output = v1(context, port, { measurement: 'of ${tag[1]}', compress: 'gzip' });
    await output.write(chunkOf([batchOf('a.b', ['{"v":1}'])], { tag: 'a.b' }), signal);
    assert.equal(asked[0]?.body, String.raw`of\ b v=1i 1709618820`);
  });
  test('of Fluentd’s plugin for 2.x', async (context) => {
    const { port, asked } = await serve(context, taken);
    const output = make(context, influxdb2Output, {
      url: `http://127.0.0.1:${port}`,
      token: 't',
      bucket: 'of ${tag}',
      org: 'o',
      timePrecision: 'ms',
    });
    await output.write(chunkOf([batchOf('m', ['{"b":1,"a":2}'])], { tag: 'm' }), signal);
    assert.equal(asked[0]?.request, 'POST /api/v2/write?bucket=of+m&org=o&precision=ms');
    assert.equal(asked[0]?.headers['authorization'], 'Token t');
    assert.equal(asked[0]?.body, 'm a=2i,b=1i 1709618820000');
  });
  test('of Fluent Bit’s, for 1.x and 2.x', async (context) => {
    const { port, asked } = await serve(context, taken);
    const output = make(context, fluentbitInfluxdbOutput, {
      port,
      database: 'fluent',
      httpUser: 'u',
      httpPasswd: 'p',
      httpHeaders: { 'X-A': 'b' },
      stripPrefix: 'app.',
    });
    await output.write(chunkOf([batchOf('app.m', ['{"v":1}'])]), signal);
    assert.equal(asked[0]?.request, 'POST /write?db=fluent&precision=n');
    assert.equal(asked[0]?.headers['authorization'], 'Basic dTpw');
    assert.equal(asked[0]?.headers['x-a'], 'b');
    assert.equal(asked[0]?.body, 'm,_seq=0 v=1 1709618820000000000');
    const second = make(context, fluentbitInfluxdbOutput, { port, bucket: 'b', org: 'o', httpToken: 't' });
    await second.write(chunkOf([batchOf('m', ['{"v":1}'])]), signal);
    assert.equal(asked[1]?.request, 'POST /api/v2/write?org=o&bucket=b&precision=ns');
    assert.equal(asked[1]?.headers['authorization'], 'Token t');
  });
  test('exactly once is written in nanoseconds', async (context) => {
    const { port, asked } = await serve(context, taken);
    await v1(context, port, { exactlyOnce: true }).write(chunkOf([batchOf('m', ['{"v":1}'])]), signal);
    assert.match(asked[0]?.request ?? '', /precision=ns/);
    assert.match(asked[0]?.body ?? '', /^m v=1i 1709618820\d{9}$/);
  });
  test('a chunk of more than the server takes at once goes in several', async (context) => {
    const { port, asked } = await serve(context, taken);
    const text = 'x'.repeat(5_000_000);
    const records = Array.from({ length: 5 }, () => JSON.stringify({ text }));
    await v1(context, port).write(chunkOf([batchOf('m', records)]), signal);
    assert.deepEqual(
      asked.map(({ body }) => body.split('\n').length),
      [2, 2, 1],
    );
  });
});

describe('answers', () => {
  const records = ['{"v":1}', '{"v":"x"}', '{"v":2}', '{"v":"7"}', '{"v":3}'];

  test('a type in conflict: the records that have it are refused, the others written', async (context) => {
    const { port, asked } = await serve(context, numbersOnly);
    const output = v1(context, port);
    const result = await output.write(chunkOf([batchOf('m', records)]), signal);
    assert.deepEqual(
      result?.refused?.map(({ row }) => row),
      [1, 3],
    );
    assert.match(
      result?.refused?.[0]?.reason ?? '',
      /^OUTPUT_REFUSED: field type conflict: "v" is string, and the server holds float/,
    );
    // What the server wrote of the first request was integers, which it would also have refused.
    assert.equal(asked.at(-1)?.body, 'm v=1.0 1709618820\nm v=2.0 1709618822\nm v=3.0 1709618824');
    const known = asked.length;
    assert.deepEqual((await output.write(chunkOf([batchOf('m', records)]), signal))?.refused?.length, 2);
    assert.equal(asked.length, known + 1, 'what was learned is not asked again');
  });
  test('or their values are diverted', async (context) => {
    const { port, asked } = await serve(context, numbersOnly);
    const output = v1(context, port, { onTypeConflict: 'divert' });
    assert.deepEqual(await output.write(chunkOf([batchOf('m', records)]), signal), { refused: [] });
    assert.match(asked.at(-1)?.body ?? '', /^m v__str="x" 1709618821$/m);
  });
  test('exactly the bad points are refused, with the server’s words', async (context) => {
    const reply: Reply = ({ body }) => {
      const bad = body.split('\n').filter((line) => line.includes('bad'));
      return bad.length === 0
        ? { status: 204 }
        : { status: 400, body: error(`partial write: points beyond retention policy dropped=${bad.length}`) };
    };
    const { port, asked } = await serve(context, reply);
    const many = Array.from({ length: 100 }, (_, i) => `{"v":"${i === 17 || i === 80 ? 'bad' : 'good'}"}`);
    const result = await v1(context, port).write(chunkOf([batchOf('m', many)]), signal);
    assert.deepEqual(result?.refused, [
      { row: 17, reason: 'OUTPUT_REFUSED: 400 partial write: points beyond retention policy dropped=1' },
      { row: 80, reason: 'OUTPUT_REFUSED: 400 partial write: points beyond retention policy dropped=1' },
    ]);
    assert.ok(asked.length < 40, `${asked.length} requests`);
  });
  test('too large: in halves; one record alone is refused', async (context) => {
    const { port, asked } = await serve(context, ({ body }) => ({ status: body.length > 30 ? 413 : 204 }));
    const result = await v1(context, port).write(
      chunkOf([batchOf('m', ['{"v":1}', '{"v":2}', `{"v":"${'x'.repeat(50)}"}`])]),
      signal,
    );
    assert.deepEqual(
      result?.refused?.map(({ row }) => row),
      [2],
    );
    assert.equal(asked.length, 5);
  });
  for (const [status, body, says] of [
    [401, error('authorization failed'), /401 authorization failed; check the login/],
    [404, error('database not found: "logs"'), /404 database not found: "logs"; create the database or bucket/],
    [503, '', /503 Service Unavailable/],
    [500, error('timeout'), /500 timeout/],
    [404, '{"code":"not found","message":"bucket \\"b\\" not found"}', /404 bucket "b" not found/],
  ] as const)
    test(`${status} ${body} is tried again, and says so`, async (context) => {
      const { port } = await serve(context, () => ({ status, body, headers: { 'retry-after': '7' } }));
      await assert.rejects(v1(context, port).write(chunkOf([batchOf('m', ['{"v":1}'])]), signal), (thrown) => {
        assert.ok(thrown instanceof OperatingError);
        assert.deepEqual([thrown.code, thrown.retryable, thrown.retryAfterMs], ['OUTPUT_UNREACHABLE', true, 7000]);
        assert.match(thrown.message, says);
        assert.doesNotMatch(thrown.message, /root/);
        return true;
      });
    });
  test('a policy that only the record names does not hold the others up', async (context) => {
    const reply: Reply = ({ request }) =>
      request.includes('rp=none') ? { status: 500, body: error('retention policy not found: none') } : { status: 204 };
    const { port } = await serve(context, reply);
    const output = v1(context, port, { retentionPolicyKey: 'rp' });
    const result = await output.write(chunkOf([batchOf('m', ['{"v":1,"rp":"none"}', '{"v":2}'])]), signal);
    assert.deepEqual(result?.refused, [{ row: 0, reason: 'OUTPUT_REFUSED: 500 retention policy not found: none' }]);
  });
});

describe('before the first write, and at a probe', () => {
  test('a missing database is said, with those that are there', async (context) => {
    const { port } = await serve(context, taken);
    const output = v1(context, port, { dbname: 'other' });
    await assert.rejects(
      async () => output.open?.(),
      /there is no database other, but _internal, logs; create it with CREATE DATABASE "other"/,
    );
  });
  test('the next host is tried when one does not answer', async (context) => {
    const { port, asked } = await serve(context, taken);
    const output = v1(context, port, { host: 'host.invalid, 127.0.0.1' });
    await output.write(chunkOf([batchOf('m', ['{"v":1}'])]), signal);
    await output.write(chunkOf([batchOf('m', ['{"v":1}'])]), signal);
    assert.equal(asked.length, 2);
    const nobody = v1(context, port, { host: 'host.invalid,other.invalid' });
    await assert.rejects(nobody.write(chunkOf([batchOf('m', ['{"v":1}'])]), signal), /host\.invalid.*other\.invalid/s);
  });
  test('a probe writes nothing, and names the API that the server has', async (context) => {
    const reply: Reply = ({ request }) =>
      request === 'GET /health' ? { status: 200, body: '{"name":"influxdb","version":"v2.7.1"}' } : { status: 401 };
    const { port, asked } = await serve(context, reply);
    await assert.rejects(
      async () => v1(context, port).probe?.(),
      /401 Unauthorized; check the login; the server is InfluxDB 2\.7\.1: write @type influxdb2/,
    );
    assert.ok(asked.every(({ body }) => body === ''));
    const good = await serve(context, () => ({ status: 400, body: '{"message":"writing requires points"}' }));
    await v1(context, good.port).probe?.();
  });
});

describe('configurations', () => {
  const problem = (plugin: unknown, options: Record<string, unknown>, chunkKeys: readonly string[]): string => {
    try {
      (plugin as OutputSpec).check?.(configOf(plugin as never, options), { ...defaultBuffer, chunkKeys });
      return '';
    } catch (thrown) {
      return (thrown as Error).message;
    }
  };
  test('what cannot be is said', () => {
    const two = { token: 't', bucket: 'b', org: 'o' };
    assert.match(problem(influxdbOutput, {}, ['time']), /chunk key tag is required/);
    assert.match(problem(influxdbOutput, { host: ' , ' }, ['tag']), /names no host/);
    assert.match(problem(influxdbOutput, { measurement: '${a}' }, ['tag']), /chunk key a is not configured/);
    assert.match(problem(influxdb2Output, { ...two, url: 'influx' }, ['tag']), /is no URL/);
    assert.match(problem(influxdb2Output, { ...two, exactlyOnce: true, lineProtocolKey: 'l' }, ['tag']), /cannot hold/);
    assert.match(problem(fluentbitInfluxdbOutput, { uri: 'x' }, ['tag']), /forward slash/);
    assert.equal(problem(influxdbOutput, {}, ['tag']), '');
  });
});
