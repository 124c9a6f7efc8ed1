/** Takes messages: which tag, which records, what is refused. Source: Fluentd 1.16 in_forward.rb on_message. */
import { originsOption } from '../../codecs/forward-handshake.ts';
import { withFields } from '../../codecs/fields.ts';
import type { Instant } from '../../core/clock.ts';
import { OperatingError, errorText } from '../../core/errors.ts';
import { stringifyJson } from '../../core/json.ts';
import { decodeMsgpack, encodeMsgpack } from '../../core/msgpack.ts';
import { Origins, unpackOrigins } from '../../core/origin.ts';
import { isFields } from '../../core/record.ts';
import type { Value } from '../../core/record.ts';
import type { Handled, Peer } from './connection.ts';
import { readArray, readPacked, readSingle } from './entries.ts';
import type { EntryProblem, EntryRules, EntryTaker } from './entries.ts';
import type { Gatherer } from './intake.ts';
import { parseJsonValue } from './json.ts';
import { readPacket } from './packet.ts';
import type { Packet } from './packet.ts';
import type { ForwardOptions } from './options.ts';

/** What reading needs of the source. */
export interface ReaderHost {
  now(): Instant;
  /** Counts and keeps what is no record. `isSkipped`: the configuration asked to leave it out; counting is enough. */
  refuse(reason: string, tag: string, count: number, raw: Buffer | undefined, peer: Peer): void;
  warn(text: string): void;
  /** Unpacks a compressed message's entries. @throws OperatingError PARSE_FAILED */
  unpack(packed: Buffer, compression: string): Promise<Buffer>;
}

const nothing: Handled = { chunk: undefined };

export class PacketReader {
  readonly #options: ForwardOptions;
  readonly #host: ReaderHost;

  constructor(options: ForwardOptions, host: ReaderHost) {
    this.#options = options;
    this.#host = host;
  }
  /** @throws OperatingError PARSE_FAILED: the connection's bytes cannot be trusted any more */
  take(bytes: Buffer, isJson: boolean, peer: Peer, gatherer: Gatherer): Handled | Promise<Handled> {
    const message = isJson ? readPacket(encodeMsgpack(parseJsonValue(bytes.toString('utf8')))) : readPacket(bytes);
    if (message === 'nothing') return nothing;
    if (!message) {
      this.#host.refuse('no_message', '', 1, bytes, peer);
      return nothing;
    }
    const { chunkSizeLimit, chunkSizeWarnLimit } = this.#options;
    if (chunkSizeLimit !== undefined && bytes.length > chunkSizeLimit) {
      // Fluentd does not acknowledge it either: the sender keeps it.
      this.#host.refuse('chunk_size_limit', message.tag ?? '', 1, undefined, peer);
      return nothing;
    }
    if (chunkSizeWarnLimit !== undefined && bytes.length > chunkSizeWarnLimit)
      this.#host.warn(`a message of ${bytes.length} bytes from ${peer.hostname} is larger than chunk_size_warn_limit`);
    const { compressed } = message.option;
    const chunk = isJson ? jsonChunk(message.option.chunk) : message.option.chunk;
    if (message.form !== 'packed' || compressed === undefined || compressed === '' || compressed === 'text')
      return this.#entries(message, message.entries, chunk, peer, gatherer);
    return this.#host
      .unpack(message.entries, compressed)
      .then((entries) => this.#entries(message, entries, chunk, peer, gatherer));
  }
  #entries(message: Packet, entries: Buffer, chunk: Buffer | undefined, peer: Peer, gatherer: Gatherer): Handled {
    const tag = this.#tag(message);
    if (tag === undefined) {
      this.#host.refuse('invalid_tag', '', 1, message.bytes, peer);
      return { chunk };
    }
    const { form } = message;
    const isStrict = this.#options.skipInvalidEvent;
    const isZeroNow = form === 'message' || (form === 'forward' && !isStrict);
    const rules: EntryRules = { isStrict, isZeroNow, now: this.#host.now() };
    const sink = new Taker(tag, this.#options, this.#host, peer, gatherer, originsOf(message));
    try {
      if (form === 'packed') readPacked(entries, rules, sink);
      else if (form === 'forward') readArray(entries, rules, sink);
      else readSingle(entries, rules, sink);
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      // The message's own bytes are in order: what was read of it stays, the rest is kept as it is.
      this.#host.refuse('broken_entries', tag, 1, message.bytes, peer);
      this.#host.warn(
        `entries with tag ${tag} from ${peer.hostname}: ${errorText(error)}; the rest of their message is refused`,
      );
    }
    // A Message without a record gets no answer from Fluentd.
    return form === 'message' && sink.isWithoutRecord && !isStrict ? nothing : { chunk };
  }
  #tag({ tag: sent, isTagText }: Packet): string | undefined {
    const { tag = sent, addTagPrefix, tagPrefix, skipInvalidEvent } = this.#options;
    if (tag === undefined || (skipInvalidEvent && !isTagText && this.#options.tag === undefined)) return undefined;
    if (tagPrefix !== undefined) return `${tagPrefix}${tag}`;
    return addTagPrefix === undefined ? tag : `${addTagPrefix}.${tag}`;
  }
}

/** What a JSON message's `chunk` is echoed as. */
function jsonChunk(chunk: Buffer | undefined): Buffer | undefined {
  if (!chunk) return undefined;
  const value = decodeMsgpack(chunk);
  return Buffer.from(stringifyJson(value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value));
}

/** The origins of a message's entries, where it says them. What is no sound statement says nothing. */
function originsOf({ option }: Packet): Origins | undefined {
  const packed = option.others.get(originsOption);
  if (!packed) return undefined;
  const size = option.others.get('size');
  const runs = size && unpackOrigins(decodeMsgpack(packed), Number(decodeMsgpack(size)));
  return runs ? new Origins(runs) : undefined;
}

class Taker implements EntryTaker {
  isWithoutRecord = false;
  readonly #origins: Origins | undefined;
  #entries = 0;
  readonly #tag: string;
  readonly #options: ForwardOptions;
  readonly #host: ReaderHost;
  readonly #peer: Peer;
  readonly #gatherer: Gatherer;
  readonly #added: readonly (readonly [string, Value])[];

  constructor(
    tag: string,
    options: ForwardOptions,
    host: ReaderHost,
    peer: Peer,
    gatherer: Gatherer,
    origins: Origins | undefined,
  ) {
    this.#origins = origins;
    this.#tag = tag;
    this.#options = options;
    this.#host = host;
    this.#peer = peer;
    this.#gatherer = gatherer;
    const { sourceAddressKey, sourceHostnameKey } = options;
    this.#added = [
      ...(sourceAddressKey === undefined ? [] : ([[sourceAddressKey, peer.address]] as const)),
      ...(sourceHostnameKey === undefined ? [] : ([[sourceHostnameKey, peer.hostname]] as const)),
    ];
  }
  record(payload: Buffer, seconds: number, nanos: number): void {
    if (this.#added.length > 0) payload = this.#withSource(payload);
    this.#gatherer.add(this.#tag, payload, seconds, nanos, this.#origins?.at(this.#entries++));
  }
  refused(reason: EntryProblem, raw: Buffer): void {
    this.#entries++;
    if (reason === 'no_record') this.isWithoutRecord = true;
    // A record that is nil is how Fluentd's own clients say that there is none.
    const isKept = !this.#options.skipInvalidEvent && reason !== 'no_record';
    this.#host.refuse(reason, this.#tag, 1, isKept ? raw : undefined, this.#peer);
  }
  #withSource(payload: Buffer): Buffer {
    const fields = decodeMsgpack(payload);
    return isFields(fields) ? encodeMsgpack(withFields(fields, this.#added)) : payload;
  }
}
