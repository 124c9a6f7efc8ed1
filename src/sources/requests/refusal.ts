/** Why a request is not taken, and what is answered. */

/** Reasons as they are counted in `records_refused_total{reason}`, with the HTTP status each one is answered with. */
const refusalStatus = {
  bad_request: 400,
  aborted: 400,
  invalid_path: 400,
  invalid_query: 400,
  invalid_json: 400,
  invalid_utf8: 400,
  invalid_form: 400,
  invalid_multipart: 400,
  invalid_msgpack: 400,
  invalid_time: 400,
  invalid_compression: 400,
  parse_failed: 400,
  no_records: 400,
  too_deep: 400,
  not_an_object: 400,
  empty_array: 400,
  unauthorized: 401,
  invalid_signature: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  body_too_large: 413,
  record_too_large: 413,
  too_many_records: 413,
  too_many_fields: 413,
  too_many_values: 413,
  unsupported_type: 415,
  unsupported_encoding: 415,
  multipart_file: 415,
  expectation_failed: 417,
  rate_limited: 429,
  head_too_large: 431,
  get_not_taken: 405,
  internal: 500,
  journal_full: 503,
  journal_write: 503,
  stopping: 503,
  overloaded: 503,
  peer_unavailable: 503,
} as const;

export type RefusalReason = keyof typeof refusalStatus;

/** A request that is not taken. The text goes to the sender as `detail`: it says what and where, and holds no secret. */
export class Refusal extends Error {
  readonly reason: RefusalReason;
  /** When the sender should try again, in ms from now; answered as Retry-After. */
  readonly retryAfterMs: number | undefined;

  /** What another program answers in its place, where an endpoint answers as that one does. */
  readonly peerText: string | undefined;
  /** That program says yes to such a request all the same, and drops what it holds. */
  readonly isPeerYes: boolean;

  constructor(
    reason: RefusalReason,
    detail: string,
    options: { cause?: unknown; retryAfterMs?: number; peerText?: string; isPeerYes?: boolean } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Refusal';
    this.reason = reason;
    this.retryAfterMs = options.retryAfterMs;
    this.peerText = options.peerText;
    this.isPeerYes = options.isPeerYes ?? false;
  }
  get status(): number {
    return refusalStatus[this.reason];
  }
}
