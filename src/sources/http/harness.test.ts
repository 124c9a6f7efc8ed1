/** What the tests of this folder share: a source on loopback whose journal is a list. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { codecs } from '../../core/batch.ts';
import { parseExact } from '../../core/json.ts';
import { decodeMsgpack } from '../../core/msgpack.ts';
import type { Parser } from '../../core/plugin.ts';
import type { Fields } from '../../core/record.ts';
import type { PluginModel, SectionModel } from '../../config/model.ts';
import { FakeContext, send } from '../postback/harness.test.ts';
import type { Answer } from '../postback/harness.test.ts';
import { httpSource } from './index.ts';
import { httpOptions } from './options.ts';
import type { HttpConfig, HttpOptions } from './options.ts';
import { HttpSource } from './source.ts';

export const at = { file: 'test', line: 1, column: 1 };

export interface Setup {
  readonly options?: Partial<HttpOptions>;
  readonly transport?: { readonly argument: string; readonly options: Record<string, unknown> };
  readonly parser?: PluginModel;
  /** What `parser` is. */
  readonly running?: Parser;
  readonly context?: FakeContext;
}

class HttpContext extends FakeContext {
  readonly #running: Parser | undefined;
  constructor(running?: Parser) {
    super();
    this.#running = running;
  }
  override parser(): never {
    // The contract of the test double is narrower than what it gives.
    return (this.#running ?? assert.fail('no parser')) as never;
  }
}

export function httpConfig({ options = {}, transport, parser }: Setup): HttpConfig {
  const defaults = Object.entries(httpOptions).map(([name, spec]) => [name, spec.schema.parse(undefined)]);
  const section: SectionModel | undefined = transport && { ...transport, pairs: [], at };
  return {
    options: { ...(Object.fromEntries(defaults) as HttpOptions), port: 0, ...options },
    sections: section ? { transport: [section] } : {},
    ...(parser && { parser }),
    at,
  };
}

/** What the plugin's check says, or undefined. */
export function problemOf(config: HttpConfig): string | undefined {
  assert.ok(httpSource.kind === 'source');
  try {
    httpSource.check?.(config);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** A started source, stopped when the test ends. */
export async function startHttp(t: TestContext, setup: Setup = {}): Promise<{ context: FakeContext; port: number }> {
  const config = httpConfig(setup);
  assert.equal(problemOf(config), undefined);
  const context = setup.context ?? new HttpContext(setup.running);
  const source = new HttpSource(config, context);
  await source.start();
  t.after(async () => {
    context.isHolding = false;
    for (const held of context.held.splice(0)) held.resolve();
    await source.stop();
  });
  return { context, port: source.address?.port ?? 0 };
}

/** A POST with a content type; `headers` over it. */
export function post(
  port: number,
  path: string,
  type: string | undefined,
  body: string | Uint8Array,
  headers: Record<string, string | string[]> = {},
): Promise<Answer> {
  return send(port, path, { body, headers: { ...(type !== undefined && { 'content-type': type }), ...headers } });
}

export interface Taken {
  readonly tag: string;
  readonly fields: Fields;
  readonly seconds: number;
  readonly nanos: number;
}

/** All records that were appended; JSON as exact fields in a plain object where it can be one. */
export function taken(context: FakeContext): Taken[] {
  return context.appended.flatMap(({ tag, records }) =>
    records.payloads.map((payload, index) => ({
      tag,
      fields: fieldsOf(records.codec === codecs.json, payload),
      seconds: records.seconds[index] ?? 0,
      nanos: records.nanos[index] ?? 0,
    })),
  );
}
function fieldsOf(isJson: boolean, payload: string | Uint8Array): Fields {
  const fields = isJson ? parseExact(payload.toString()) : decodeMsgpack(payload as Uint8Array);
  return Object.fromEntries(fields as Map<string, never>);
}
