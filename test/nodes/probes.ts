/** Probes of HTTP and TCP as a kubelet runs them: from the pod's node. */
import { spawn, type ChildProcess } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Container, Probe } from './manifests.ts';

export interface Question {
  readonly host: string;
  readonly port: number;
  /** A GET that has to be answered below 400; undefined: a connection is enough. */
  readonly http: { readonly path: string; readonly headers: Readonly<Record<string, string>> } | undefined;
  readonly timeoutMs: number;
}

/** A port of a probe or a service may be a name of the container's. @throws where there is no such port */
export function portOf(port: number | string, { name, ports = [] }: Container): number {
  if (typeof port === 'number') return port;
  const named = ports.find((one) => one.name === port);
  if (!named) throw new Error(`container ${name} has no port ${port}`);
  return named.containerPort;
}

/** Undefined for a probe that runs a command. */
export function questionOf(probe: Probe, container: Container, host: string): Question | undefined {
  const { httpGet, tcpSocket, timeoutSeconds = 1 } = probe;
  const door = httpGet ?? tcpSocket;
  if (!door) return undefined;
  const headers = Object.fromEntries((httpGet?.httpHeaders ?? []).map(({ name, value }) => [name, value]));
  const http = httpGet && { path: httpGet.path ?? '/', headers };
  return { host, port: portOf(door.port, container), http, timeoutMs: timeoutSeconds * 1000 };
}

export function ask({ host, port, http, timeoutMs }: Question): Promise<boolean> {
  if (http) {
    const options = { headers: http.headers, signal: AbortSignal.timeout(timeoutMs) };
    return fetch(`http://${host}:${port}${http.path}`, options).then(
      async (answer) => (await answer.text().catch(() => undefined)) !== undefined && answer.status < 400,
      () => false,
    );
  }
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const end = (isWell: boolean): void => {
      socket.destroy();
      resolve(isWell);
    };
    socket
      .once('connect', () => end(true))
      .once('error', () => end(false))
      .once('timeout', () => end(false));
  });
}

/** Asks from inside of a node. */
export class Prober {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (isWell: boolean) => void>();
  #asked = 0;

  constructor(node: string) {
    const args = ['netns', 'exec', node, process.execPath, join(import.meta.dirname, 'prober.ts')];
    this.#child = spawn('ip', args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.on('message', ({ id, isWell }: { id: number; isWell: boolean }) => {
      this.#waiting.get(id)?.(isWell);
      this.#waiting.delete(id);
    });
  }
  ask(question: Question): Promise<boolean> {
    const id = ++this.#asked;
    if (!this.#child.connected) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#child.send({ ...question, id });
    });
  }
  end(): void {
    this.#child.disconnect();
  }
}
