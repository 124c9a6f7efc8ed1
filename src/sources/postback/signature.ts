/**
 * HMAC-SHA256 signatures over the raw body (before a content encoding is undone).
 *
 * Presets follow the senders' documentation:
 * - github: `X-Hub-Signature-256: sha256=<hex of body>`
 * - stripe: `Stripe-Signature: t=<seconds>,v1=<hex of "t.body">`, several v1 while a secret is rotated
 * - slack: `X-Slack-Signature: v0=<hex of "v0:t:body">`, `X-Slack-Request-Timestamp: <seconds>`
 * - shopify: `X-Shopify-Hmac-Sha256: <base64 of body>`
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { GuardOptions } from './options.ts';
import { Refusal } from '../requests/refusal.ts';

/** 5 minutes: what Stripe and Slack recommend against replays; wide enough for clocks that drift. */
const toleranceMsDefault = 300_000;

interface Scheme {
  /** Lower case. */
  readonly header: string;
  readonly prefix: string;
  readonly encoding: 'hex' | 'base64';
  /** Lower case; `undefined`: no time is signed, or it stands in the signature's header (stripe). */
  readonly timestampHeader: string | undefined;
  /** What is signed, with {timestamp} and {body}. */
  readonly payload: string;
}

const presets: Readonly<Record<'github' | 'stripe' | 'slack' | 'shopify', Scheme>> = {
  github: {
    header: 'x-hub-signature-256',
    prefix: 'sha256=',
    encoding: 'hex',
    timestampHeader: undefined,
    payload: '{body}',
  },
  stripe: {
    header: 'stripe-signature',
    prefix: '',
    encoding: 'hex',
    timestampHeader: undefined,
    payload: '{timestamp}.{body}',
  },
  slack: {
    header: 'x-slack-signature',
    prefix: 'v0=',
    encoding: 'hex',
    timestampHeader: 'x-slack-request-timestamp',
    payload: 'v0:{timestamp}:{body}',
  },
  shopify: {
    header: 'x-shopify-hmac-sha256',
    prefix: '',
    encoding: 'base64',
    timestampHeader: undefined,
    payload: '{body}',
  },
};

/** What is wrong with the signature options, with what to do; undefined when nothing is. */
export function signatureProblem(options: GuardOptions): string | undefined {
  const preset = options.signature ?? 'none';
  if (preset === 'none') return undefined;
  if (!options.signatureSecret) return `signature ${preset} needs signature_secret`;
  if (preset === 'custom' && !options.signatureHeader) return 'signature custom needs signature_header';
  if (options.signaturePayload !== undefined && !options.signaturePayload.includes('{body}'))
    return 'signature_payload must contain {body}';
  if (options.signaturePayload?.includes('{timestamp}') && !options.signatureTimestampHeader)
    return 'signature_payload with {timestamp} needs signature_timestamp_header';
  return undefined;
}

/** Checks the signatures of one guard. */
export class SignatureVerifier {
  readonly #scheme: Scheme;
  readonly #isStripe: boolean;
  readonly #secret: string;
  readonly #toleranceMs: number;
  readonly #nowMs: () => number;

  /** `options` must have passed signatureProblem and ask for a signature. */
  constructor(options: GuardOptions, nowMs: () => number) {
    const preset = options.signature ?? 'none';
    this.#isStripe = preset === 'stripe';
    this.#scheme =
      preset === 'custom' || preset === 'none'
        ? {
            header: (options.signatureHeader ?? '').toLowerCase(),
            prefix: options.signaturePrefix ?? '',
            encoding: options.signatureEncoding ?? 'hex',
            timestampHeader: options.signatureTimestampHeader?.toLowerCase() || undefined,
            payload: options.signaturePayload ?? (options.signatureTimestampHeader ? '{timestamp}.{body}' : '{body}'),
          }
        : presets[preset];
    this.#secret = options.signatureSecret ?? '';
    this.#toleranceMs = options.signatureTolerance ?? toleranceMsDefault;
    this.#nowMs = nowMs;
  }

  /** Undefined when the body is signed as it should be; the text does not say which part of a signature was wrong. */
  verify(headers: IncomingHttpHeaders, body: Buffer): Refusal | undefined {
    const header = headers[this.#scheme.header];
    if (typeof header !== 'string' || header === '')
      return new Refusal('invalid_signature', 'the request is not signed: the signature header is missing');
    const { timestamp, signatures } = this.#parts(header, headers);
    if (this.#scheme.payload.includes('{timestamp}') || this.#scheme.timestampHeader) {
      const problem = this.#timeProblem(timestamp);
      if (problem) return problem;
    }
    const digest = this.#digest(timestamp ?? '', body);
    for (const signature of signatures) {
      const given = this.#decode(signature);
      if (given?.length === digest.length && timingSafeEqual(given, digest)) return undefined;
    }
    return new Refusal('invalid_signature', 'the signature does not fit the body');
  }

  #parts(header: string, headers: IncomingHttpHeaders): { timestamp: string | undefined; signatures: string[] } {
    if (!this.#isStripe) {
      const { timestampHeader, prefix } = this.#scheme;
      const value = timestampHeader === undefined ? undefined : headers[timestampHeader];
      const signatures = header.startsWith(prefix) ? [header.slice(prefix.length)] : [];
      return { timestamp: typeof value === 'string' ? value : undefined, signatures };
    }
    let timestamp: string | undefined;
    const signatures: string[] = [];
    for (const part of header.split(',')) {
      const equals = part.indexOf('=');
      const name = part.slice(0, Math.max(0, equals)).trim();
      const value = part.slice(equals + 1).trim();
      if (name === 't') timestamp = value;
      // More than a handful of signatures serves nobody but one who guesses.
      else if (name === 'v1' && signatures.length < 8) signatures.push(value);
    }
    return { timestamp, signatures };
  }
  #timeProblem(timestamp: string | undefined): Refusal | undefined {
    if (timestamp === undefined || !/^\d{1,12}$/.test(timestamp))
      return new Refusal('invalid_signature', 'the time of signing is missing or not in seconds since 1970');
    if (Math.abs(this.#nowMs() - Number(timestamp) * 1000) > this.#toleranceMs)
      return new Refusal('invalid_signature', 'the time of signing is too far from now');
    return undefined;
  }
  #digest(timestamp: string, body: Buffer): Buffer {
    const hmac = createHmac('sha256', this.#secret);
    const [first = '', ...others] = this.#scheme.payload.replaceAll('{timestamp}', timestamp).split('{body}');
    hmac.update(first);
    for (const text of others) hmac.update(body).update(text);
    return hmac.digest();
  }
  #decode(signature: string): Buffer | undefined {
    const { encoding } = this.#scheme;
    const isWellFormed =
      encoding === 'hex' ? /^[0-9a-fA-F]{64}$/.test(signature) : /^[A-Za-z0-9+/]{43}=?$/.test(signature);
    return isWellFormed ? Buffer.from(signature, encoding) : undefined;
  }
}
