/**
 * What requests have to make durable, gathered for one turn of the event loop: one append for all of a tag, so that a
 * crowd of small requests costs the journal as little as one large one.
 */
import { codecs } from '../../core/batch.ts';
import type { Codec } from '../../core/batch.ts';
import type { Instant } from '../../core/clock.ts';
import { OperatingError } from '../../core/errors.ts';
import { stringifyJson } from '../../core/json.ts';
import { decodeMsgpack } from '../../core/msgpack.ts';
import type { SourceContext } from '../../core/plugin.ts';
import { appendCharsMax, appendRecordsMax } from './limits.ts';

/** One record, ready to be appended. */
export interface EncodedRecord {
  readonly codec: Codec;
  readonly payload: string | Uint8Array;
  readonly exact: boolean;
  /** Undefined: the time of its submission. */
  readonly time?: Instant;
}

/** Whoever waits for records. Called once, with undefined when all of them are durable, else with what went wrong. */
export interface Waiter {
  settled(error: unknown): void;
}

/** Records of one request, to be appended together or not at all. */
export interface Submission {
  readonly tag: string;
  readonly codec: Codec;
  readonly records: readonly EncodedRecord[];
  readonly time: Instant;
  /** Idempotency key as it is kept in frames. */
  readonly key: string | undefined;
}

/** Takes the lines of records that became durable (the rotating files). */
export interface LineTaker {
  add(lines: readonly string[]): void;
}

/** Submissions of one tag and codec that go into one append. */
class OpenAppend {
  readonly tag: string;
  readonly codec: Codec;
  readonly payloads: (string | Uint8Array)[] = [];
  readonly exact: boolean[] = [];
  readonly seconds: number[] = [];
  readonly nanos: number[] = [];
  readonly keys: string[] = [];
  readonly submissions: Submission[] = [];
  readonly waiters: Waiter[] = [];
  chars = 0;

  constructor(tag: string, codec: Codec) {
    this.tag = tag;
    this.codec = codec;
  }
  add(submission: Submission, waiter: Waiter): void {
    const { records, time, key } = submission;
    for (const record of records) {
      this.payloads.push(record.payload);
      this.exact.push(record.exact);
      const own = record.time ?? time;
      this.seconds.push(own.seconds);
      this.nanos.push(own.nanos);
      this.chars += record.payload.length;
    }
    if (key !== undefined) this.keys.push(key);
    this.submissions.push(submission);
    this.waiters.push(waiter);
  }
}

/** Gathers submissions and appends them. */
export class AppendQueue {
  readonly #context: Pick<SourceContext, 'append'>;
  readonly #lines: LineTaker | undefined;
  /** The append that the last submission went into, and those of other tags. */
  #last: OpenAppend | undefined;
  // A new map for each turn: one that is cleared again and again keeps all that ever was in it alive (see slots.ts).
  #open = new Map<string, OpenAppend>();
  #isScheduled = false;
  readonly #flushAll = (): void => {
    this.#isScheduled = false;
    const open = this.#open;
    this.#open = new Map();
    this.#last = undefined;
    for (const append of open.values()) this.#send(append);
  };

  constructor(context: Pick<SourceContext, 'append'>, lines: LineTaker | undefined) {
    this.#context = context;
    this.#lines = lines;
  }

  /** Appends the submission with others of this turn; the waiter hears of it once it is durable or refused. */
  submit(submission: Submission, waiter: Waiter): void {
    const append = this.#openFor(submission);
    append.add(submission, waiter);
    if (append.chars >= appendCharsMax || append.payloads.length >= appendRecordsMax) {
      this.#open.delete(openKey(append));
      if (this.#last === append) this.#last = undefined;
      this.#send(append);
    } else if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(this.#flushAll);
    }
  }

  #openFor(submission: Submission): OpenAppend {
    const last = this.#last;
    if (last?.tag === submission.tag && last.codec === submission.codec) return last;
    let append = this.#open.get(openKey(submission));
    if (append === undefined) {
      append = new OpenAppend(submission.tag, submission.codec);
      this.#open.set(openKey(append), append);
    }
    this.#last = append;
    return append;
  }

  #send(append: OpenAppend): void {
    const { tag, codec, payloads, exact, seconds, nanos, keys, waiters } = append;
    const records = { codec, payloads, exact, seconds, nanos };
    this.#context.append(keys.length > 0 ? { tag, records, keys } : { tag, records }).then(
      () => {
        this.#lines?.add(payloads.map((payload) => jsonLine(codec, payload)));
        for (const waiter of waiters) waiter.settled(undefined);
      },
      (error: unknown) => this.#failed(append, error),
    );
  }

  /** A record that is too large is refused alone: the others of its append get one each. */
  #failed({ tag, codec, submissions, waiters }: OpenAppend, error: unknown): void {
    const isDivisible = error instanceof OperatingError && error.code === 'RECORD_TOO_LARGE' && waiters.length > 1;
    for (const [index, waiter] of waiters.entries()) {
      if (isDivisible) {
        const alone = new OpenAppend(tag, codec);
        alone.add(submissions[index] as Submission, waiter);
        this.#send(alone);
      } else waiter.settled(error);
    }
  }
}

const openKey = ({ tag, codec }: { tag: string; codec: Codec }): string => (codec === codecs.json ? tag : `\0${tag}`);

function jsonLine(codec: Codec, payload: string | Uint8Array): string {
  if (typeof payload === 'string') return payload;
  if (codec === codecs.msgpack) return stringifyJson(decodeMsgpack(payload));
  return Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString('utf8');
}
