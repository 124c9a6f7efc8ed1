import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { OperatingError } from '../../core/errors.ts';
import { ExtBytes, encodeMsgpack } from '../../core/msgpack.ts';
import { Float } from '../../core/record.ts';
import { configOf, section } from '../../../test/fixture.ts';
import { Sender, packed, startSource } from './forward-fixture.ts';
import { forwardSource } from './index.ts';

const eventTime = new ExtBytes(0, Buffer.from('65e6b68c00000005', 'hex'));
const at = (nanos: number) => `1709618828.${String(nanos).padStart(9, '0')}`;

test('Message, Forward and PackedForward become records; str, bin and both packings', async (t) => {
  const { port, records } = await startSource(t);
  const sender = await Sender.open(port);
  const entries = packed([
    [1_709_618_828, { a: 1 }],
    [eventTime, { b: 'ü' }],
  ]);
  sender.send(['m', 1_709_618_828, { a: 1 }]);
  sender.send([
    'f',
    [
      [1_709_618_828, { a: 1 }],
      [eventTime, { b: 'ü' }],
    ],
  ]);
  sender.send(['pb', new Uint8Array(entries), { size: 2 }]);
  sender.socket.write(
    Buffer.concat([
      Buffer.from('93a27073db', 'hex'),
      u32(entries.length),
      entries,
      encodeMsgpack({ compressed: 'text' }),
    ]),
  );
  sender.send(['gz', new Uint8Array(Buffer.concat([gzipSync(entries), gzipSync(entries)])), { compressed: 'gzip' }]);
  sender.send(['zs', new Uint8Array(zstdCompressSync(entries)), { compressed: 'zstd' }]);
  await sender.settle();
  const two = (tag: string) => [`${tag} ${at(0)} {"a":1}`, `${tag} ${at(5)} {"b":"ü"}`];
  assert.deepEqual(records(), [
    `m ${at(0)} {"a":1}`,
    ...two('f'),
    ...two('pb'),
    ...two('ps'),
    ...two('gz'),
    ...two('gz'),
    ...two('zs'),
  ]);
});

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

test('times: integers, floats, event times of both lengths, with metadata; 0 and nil mean now where Fluentd says so', async (t) => {
  const { port, records, context } = await startSource(t);
  const now = context.clock.now();
  const sender = await Sender.open(port);
  const time = (seconds: number, nanos: number) => `${seconds}.${String(nanos).padStart(9, '0')}`;
  sender.send(['m', 0, { a: 1 }]);
  sender.send(['m', null, { a: 2 }]);
  sender.send(['m', 1.5, { a: 3 }]);
  sender.send(['m', new Float(7), { a: 4 }]);
  sender.send([
    'f',
    [
      [0, { a: 5 }],
      [null, { a: 6 }],
      [-1, { a: 7 }],
    ],
  ]);
  sender.send([
    'p',
    new Uint8Array(
      packed([
        [0, { a: 8 }],
        [null, { a: 9 }],
        [[eventTime, { meta: 1 }], { a: 10 }],
      ]),
    ),
  ]);
  sender.socket.write(Buffer.from('93a16dc7080065e6b68c0000000581a16101', 'hex'));
  await sender.settle();
  const nowText = time(now.seconds, now.nanos);
  assert.deepEqual(records(), [
    `m ${nowText} {"a":1}`,
    `m ${nowText} {"a":2}`,
    `m ${time(1, 500_000_000)} {"a":3}`,
    `m ${time(7, 0)} {"a":4}`,
    `f ${nowText} {"a":5}`,
    `f ${nowText} {"a":6}`,
    `f ${time(-1, 0)} {"a":7}`,
    `p ${time(0, 0)} {"a":8}`,
    `p ${nowText} {"a":9}`,
    `p ${at(5)} {"a":10}`,
    `m ${at(5)} {"a":1}`,
  ]);
});

test('an acknowledgement comes only when the records are durable, in order, with the id as it was sent', async (t) => {
  const { port, context } = await startSource(t);
  let release: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  context.gate = () => gate;
  const sender = await Sender.open(port);
  sender.send(['a', [[1, { n: 1 }]], { chunk: 'one\n' }]);
  sender.send(['b', [[1, { n: 2 }]], { chunk: new Uint8Array([255, 0]) }]);
  sender.send(['c', 1, { n: 3 }, { chunk: 7 }]);
  let isAcknowledged = false;
  const first = sender.next().then((value) => {
    isAcknowledged = true;
    return value;
  });
  // A heartbeat is answered meanwhile: the source has had its turns.
  await heartbeat(port);
  assert.equal(isAcknowledged, false);
  release();
  assert.deepEqual(await first, new Map([['ack', 'one\n']]));
  assert.deepEqual(await sender.next(), new Map([['ack', new Uint8Array([255, 0])]]));
  assert.deepEqual(await sender.next(), new Map([['ack', 7]]));
});

async function heartbeat(port: number): Promise<Buffer> {
  const socket = createSocket('udp4');
  socket.send(Buffer.from([0]), port, '127.0.0.1');
  const [bytes] = (await once(socket, 'message')) as [Buffer];
  socket.close();
  return bytes;
}

test('what the journal does not take is not acknowledged; a full journal is waited for', async (t) => {
  const { port, context, clock, records } = await startSource(t);
  let failures = 2;
  context.gate = async () => {
    if (failures-- > 0) throw new OperatingError('JOURNAL_FULL', 'full');
  };
  const sender = await Sender.open(port);
  sender.send(['a', 1, { n: 1 }, { chunk: 'x' }]);
  const answered = sender.next();
  while (context.appended.length === 0) {
    clock.advance(200);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(await answered, new Map([['ack', 'x']]));
  assert.equal(records().length, 1);
  context.gate = async () => {
    throw new OperatingError('JOURNAL_CLOSED', 'closed');
  };
  sender.send(['a', 1, { n: 2 }, { chunk: 'y' }]);
  assert.equal(await sender.next(), 'closed');
});

test('JSON is taken on the same port, and acknowledged as JSON', async (t) => {
  const { port, records } = await startSource(t);
  const socket = connect(port, '127.0.0.1');
  socket.setEncoding('utf8');
  socket.write('["j",17096');
  socket.write('18828,{"a":1.0,"big":12345678901234567,"s":"]\\"}"}] ["f",[[1709618828,{"b":');
  socket.write('2}]],{"chunk":"id\\n"}]');
  const [answer] = (await once(socket, 'data')) as [string];
  assert.equal(answer, '{"ack":"id\\n"}');
  assert.deepEqual(records(), [`j ${at(0)} {"a":1.0,"big":12345678901234567,"s":"]\\"}"}`, `f ${at(0)} {"b":2}`]);
  socket.write('["n",1709618828,{"c":3},{"chunk":[18446744073709551615,1.0]}]');
  assert.deepEqual(await once(socket, 'data'), ['{"ack":[18446744073709551615,1.0]}']);
  socket.destroy();
});

test('tag, prefix and the sender’s address', async (t) => {
  const one = await startSource(t, { tag: 'fixed', addTagPrefix: 'pre', sourceAddressKey: 'from' });
  const sender = await Sender.open(one.port);
  sender.send(['sent', 1_709_618_828, { from: 'x', a: 1 }]);
  await sender.settle();
  assert.deepEqual(one.records(), [`pre.fixed ${at(0)} {"from":"127.0.0.1","a":1}`]);
});

test('entries that are no records are kept and counted, and their neighbours taken', async (t) => {
  const { port, records, context, refusedCounts } = await startSource(t);
  const sender = await Sender.open(port);
  sender.send(['f', [[1, { ok: 1 }], [2, 'text'], ['x', { bad: 'time' }], [3], [4, null], 5, [6, { ok: 2 }]]]);
  sender.send('no message');
  sender.send(12);
  sender.send(null);
  sender.send([5, 1, { tag: 'number' }]);
  sender.send([['no tag'], 1, {}]);
  sender.send(['p', new Uint8Array(Buffer.concat([packed([[1, { ok: 3 }]]), Buffer.from([0x92, 0x01, 0xc1])]))]);
  await sender.settle();
  assert.deepEqual(records(), [
    'f 1.000000000 {"ok":1}',
    'f 6.000000000 {"ok":2}',
    '5 1.000000000 {"tag":"number"}',
    'p 1.000000000 {"ok":3}',
  ]);
  assert.deepEqual(Object.fromEntries(refusedCounts), {
    invalid_record: 2,
    invalid_time: 1,
    no_record: 2,
    no_message: 2,
    invalid_tag: 1,
    broken_entries: 1,
  });
  assert.deepEqual(context.refusals.map(({ reason }) => reason).toSorted(), [
    'broken_entries',
    'invalid_record',
    'invalid_record',
    'invalid_tag',
    'invalid_time',
    'no_message',
    'no_message',
  ]);
});

test('skip_invalid_event leaves them out', async (t) => {
  const { port, records, context, refusedCounts } = await startSource(t, { skipInvalidEvent: true });
  const sender = await Sender.open(port);
  sender.send(['f', [[1, { ok: 1 }], [2, 'text'], [1.5, { bad: 'time' }], [3], [0, { ok: 2 }]]]);
  sender.send([5, 1, { tag: 'number' }]);
  await sender.settle();
  assert.deepEqual(records(), ['f 1.000000000 {"ok":1}', 'f 0.000000000 {"ok":2}']);
  assert.deepEqual(Object.fromEntries(refusedCounts), {
    invalid_record: 1,
    invalid_time: 1,
    no_record: 1,
    invalid_tag: 1,
  });
  assert.deepEqual(
    context.refusals.map(({ reason }) => reason),
    ['invalid_tag'],
  );
});

test('chunk_size_limit refuses without an acknowledgement', async (t) => {
  const { port, records, refusedCounts } = await startSource(t, { chunkSizeLimit: 100 });
  const sender = await Sender.open(port);
  sender.send(['big', [[1, { text: 'x'.repeat(200) }]], { chunk: 'big' }]);
  sender.send(['small', [[1, { a: 1 }]]]);
  await sender.settle();
  assert.deepEqual(records(), ['small 1.000000000 {"a":1}']);
  assert.equal(refusedCounts.get('chunk_size_limit'), 1);
});

test('deny_keepalive closes behind the first message', async (t) => {
  const { port, records } = await startSource(t, { denyKeepalive: true });
  const sender = await Sender.open(port);
  sender.send(['one', [[1, { a: 1 }]], { chunk: 'c' }]);
  sender.send(['two', [[1, { a: 2 }]]]);
  assert.deepEqual(await sender.next(), new Map([['ack', 'c']]));
  assert.equal(await sender.next(), 'closed');
  assert.deepEqual(records(), ['one 1.000000000 {"a":1}']);
});

test('broken streams, lying lengths, bombs and deep nesting close the connection, which is counted; what came before is kept', async (t) => {
  const { port, records, refusedCounts } = await startSource(t, {
    memoryLimit: 1024 * 1024,
    decompressionSizeLimit: 10_000,
  });
  const bad: readonly Buffer[] = [
    Buffer.from([0xc1, 0xff]),
    Buffer.from('dbffffffff00', 'hex'),
    Buffer.from('ddffffffff00', 'hex'),
    Buffer.alloc(1000, 0x91),
    Buffer.from('{"a":nonsense}'),
    Buffer.from(`[${'['.repeat(1000)}`),
  ];
  for (const bytes of bad) {
    const sender = await Sender.open(port);
    if (bytes[0] !== 0x5b && bytes[0] !== 0x7b) sender.send(['before', 1, { a: 1 }]);
    sender.socket.write(bytes);
    assert.equal(await sender.next(), 'closed', bytes.toString('latin1').slice(0, 20));
  }
  assert.equal(refusedCounts.get('bad_message'), bad.length);
  assert.equal(records().length, 4);
  const bomb = await Sender.open(port);
  bomb.send(['bomb', new Uint8Array(gzipSync(Buffer.alloc(1_000_000))), { compressed: 'gzip' }]);
  assert.equal(await bomb.next(), 'closed');
});

test('a message that never ends is counted, and so is one that stalls', async (t) => {
  const { port, refusedCounts, clock } = await startSource(t);
  const gone = await Sender.open(port);
  gone.socket.write(Buffer.from('93a161', 'hex'));
  await gone.end();
  assert.equal(refusedCounts.get('cut_off'), 1);
  const stalled = await Sender.open(port);
  stalled.socket.write(Buffer.from('93a161', 'hex'));
  await heartbeat(port);
  const closed = stalled.next();
  while (!stalled.isClosed) {
    clock.advance(70_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(await closed, 'closed');
  assert.equal(refusedCounts.get('stalled'), 1);
});

test('stop takes what was received and acknowledges it', async (t) => {
  const { port, records, source } = await startSource(t);
  const sender = await Sender.open(port);
  await sender.settle();
  sender.send(['last', 1, { a: 1 }, { chunk: 'z' }]);
  assert.deepEqual(await sender.next(), new Map([['ack', 'z']]));
  await source.stop();
  assert.equal(await sender.next(), 'closed');
  assert.deepEqual(records(), ['last 1.000000000 {"a":1}']);
});

test('a busy port and unreadable certificates say what to do', async (t) => {
  const { port } = await startSource(t);
  const failed = (error: unknown) => error instanceof OperatingError && error.code === 'LISTEN_FAILED';
  await assert.rejects(startSource(t, { port }), failed);
  const transport = {
    ...section({ certPath: '/nowhere', privateKeyPath: '/nowhere', clientCertAuth: false }),
    argument: 'tls',
  };
  await assert.rejects(startSource(t, {}, { transport: [transport] }), failed);
});

test('options that exclude each other are problems', () => {
  const problem =
    (options: Record<string, unknown>, sections = {}) =>
    () =>
      forwardSource.check?.(configOf(forwardSource, options, { sections }));
  assert.throws(problem({ tag: '' }), /tag is empty/);
  assert.throws(problem({ sourceHostnameKey: 'h', resolveHostname: false }), /needs resolve_hostname/);
  assert.throws(problem({ sendKeepalivePacket: true, denyKeepalive: true }), /exclude each other/);
  assert.throws(
    problem({}, { security: [section({ userAuth: true, allowAnonymousSource: true })] }),
    /needs at least one <user>/,
  );
  assert.throws(problem({}, { security: [section({ allowAnonymousSource: false })] }), /takes nobody/);
  const client = (options: Record<string, unknown>) => ({
    security: [section({ allowAnonymousSource: true }, { client: [options] })],
  });
  assert.throws(problem({}, client({ host: 'a', network: '10.0.0.0/8' })), /not both/);
  assert.throws(problem({}, client({})), /missing/);
  assert.throws(problem({}, client({ network: 'nonsense' })), /not an address/);
  const transport = (argument: string, options = {}) => ({ transport: [{ ...section(options), argument }] });
  assert.throws(problem({}, transport('quic')), /expected tcp or tls/);
  assert.throws(problem({}, transport('tls')), /cert_path is missing/);
  assert.throws(
    problem({}, transport('tls', { certPath: 'a', privateKeyPath: 'b', minVersion: 'TLSv1_2' })),
    /given together/,
  );
  assert.doesNotThrow(problem({}));
});
