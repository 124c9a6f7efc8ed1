/** Requests to one of several servers: the next one that answers. */
import type { Clock } from '../../core/clock.ts';
import { OperatingError } from '../../core/errors.ts';
import { parseJson } from '../../core/json.ts';
import type { AnswerLimits, ClientAnswer, HttpClient } from '../requests/client.ts';
import type { Host } from './hosts.ts';

export interface ClusterRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** With a slash before it, and its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | undefined;
  readonly answer?: AnswerLimits;
}
export interface ClusterAnswer extends ClientAnswer {
  /** `POST http://a:9200/_bulk`, for texts. */
  readonly request: string;
  /** What to do about it, where that is known from how requests are signed. */
  readonly advice: string | undefined;
}

/** How requests prove who sends them, where a password is not enough. */
export interface Signing {
  /** The headers with a signature. */
  sign(
    host: Host,
    request: {
      readonly method: ClusterRequest['method'];
      readonly path: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: Buffer | undefined;
    },
  ): Promise<Readonly<Record<string, string>>>;
  /** What an answer says against the signature, and what to do; undefined: it speaks of something else. */
  problemOf(host: Host, answer: ClientAnswer): string | undefined;
}

export interface ClusterSettings {
  /** Of each request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly signing?: Signing | undefined;
  readonly resurrectAfterMs: number;
  readonly clock: Clock;
}

/** Another server may do what this one cannot just now. */
const elsewhere: ReadonlySet<number> = new Set([502, 503, 504]);
/** Answers to questions (versions, names, templates) are read whole up to here. */
const questionBytes = 4 * 1024 * 1024;

export class Cluster {
  readonly hosts: readonly Host[];
  readonly #client: HttpClient;
  readonly #settings: ClusterSettings;
  /** Until when a server that failed is left alone. */
  readonly #deadUntilMs = new Map<Host, number>();
  #turn = 0;

  constructor(hosts: readonly Host[], client: HttpClient, settings: ClusterSettings) {
    this.hosts = hosts;
    this.#client = client;
    this.#settings = settings;
  }

  /** Sends a request to the servers in turn until one answers. @throws OperatingError OUTPUT_UNREACHABLE */
  async send(request: ClusterRequest, signal: AbortSignal): Promise<ClusterAnswer> {
    const hosts = this.#inTurn();
    let failure: unknown;
    for (const [index, host] of hosts.entries()) {
      try {
        const answer = await this.#ask(host, request, signal);
        if (elsewhere.has(answer.status)) this.#failed(host);
        else this.#deadUntilMs.delete(host);
        if (!elsewhere.has(answer.status) || index === hosts.length - 1) return answer;
      } catch (error) {
        if (signal.aborted) throw error;
        this.#failed(host);
        failure = error;
      }
    }
    throw failure ?? new OperatingError('OUTPUT_UNREACHABLE', 'there is no server to send to');
  }
  /** The answer to a question, as JSON; undefined where there is no such thing (404). @throws OperatingError OUTPUT_UNREACHABLE */
  async json(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    signal: AbortSignal,
    body?: unknown,
  ): Promise<unknown> {
    const content = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const answer = await this.send(
      {
        method,
        path,
        ...(content && { body: content, headers: { 'Content-Type': 'application/json' } }),
        answer: { bytesKept: questionBytes },
      },
      signal,
    );
    if (answer.status === 404 && method === 'GET') return undefined;
    if (answer.status < 200 || answer.status >= 300) throw notDone(answer);
    try {
      return answer.text === '' ? {} : parseJson(answer.text);
    } catch (error) {
      const text = `${answer.request} was answered with something that is no JSON; check host, port and path`;
      throw new OperatingError('OUTPUT_UNREACHABLE', text, { cause: error });
    }
  }
  /** Whether there is such a thing. @throws OperatingError OUTPUT_UNREACHABLE */
  async exists(path: string, signal: AbortSignal): Promise<boolean> {
    return (await this.json('GET', path, signal)) !== undefined;
  }

  close(): void {
    this.#client.close();
  }
  async #ask(host: Host, request: ClusterRequest, signal: AbortSignal): Promise<ClusterAnswer> {
    const { headers: common, signing } = this.#settings;
    const { method, body, answer } = request;
    const path = `${host.base}${request.path}`;
    const login =
      host.login === undefined ? {} : { Authorization: `Basic ${Buffer.from(host.login).toString('base64')}` };
    const headers = { ...login, ...common, ...request.headers };
    const signed = signing ? await signing.sign(host, { method, path, headers, body }) : headers;
    const { isTls, hostname, port } = host;
    const shown = `${host.shown}${request.path.replace(/\?.*$/s, '')}`;
    const got = await this.#client.send(
      {
        address: { isTls, hostname, port, path, shown },
        method,
        headers: signed,
        body,
        ...(answer && { answer }),
      },
      signal,
    );
    return { ...got, request: `${method} ${shown}`, advice: signing?.problemOf(host, got) };
  }
  /** All servers, beginning with the next one whose turn it is; those that failed lately come last. */
  #inTurn(): Host[] {
    const nowMs = this.#settings.clock.monotonicMs();
    const turn = this.#turn++ % Math.max(1, this.hosts.length);
    const hosts = [...this.hosts.slice(turn), ...this.hosts.slice(0, turn)];
    const isAlive = (host: Host): boolean => (this.#deadUntilMs.get(host) ?? 0) <= nowMs;
    return [...hosts.filter(isAlive), ...hosts.filter((host) => !isAlive(host))];
  }
  #failed(host: Host): void {
    const { clock, resurrectAfterMs } = this.#settings;
    this.#deadUntilMs.set(host, clock.monotonicMs() + resurrectAfterMs);
  }
}

/** Of a server's answer so much stands in a reason. */
const answerCharsShown = 500;

/** What a server said, and what to do about it where that is known. */
export function saidBy(answer: ClusterAnswer): string {
  const status = `${answer.status} ${answer.reason}`.trim();
  const text = reasonIn(answer.text);
  return `${status} answered to ${answer.request}${text === '' ? '' : `: ${text}`}${adviceOf(answer)}`;
}

/** The reason inside an answer that is JSON, else its beginning. */
function reasonIn(text: string): string {
  try {
    // What stands before the servers of AWS answers with `message`, or `Message`.
    const { error, message, Message } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    for (const said of [error, message, Message]) if (typeof said === 'string') return said.slice(0, answerCharsShown);
    if (typeof error === 'object' && error !== null) {
      const { type, reason } = error as { type?: unknown; reason?: unknown };
      if (typeof reason === 'string')
        return `${typeof type === 'string' ? `${type}: ` : ''}${reason}`.slice(0, answerCharsShown);
    }
  } catch {
    // No JSON: shown as it is.
  }
  return text.trim().slice(0, answerCharsShown);
}

function adviceOf({ status, advice }: ClusterAnswer): string {
  if (advice !== undefined) return `; ${advice}`;
  if (status === 401) return '; check user and password, or the API key';
  if (status === 403) return '; the user may not do this: check its roles';
  if (status === 404 || status === 405) return '; check host, port and path';
  if (status >= 300 && status < 400) return '; redirects are not followed, write the new address';
  return '';
}

/** An error for an answer that is no success, to try again after. */
export function notDone(answer: ClusterAnswer): OperatingError {
  return new OperatingError('OUTPUT_UNREACHABLE', saidBy(answer), retryAfterOf(answer));
}

/** No server is believed that asks to wait longer than an hour. */
const retryAfterMsMax = 3_600_000;

/** Retry-After in seconds (RFC 9110, 10.2.3); these servers give no dates. */
function retryAfterOf({ retryAfter = '' }: ClientAnswer): { retryAfterMs?: number } {
  if (!/^\d{1,6}$/.test(retryAfter.trim())) return {};
  return { retryAfterMs: Math.min(Number(retryAfter) * 1000, retryAfterMsMax) };
}
