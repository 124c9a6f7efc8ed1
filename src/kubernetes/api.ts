/**
 * Requests to the Kubernetes API: one object, one list, one watch. The token is read again when it is older than its time,
 * and at once when the API does not know it any more; so are the certificates after a handshake that failed. Source:
 * Kubernetes API concepts (resource versions, watches, bookmarks, status objects); tokens: bound service account tokens.
 */
import { exec } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { http } from '../core/node-http.ts';
import type { Clock } from '../core/clock.ts';
import { OperatingError, errorText, systemCode } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { version } from '../core/version.ts';
import type { ClusterSettings } from './contract.ts';
import { textIn } from './read.ts';

/** An object is at most 1.5 MB in etcd; a page of a list holds listPageSize of them, which are never that large all at once. */
const answerBytesMax = 64 * 1024 * 1024;
/** One event of a watch: an object, and what stands around it. */
const eventBytesMax = 8 * 1024 * 1024;
/** Of an answer that is not what was asked for, so much is told. */
const toldChars = 200;
/** A token command that prints nothing by then is ended. */
const commandTimeoutMs = 30_000;
/** Requests at a time: the API sees one client, and a start with a hundred new pods does not open a hundred connections. */
const connectionsMax = 4;

/** A list that is too old to go on from: everything has to be read anew. */
export class ListExpired extends Error {}

interface Place {
  readonly isTls: boolean;
  readonly hostname: string;
  readonly port: number;
}

export class KubernetesApi {
  readonly #settings: ClusterSettings;
  readonly #place: Place;
  readonly #url: string;
  readonly #base: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #plain = new http.Agent({ keepAlive: true, maxSockets: connectionsMax });
  #secure: Promise<HttpsAgent> | undefined;
  #token: { readonly text: string | undefined; readonly readMs: number } | undefined;
  #hasSaidToken = false;

  constructor(url: string, settings: ClusterSettings, clock: Clock, log: Log) {
    const { protocol, hostname, port, pathname } = new URL(url);
    const isTls = protocol === 'https:';
    this.#place = { isTls, hostname: hostname.replace(/^\[|\]$/g, ''), port: Number(port || (isTls ? 443 : 80)) };
    this.#url = url.replace(/\/+$/, '');
    // Clusters behind a proxy have a path before the API's; some write the API's own along with it.
    this.#base = pathname.replace(/\/+$/, '').replace(/\/api$/, '');
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
  }
  /**
   * What a GET of the path gives; undefined: there is no such object. `what` names it, and `rule` what the service account must be
   * allowed to, as `get pods`. @throws OperatingError KUBERNETES_UNAVAILABLE, KUBERNETES_REFUSED, KUBERNETES_ANSWER; ListExpired
   */
  async get(path: string, what: string, rule: string): Promise<unknown> {
    const doing = `reading ${what} from ${this.#url}`;
    const answer = await this.#authorized(doing, path, (response) => readWhole(response, answerBytesMax));
    const { status, text } = answer;
    if (status === 404) return undefined;
    if (status !== 200) throw this.#refusal(doing, status, text, rule);
    return parsed(doing, text);
  }
  /**
   * Hands over every event of a watch, until the API ends it. `began`: the API took it. @throws as get
   */
  async watch(
    path: string,
    silenceMs: number,
    rule: string,
    began: () => void,
    take: (event: unknown) => void,
  ): Promise<void> {
    const doing = `watching pods at ${this.#url}`;
    const answer = await this.#authorized(
      doing,
      path,
      async (response) => {
        if (response.statusCode !== 200) return readWhole(response, answerBytesMax);
        began();
        await readLines(response, (line) => take(parsed(doing, line)));
        return '';
      },
      silenceMs,
    );
    if (answer.status !== 200) throw this.#refusal(doing, answer.status, answer.text, rule);
  }
  /** Ends what is open. */
  close(): void {
    this.#plain.destroy();
    void this.#secure?.then((agent) => agent.destroy());
  }

  /** With the token; once more with a new one, where the API does not know it. */
  async #authorized(
    doing: string,
    path: string,
    read: (response: IncomingMessage) => Promise<string>,
    silenceMs?: number,
  ): Promise<{ readonly status: number; readonly text: string }> {
    const first = await this.#send(doing, path, read, silenceMs);
    if (first.status !== 401) return first;
    this.#token = undefined;
    return this.#send(doing, path, read, silenceMs);
  }
  async #send(
    doing: string,
    path: string,
    read: (response: IncomingMessage) => Promise<string>,
    silenceMs: number | undefined,
  ): Promise<{ readonly status: number; readonly text: string }> {
    try {
      const { isTls, hostname, port } = this.#place;
      const token = await this.#currentToken();
      const agent = isTls ? await this.#secureAgent() : this.#plain;
      const response = await this.#open(
        {
          method: 'GET',
          hostname,
          port,
          path: this.#base + path,
          // A watch has a connection of its own: it would keep one of the few for ever.
          agent: silenceMs === undefined ? agent : isTls ? await this.#newSecureAgent() : new http.Agent(),
          headers: {
            Accept: 'application/json',
            'User-Agent': `post2log/${version}`,
            ...(token !== undefined && { Authorization: `Bearer ${token}` }),
          },
        },
        silenceMs,
      );
      return { status: response.statusCode ?? 0, text: await read(response) };
    } catch (error) {
      if (error instanceof OperatingError || error instanceof ListExpired) throw error;
      // The certificates may have been changed; the next request reads them again.
      this.#secure = undefined;
      throw new OperatingError('KUBERNETES_UNAVAILABLE', `${doing}: ${this.#reasonOf(error)}`, { cause: error });
    }
  }
  #open(options: RequestOptions, silenceMs: number | undefined): Promise<IncomingMessage> {
    const { openTimeoutMs, readTimeoutMs } = this.#settings;
    return new Promise((resolve, reject) => {
      const request = this.#place.isTls ? httpsRequest(options) : http.request(options);
      const opening = setTimeout(
        () => request.destroy(new Error(`no connection within ${openTimeoutMs / 1000} s`)),
        openTimeoutMs,
      );
      opening.unref();
      request.on('socket', (socket) => {
        // Nobody waits for a watch: it must not keep the program running.
        if (silenceMs !== undefined) socket.unref();
        const open = (): void => {
          clearTimeout(opening);
          const limitMs = silenceMs ?? readTimeoutMs;
          request.setTimeout(limitMs, () => request.destroy(new Error(`no byte came for ${limitMs / 1000} s`)));
        };
        if (socket.connecting) socket.once(this.#place.isTls ? 'secureConnect' : 'connect', open);
        else open();
      });
      request.on('response', resolve);
      request.on('error', reject);
      request.on('close', () => clearTimeout(opening));
      request.end();
    });
  }

  // ------------------------------------------------------------------------------------------------ who we are

  async #currentToken(): Promise<string | undefined> {
    const nowMs = this.#clock.monotonicMs();
    const { tokenFile, tokenCommand, tokenTtlMs } = this.#settings;
    if (tokenFile === undefined && tokenCommand === undefined) return undefined;
    if (this.#token?.text !== undefined && nowMs - this.#token.readMs < tokenTtlMs) return this.#token.text;
    try {
      const text = tokenCommand === undefined ? await readFile(tokenFile ?? '', 'utf8') : await printed(tokenCommand);
      const token = text.trim();
      if (!/^[\x21-\x7e]+$/.test(token))
        throw new Error('it holds no token: one line of letters and digits was expected');
      this.#token = { text: token, readMs: nowMs };
      this.#hasSaidToken = false;
    } catch (error) {
      // One that was good before may still be; the API says so if not.
      if (!this.#hasSaidToken) {
        const from =
          tokenCommand === undefined ? `service account token ${tokenFile}` : 'the token from the token command';
        const instead = this.#token?.text === undefined ? 'requests go without one' : 'the last one is used';
        this.#log.warn(`reading ${from}: ${errorText(error)}; ${instead}`);
        this.#hasSaidToken = true;
      }
    }
    return this.#token?.text;
  }
  #secureAgent(): Promise<HttpsAgent> {
    this.#secure ??= this.#newSecureAgent(connectionsMax);
    return this.#secure;
  }
  async #newSecureAgent(maxSockets = 1): Promise<HttpsAgent> {
    const { verifies, verifiesHost, allowsPartialChain, serverName, clientCert, clientKey } = this.#settings;
    const trusted = await this.#trusted();
    const options: ConnectionOptions = {
      ...(trusted.length > 0 && { ca: trusted }),
      ...(clientCert !== undefined && { cert: await readFile(clientCert) }),
      ...(clientKey !== undefined && { key: await readFile(clientKey) }),
      rejectUnauthorized: verifies,
      ...(allowsPartialChain && { allowPartialTrustChain: true }),
      ...(serverName === undefined
        ? isIP(this.#place.hostname) === 0 && { servername: this.#place.hostname }
        : { servername: serverName }),
      ...(!verifiesHost && { checkServerIdentity: () => undefined }),
    };
    return new HttpsAgent({ keepAlive: true, maxSockets, ...options });
  }
  /** What certificates must come from; none: what the system trusts. */
  async #trusted(): Promise<Buffer[]> {
    const { caFile, caPath, verifies } = this.#settings;
    if (!verifies) return [];
    const files = caFile === undefined ? [] : [caFile];
    if (caPath !== undefined) files.push(...(await readdir(caPath)).map((name) => join(caPath, name)));
    const read = await Promise.all(
      files.map(async (file) => {
        try {
          return await readFile(file);
        } catch (error) {
          if (systemCode(error) === 'EISDIR') return undefined;
          // Outside of a pod there is none, and the API's certificate may come from one that the system trusts.
          if (systemCode(error) === 'ENOENT') return undefined;
          throw error;
        }
      }),
    );
    return read.filter((one) => one !== undefined);
  }

  // ------------------------------------------------------------------------------------------------ what went wrong

  #refusal(doing: string, status: number, text: string, rule: string): Error {
    const said = messageOf(text);
    if (status === 410) return new ListExpired(said);
    const [verb = '', resource = ''] = rule.split(' ');
    if (status === 403)
      return new OperatingError(
        'KUBERNETES_REFUSED',
        `${doing}: 403 forbidden (${said}); the service account needs an RBAC rule with apiGroups [""], resources ["${resource}"], verbs ["${verb}"]`,
      );
    if (status === 401)
      return new OperatingError(
        'KUBERNETES_REFUSED',
        `${doing}: 401 unauthorized (${said}); check the service account token`,
      );
    if (status >= 300 && status < 400)
      return new OperatingError('KUBERNETES_ANSWER', `${doing}: answered ${status}, a redirection; is this the API?`);
    return new OperatingError('KUBERNETES_UNAVAILABLE', `${doing}: answered ${status}: ${said}`);
  }
  #reasonOf(error: unknown): string {
    const code = systemCode(error) ?? '';
    const text = errorText(error) || code;
    if (code === 'ECONNREFUSED') return `${text}; is this the API's address?`;
    if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `${text}; check the name in the API's address`;
    if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
      return `${text}; write an address that the certificate has, or the name to look for (tls.vhost)`;
    if (/CERT|SELF_SIGNED|UNABLE_TO_/.test(code)) return `${text} (${code}); check the file of the API's CA`;
    return text;
  }
}

function printed(command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    exec(command, { timeout: commandTimeoutMs, maxBuffer: 1024 * 1024 }, (error, stdout) => {
      // What it printed may be the token: only how it ended is told.
      if (error) reject(new Error(`it ended with ${String(error.code ?? error.signal ?? 'an error')}`));
      else resolve(stdout);
    });
  });
}

async function readWhole(response: IncomingMessage, bytesMax: number): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > bytesMax) throw new Error(`its answer is longer than ${bytesMax} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

async function readLines(response: IncomingMessage, take: (line: string) => void): Promise<void> {
  let left: Buffer[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = part.indexOf(10); end >= 0; end = part.indexOf(10, from)) {
      const line = Buffer.concat([...left, part.subarray(from, end)]).toString('utf8');
      left = [];
      length = 0;
      from = end + 1;
      if (line.trim() !== '') take(line);
    }
    if (from < part.length) left.push(part.subarray(from));
    length += part.length - from;
    if (length > eventBytesMax) throw new Error(`one event is longer than ${eventBytesMax} bytes`);
  }
}

function parsed(doing: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new OperatingError('KUBERNETES_ANSWER', `${doing}: the answer is no JSON: ${told(text)}; is this the API?`, {
      cause: error,
    });
  }
}

/** What a status object says. */
function messageOf(text: string): string {
  try {
    const message = textIn(JSON.parse(text), 'message');
    if (message !== undefined) return told(message);
  } catch {
    // Proxies in between answer in HTML.
  }
  return told(text);
}

function told(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  if (line === '') return 'nothing';
  return line.length <= toldChars ? line : `${line.slice(0, toldChars)}…`;
}
