/** Asks servers for signs of life: by connecting to them, or over UDP. Source: Fluentd 1.16 out_forward.rb. */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Clock, Timer } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { ServerNode } from './server-node.ts';

export interface HeartbeatOptions {
  readonly type: 'transport' | 'udp';
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly log: Log;
  nodes(): readonly ServerNode[];
  /** Another server is available, or one is not any more. */
  onChange(): void;
}

const payload = Buffer.from([0]);

export class Heartbeats {
  readonly #options: HeartbeatOptions;
  readonly #asking = new Set<ServerNode>();
  readonly #abort = new AbortController();
  readonly #sockets = new Map<'udp4' | 'udp6', Socket>();
  /** Whom an answer from this address and port comes from. */
  readonly #byPlace = new Map<string, ServerNode>();
  #timer: Timer | undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }
  start(): void {
    const { clock, intervalMs } = this.#options;
    this.#timer = clock.after(intervalMs, () => {
      this.#round();
      if (!this.#abort.signal.aborted) this.start();
    });
  }
  stop(): void {
    this.#timer?.cancel();
    this.#abort.abort();
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }
  #round(): void {
    let hasChanged = false;
    for (const node of this.#options.nodes()) {
      void this.#ask(node);
      if (node.tick()) hasChanged = true;
    }
    if (hasChanged) this.#options.onChange();
  }
  async #ask(node: ServerNode): Promise<void> {
    if (this.#asking.has(node)) return;
    this.#asking.add(node);
    try {
      if (this.#options.type === 'udp') await this.#send(node);
      else {
        await node.verify(this.#abort.signal);
        if (node.heartbeat(true)) this.#options.onChange();
      }
    } catch (error) {
      this.#options.log.debug(`heartbeat of forward server ${node.title}: ${errorText(error)}`);
    } finally {
      this.#asking.delete(node);
    }
  }
  async #send(node: ServerNode): Promise<void> {
    const address = await node.resolve();
    if (this.#abort.signal.aborted) return;
    const { port } = node.model;
    this.#byPlace.set(`${address} ${port}`, node);
    this.#socket(isIPv6(address) ? 'udp6' : 'udp4').send(payload, port, address, () => undefined);
  }
  #socket(type: 'udp4' | 'udp6'): Socket {
    const known = this.#sockets.get(type);
    if (known) return known;
    const socket = createSocket(type);
    this.#sockets.set(type, socket);
    socket.unref();
    // A server that is down answers with an error of the network; that it is silent is what counts.
    socket.on('error', () => undefined);
    socket.on('message', (_bytes, sender) => {
      const node = this.#byPlace.get(`${sender.address} ${sender.port}`);
      if (node?.heartbeat(true)) this.#options.onChange();
    });
    return socket;
  }
}
