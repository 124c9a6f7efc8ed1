/** A Kubernetes API on loopback, for tests: pods and namespaces, lists, watches that the test feeds, and every way to answer badly. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Batch } from '../core/batch.ts';
import { NotReady } from '../core/not-ready.ts';
import type { Filter } from '../core/plugin.ts';

/** A pod as the API describes it. */
export function podObject(
  namespace: string,
  name: string,
  uid: string,
  more: {
    readonly containers?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly node?: string;
  } = {},
) {
  const { containers = {}, labels = {}, annotations = {}, node = 'node-1' } = more;
  return {
    kind: 'Pod',
    metadata: { name, namespace, uid, resourceVersion: '7', labels, annotations },
    spec: { nodeName: node },
    status: {
      podIP: '10.0.0.7',
      containerStatuses: Object.entries(containers).map(([container, id]) => ({
        name: container,
        image: `${container}:1`,
        imageID: `docker-pullable://docker.io/${container}@sha256:ab`,
        containerID: `docker://${id}`,
      })),
    },
  };
}

export interface FakeAnswer {
  readonly status: number;
  readonly body: unknown;
}

export class FakeApi {
  readonly requests: { readonly path: string; readonly authorization: string | undefined }[] = [];
  readonly pods = new Map<string, ReturnType<typeof podObject>>();
  readonly namespaces = new Map<string, unknown>();
  /** Goes before what the API knows; a text is sent as it is, `hang` never answered. */
  answer: ((path: string) => FakeAnswer | string | undefined) | undefined;
  /** Version of the lists. */
  version = '100';
  readonly #server: Server;
  #watches: ServerResponse[] = [];
  #waiting: { readonly isThere: () => boolean; readonly resolve: () => void }[] = [];

  readonly #isSecure: boolean;

  private constructor(tls: ServerOptions | undefined) {
    this.#isSecure = tls !== undefined;
    const serve = (request: IncomingMessage, response: ServerResponse): void => this.#serve(request, response);
    this.#server = tls ? createSecureServer(tls, serve) : createServer(serve);
  }
  /** `tls`: with that certificate. */
  static async start(context: { after(end: () => Promise<void>): void }, tls?: ServerOptions): Promise<FakeApi> {
    const api = new FakeApi(tls);
    await new Promise<void>((resolve) => api.#server.listen(0, '127.0.0.1', resolve));
    context.after(() => api.stop());
    return api;
  }
  get url(): string {
    return `${this.#isSecure ? 'https' : 'http'}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }
  get paths(): string[] {
    return this.requests.map(({ path }) => path);
  }
  put(pod: ReturnType<typeof podObject>): void {
    this.pods.set(`${pod.metadata.namespace}/${pod.metadata.name}`, pod);
  }
  /** An event for all watches. */
  send(type: string, object: unknown): void {
    for (const watch of this.#watches) watch.write(`${JSON.stringify({ type, object })}\n`);
  }
  /** Ends all watches, as the API does after a while. */
  endWatches(): void {
    for (const watch of this.#watches) watch.end();
    this.#watches = [];
  }
  /** Resolves once it is true, asked again after every request. */
  async until(isThere: () => boolean): Promise<void> {
    if (isThere()) return;
    await new Promise<void>((resolve) => this.#waiting.push({ isThere, resolve }));
  }
  get watchCount(): number {
    return this.#watches.length;
  }
  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '';
    this.requests.push({ path, authorization: request.headers.authorization });
    const own = this.answer?.(path);
    if (own === 'hang') return this.#look();
    if (typeof own === 'string') response.end(own);
    else if (own) write(response, own);
    else if (path.includes('watch=true')) {
      this.#watches.push(response);
      response.on('close', () => (this.#watches = this.#watches.filter((other) => other !== response)));
      response.writeHead(200).flushHeaders();
    } else write(response, this.#known(path));
    this.#look();
  }
  #look(): void {
    const ready = this.#waiting.filter(({ isThere }) => isThere());
    this.#waiting = this.#waiting.filter((one) => !ready.includes(one));
    for (const { resolve } of ready) resolve();
  }
  #known(path: string): FakeAnswer {
    if (path.startsWith('/api/v1/pods?') || path === '/pods')
      return {
        status: 200,
        body: { kind: 'PodList', metadata: { resourceVersion: this.version }, items: [...this.pods.values()] },
      };
    const [, namespace = '', pod] = /^\/api\/v1\/namespaces\/([^/]+)(?:\/pods\/(.+))?$/.exec(path) ?? [];
    const found = pod === undefined ? this.namespaces.get(namespace) : this.pods.get(`${namespace}/${pod}`);
    return found ? { status: 200, body: found } : { status: 404, body: status(404, 'not found') };
  }
}

function write(response: ServerResponse, { status: code, body }: FakeAnswer): void {
  response.writeHead(code, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}

/** The object in which the API says what is wrong. */
export function status(code: number, message: string): unknown {
  return { kind: 'Status', status: 'Failure', code, message };
}

/** Calls as the router does: again when what the filter waits for is there. */
export async function whenReady<T>(call: () => T): Promise<T> {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if (!(error instanceof NotReady)) throw error;
      await error.ready;
    }
  }
}

/** A batch through a filter that may wait. */
export function applied(filter: Filter, batch: Batch): Promise<Batch> {
  return whenReady(() => filter.apply(batch, (_, reason) => assert.fail(reason)));
}
