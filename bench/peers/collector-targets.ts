/** What the collectors of the `tail` scenario speak to: one server that takes requests and counts records, and one that stands for Kubernetes. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { closeSync, openSync, readSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));
}
function close(server: Server): void {
  server.close();
  server.closeAllConnections();
}

const unpack: Readonly<Record<string, (bytes: Buffer) => Buffer>> = { gzip: gunzipSync, zstd: zstdDecompressSync };

/** Takes requests and counts the records in them; in this process, whose time is not measured. */
export class Target {
  records = 0;
  /** Of bodies as they came. */
  bytes = 0;
  readonly #server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => this.#take(request, Buffer.concat(parts), response));
  });

  listen(): Promise<number> {
    return listen(this.#server);
  }
  close(): void {
    close(this.#server);
  }
  #take(request: IncomingMessage, body: Buffer, response: ServerResponse): void {
    this.bytes += body.length;
    const bytes = unpack[request.headers['content-encoding'] ?? '']?.(body) ?? body;
    const lines = countLines(bytes) + (bytes.length > 0 && bytes.at(-1) !== 10 ? 1 : 0);
    if (request.url?.includes('_bulk') === true) {
      this.records += lines / 2;
      const items = Array.from({ length: lines / 2 }, () => '{"create":{"_index":"logs","_id":"1","status":201}}');
      answer(response, `{"took":1,"errors":false,"items":[${items.join(',')}]}`);
      return;
    }
    this.records += lines;
    answer(response, '{"version":{"number":"8.15.0"}}');
  }
}

/** Lines in files that grow below a directory; what was counted is not read again. */
export class LineCounter {
  lines = 0;
  readonly #directory: string;
  readonly #read = new Map<string, number>();
  readonly #buffer = Buffer.allocUnsafe(1024 * 1024);

  constructor(directory: string) {
    this.#directory = directory;
  }
  count(): number {
    for (const entry of readdirSync(this.#directory, { recursive: true, withFileTypes: true }))
      if (entry.isFile() && !entry.name.endsWith('.meta')) this.#more(join(entry.parentPath, entry.name));
    return this.lines;
  }
  #more(path: string): void {
    const file = openSync(path, 'r');
    let at = this.#read.get(path) ?? 0;
    for (let got = -1; got !== 0; at += got) {
      got = readSync(file, this.#buffer, 0, this.#buffer.length, at);
      this.lines += countLines(this.#buffer.subarray(0, got));
    }
    closeSync(file);
    this.#read.set(path, at);
  }
}

function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines++;
  return lines;
}

export const podName = 'web-5d9c7b8f4-x2x7k';
const pod = {
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: {
    name: podName,
    namespace: 'shop',
    uid: '3f1c0a6e-2f0c-4a52-9d0c-0a4b7f3f6a11',
    resourceVersion: '7',
    labels: { app: 'web', 'pod-template-hash': '5d9c7b8f4', 'app.kubernetes.io/part-of': 'shop' },
    annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '8080' },
  },
  spec: { nodeName: 'node-1' },
  status: {
    podIP: '10.0.0.7',
    containerStatuses: [
      {
        name: 'web',
        image: 'registry.example.com/shop/web:1.4.2',
        imageID: `registry.example.com/shop/web@sha256:${'fedcba9876543210'.repeat(4)}`,
        containerID: `containerd://${'0123456789abcdef'.repeat(4)}`,
      },
    ],
  },
};
const namespace = { kind: 'Namespace', apiVersion: 'v1', metadata: { name: 'shop', uid: 'n1', labels: {} } };
/** Fluentd's client asks for what there is before it asks for it. */
const resources = {
  kind: 'APIResourceList',
  groupVersion: 'v1',
  resources: [
    { name: 'pods', namespaced: true, kind: 'Pod', verbs: ['get', 'list', 'watch'] },
    { name: 'namespaces', namespaced: false, kind: 'Namespace', verbs: ['get', 'list', 'watch'] },
  ],
};

/** Answers as a Kubernetes API does that has one pod. */
export class Kubernetes {
  readonly #server = createServer((request, response) => {
    const path = request.url ?? '';
    if (path.includes('watch=')) response.writeHead(200).flushHeaders();
    else if (path.includes(`/pods/${podName}`)) answer(response, JSON.stringify(pod));
    else if (path.includes('/namespaces/shop')) answer(response, JSON.stringify(namespace));
    else if (path.includes('/pods'))
      answer(response, JSON.stringify({ kind: 'PodList', metadata: { resourceVersion: '7' }, items: [pod] }));
    else if (/\/api\/?$/.test(path)) answer(response, JSON.stringify({ kind: 'APIVersions', versions: ['v1'] }));
    else answer(response, JSON.stringify(resources));
  });

  async listen(): Promise<string> {
    return `http://127.0.0.1:${await listen(this.#server)}`;
  }
  close(): void {
    close(this.#server);
  }
}

function answer(response: ServerResponse, json: string): void {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(json);
}
