import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { batchOf, chunkOf, configOf, contextOf, modelOf, outputContextOf } from '../../../test/fixture.ts';
import { fluentbitGelfFormatter } from '../../codecs/fluentbit_gelf.ts';
import { fluentbitJsonFormatter } from '../../codecs/fluentbit_json.ts';
import { jsonFormatter } from '../../codecs/json.ts';
import { OperatingError } from '../../core/errors.ts';
import type { Output, Plugin, PluginConfig } from '../../core/plugin.ts';
import { builtinPlugins } from '../../plugins.ts';
import { fluentbitSyslogOutput } from '../fluentbit_syslog.ts';
import { tcpOutput } from '../tcp.ts';
import { udpOutput } from '../udp.ts';

const signal = new AbortController().signal;
const records = batchOf('app', ['{"n":0}', '{"n":1}']);

function make(
  t: TestContext,
  plugin: Plugin,
  options: Record<string, unknown>,
  rest: Partial<PluginConfig> = {},
): Output {
  assert.ok(plugin.kind === 'output');
  const config = configOf(plugin, options, rest);
  plugin.check?.(config);
  const output = plugin.create(config, outputContextOf(contextOf(builtinPlugins)));
  t.after(() => output.close());
  return output;
}

/** A server that keeps what it gets. */
async function listen(
  t: TestContext,
): Promise<{ port: number; sockets: Socket[]; got: () => string; more: () => Promise<unknown> }> {
  let text = '';
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      text += bytes.toString();
      server.emit('more');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sockets, got: () => text, more: () => once(server, 'more') };
}

test('tcp: chunks on one connection, in any format, as lines or an array', async (t) => {
  const server = await listen(t);
  const output = make(t, tcpOutput, { port: server.port });
  await output.probe?.();
  const first = server.more();
  assert.deepEqual(await output.write(chunkOf([records]), signal), { refused: [] });
  await first;
  const second = server.more();
  await output.write(chunkOf([records]), signal);
  await second;
  assert.equal(server.got(), '{"n":0}\n{"n":1}\n{"n":0}\n{"n":1}\n');
  assert.equal(server.sockets.length, 1);
  const formatter = modelOf(fluentbitJsonFormatter, { isLine: false, dateKey: '' });
  const array = make(t, tcpOutput, { port: server.port, jsonArray: true }, { formatter });
  const third = server.more();
  await array.write(chunkOf([records]), signal);
  await third;
  assert.ok(server.got().endsWith('\n[{"n":0},{"n":1}]'));
});

test('tcp: a record that cannot be written is refused alone; without one nothing is sent', async (t) => {
  const server = await listen(t);
  const output = make(
    t,
    tcpOutput,
    { port: server.port, jsonArray: true },
    { formatter: modelOf(fluentbitGelfFormatter) },
  );
  const chunk = chunkOf([batchOf('app', ['{"a":1}', '{"short_message":"s"}'])]);
  const more = server.more();
  const result = await output.write(chunk, signal);
  await more;
  assert.deepEqual(
    result?.refused?.map(({ row }) => row),
    [0],
  );
  assert.match(server.got(), /^\[\{"version":"1\.1".*\}\n\]$/);
  const none = await output.write(chunkOf([batchOf('app', ['{"a":1}'])]), signal);
  assert.equal(none?.refused?.length, 1);
});

test('tcp: a server that is gone is unreachable; once it is back another connection is opened', async (t) => {
  const server = await listen(t);
  const output = make(t, tcpOutput, { port: server.port });
  const first = server.more();
  await output.write(chunkOf([records]), signal);
  await first;
  const [socket] = server.sockets;
  const closed = once(socket as Socket, 'close');
  socket?.end();
  await closed;
  const second = server.more();
  // What is written before the end was noticed may be lost on the way: the next one opens a connection of its own.
  await output.write(chunkOf([records]), signal).catch(() => output.write(chunkOf([records]), signal));
  await second;
  assert.equal(server.sockets.length, 2);
  const nobody = make(t, tcpOutput, { port: 9, host: '127.0.0.1' });
  await assert.rejects(nobody.write(chunkOf([records]), signal), (error) => {
    assert.ok(error instanceof OperatingError);
    assert.equal(error.code, 'OUTPUT_UNREACHABLE');
    assert.match(error.message, /connecting to 127\.0\.0\.1:9/);
    return true;
  });
  await assert.rejects(Promise.resolve(nobody.probe?.()), OperatingError);
  const stopped = AbortSignal.abort();
  await assert.rejects(nobody.write(chunkOf([records]), stopped), OperatingError);
});

/** A UDP socket, and the datagrams it got. */
async function receive(
  t: TestContext,
): Promise<{ port: number; got: string[]; until: (count: number) => Promise<void> }> {
  const socket = createSocket('udp4');
  const got: string[] = [];
  socket.on('message', (bytes) => got.push(bytes.toString()));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.after(() => socket.close());
  const until = async (count: number): Promise<void> => {
    while (got.length < count) await once(socket, 'message');
  };
  return { port: socket.address().port, got, until };
}

test('udp: each record a datagram; one that is too large is refused, and goes alone', async (t) => {
  const server = await receive(t);
  const output = make(t, udpOutput, { port: server.port });
  await output.probe?.();
  const large = batchOf('app', [`{"n":"${'x'.repeat(70_000)}"}`, '{"n":3}']);
  const result = await output.write(chunkOf([records, large]), signal);
  await server.until(3);
  assert.deepEqual(server.got, ['{"n":0}\n', '{"n":1}\n', '{"n":3}\n']);
  assert.deepEqual(
    result?.refused?.map(({ row }) => row),
    [2],
  );
  assert.match(result?.refused?.[0]?.reason ?? '', /do not fit into a datagram/);
  const array = make(t, udpOutput, { port: server.port, jsonArray: true }, { formatter: modelOf(jsonFormatter) });
  await array.write(chunkOf([records]), signal);
  await server.until(5);
  assert.deepEqual(server.got.slice(3), ['[{"n":0}]\n', '[{"n":1}]\n']);
  const lost = make(t, udpOutput, { host: 'no such host', port: 1 });
  await assert.rejects(lost.write(chunkOf([records]), signal), /over UDP/);
});

test('syslog: datagrams without a line end, lines on a connection', async (t) => {
  const udp = await receive(t);
  const datagrams = make(t, fluentbitSyslogOutput, { port: udp.port, messageKey: 'log', format: 'rfc3164' });
  const chunk = chunkOf([batchOf('app', ['{"log":"one"}', '{"log":"two"}'])]);
  await datagrams.write(chunk, signal);
  await udp.until(2);
  assert.deepEqual(udp.got, ['<14>Mar  5 06:07:00 one', '<14>Mar  5 06:07:01 two']);
  const tcp = await listen(t);
  const lines = make(t, fluentbitSyslogOutput, { port: tcp.port, messageKey: 'log', format: 'rfc3164', mode: 'tcp' });
  const more = tcp.more();
  await lines.write(chunk, signal);
  await more;
  assert.equal(tcp.got(), '<14>Mar  5 06:07:00 one\n<14>Mar  5 06:07:01 two\n');
});
