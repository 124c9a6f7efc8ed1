/**
 * An HTTP client for one output: connections with limits on each step, a proxy where one is named, answers of which no
 * more is kept than a person reads. Plain node:http: one request carries a whole chunk, so what a client costs is nothing.
 */
import type { Agent as HttpAgent, AgentOptions, ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import { connect as connectTcp, isIP } from 'node:net';
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { http } from '../../core/node-http.ts';
import { https, tls } from '../../core/node-tls.ts';
import { OperatingError, errorText, systemCode } from '../../core/errors.ts';
import { protocolOf } from '../../core/foreign-protocol.ts';
import { openTunnel, proxyAuthorization } from './tunnel.ts';

export interface ClientSettings {
  readonly openTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
  readonly readTimeoutMs: number;
  readonly reuses: boolean;
  readonly proxy: URL | undefined;
  /** Connections at a time. */
  readonly connectionsMax: number;
}

/** A request's address in parts, the path as it goes over the wire. */
export interface Address {
  readonly isTls: boolean;
  readonly hostname: string;
  readonly port: number;
  /** Path and query. */
  readonly path: string;
  /** For logs. */
  readonly shown: string;
}

export interface ClientRequestParts {
  readonly address: Address;
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined: none, as with GET. */
  readonly body?: Buffer | undefined;
  /** How much of the answer is wanted; default: what a person reads. */
  readonly answer?: AnswerLimits;
}
export interface AnswerLimits {
  /** Of its body so much is kept. */
  readonly bytesKept: number;
  /** Asked once, with the first bytes that came: true when these tell enough, and the rest need not be kept. */
  isEnough?(head: string): boolean;
}
export interface ClientAnswer {
  readonly status: number;
  readonly reason: string;
  readonly retryAfter: string | undefined;
  /** Its body, or the beginning of it. */
  readonly text: string;
  /** False: there was more of it than was kept, or it broke off. */
  readonly isWhole: boolean;
}

/** Of an answer so much is kept, for the reason of a refusal. */
const defaultLimits: AnswerLimits = { bytesKept: 1024 };
/** After so much of an answer beyond what is kept its connection is closed: its status is known, and nobody reads more. */
const answerBytesMax = 1024 * 1024;
/** What isEnough is asked with. */
const headBytes = 256;
/** Less than the 5 s after which many servers close an idle connection, so that they do not close one that is just used. Never the same as readTimeoutMs, which is whole seconds: Node would then set neither. */
const idleMs = 4500;

export class HttpClient {
  readonly #settings: ClientSettings;
  readonly #tls: ConnectionOptions;
  readonly #plain: HttpAgent;
  /** Made for the first request over TLS. */
  #secure: HttpsAgent | undefined;

  constructor(settings: ClientSettings, tls: ConnectionOptions) {
    this.#settings = settings;
    this.#tls = tls;
    // An agent's sockets are told apart by host, port and TLS options, which are the same for all of ours.
    this.#plain = new http.Agent(this.#pool());
    this.#plain.createConnection = (options, made) => this.#connect(false, options, made);
  }
  #pool(): AgentOptions {
    const { reuses, connectionsMax } = this.#settings;
    return { keepAlive: reuses, maxSockets: connectionsMax, timeout: idleMs };
  }
  #overTls(): HttpsAgent {
    if (this.#secure) return this.#secure;
    const agent = new (https().Agent)(this.#pool());
    agent.createConnection = (options, made) => this.#connect(true, options, made);
    return (this.#secure = agent);
  }

  /** Sends a request; resolves with whatever is answered. @throws OperatingError OUTPUT_UNREACHABLE */
  async send(parts: ClientRequestParts, signal: AbortSignal): Promise<ClientAnswer> {
    try {
      return await this.#once(parts, signal);
    } catch (error) {
      // The server closed a connection that was kept: it has not seen the request.
      if (error instanceof StaleConnection && !signal.aborted)
        return this.#once(parts, signal).catch(unreachable(parts));
      return unreachable(parts)(error);
    }
  }
  /** Opens a connection and closes it. @throws OperatingError OUTPUT_UNREACHABLE */
  async probe(address: Address): Promise<void> {
    try {
      const socket = await this.#open(address.isTls, address.hostname, address.port);
      socket.destroy();
    } catch (error) {
      throw new OperatingError('OUTPUT_UNREACHABLE', `connecting to ${address.shown}: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }
  close(): void {
    this.#plain.destroy();
    this.#secure?.destroy();
  }

  #once({ address, method, headers, body, answer }: ClientRequestParts, signal: AbortSignal): Promise<ClientAnswer> {
    const { proxy, readTimeoutMs } = this.#settings;
    const { isTls, hostname, port, path } = address;
    const isForwarded = proxy !== undefined && !isTls;
    const options: RequestOptions = {
      method,
      hostname,
      port,
      path: isForwarded ? `http://${hostText(hostname)}:${port}${path}` : path,
      headers: {
        ...(isForwarded && proxyAuthorization(proxy)),
        ...headers,
        ...(body && { 'Content-Length': String(body.length) }),
      },
      agent: isTls ? this.#overTls() : this.#plain,
      signal,
    };
    return new Promise((resolve, reject) => {
      const req = isTls ? https().request(options) : http.request(options);
      const settle = answerOf(req, readTimeoutMs, answer ?? defaultLimits, resolve, reject);
      req.on('response', (res) => settle.response(res));
      req.on('error', (error) => {
        const isStale = req.reusedSocket && ['ECONNRESET', 'EPIPE'].includes(systemCode(error) ?? '');
        settle.failed(isStale ? new StaleConnection(error) : error);
      });
      req.end(body);
    });
  }
  #connect(
    isTls: boolean,
    options: unknown,
    made: ((error: Error | null, socket: Socket) => void) | undefined,
  ): undefined {
    const { hostname, host, port } = options as { hostname?: string; host?: string; port: number | string };
    this.#open(isTls, hostname ?? host ?? '', Number(port)).then(
      (socket) => made?.(null, socket),
      (error: unknown) => made?.(error as Error, undefined as never),
    );
    return undefined;
  }
  /** A connection on which a request can be sent: TCP, a tunnel, TLS, each within its time. */
  async #open(isTls: boolean, hostname: string, port: number): Promise<Socket> {
    const { proxy, openTimeoutMs, handshakeTimeoutMs } = this.#settings;
    const at = proxy ? { host: proxy.hostname, port: Number(proxy.port || 80) } : { host: hostname, port };
    const socket = connectTcp({ ...at, noDelay: true });
    const where = proxy ? `proxy ${at.host}:${at.port}` : `${at.host}:${at.port}`;
    try {
      await within(socket, 'connect', openTimeoutMs, `opening a connection to ${where}`);
      if (!isTls) return socket;
      if (proxy) await openTunnel(socket, proxy, `${hostText(hostname)}:${port}`, openTimeoutMs);
      const named = isIP(hostname) === 0 && { servername: hostname };
      // A name that is configured goes before the host.
      const secure = tls().connect({ ...named, ...this.#tls, socket, host: hostname });
      await within(secure, 'secureConnect', handshakeTimeoutMs, 'the TLS handshake');
      return secure;
    } catch (error) {
      // Also where the certificate files cannot be used, which is found only now.
      socket.destroy();
      throw error;
    }
  }
}

/** A kept connection was closed before an answer came. */
class StaleConnection extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause });
    this.name = 'StaleConnection';
  }
}

/** Resolves when a socket says so; destroys it when it does not in time. */
function within(socket: Socket, name: 'connect' | 'secureConnect', limitMs: number, what: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => socket.destroy(new Error(`${what} took longer than ${limitMs / 1000} s`)), limitMs);
    timer.unref();
    const done = (): void => {
      clearTimeout(timer);
      socket.off('error', failed);
      resolve();
    };
    const failed = (error: Error): void => {
      clearTimeout(timer);
      reject(error);
    };
    socket.once(name, done);
    socket.once('error', failed);
  });
}

/** Takes an answer whole, or the beginning of one that is long or slow. */
function answerOf(
  req: ClientRequest,
  readTimeoutMs: number,
  limits: AnswerLimits,
  resolve: (answer: ClientAnswer) => void,
  reject: (error: Error) => void,
): { response(res: IncomingMessage): void; failed(error: Error): void } {
  // Silence on the connection; for all of an answer's body there is the same time.
  req.setTimeout(readTimeoutMs, () => req.destroy(new Error(`no byte came for ${readTimeoutMs / 1000} s`)));
  let onEnd: (() => void) | undefined;
  return {
    response(res) {
      const parts: Buffer[] = [];
      let length = 0;
      let isEnough: boolean | undefined;
      const timer = setTimeout(() => req.destroy(), readTimeoutMs);
      timer.unref();
      const end = (): void => {
        clearTimeout(timer);
        resolve({
          status: res.statusCode ?? 0,
          reason: res.statusMessage ?? '',
          retryAfter: res.headers['retry-after'],
          text: Buffer.concat(parts).toString('utf8', 0, limits.bytesKept),
          isWhole: res.complete && length <= limits.bytesKept && isEnough !== true,
        });
      };
      onEnd = end;
      res.on('data', (part: Buffer) => {
        if (length < limits.bytesKept && isEnough !== true) parts.push(part);
        length += part.length;
        isEnough ??= limits.isEnough?.(part.toString('latin1', 0, headBytes));
        if (length > limits.bytesKept + answerBytesMax && isEnough !== true) req.destroy();
      });
      // Its status has come: what breaks behind it changes nothing.
      res.on('error', end);
      res.on('close', end);
    },
    failed(error) {
      if (onEnd) onEnd();
      else reject(error);
    },
  };
}

/** An IPv6 address in brackets, any other host as it is. */
function hostText(hostname: string): string {
  return isIP(hostname) === 6 ? `[${hostname}]` : hostname;
}

function unreachable({ address, method }: ClientRequestParts): (error: unknown) => never {
  return (error) => {
    const text = errorText(error);
    // What wants TLS may hang up without a word: Elasticsearch does since 8, where it is the default.
    const reason =
      text === 'socket hang up' && !address.isTls
        ? 'the server closed the connection without an answer; if it goes on, check whether it wants https'
        : reasonOf(error);
    throw new OperatingError('OUTPUT_UNREACHABLE', `sending ${method} ${address.shown}: ${reason}`, { cause: error });
  };
}

/** What happened, and what to do about it where that is known. */
function reasonOf(error: unknown): string {
  const code = systemCode(error) ?? '';
  const text = errorText(error) || code;
  if (code === 'ECONNREFUSED') return `${text}; is the server running, and the port right?`;
  if (code === 'ABORT_ERR' && error instanceof Error && error.cause instanceof Error) return errorText(error.cause);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `${text}; check the host of endpoint`;
  if (/CERT|SELF_SIGNED|UNABLE_TO_/.test(code)) return `${text} (${code}); check tls_ca_cert_path`;
  if (/wrong version number|packet length too long/.test(text)) return `${text}; this port does not speak TLS`;
  if (code.startsWith('HPE_')) return noHttp(error);
  return text;
}

/** Of a server whose answer was no HTTP; Node's error has its bytes. */
function noHttp(error: unknown): string {
  const { rawPacket } = error as { rawPacket?: unknown };
  const found = rawPacket instanceof Uint8Array ? protocolOf(rawPacket) : undefined;
  const said = found === undefined ? 'what answers there speaks no HTTP' : `${found} answers there, not HTTP`;
  return `${said}; check host and port${found === 'TLS' ? ', and that https is written' : ''}`;
}
