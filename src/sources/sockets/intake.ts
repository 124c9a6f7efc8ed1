/** Messages on their way into the journal: parsed, completed, gathered by tag, and kept until the journal takes them. */
import { RecordGatherer } from '../../codecs/encode.ts';
import { parseTexts, refusalReason } from '../../codecs/parse-texts.ts';
import { sleep } from '../../core/clock.ts';
import type { Instant } from '../../core/clock.ts';
import { OperatingError, errorText } from '../../core/errors.ts';
import type { Parser, SourceContext } from '../../core/plugin.ts';
import { setField } from '../../core/record.ts';
import type { Fields } from '../../core/record.ts';
import type { Frame } from './frames.ts';

/** How long to wait before an append that was not taken is tried again. */
const retryMs = 200;
/** Least time between two warnings about what senders sent: anybody could fill the log. */
const warnGapMs = 10_000;

/** Who sends. */
export interface Peer {
  readonly address: string;
  /** Its host name, where that is asked for; else its address. */
  readonly hostname: string;
}

/** A record that is complete. */
export interface Received {
  readonly tag: string;
  readonly fields: Fields;
  readonly time: Instant | undefined;
}

/** A message whose priority was taken off. */
interface Opened {
  readonly text: Buffer;
  readonly priority: number | undefined;
}

export interface IntakeOptions {
  /** `tcp source x`, for texts. */
  readonly what: string;
  /** Tag under which refusals are counted. */
  readonly tag: string;
  readonly parser: Parser;
  readonly sourceAddressKey: string | undefined;
  readonly sourceHostnameKey: string | undefined;
  readonly messageBytesMax: number;
  /** The text to parse of a message, and what is known from it besides; or why it is none. */
  readonly open?: (message: Buffer) => Opened | { readonly problem: string };
  /** Makes the record of what was parsed. Owns the fields. */
  readonly complete: (
    fields: Fields,
    time: Instant | undefined,
    priority: number | undefined,
  ) => Received | { readonly problem: string };
  /** A record for a message that gave none, in place of its refusal: its tag, and the field of the message. */
  readonly unmatched?: { readonly tag: string; readonly key: string } | undefined;
  /** A field for the message as it came. */
  readonly rawMessageKey?: string | undefined;
  /** Messages without a byte are none. */
  readonly skipsEmpty?: boolean | undefined;
}

/** Why a message is no record. */
interface Refusal {
  readonly reason: string;
  readonly raw: Buffer;
  readonly problem: string;
}

export class Intake {
  readonly #context: SourceContext;
  readonly #options: IntakeOptions;
  #isStopping = false;
  #isWaiting = false;
  #warnedMs = Number.NEGATIVE_INFINITY;

  constructor(context: SourceContext, options: IntakeOptions) {
    this.#context = context;
    this.#options = options;
  }
  /** The program stops: what the journal does not take now it will not take. */
  stop(): void {
    this.#isStopping = true;
  }
  /** Takes messages of one sender. Resolves once their records are durable, or said to be lost. */
  take(frames: readonly Frame[], peer: Peer): Promise<void> {
    return this.takeAll([{ frames, peer }]);
  }
  /** As take(), for messages of several senders: their records share appends. */
  async takeAll(received: readonly { readonly frames: readonly Frame[]; readonly peer: Peer }[]): Promise<void> {
    const gathered = new Map<string, RecordGatherer>();
    const refused: (Refusal & { readonly peer: Peer })[] = [];
    const now = this.#context.clock.now();
    const add = ({ tag, fields, time }: Received): void => {
      let records = gathered.get(tag);
      if (!records) gathered.set(tag, (records = new RecordGatherer()));
      records.add(fields, time ?? now);
    };
    for (const { frames, peer } of received)
      this.#parse(frames, peer, add, (refusal) => {
        const { unmatched } = this.#options;
        if (!unmatched || refusal.reason === 'message_too_long') refused.push({ ...refusal, peer });
        else {
          const fields = this.#withPeer({ [unmatched.key]: textOf(refusal.raw) }, peer);
          add({ tag: unmatched.tag, time: now, fields });
        }
      });
    for (const refusal of refused) await this.refuse(refusal.reason, refusal.raw, refusal.problem, refusal.peer);
    const appends = [...gathered].flatMap(([tag, records]) => records.take().map((taken) => ({ tag, records: taken })));
    await Promise.all(appends.map((request) => this.#append(request)));
  }
  /** Counts what is no record, keeps it, says so now and then. */
  async refuse(reason: string, raw: Buffer, problem: string, peer: Peer | undefined): Promise<void> {
    const { tag, what } = this.#options;
    const { log } = this.#context;
    this.#context.refused(reason, tag);
    const from = peer?.hostname ?? 'a sender';
    if (this.#mayWarn()) log.warn(`${what}: a message of ${from} is refused (${reason}): ${problem}`);
    if (raw.length === 0) return;
    try {
      await this.#context.keepRefused({ reason, tag, raw, detail: { peer: from, problem } });
    } catch (error) {
      log.error(`keeping a refused message of ${from}: ${errorText(error)}; it is lost.`);
    }
  }

  #parse(
    frames: readonly Frame[],
    peer: Peer,
    add: (received: Received) => void,
    refuse: (refusal: Refusal) => void,
  ): void {
    const { parser, open, complete, messageBytesMax, skipsEmpty = false, rawMessageKey } = this.#options;
    const texts: Buffer[] = [];
    const opened: { readonly raw: Buffer; readonly priority: number | undefined }[] = [];
    for (const { bytes: raw, isWhole } of frames) {
      if (skipsEmpty && raw.length === 0) continue;
      if (!isWhole) {
        const problem = `it is longer than ${messageBytesMax} bytes (message_length_limit)`;
        refuse({ reason: 'message_too_long', raw, problem });
        continue;
      }
      const found = open ? open(raw) : { text: raw, priority: undefined };
      if ('problem' in found) {
        refuse({ reason: 'parse_failed', raw, problem: found.problem });
        continue;
      }
      texts.push(found.text);
      opened.push({ raw, priority: found.priority });
    }
    parseTexts(parser, texts, (parsed, index) => {
      const { raw, priority } = opened[index] as (typeof opened)[number];
      if ('problem' in parsed) {
        refuse({ reason: refusalReason(parsed), raw, problem: parsed.problem });
        return;
      }
      const done = complete(parsed.fields, parsed.time, priority);
      if (rawMessageKey !== undefined) setField(parsed.fields, rawMessageKey, textOf(raw));
      if ('problem' in done) refuse({ reason: 'parse_failed', raw, problem: done.problem });
      else add({ ...done, fields: this.#withPeer(done.fields, peer) });
    });
  }
  #withPeer(fields: Fields, { address, hostname }: Peer): Fields {
    const { sourceAddressKey, sourceHostnameKey } = this.#options;
    if (sourceAddressKey !== undefined) setField(fields, sourceAddressKey, address);
    if (sourceHostnameKey !== undefined) setField(fields, sourceHostnameKey, hostname);
    return fields;
  }
  /** Waits while the journal is full: who sends over TCP waits with us. */
  async #append(request: Parameters<SourceContext['append']>[0]): Promise<void> {
    const { clock, log } = this.#context;
    const { what } = this.#options;
    for (;;)
      try {
        await this.#context.append(request);
        this.#isWaiting = false;
        return;
      } catch (error) {
        const count = request.records.payloads.length;
        const isLater = error instanceof OperatingError && error.retryable && error.code !== 'JOURNAL_CLOSED';
        if (!isLater || this.#isStopping) {
          this.#context.refused('not_appended', request.tag, count);
          log.error(`${what}: appending ${count} records: ${errorText(error)}; they are lost, counted as refused.`);
          return;
        }
        if (!this.#isWaiting) log.warn(`${what} waits with ${count} records: ${errorText(error)}`);
        this.#isWaiting = true;
        await sleep(clock, retryMs);
      }
  }
  #mayWarn(): boolean {
    const nowMs = this.#context.clock.monotonicMs();
    if (nowMs - this.#warnedMs < warnGapMs) return false;
    this.#warnedMs = nowMs;
    return true;
  }
}

/** Text where it is UTF-8, else the bytes. */
function textOf(raw: Buffer): string | Uint8Array {
  const text = raw.toString('utf8');
  return Buffer.from(text).equals(raw) ? text : new Uint8Array(raw);
}
