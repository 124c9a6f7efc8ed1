/**
 * The shapes of a forward message. Source: Forward Protocol Specification v1.5; what is taken beyond it, and how odd
 * ones are read, is that of Fluentd 1.16 in_forward.rb on_message.
 *
 *   Message         [tag, time, record, option?]
 *   Forward         [tag, [[time, record], ...], option?]
 *   PackedForward   [tag, str or bin of entries one behind the other, option?]; option `compressed` says how it is packed
 */
import { MsgpackScanner, isArrayHead, isMapHead, isTextHead } from '../../core/msgpack-scan.ts';
import { decodeMsgpack } from '../../core/msgpack.ts';

/** A message with its parts as they lie in it. */
export interface Packet {
  /** As text; undefined where it can be none. */
  readonly tag: string | undefined;
  /** False: a number was read as text. */
  readonly isTagText: boolean;
  readonly form: 'message' | 'forward' | 'packed';
  /** Message: time and record, as one entry without its head; Forward: the array; PackedForward: the content. */
  readonly entries: Buffer;
  readonly option: PacketOption;
  /** The whole message. */
  readonly bytes: Buffer;
}

/** What the option map says. */
export interface PacketOption {
  /** The value of `chunk`, encoded: echoed as it came. */
  readonly chunk: Buffer | undefined;
  readonly compressed: string | undefined;
  readonly others: ReadonlyMap<string, Buffer>;
}

const nil = 0xc0;
const noOption: PacketOption = { chunk: undefined, compressed: undefined, others: new Map() };
/** Longest tag; tags stand in every frame and in metrics. */
const tagBytesMax = 64 * 1024;

/**
 * Reads a whole message. `nothing`: nil, which some clients send to see whether we are there. undefined: no array.
 * @throws OperatingError PARSE_FAILED: its values cannot be read
 */
export function readPacket(bytes: Buffer): Packet | 'nothing' | undefined {
  if (bytes[0] === nil) return 'nothing';
  if (!isArrayHead(bytes[0])) return undefined;
  const scanner = new MsgpackScanner(bytes);
  const count = scanner.count();
  const tag = count > 0 ? readTag(scanner) : { tag: undefined, isTagText: false };
  const from = scanner.at;
  const head = count > 1 ? bytes[from] : nil;
  if (isTextHead(head)) {
    const entries = scanner.content();
    return { ...tag, form: 'packed', entries, option: readOption(scanner, count > 2), bytes };
  }
  if (isArrayHead(head)) {
    // Its entries are looked at one by one later.
    const form = 'forward';
    skipEntries(scanner);
    const entries = bytes.subarray(from, scanner.at);
    return { ...tag, form, entries, option: readOption(scanner, count > 2), bytes };
  }
  for (let i = 1; i < Math.min(count, 3); i++) scanner.skip();
  const entries = bytes.subarray(from, scanner.at);
  return { ...tag, form: 'message', entries, option: readOption(scanner, count > 3), bytes };
}

function skipEntries(scanner: MsgpackScanner): void {
  const count = scanner.count();
  for (let i = 0; i < count; i++) scanner.skip();
}

function readTag(scanner: MsgpackScanner): { tag: string | undefined; isTagText: boolean } {
  const from = scanner.at;
  if (isTextHead(scanner.bytes[from])) {
    const content = scanner.content();
    return { tag: content.length > tagBytesMax ? undefined : content.toString('utf8'), isTagText: true };
  }
  scanner.skip();
  const value = decodeMsgpack(scanner.bytes.subarray(from, scanner.at));
  const isNumber = typeof value === 'number' || typeof value === 'bigint';
  return { tag: isNumber ? String(value) : undefined, isTagText: false };
}

function readOption(scanner: MsgpackScanner, isThere: boolean): PacketOption {
  if (!isThere || !isMapHead(scanner.bytes[scanner.at])) return noOption;
  const others = new Map<string, Buffer>();
  const count = scanner.count();
  for (let i = 0; i < count; i++) {
    const key = isTextHead(scanner.bytes[scanner.at]) ? scanner.content().toString('utf8') : undefined;
    if (key === undefined) scanner.skip();
    const from = scanner.at;
    scanner.skip(1);
    if (key !== undefined) others.set(key, scanner.bytes.subarray(from, scanner.at));
  }
  const chunk = others.get('chunk');
  const compressed = others.get('compressed');
  return {
    // nil and false ask for nothing.
    chunk: chunk?.[0] === nil || chunk?.[0] === 0xc2 ? undefined : chunk,
    compressed: compressed && optionText(compressed),
    others,
  };
}

function optionText(bytes: Buffer): string | undefined {
  return isTextHead(bytes[0]) ? new MsgpackScanner(bytes).content().toString('utf8') : undefined;
}
