/** What the tests of this folder share: a source on loopback whose journal is a list, and clients for it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { realClock } from '../../core/clock.ts';
import type { Clock } from '../../core/clock.ts';
import { silentLog } from '../../core/log.ts';
import type { Log } from '../../core/log.ts';
import { Metrics } from '../../core/metrics.ts';
import type { AppendRequest, PeerCalls, SourceContext } from '../../core/plugin.ts';
import { postback } from './index.ts';
import { postbackOptions } from './options.ts';
import type { GuardOptions, PostbackConfig, PostbackOptions } from './options.ts';
import { PostbackSource } from './source.ts';

const at = { file: 'test', line: 1, column: 1 };

/** The options with their defaults, on a free loopback port. */
export function optionsWith(changes: Partial<PostbackOptions> = {}): PostbackOptions {
  const defaults = Object.entries(postbackOptions).map(([name, spec]) => [name, spec.schema.parse(undefined)]);
  return { ...(Object.fromEntries(defaults) as PostbackOptions), host: '127.0.0.1', port: 0, ...changes };
}

export interface GuardSection extends Partial<GuardOptions> {
  readonly path: string;
}

export function configWith(
  changes: Partial<PostbackOptions> = {},
  guards: readonly GuardSection[] = [],
): PostbackConfig {
  const sections = { guard: guards.map((guard) => ({ argument: '', options: { ...guard }, pairs: [], at })) };
  return { options: optionsWith(changes), sections, at };
}

/** What the plugin's check says, or undefined. */
export function checkOf(config: PostbackConfig): string | undefined {
  assert.ok(postback.kind === 'source');
  try {
    postback.check?.(config);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

interface HeldAppend {
  readonly request: AppendRequest;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A source's context whose journal is a list. With `isHolding` appends wait in `held` until a test settles them. */
export class FakeContext implements SourceContext {
  readonly id = 'postback';
  readonly log: Log = silentLog();
  readonly metrics = new Metrics();
  readonly state = new Map<string, unknown>();
  readonly clock: Clock;
  readonly worker: { readonly index: number; readonly count: number };
  peers: PeerCalls = {
    call: () => Promise.reject(new Error('no peers')),
    serve: () => {},
  };
  isHolding = false;
  /** Answers appends instead of the list. */
  appendWith: ((request: AppendRequest) => Promise<number>) | undefined;
  readonly held: HeldAppend[] = [];
  readonly appended: AppendRequest[] = [];
  readonly refusals = new Map<string, number>();
  readonly kept: Parameters<SourceContext['keepRefused']>[0][] = [];
  keys: { key: string; appendMs: number }[] = [];
  #changed: (() => void)[] = [];

  constructor(clock: Clock = realClock, worker = { index: 0, count: 1 }) {
    this.clock = clock;
    this.worker = worker;
  }
  append(request: AppendRequest): Promise<number> {
    if (this.appendWith) return this.appendWith(request);
    const store = (): number => {
      this.appended.push(request);
      for (const key of request.keys ?? []) this.keys.push({ key, appendMs: this.clock.nowMs() });
      return 0;
    };
    if (!this.isHolding) return Promise.resolve(store());
    return new Promise((resolve, reject) => {
      this.held.push({ request, resolve: () => resolve(store()), reject });
      this.#notify();
    });
  }
  refused(reason: string, tag: string, count = 1): void {
    const name = `${reason} ${tag}`;
    this.refusals.set(name, (this.refusals.get(name) ?? 0) + count);
    this.#notify();
  }
  async *recentKeys(sinceMs: number): AsyncIterable<{ key: string; appendMs: number }> {
    for (const entry of this.keys) if (entry.appendMs >= sinceMs) yield await Promise.resolve(entry);
  }
  keepRefused(entry: Parameters<SourceContext['keepRefused']>[0]): Promise<void> {
    this.kept.push(entry);
    return Promise.resolve();
  }
  parser(): never {
    throw new Error('not used');
  }
  formatter(): never {
    throw new Error('not used');
  }
  shared(): never {
    throw new Error('not used');
  }
  /** Resolves once `isTrue`, which is asked again whenever an append is held or a refusal counted. */
  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise<void>((resolve) => this.#changed.push(resolve));
  }
  /** JSON texts of all records that were appended. */
  get texts(): string[] {
    return this.appended.flatMap(({ records }) => records.payloads.map(String));
  }
  /** All JSON records that were appended, without the fields that are made. */
  get records(): Record<string, unknown>[] {
    return this.texts.map((text) => {
      const entries = Object.entries(JSON.parse(text) as Record<string, unknown>);
      return Object.fromEntries(entries.filter(([name]) => !/^_(?:path|post|node|worker|endpoint)/.test(name)));
    });
  }
  #notify(): void {
    const waiting = this.#changed;
    this.#changed = [];
    for (const resolve of waiting) resolve();
  }
}

/** A started source, stopped when the test ends. */
export async function startSource(
  t: TestContext,
  changes: Partial<PostbackOptions> = {},
  context: FakeContext = new FakeContext(),
  guards: readonly GuardSection[] = [],
): Promise<{ source: PostbackSource; context: FakeContext; port: number }> {
  const config = configWith(changes, guards);
  assert.equal(checkOf(config), undefined);
  const source = new PostbackSource(config, context);
  await source.start();
  t.after(async () => {
    context.isHolding = false;
    for (const held of context.held.splice(0)) held.resolve();
    await source.stop();
  });
  return { source, context, port: source.address?.port ?? 0 };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface Call {
  readonly method?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string | Uint8Array;
}

/** One request on a connection of its own. */
export function send(port: number, path: string, call: Call = {}): Promise<Answer> {
  const { method = 'POST', headers = {}, body } = call;
  return new Promise((resolve, reject) => {
    const req = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false }, (res) => {
      const parts: Buffer[] = [];
      res.on('data', (part: Buffer) => parts.push(part));
      res.on('error', reject);
      res.on('end', () =>
        resolve({ status: res.statusCode ?? 0, headers: res.headers, text: Buffer.concat(parts).toString() }),
      );
    });
    req.on('error', reject);
    req.end(body);
  });
}

/** A POST of JSON text. */
export function sendJson(
  port: number,
  path: string,
  body: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return send(port, path, { body, headers: { 'content-type': 'application/json', ...headers } });
}

/** The detail of a refusal. */
export function detailOf(answer: Answer): string {
  return (JSON.parse(answer.text) as { detail: string }).detail;
}

/** A raw connection: what it received so far, and its end. */
export class RawClient {
  readonly socket: Socket;
  text = '';
  readonly closed: Promise<void>;
  #more: (() => void)[] = [];

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setEncoding('latin1');
    this.socket.on('error', () => {});
    this.socket.on('data', (part: string) => {
      this.text += part;
      for (const resolve of this.#more.splice(0)) resolve();
    });
    this.closed = once(this.socket, 'close').then(() => {
      for (const resolve of this.#more.splice(0)) resolve();
    });
  }
  write(text: string | Uint8Array): void {
    this.socket.write(text);
  }
  /** Resolves once the text received fits, or the connection is closed. */
  async until(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.text) && !this.socket.destroyed)
      await new Promise<void>((resolve) => this.#more.push(resolve));
  }
}
