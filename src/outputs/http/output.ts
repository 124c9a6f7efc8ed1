/** Writes chunks: makes a body of one, sends it, and reads from the answer what became of its records. */
import { isUtf8 } from 'node:buffer';
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import type { ZstdOptions } from 'node:zlib';
import { writeChunk } from '../../codecs/rows.ts';
import type { RefusedRow } from '../../codecs/rows.ts';
import type { Batch } from '../../core/batch.ts';
import { ByteWriter, SpareWriters } from '../../core/bytes.ts';
import { OperatingError } from '../../core/errors.ts';
import type { Chunk, Formatter, Output, OutputContext, WriteResult } from '../../core/plugin.ts';
import { version } from '../../core/version.ts';
import { headerBytes } from '../requests/headers.ts';
import { compileEndpoint, compileHeaders } from './address.ts';
import type { ExpandEndpoint, ExpandHeaders } from './address.ts';
import { sendGroups } from './groups.ts';
import type { RequestOf } from './groups.ts';
import { AwsSigner } from '../requests/aws.ts';
import { clientTls } from '../requests/client-tls.ts';
import { HttpClient } from '../requests/client.ts';
import type { Address, ClientAnswer } from '../requests/client.ts';
import { gzipBody } from '../requests/gzip.ts';
import { retryAfterOf } from '../requests/retry-after.ts';
import type { AuthOptions, HttpOutputConfig, HttpOutputOptions } from './index.ts';

/** Statuses that say later, where the configuration does not say which do. */
const laterByDefault = ['408', '425', '429', '502', '503', '504'];
/** Statuses that speak of what was sent: a part of it may be taken. */
const aboutTheBody: ReadonlySet<number> = new Set([400, 413, 422]);

/** As little as gzip's level 1; and in few pieces, each of which costs a turn. */
const zstdOptions = { chunkSize: 256 * 1024, params: { [constants.ZSTD_c_compressionLevel]: 1 } } as const;
const zstdPacker = promisify<Buffer, ZstdOptions, Buffer>(zstdCompress);
const packers = {
  text: (bytes: Buffer) => bytes,
  gzip: gzipBody,
  zstd: (bytes: Buffer) => zstdPacker(bytes, zstdOptions),
} as const;
/** For chunks that are sent at a time. */
const writers = new SpareWriters(2);

/** What bodies are made of: what the formatter writes, and what stands before, between and behind records. */
export interface HttpBody {
  readonly formatter: Formatter;
  /** Undefined: none is sent. */
  readonly contentType: string | undefined;
  readonly opening?: string;
  readonly between?: string;
  readonly closing?: string;
  /** Where records say something of their request. */
  readonly requestOf?: RequestOf;
}

export class HttpOutput implements Output {
  readonly #options: HttpOutputOptions;
  readonly #context: OutputContext;
  readonly #proxy: URL | undefined;
  readonly #made: HttpBody;
  readonly #rows: Formatter;
  readonly #endpoint: ExpandEndpoint;
  readonly #headers: ExpandHeaders;
  readonly #later: ReadonlySet<string>;
  readonly #signer: AwsSigner | undefined;
  #client: HttpClient | undefined;

  constructor(
    { options, sections }: Pick<HttpOutputConfig, 'options' | 'sections'>,
    context: OutputContext,
    proxy: URL | undefined,
    body: HttpBody,
  ) {
    this.#options = options;
    this.#context = context;
    this.#proxy = proxy;
    this.#made = body;
    this.#rows = body.between === undefined ? body.formatter : separated(body.formatter, body.between);
    this.#endpoint = compileEndpoint(options.endpoint, options.allowedHosts, context.buffer);
    const auth = sections['auth']?.[0]?.options as AuthOptions | undefined;
    const fixed = {
      'User-Agent': `post2log/${version}`,
      ...(auth?.method === 'basic' && { Authorization: basicAuthorization(auth) }),
      ...options.headers,
    };
    const templates = options.headersFromPlaceholders ?? {};
    const expand = compileHeaders(fixed, templates, context.buffer);
    const own: Record<string, string> = {};
    if (body.contentType !== undefined) own['Content-Type'] = body.contentType;
    if (options.compress !== 'text') own['Content-Encoding'] = options.compress;
    this.#headers = (chunk) => withOwn(expand(chunk), own);
    this.#signer = auth?.method === 'aws_sigv4' ? signerOf(auth, context) : undefined;
    this.#later = new Set(options.retryableResponseCodes ?? laterByDefault);
  }

  /** Reads the certificate files. @throws OperatingError OUTPUT_UNREACHABLE */
  async open(): Promise<void> {
    const options = this.#options;
    const seconds = (value: number): number => value * 1000;
    this.#client = new HttpClient(
      {
        openTimeoutMs: seconds(options.openTimeout),
        handshakeTimeoutMs: seconds(options.sslTimeout ?? options.openTimeout),
        readTimeoutMs: seconds(options.readTimeout),
        reuses: options.reuseConnections,
        proxy: this.#proxy,
        connectionsMax: Math.max(1, this.#context.buffer.concurrency),
      },
      /^https:/i.test(options.endpoint) ? await clientTls(options) : {},
    );
  }

  write(chunk: Chunk, signal: AbortSignal): Promise<WriteResult> {
    const { requestOf } = this.#made;
    if (!requestOf) return this.#send(chunk, {}, signal);
    return sendGroups(chunk, requestOf, (part, headers) => this.#send(part, headers, signal));
  }
  /** One request. */
  async #send(chunk: Chunk, more: Readonly<Record<string, string>>, signal: AbortSignal): Promise<WriteResult> {
    const address = this.#endpoint(chunk);
    if ('reason' in address) return refuseAll(chunk, `OUTPUT_REFUSED: no such address: ${address.reason}`);
    const headers = this.#headers(chunk);
    if ('reason' in headers) return refuseAll(chunk, `OUTPUT_REFUSED: no such header: ${headers.reason}`);
    // Where the body itself is sent, a server may answer before it has read all of it.
    const isPacked = this.#options.compress !== 'text';
    const out = isPacked ? writers.take() : new ByteWriter();
    try {
      return await this.#request(
        chunk,
        { address, headers: withMore(headers.headers, more) },
        this.#body(chunk, out),
        signal,
      );
    } finally {
      if (isPacked) writers.give(out);
    }
  }
  async #request(
    chunk: Chunk,
    { address, headers }: { readonly address: Address; readonly headers: Readonly<Record<string, string>> },
    { body, refused }: { readonly body: Buffer; readonly refused: RefusedRow[] },
    signal: AbortSignal,
  ): Promise<WriteResult> {
    if (refused.length === chunk.count) return { refused };
    const method = this.#options.httpMethod === 'put' ? 'PUT' : 'POST';
    const client = this.#client;
    if (!client) throw new OperatingError('OUTPUT_UNREACHABLE', `output ${this.#context.id} is not open`);
    const packed = await packers[this.#options.compress](body);
    const parts = { address, method, headers, body: packed } as const;
    const answer = await client.send(this.#signer ? await this.#signer.sign(parts) : parts, signal);
    if (answer.status >= 200 && answer.status < 300) return { refused };
    return this.#notTaken(chunk, `${method} ${address.shown}`, answer, refused);
  }
  async probe(): Promise<void> {
    const address = this.#fixedAddress();
    if (!address) return;
    if (!this.#client) await this.open();
    await this.#client?.probe(address);
  }
  close(): Promise<void> {
    this.#client?.close();
    return Promise.resolve();
  }

  #body(chunk: Chunk, out: ByteWriter): { body: Buffer; refused: RefusedRow[] } {
    const { opening = '', between = '', closing = '' } = this.#made;
    out.text(opening);
    const refused = writeChunk(this.#rows, chunk, (batch: Batch) => batch, out);
    if (refused.length < chunk.count) out.truncate(out.length - Buffer.byteLength(between));
    out.text(closing);
    const body = out.view();
    // A server takes no JSON that is not UTF-8, and would refuse a whole request for it.
    const isBroken = /json/.test(this.#made.formatter.contentType) && !isUtf8(body);
    return { body: isBroken ? Buffer.from(body.toString()) : body, refused };
  }
  #isLater(status: number): boolean {
    return this.#later.has(String(status)) || this.#later.has(`${Math.floor(status / 100)}xx`);
  }
  /** What an answer that is no success means for the records. @throws OperatingError to try again, or to halve the chunk */
  #notTaken(chunk: Chunk, request: string, answer: ClientAnswer, refused: readonly RefusedRow[]): WriteResult {
    const text = answer.text.trim().slice(0, answerCharsShown);
    // What it begins with is counted: the status, and nothing that differs from chunk to chunk.
    const status = `${answer.status} ${answer.reason}`.trim();
    const said = `${status} answered to ${request}${text === '' ? '' : `: ${text}`}`;
    if (this.#isLater(answer.status))
      throw new OperatingError('OUTPUT_UNREACHABLE', said, retryAfterOf(answer, this.#context.clock.nowMs()));
    const keysProblem = this.#signer?.problemOf(answer);
    if (keysProblem !== undefined) throw new OperatingError('OUTPUT_UNREACHABLE', `${said}; ${keysProblem}`);
    const reason = `${said}${adviceOf(answer.status)}`;
    if (aboutTheBody.has(answer.status) && refused.length === 0) throw new OperatingError('OUTPUT_REFUSED', reason);
    const own = new Map(refused.map((one) => [one.row, one.reason]));
    return {
      refused: Array.from({ length: chunk.count }, (_, row) => ({
        row,
        reason: own.get(row) ?? `OUTPUT_REFUSED: ${reason}`,
      })),
    };
  }
  /** The address, where no chunk has a say in its host. */
  #fixedAddress(): Address | undefined {
    const { endpoint } = this.#options;
    if (/^https?:\/\/[^/]*\$\{/i.test(endpoint)) return undefined;
    const chunk: Chunk = {
      id: '0',
      tag: 'probe',
      timekeySeconds: undefined,
      fields: new Map(),
      batches: [],
      count: 0,
      bytes: 0,
    };
    const address = this.#endpoint(chunk);
    return 'reason' in address ? undefined : address;
  }
}

/** Of a server's answer so much stands in a reason. */
const answerCharsShown = 200;

function refuseAll(chunk: Chunk, reason: string): WriteResult {
  return { refused: Array.from({ length: chunk.count }, (_, row) => ({ row, reason })) };
}

/** Each record as the formatter writes it, and a text behind it. */
function separated(formatter: Formatter, between: string): Formatter {
  return {
    contentType: formatter.contentType,
    write(batch, from, to, out) {
      for (let row = from; row < to; row++) {
        formatter.write(batch, row, row + 1, out);
        out.text(between);
      }
    },
  };
}

/** The headers with those that no option overrides. */
function withOwn(
  expanded: ReturnType<ExpandHeaders>,
  own: Readonly<Record<string, string>>,
): ReturnType<ExpandHeaders> {
  return 'reason' in expanded ? expanded : { headers: { ...withMore(expanded.headers, own) } };
}

/** Headers, and others that go before those of the same name. */
function withMore(
  headers: Readonly<Record<string, string>>,
  more: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const names = new Set(Object.keys(more).map((name) => name.toLowerCase()));
  if (names.size === 0) return headers;
  const others = Object.entries(headers).filter(([name]) => !names.has(name.toLowerCase()));
  const added = Object.entries(more).map(([name, value]) => [name, headerBytes(value)] as const);
  return Object.fromEntries([...others, ...added]);
}

function basicAuthorization({ username = '', password = '' }: AuthOptions): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function signerOf({ awsService = '', awsRegion = '', awsRoleArn }: AuthOptions, context: OutputContext): AwsSigner {
  const role = awsRoleArn === undefined ? undefined : { arn: awsRoleArn, sessionName: 'fluentd' };
  return new AwsSigner({ service: awsService, region: awsRegion, role }, context.clock);
}

function adviceOf(status: number): string {
  if (status === 401 || status === 403 || status === 407) return '; check <auth>, headers and proxy';
  if (status === 404 || status === 405) return '; check endpoint and http_method';
  if (status >= 300 && status < 400) return '; redirects are not followed, write the new address into endpoint';
  return '';
}
