/** A recording server for tests of these outputs: keeps what it gets, answers as told, else like one that takes all. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { configOf, contextOf, outputContextOf, section } from '../../../test/fixture.ts';
import { defaultBuffer } from '../../config/model.ts';
import type { BufferModel } from '../../config/model.ts';
import { silentLog } from '../../core/log.ts';
import type { Log } from '../../core/log.ts';
import type { Output, Plugin } from '../../core/plugin.ts';
import type { FakeClock } from '../../core/clock.ts';
import { builtinPlugins } from '../../plugins.ts';

export interface Received {
  /** `POST /_bulk`. */
  readonly request: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as lines of JSON. */
  readonly lines: readonly unknown[];
}
interface Answered {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}
/** Undefined: what the server answers by itself. */
export type Answering = (received: Received) => Answered | 'drop' | undefined;

export interface SearchServer {
  readonly url: string;
  readonly port: number;
  readonly received: Received[];
  /** Bulk requests alone. */
  bulks(): Received[];
  close(): void;
}

/** An item of a bulk answer for a status. */
export function entryOf(status: number, error?: { readonly type: string; readonly reason: string }, id = 'x'): unknown {
  return { create: { _index: 'i', _id: id, status, ...(error && { error }) } };
}

const versions = { elasticsearch: { number: '7.17.1' }, opensearch: { number: '2.19.1', distribution: 'opensearch' } };

export async function searchServer(
  t: TestContext,
  answering: Answering = () => undefined,
  version: Readonly<Record<string, string>> = versions.elasticsearch,
): Promise<SearchServer> {
  const received: Received[] = [];
  const server = createServer((req, res) => {
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    req.on('end', () => {
      const raw = Buffer.concat(parts);
      const text = (req.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString();
      const one: Received = {
        request: `${req.method} ${req.url}`,
        headers: req.headers,
        text,
        lines: text
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line) as unknown),
      };
      received.push(one);
      const told = answering(one);
      if (told === 'drop') {
        req.socket.destroy();
        return;
      }
      const { status = 200, headers = {}, body = ordinary(one, version) } = told ?? {};
      res.writeHead(status, { 'content-type': 'application/json', ...headers });
      res.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  t.after(close);
  const { port } = server.address() as AddressInfo;
  const isBulk = ({ request }: Received): boolean => request.includes('/_bulk');
  return { url: `http://127.0.0.1:${port}`, port, received, bulks: () => received.filter(isBulk), close };
}

function ordinary({ request }: Received, version: Readonly<Record<string, string>>): unknown {
  if (request === 'GET /') return { name: 'n', version };
  return request.includes('/_bulk') ? { took: 1, errors: false, items: [] } : { acknowledged: true };
}

export interface Made {
  readonly options: Readonly<Record<string, unknown>>;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly endpoint?: Readonly<Record<string, unknown>>;
  readonly buffer?: Partial<BufferModel>;
  readonly log?: Log;
}

/** An output that is open, closed when the test ends. */
export async function makeOutput(
  t: TestContext,
  plugin: Plugin,
  { options, metadata, endpoint, buffer, log = silentLog() }: Made,
): Promise<Output & { readonly clock: FakeClock }> {
  if (plugin.kind !== 'output') throw new TypeError(`${plugin.name} is no output`);
  const whole = { ...defaultBuffer, chunkKeys: ['tag'], ...buffer };
  const sections = {
    sections: {
      ...(metadata && { metadata: [section({ ...metadata })] }),
      ...(endpoint && { endpoint: [section({ ...endpoint })] }),
    },
  };
  const config = configOf(plugin, { ...options }, sections);
  plugin.check?.(config, whole);
  const context = contextOf(builtinPlugins, log);
  const output = plugin.create(config, outputContextOf(context, { buffer: whole }));
  t.after(() => output.close());
  await output.open?.();
  return Object.assign(output, { clock: context.clock });
}
