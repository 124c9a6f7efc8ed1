/**
 * Notes and calls between the processes of one program. The supervisor is the hub: every other process has one IPC
 * channel to it, and what is not for the hub is passed on by name. Values are what structured clone carries.
 */
import { randomInt } from 'node:crypto';
import { errorText } from '../core/errors.ts';

/** What travels. `call` set: an answer is wanted; `reply` set: this is the answer. */
interface Envelope {
  readonly to: string;
  readonly from: string;
  readonly kind: string;
  readonly body: unknown;
  readonly call?: number;
  readonly reply?: number;
  readonly error?: string;
  /** With `error`: the process called does not run. */
  readonly isGone?: boolean;
}

/** The process that was called does not run, or ended before it answered. */
export class PeerGone extends Error {}

type Handler = (body: unknown, from: string) => unknown;
type Send = (envelope: Envelope) => void;

interface Pending {
  readonly to: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** The name of the hub. */
export const hubName = 'supervisor';

/** One process's end. */
export class Link {
  readonly name: string;
  readonly #send: Send;
  readonly #handlers = new Map<string, Handler>();
  readonly #pending = new Map<number, Pending>();
  /** A process that was restarted must not take a late answer to its predecessor for one to its own call. */
  #nextCall = randomInt(2 ** 47);

  constructor(name: string, send: Send) {
    this.name = name;
    this.#send = send;
  }
  /** Sends without waiting; lost when the other process is not there. */
  note(to: string, kind: string, body: unknown): void {
    this.#send({ to, from: this.name, kind, body });
  }
  /** Sends and waits for the answer. Rejects when the other process is gone, throws, or does not answer in time. */
  call(to: string, kind: string, body: unknown, timeoutMs = 10_000): Promise<unknown> {
    const call = this.#nextCall++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.#settle(call)?.reject(new Error(`${kind}: process ${to} did not answer within ${timeoutMs} ms`)),
        timeoutMs,
      );
      timer.unref();
      this.#pending.set(call, { to, resolve, reject, timer });
      this.#send({ to, from: this.name, kind, body, call });
    });
  }
  /** Sets who answers notes and calls of a kind. */
  on(kind: string, handler: Handler): void {
    this.#handlers.set(kind, handler);
  }
  /** Rejects the calls that wait for a process that is gone. */
  gone(name: string): void {
    for (const [call, pending] of this.#pending)
      if (pending.to === name) this.#settle(call)?.reject(new PeerGone(`process ${name} ended`));
  }
  /** Takes what arrived on the channel. */
  receive(envelope: Envelope): void {
    if (envelope.reply !== undefined) {
      const pending = this.#settle(envelope.reply);
      if (envelope.error === undefined) pending?.resolve(envelope.body);
      else pending?.reject(envelope.isGone === true ? new PeerGone(envelope.error) : new Error(envelope.error));
      return;
    }
    void this.#handle(envelope);
  }
  async #handle(envelope: Envelope): Promise<void> {
    const { from, kind, body, call } = envelope;
    const handler = this.#handlers.get(kind);
    try {
      if (!handler) throw new Error(`process ${this.name} does not know ${kind}`);
      const answer = await handler(body, from);
      if (call !== undefined) this.#send({ to: from, from: this.name, kind, body: answer, reply: call });
    } catch (error) {
      if (call !== undefined)
        this.#send({ to: from, from: this.name, kind, body: undefined, reply: call, error: errorText(error) });
    }
  }
  #settle(call: number): Pending | undefined {
    const pending = this.#pending.get(call);
    this.#pending.delete(call);
    if (pending) clearTimeout(pending.timer);
    return pending;
  }
}

function isEnvelope(value: unknown): value is Envelope {
  return typeof value === 'object' && value !== null && 'to' in value && 'kind' in value;
}

/**
 * The link of a child process to its supervisor. When the supervisor is gone this process must not go on: `onOrphaned` is
 * called, at once where it went before. Others that ended are told to the handler of `gone`.
 */
export function childLink(name: string, onOrphaned: () => void): Link {
  const link = new Link(name, (envelope) => {
    if (process.connected) process.send?.(envelope);
  });
  process.on('message', (envelope) => {
    if (!isEnvelope(envelope)) return;
    if (envelope.kind === 'gone' && typeof envelope.body === 'string') link.gone(envelope.body);
    link.receive(envelope);
  });
  process.on('disconnect', onOrphaned);
  // The event was before anybody listened where the supervisor died while this process was loading.
  if (!process.connected) onOrphaned();
  return link;
}

/** Ends this child's channel, so that the process can end by itself. */
export function leaveHub(): void {
  process.removeAllListeners('disconnect');
  if (process.connected) process.disconnect();
}

/** A child leaves signals to its supervisor, which a terminal's Ctrl-C reaches too. */
export function ignoreSignals(): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
}

/** The hub's view of one child. */
export interface HubChild {
  readonly isConnected: boolean;
  send(envelope: unknown): void;
}

/** The hub: routes between children by name, and has a link of its own. */
export class Hub {
  readonly link: Link;
  readonly #children = new Map<string, HubChild>();

  constructor() {
    this.link = new Link(hubName, (envelope) => this.route(envelope));
  }
  add(name: string, child: HubChild): void {
    this.#children.set(name, child);
  }
  /** Forgets a child that ended and tells the others, so that calls to it fail at once. */
  remove(name: string): void {
    this.#children.delete(name);
    this.link.gone(name);
    for (const [other, child] of this.#children)
      if (child.isConnected) child.send({ to: other, from: hubName, kind: 'gone', body: name });
  }
  /** Passes on what a child sent. */
  route(envelope: unknown): void {
    if (!isEnvelope(envelope)) return;
    if (envelope.to === hubName) {
      this.link.receive(envelope);
      return;
    }
    const child = this.#children.get(envelope.to);
    if (child?.isConnected) child.send(envelope);
    else if (envelope.call !== undefined) {
      this.route({
        to: envelope.from,
        from: envelope.to,
        kind: envelope.kind,
        body: undefined,
        reply: envelope.call,
        error: `process ${envelope.to} is not running`,
        isGone: true,
      });
    }
  }
}
