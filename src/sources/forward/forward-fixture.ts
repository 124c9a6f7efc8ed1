/** A running forward source and raw senders. Used by tests. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { MsgpackFramer } from '../../core/msgpack-scan.ts';
import { decodeMsgpack, encodeMsgpack } from '../../core/msgpack.ts';
import { stringifyJson } from '../../core/json.ts';
import type { Value } from '../../core/record.ts';
import type { SectionModel } from '../../config/model.ts';
import { configOf, contextOf, section, sourceContextOf } from '../../../test/fixture.ts';
import { forwardSource } from './index.ts';
import { ForwardSource } from './source.ts';

export type Sections = Record<string, readonly SectionModel[]>;

/** `<security>` with what is written over the defaults. */
export function security(
  options: Record<string, unknown> = {},
  inner: Record<string, Record<string, unknown>[]> = {},
): Sections {
  const all = { selfHostname: 'server', sharedKey: 'key', userAuth: false, allowAnonymousSource: true, ...options };
  return { security: [section(all, inner)] };
}

/** Starts a source on a free port of loopback; stops it with the test. */
export async function startSource(t: TestContext, options: Record<string, unknown> = {}, sections: Sections = {}) {
  const base = contextOf([]);
  const context = sourceContextOf(base);
  const refusedCounts = new Map<string, number>();
  const counting = {
    ...context,
    refused: (reason: string, _tag: string, count = 1): void => {
      refusedCounts.set(reason, (refusedCounts.get(reason) ?? 0) + count);
    },
    append: (request: Parameters<typeof context.append>[0]) => context.append(request),
  };
  assert.equal(forwardSource.kind, 'source');
  const source = new ForwardSource(configOf(forwardSource, { port: 0, ...options }, { sections }) as never, counting);
  await source.start();
  t.after(() => source.stop());
  const port = source.address?.port ?? 0;
  /** Records as `tag time {json}`. */
  const records = (): string[] =>
    context.appended.flatMap(({ tag, records: { payloads, seconds, nanos } }) =>
      payloads.map((payload, i) => {
        const value = decodeMsgpack(Buffer.from(payload as Uint8Array));
        return `${tag} ${seconds[i]}.${String(nanos[i]).padStart(9, '0')} ${stringifyJson(value)}`;
      }),
    );
  return { source, port, context, clock: base.clock, refusedCounts, records };
}

/** A connection that sends raw bytes and reads values. */
export class Sender {
  readonly socket: Socket;
  readonly #framer = new MsgpackFramer(1_000_000);
  readonly #values: Value[] = [];
  #wake: () => void = () => undefined;
  isClosed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      this.#framer.add(chunk);
      for (let value = this.#framer.next(); value; value = this.#framer.next()) this.#values.push(decodeMsgpack(value));
      this.#wake();
    });
    socket.on('close', () => {
      this.isClosed = true;
      this.#wake();
    });
  }
  static async open(port: number): Promise<Sender> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new Sender(socket);
  }
  send(value: Value): void {
    this.socket.write(encodeMsgpack(value));
  }
  /** The next value, or `closed`. */
  async next(): Promise<Value> {
    while (this.#values.length === 0 && !this.isClosed)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    return this.#values.shift() ?? 'closed';
  }
  /** Sends what is asked to be acknowledged, and waits until it is: all that was sent before is durable then. */
  async settle(): Promise<void> {
    this.send(['settle', [], { chunk: 'settled' }]);
    for (;;) {
      const value = await this.next();
      if (value === 'closed') assert.fail('the connection was closed');
      if (value instanceof Map && value.get('ack') === 'settled') return;
    }
  }
  async end(): Promise<void> {
    this.socket.end();
    if (!this.isClosed) await once(this.socket, 'close');
  }
}

/** Entries as PackedForward carries them. */
export function packed(entries: readonly (readonly [Value, Value])[]): Buffer {
  return Buffer.concat(entries.map(([time, record]) => encodeMsgpack([time, record])));
}
