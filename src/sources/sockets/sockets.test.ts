/** The sources tcp, udp and syslog over real sockets of loopback. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { configOf, contextOf, modelOf, section, sourceContextOf } from '../../../test/fixture.ts';
import type { Plugin } from '../../core/plugin.ts';
import { Registry } from '../../core/registry.ts';
import { builtinPlugins } from '../../plugins.ts';
import { syslogSource } from '../syslog.ts';
import { tcpSource } from '../tcp.ts';
import { udpSource } from '../udp.ts';
import { SocketSource } from './source.ts';

type Rest = NonNullable<Parameters<typeof configOf>[2]>;

async function start(t: TestContext, plugin: Plugin, options: Record<string, unknown>, rest: Rest) {
  assert.equal(plugin.kind, 'source');
  if (plugin.kind !== 'source') throw new TypeError('no source');
  const base = contextOf(builtinPlugins);
  const context = sourceContextOf(base);
  const counts: string[] = [];
  const counting = Object.assign(context, { refused: (reason: string) => void counts.push(reason) });
  const config = configOf(plugin, { tag: 't', port: 0, ...options }, rest);
  plugin.check?.(config);
  const source = plugin.create(config, counting);
  assert.ok(source instanceof SocketSource);
  await source.start();
  t.after(() => source.stop());
  const records = (): string[] =>
    context.appended.flatMap(({ tag, records: { payloads } }) =>
      payloads.map((payload) => `${tag} ${String(payload)}`),
    );
  /** Until so many records are there. */
  const until = async (isThere: () => boolean): Promise<void> => {
    while (!isThere()) await new Promise((resolve) => setImmediate(resolve));
  };
  return { source, context, clock: base.clock, counts, records, until, port: source.address?.port ?? 0 };
}
const registry = new Registry(builtinPlugins);
const parser = (name: string, options: Record<string, unknown> = {}) => {
  const plugin = registry.get('parser', name);
  assert.ok(plugin);
  return modelOf(plugin, options);
};
const json: Rest = { parser: parser('json') };
const none: Rest = { parser: parser('none') };
const syslog = (options: Record<string, unknown> = {}, transport = 'udp'): Rest => ({
  parser: parser('syslog', { withPriority: true, ...options }),
  sections: { transport: [{ ...section({}), argument: transport }] },
});

async function send(port: number, text: string, isReset = false): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  if (text !== '') await new Promise<void>((resolve) => socket.write(text, () => resolve()));
  if (isReset) socket.resetAndDestroy();
  else socket.end();
  if (!socket.closed) await once(socket, 'close');
}
async function sendDatagrams(port: number, texts: readonly string[]): Promise<void> {
  const socket = createSocket('udp4');
  for (const text of texts) await new Promise<void>((resolve) => socket.send(text, port, '127.0.0.1', () => resolve()));
  socket.close();
}

describe('tcp', () => {
  test('messages become records, the last one without its delimiter too; what is none is refused and kept', async (t) => {
    const { port, records, counts, context, until } = await start(t, tcpSource, { sourceAddressKey: 'from' }, json);
    await send(port, '{"a":1}\nnope\n{"a":2}');
    await until(() => records().length === 2 && counts.length === 1);
    assert.deepEqual(records(), ['t {"a":1,"from":"127.0.0.1"}', 't {"a":2,"from":"127.0.0.1"}']);
    assert.deepEqual([counts, context.refusals], [['parse_failed'], [{ reason: 'parse_failed', raw: 'nope' }]]);
  });
  test('a message beyond the limit is refused, those around it are taken', async (t) => {
    const { port, records, counts, until } = await start(t, tcpSource, { messageLengthLimit: 5, delimiter: ';' }, none);
    await send(port, 'one;far too long;two;');
    await until(() => records().length === 2);
    assert.deepEqual(records(), ['t {"message":"one"}', 't {"message":"two"}']);
    assert.deepEqual(counts, ['message_too_long']);
  });
  test('tag and time come out of the record', async (t) => {
    const extract = section({
      tagKey: 'k',
      keepTagKey: false,
      timeKey: 'at',
      keepTimeKey: false,
      timeType: 'unixtime',
    });
    const { port, records, context, until } = await start(
      t,
      tcpSource,
      {},
      { ...json, sections: { extract: [extract] } },
    );
    await send(port, '{"k":"own","at":5,"a":1}\n{"a":2}\n');
    await until(() => records().length === 2);
    assert.deepEqual(records().sort(), ['own {"a":1}', 't {"a":2}']);
    assert.deepEqual(context.appended.find(({ tag }) => tag === 'own')?.records.seconds, [5]);
  });
  test('only clients that are named may send', async (t) => {
    const security = section({}, { client: [{ network: '10.0.0.0/8' }] });
    const { port, counts, until } = await start(t, tcpSource, {}, { ...json, sections: { security: [security] } });
    await send(port, '').catch(() => undefined);
    await until(() => counts.length === 1);
    assert.deepEqual(counts, ['client_denied']);
  });
  test('while what a sender sent is not on disk it is not read on, and nothing is lost', async (t) => {
    const { port, records, context, until } = await start(t, tcpSource, {}, none);
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    let calls = 0;
    context.gate = () => {
      calls++;
      return gate;
    };
    const line = `${'x'.repeat(1023)}\n`;
    const sent = send(port, line.repeat(20_000));
    await until(() => calls > 8);
    open();
    await sent;
    await until(() => records().length === 20_000);
  });
});

describe('udp', () => {
  test('each datagram is a message without its line end; those that come together share appends', async (t) => {
    const { port, records, context, until } = await start(t, udpSource, {}, none);
    await sendDatagrams(port, ['one\n', 'two\r\n', 'three']);
    await until(() => records().length === 3);
    assert.deepEqual(
      records(),
      ['one', 'two', 'three'].map((text) => `t {"message":"${text}"}`),
    );
    assert.ok(context.appended.length <= 3);
  });
  test('one beyond the limit that is written is refused whole', async (t) => {
    const { port, counts, context, until } = await start(t, udpSource, { messageLengthLimit: 3 }, none);
    await sendDatagrams(port, ['four']);
    await until(() => context.refusals.length === 1);
    assert.deepEqual([counts, context.refusals], [['message_too_long'], [{ reason: 'message_too_long', raw: 'four' }]]);
  });
});

describe('syslog', () => {
  const line = '<13>Mar  5 06:07:08 box app[12]: hello';
  const fields = '"host":"box","ident":"app","pid":"12","message":"hello"';
  test('facility and severity are in the tag, and in fields where they are named', async (t) => {
    const options = { severityKey: 'level', facilityKey: 'facility' };
    const { port, records, until } = await start(t, syslogSource, options, syslog());
    await sendDatagrams(port, [`${line}\n`, line.replace('13', '165')]);
    await until(() => records().length === 2);
    assert.deepEqual(records().sort(), [
      `t.local4.notice {${fields},"level":"notice","facility":"local4"}`,
      `t.user.notice {${fields},"level":"notice","facility":"user"}`,
    ]);
  });
  for (const [frameType, text] of [
    ['traditional', `${line}\n${line}\n`],
    ['octet_count', `${line.length} ${line}${line.length} ${line}`],
  ])
    test(`a stream, ${frameType}`, async (t) => {
      const { port, records, until } = await start(t, syslogSource, { frameType }, syslog({}, 'tcp'));
      await send(port, text as string);
      await until(() => records().length === 2);
      assert.deepEqual(records(), [`t.user.notice {${fields}}`, `t.user.notice {${fields}}`]);
    });
  test('what is no syslog is refused, or a record of its own where that is asked for', async (t) => {
    const strict = await start(t, syslogSource, {}, syslog());
    await sendDatagrams(strict.port, ['hello', line.replace('13', '999')]);
    await strict.until(() => strict.counts.length === 2);
    assert.deepEqual(strict.records(), []);
    const lax = await start(t, syslogSource, { emitUnmatchedLines: true }, syslog());
    await sendDatagrams(lax.port, ['hello']);
    await lax.until(() => lax.records().length === 1);
    assert.deepEqual([lax.records(), lax.counts], [['t.unmatched {"unmatched_line":"hello"}'], []]);
  });
  test('with another parser the priority is taken off the text', async (t) => {
    const { port, records, until } = await start(t, syslogSource, {}, none);
    await sendDatagrams(port, ['<30>any text']);
    await until(() => records().length === 1);
    assert.deepEqual(records(), ['t.daemon.info {"message":"any text"}']);
  });
  test('a stream whose lengths are none is closed, which is counted', async (t) => {
    const rest = syslog({}, 'tcp');
    const { port, records, counts, until } = await start(t, syslogSource, { frameType: 'octet_count' }, rest);
    await send(port, `${line.length} ${line}${line}`);
    await until(() => records().length === 1 && counts.length === 1);
    assert.deepEqual(counts, ['bad_frame']);
  });
});

describe('in the ways of Fluent Bit', () => {
  test('JSON values one behind the other, whatever is between them; what is none ends the connection', async (t) => {
    const { port, records, counts, until } = await start(t, tcpSource, { framing: 'json' }, json);
    await send(port, '{"a":1}{"a":"}"} \n [1] {"a":3}');
    await until(() => records().length === 3);
    assert.deepEqual(counts, ['parse_failed']);
    await send(port, '{"a":4}\nhello');
    await until(() => records().length === 4 && counts.length === 2);
    assert.deepEqual(counts, ['parse_failed', 'bad_frame']);
  });
  test('texts that the parser does not take become field log; empty ones are none', async (t) => {
    const options = { unparsedKey: 'log', skipEmptyMessages: true };
    const { port, records, counts, until } = await start(t, tcpSource, options, json);
    await send(port, '{"a":1}\n\nhello\n');
    await until(() => records().length === 2);
    assert.deepEqual([records(), counts], [['t {"a":1}', 't {"log":"hello"}'], []]);
  });
  test('several messages in a datagram', async (t) => {
    const { port, records, counts, until } = await start(t, udpSource, { framing: 'json' }, json);
    await sendDatagrams(port, ['{"a":1} {"a":2}', '{"a":']);
    await until(() => records().length === 2 && counts.length === 1);
    assert.deepEqual([records(), counts], [['t {"a":1}', 't {"a":2}'], ['parse_failed']]);
    const lines = await start(t, udpSource, { delimiter: '\n' }, none);
    await sendDatagrams(lines.port, ['one\ntwo']);
    await lines.until(() => lines.records().length === 2);
  });
  test('syslog over a Unix socket, with its tag as it is and the message kept', async (t) => {
    const path = join(mkdtempSync(join(tmpdir(), 'p2l-unix-')), 'in', 'syslog.sock');
    const options = { plainTag: true, rawMessageKey: 'raw', path, pathMode: '0600' };
    const { records, until } = await start(t, syslogSource, options, syslog({ withPriority: true }, 'tcp'));
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const socket = connect(path);
    await once(socket, 'connect');
    socket.end('<13>Mar  5 06:07:08 box app: hi\n');
    await until(() => records().length === 1);
    assert.match(records()[0] ?? '', /^t \{"pri":13,.*"raw":"<13>Mar  5 06:07:08 box app: hi"\}$/);
  });
});
