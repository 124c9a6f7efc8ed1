import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { digestHex } from '../../codecs/forward-handshake.ts';
import { OperatingError } from '../../core/errors.ts';
import { defaultBuffer } from '../../config/model.ts';
import { MsgpackFramer } from '../../core/msgpack-scan.ts';
import { decodeMsgpack, encodeMsgpack } from '../../core/msgpack.ts';
import { stringifyJson } from '../../core/json.ts';
import type { Value } from '../../core/record.ts';
import {
  batchOf,
  chunkOf,
  configOf,
  contextOf,
  outputContextOf,
  packedBatchOf,
  section,
} from '../../../test/fixture.ts';
import { freePort } from '../../../test/free-port.ts';
import { security, startSource } from '../../sources/forward/forward-fixture.ts';
import { forwardOutput } from './index.ts';
import { ForwardOutput } from './output.ts';

const signal = new AbortController().signal;
const server = (port: number, options: Record<string, unknown> = {}) =>
  section({
    host: '127.0.0.1',
    port,
    name: undefined,
    weight: 60,
    standby: false,
    username: '',
    password: '',
    ...options,
  });

/** An output that is open, without heartbeats unless asked for. */
async function open(
  t: TestContext,
  servers: ReturnType<typeof section>[],
  options: Record<string, unknown> = {},
  more = {},
) {
  const context = contextOf([]);
  const config = configOf(
    forwardOutput,
    { heartbeatType: 'none', ...options },
    { sections: { server: servers, ...more } },
  );
  forwardOutput.check?.(config, { ...defaultBuffer, chunkKeys: ['tag'] });
  const output = new ForwardOutput(config as never, outputContextOf(context));
  t.after(() => output.close());
  await output.open();
  return { output, context };
}

/** A server that answers as a test says; keeps what it received. */
async function sink(t: TestContext, answer: (value: Value, socket: Socket) => void = () => undefined) {
  const received: { value: Value; bytes: Buffer }[] = [];
  const sockets = new Set<Socket>();
  const counts = { connections: 0 };
  const listener = createServer((socket) => {
    counts.connections++;
    sockets.add(socket);
    socket.on('error', () => undefined);
    const framer = new MsgpackFramer(10_000_000);
    socket.on('data', (chunk: Buffer) => {
      framer.add(chunk);
      for (let bytes = framer.next(); bytes; bytes = framer.next()) {
        const value = decodeMsgpack(bytes);
        received.push({ value, bytes });
        answer(value, socket);
      }
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    listener.close();
    for (const socket of sockets) socket.destroy();
  });
  const until = async (count: number): Promise<void> => {
    while (received.length < count) await new Promise((resolve) => setImmediate(resolve));
  };
  return { port: (listener.address() as AddressInfo).port, received, counts, until };
}

function acknowledge(value: Value, socket: Socket): void {
  const option = (value as Value[])[2];
  if (option instanceof Map) socket.write(encodeMsgpack({ ack: option.get('chunk') ?? null }));
}

function optionOf(one: { readonly value: Value } | undefined): ReadonlyMap<string, Value> {
  const option = Array.isArray(one?.value) ? one.value[2] : undefined;
  return option instanceof Map ? option : new Map<string, Value>();
}

const chunk = () => chunkOf([batchOf('a.b', ['{"a":"ü","n":1.0}', '{"big":12345678901234567}'])], { tag: 'a.b' });

test('a chunk goes out byte for byte as Fluentd sends it', async (t) => {
  const { port, received, until } = await sink(t);
  const { output } = await open(t, [server(port)]);
  await output.write(chunk(), signal);
  await until(1);
  const entries = Buffer.concat([
    Buffer.from('92d70065e6b68400000000', 'hex'),
    encodeMsgpack(decodeMsgpack(Buffer.from('82a161a2c3bca16ecb3ff0000000000000', 'hex'))),
    Buffer.from('92d70065e6b68500000000', 'hex'),
    Buffer.from('81a3626967cf002bdc545d6b4b87', 'hex'),
  ]);
  const expected = Buffer.concat([
    Buffer.from('93a3612e62db', 'hex'),
    Buffer.from([0, 0, 0, entries.length]),
    entries,
    Buffer.from('82a473697a6502aa636f6d70726573736564a474657874', 'hex'),
  ]);
  assert.equal(received[0]?.bytes.toString('hex'), expected.toString('hex'));
});

test('a chunk goes out as Fluent Bit sends it', async (t) => {
  const { port, received, until } = await sink(t);
  const asFluentbit = { sendsOptions: false, packsEntries: false };
  const records = chunkOf([batchOf('a.b', ['{"n":1}'])], { tag: 'a.b' });
  const plain = await open(t, [server(port)], { ...asFluentbit, retainsMetadata: true, tag: 'x' });
  await plain.output.write(records, signal);
  await until(1);
  assert.equal(received[0]?.bytes.toString('hex'), '92a178dd000000019292d70065e6b684000000008081a16e01');
  const packed = await open(t, [server(port)], { ...asFluentbit, retainsMetadata: true, compress: 'gzip' });
  await packed.output.write(records, signal);
  await until(2);
  assert.equal(optionOf(received[1]).get('fluent_signal'), 0);
  const [, entries] = (received[1]?.value as Value[]) ?? [];
  assert.ok(entries instanceof Uint8Array);
  assert.equal(gunzipSync(entries).toString('hex'), '9292d70065e6b684000000008081a16e01');
  const more = await open(t, [server(port)], { ...asFluentbit, extraOptions: { k: 'v' } });
  await more.output.write(records, signal);
  await until(3);
  // With options too the entries are an array, which needs no word on its compression.
  assert.deepEqual(
    [...optionOf(received[2])],
    [
      ['k', 'v'],
      ['size', 1],
      ['fluent_signal', 0],
    ],
  );
  const [, records2] = (received[2]?.value as Value[]) ?? [];
  assert.ok(Array.isArray(records2));
});

test('a tag with accessors is filled from each record, which is a message', async (t) => {
  const { port, received, until } = await sink(t);
  const records = chunkOf([batchOf('a.b', ['{"n":"x"}', '{"m":1}'])], { tag: 'a.b' });
  const of = { sendsOptions: false, packsEntries: false, isTagTemplate: true, tag: 'to.$n.$TAG[1]' };
  const { output } = await open(t, [server(port)], of);
  await output.write(records, signal);
  await until(2);
  assert.deepEqual(
    received.map(({ bytes }) => bytes.toString('hex')),
    [
      '94a6746f2e782e62d70065e6b6840000000081a16ea17881ad666c75656e745f7369676e616c00',
      '94a5746f2e2e62d70065e6b6850000000081a16d0181ad666c75656e745f7369676e616c00',
    ],
  );
  await assert.rejects(open(t, [server(port)], { ...of, exactlyOnce: true }), /exactly_once/);
});

test('MessagePack records, packing, whole seconds, odd times', async (t) => {
  const { port, received, until } = await sink(t);
  const batch = packedBatchOf('t', [new Map([['bin', new Uint8Array([1, 2])]])], [{ seconds: -5, nanos: 1 }]);
  const entriesOf = (i: number): Value[] => (received[i]?.value as Value[]) ?? [];
  const gz = await open(t, [server(port)], { compress: 'gzip' });
  await gz.output.write(chunkOf([batch], { tag: 't' }), signal);
  await until(1);
  assert.deepEqual(optionOf(received[0]).get('compressed'), 'gzip');
  const raw = (value: Value | undefined) => Buffer.from(typeof value === 'string' ? value : (value as Uint8Array));
  assert.equal(gunzipSync(raw(entriesOf(0)[1])).toString('hex'), '92fb81a362696ec4020102');
  const zs = await open(t, [server(port)], { compress: 'zstd', timeAsInteger: true });
  await zs.output.write(chunkOf([batchOf('t', ['{}'])], { tag: 't' }), signal);
  await until(2);
  assert.equal(zstdDecompressSync(raw(entriesOf(1)[1])).toString('hex'), '92ce65e6b68480');
});

test('require_ack_response waits for the acknowledgement of this chunk', async (t) => {
  const answers: ((value: Value, socket: Socket) => void)[] = [
    acknowledge,
    (_value, socket) => void socket.write(encodeMsgpack({ ack: 'other' })),
    (_value, socket) => void socket.end(),
  ];
  let turn = 0;
  const { port, received } = await sink(t, (value, socket) => answers[turn]?.(value, socket));
  const { output, context } = await open(t, [server(port)], { requireAckResponse: true, ackResponseTimeout: 5000 });
  await output.write(chunk(), signal);
  assert.equal(stringifyJson(optionOf(received[0]).get('chunk') ?? null), '"Xw==\\n"');
  const unreachable = (pattern: RegExp) => (error: unknown) =>
    error instanceof OperatingError && error.code === 'OUTPUT_UNREACHABLE' && pattern.test(error.message);
  turn = 1;
  await assert.rejects(output.write(chunk(), signal), unreachable(/acknowledged another chunk/));
  turn = 2;
  await assert.rejects(output.write(chunk(), signal), unreachable(/closed the connection/));
  turn = 3;
  const waiting = output.write(chunk(), signal);
  let isOver = false;
  const watched = waiting.finally(() => {
    isOver = true;
  });
  watched.catch(() => undefined);
  while (!isOver) {
    context.clock.advance(1000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await assert.rejects(waiting, unreachable(/nothing happened for 5 s/));
});

test('keepalive uses a connection again, but not one that the server closed', async (t) => {
  let last: Socket | undefined;
  const { port, counts, until } = await sink(t, (value, socket) => {
    last = socket;
    acknowledge(value, socket);
  });
  const { output } = await open(t, [server(port)], { requireAckResponse: true, keepalive: true });
  await output.write(chunk(), signal);
  await output.write(chunk(), signal);
  assert.equal(counts.connections, 1);
  assert.ok(last);
  // Closed on both sides: the output has seen it.
  const closed = once(last, 'close');
  last.end();
  await closed;
  await output.write(chunk(), signal);
  await until(3);
  assert.equal(counts.connections, 2);
});

test('a server that is down leaves its chunks to another', async (t) => {
  const { port, received } = await sink(t, acknowledge);
  const deadPort = await freePort();
  const { output } = await open(t, [server(deadPort), server(port)], { requireAckResponse: true });
  for (let i = 0; i < 5; i++) await output.write(chunk(), signal);
  assert.equal(received.length, 5);
  const alone = await open(t, [server(deadPort)]);
  await assert.rejects(alone.output.write(chunk(), signal), /ECONNREFUSED/);
  await assert.rejects(alone.output.probe(), /ECONNREFUSED/);
});

test('handshake: shared key and user, and what each end says when they do not agree', async (t) => {
  const inner = { user: [{ username: 'alice', password: 'wonder' }] };
  const source = await startSource(t, {}, security({ userAuth: true, sharedKey: 'right' }, inner));
  const own = (sharedKey: string) => ({ security: [section({ selfHostname: 'client', sharedKey })] });
  const alice = { username: 'alice', password: 'wonder' };
  const options = { requireAckResponse: true };
  const good = await open(t, [server(source.port, alice)], options, own('right'));
  await good.output.write(chunk(), signal);
  await good.output.probe();
  assert.deepEqual(source.records(), [
    'a.b 1709618820.000000000 {"a":"ü","n":1.0}',
    'a.b 1709618821.000000000 {"big":12345678901234567}',
  ]);
  const perServer = await open(t, [server(source.port, { ...alice, sharedKey: 'right' })], options, own('common'));
  await perServer.output.write(chunk(), signal);
  const wrongKey = await open(t, [server(source.port, alice)], options, own('wrong'));
  await assert.rejects(wrongKey.output.write(chunk(), signal), /shared_key mismatch/);
  const wrongUser = await open(t, [server(source.port, { username: 'alice', password: 'no' })], options, own('right'));
  await assert.rejects(wrongUser.output.write(chunk(), signal), /username\/password mismatch/);
  const sameName = { security: [section({ selfHostname: 'server', sharedKey: 'right' })] };
  const same = await open(t, [server(source.port, alice)], options, sameName);
  await assert.rejects(same.output.write(chunk(), signal), /both ends are called server/);
  assert.equal(source.records().length, 4);
  assert.equal(source.refusedCounts.get('not_authenticated'), 2);
});

test('a server that does not know the shared key is refused', async (t) => {
  const nonce = new Uint8Array(16);
  const { port } = await sink(t, (value, socket) => {
    if (!Array.isArray(value) || value[0] !== 'PING') return;
    socket.write(encodeMsgpack(['PONG', true, '', 'liar', digestHex('a', 'b')]));
  });
  const helo = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write(encodeMsgpack(['HELO', { nonce, auth: '', keepalive: true }]));
    socket.once('data', () => socket.write(encodeMsgpack(['PONG', true, '', 'liar', digestHex('a', 'b')])));
  });
  await new Promise<void>((resolve) => helo.listen(0, '127.0.0.1', resolve));
  t.after(() => helo.close());
  const own = { security: [section({ selfHostname: 'client', sharedKey: 'key' })] };
  const { output } = await open(t, [server((helo.address() as AddressInfo).port)], {}, own);
  await assert.rejects(output.write(chunk(), signal), /does not know the shared key/);
  const silent = await open(t, [server(port)], { hardTimeout: 2000 }, own);
  const waiting = silent.output.write(chunk(), signal);
  let isOver = false;
  waiting.catch(() => undefined).finally(() => (isOver = true));
  while (!isOver) {
    silent.context.clock.advance(1000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await assert.rejects(waiting, /waiting for HELO/);
});

test('records of several tags go in a message each where tag is no chunk key', async (t) => {
  const { port, received, until } = await sink(t, acknowledge);
  const { output } = await open(t, [server(port)], { requireAckResponse: true });
  const both = chunkOf([batchOf('a', ['{"n":1}']), batchOf('b', ['{"n":2}']), batchOf('a', ['{"n":3}'])]);
  await output.write({ ...both, id: '00112233445566778899aabbccddeeff' }, signal);
  await until(2);
  assert.deepEqual(
    received.map(({ value }) => (value as Value[])[0]),
    ['a', 'b'],
  );
});

test('a record that MessagePack cannot hold is refused alone', async (t) => {
  const { port } = await sink(t, acknowledge);
  const { output } = await open(t, [server(port)], { requireAckResponse: true });
  const batch = batchOf('t', ['{"n":1}', '{"n":123456789012345678901234567890}', '{"n":3}']);
  const { refused } = await output.write(chunkOf([batch], { tag: 't' }), signal);
  assert.deepEqual(
    refused?.map(({ row }) => row),
    [1],
  );
});

test('heartbeats find a server that comes back, over TCP and UDP', async (t) => {
  for (const heartbeatType of ['transport', 'udp']) {
    // One that nobody is given while no source listens there.
    const source = await startSource(t, { port: await freePort() });
    const { output, context } = await open(t, [server(source.port)], {
      heartbeatType,
      hardTimeout: 5000,
      recoverWait: 2000,
    });
    await source.source.stop();
    const rejects = async (): Promise<string> => {
      try {
        await output.write(chunk(), signal);
        return 'sent';
      } catch (error) {
        return (error as Error).message;
      }
    };
    for (let text = await rejects(); !text.includes('none is available'); text = await rejects()) {
      context.clock.advance(1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const again = await startSource(t, { port: source.port });
    while ((await rejects()) !== 'sent') {
      context.clock.advance(1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    while (again.records().length < 2) await new Promise((resolve) => setImmediate(resolve));
  }
});

test('what cannot work is a problem of the configuration', () => {
  const problem =
    (
      options: Record<string, unknown>,
      sections: Record<string, ReturnType<typeof section>[]> = { server: [server(1)] },
    ) =>
    () =>
      forwardOutput.check?.(configOf(forwardOutput, options, { sections }), { ...defaultBuffer, chunkKeys: ['tag'] });
  assert.throws(problem({}, {}), /there is no server/);
  assert.throws(problem({ dnsRoundRobin: true, heartbeatType: 'udp' }), /dns_round_robin/);
  assert.throws(problem({ sendKeepalivePacket: true }), /needs keepalive/);
  assert.throws(problem({ ackResponseTimeout: 10 }), /at least 1 second/);
  assert.throws(problem({ heartbeatInterval: 0 }), /heartbeat_interval/);
  assert.throws(problem({ tlsClientCertPath: '/x' }), /given together/);
  assert.throws(problem({}, { service_discovery: [section({ type: 'srv' })] }), /service and hostname/);
  assert.throws(
    () => forwardOutput.check?.(configOf(forwardOutput, {}, { sections: { server: [server(1)] } }), defaultBuffer),
    /must have tag/,
  );
  assert.doesNotThrow(problem({}));
});
