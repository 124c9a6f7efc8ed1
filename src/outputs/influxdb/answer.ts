/** What InfluxDB's answers to a write mean. Source: InfluxDB 1.6 services/httpd/handler.go, tsdb/shard.go; 2.7 http/points. */
import type { ClientAnswer } from '../requests/client.ts';
import type { FieldType } from './form.ts';

export type Verdict =
  | { readonly kind: 'taken' }
  /** Waits for something that may change: the server, its load, a login, a database. */
  | { readonly kind: 'later'; readonly text: string; readonly advice: string }
  /** Some of the points are bad; those that are not may have been written. */
  | {
      readonly kind: 'partly';
      readonly text: string;
      readonly dropped: number | undefined;
      readonly conflict: Conflict | undefined;
    }
  /** More bytes than the server takes at once. */
  | { readonly kind: 'too large'; readonly text: string };

/** A field that has another type on the server. */
export interface Conflict {
  readonly measurement: string;
  readonly field: string;
  readonly type: FieldType;
}

/** Statuses that say that something is wrong with the points. */
const aboutPoints: ReadonlySet<number> = new Set([400, 422]);

export function verdictOf({ status, reason, text: body }: ClientAnswer): Verdict {
  if (status >= 200 && status < 300) return { kind: 'taken' };
  const said = wordsOf(body);
  const text = said === '' ? `${status} ${reason}`.trim() : `${status} ${said}`;
  if (status === 413) return { kind: 'too large', text };
  const conflict = conflictOf(said);
  // Answered with 500 where it is the record that names the policy.
  const isAboutRecord = said.startsWith('retention policy not found');
  if (aboutPoints.has(status) || conflict || isAboutRecord) {
    const dropped = /\bdropped=(\d+)/.exec(said)?.[1];
    return { kind: 'partly', text, dropped: dropped === undefined ? undefined : Number(dropped), conflict };
  }
  return { kind: 'later', text, advice: adviceOf(status) };
}

/** The server's own words: `{"error":"…"}` of 1.x and 3.x, `{"code":"…","message":"…"}` of 2.x, or the text as it is. */
function wordsOf(body: string): string {
  try {
    const parsed = JSON.parse(body) as unknown;
    if (typeof parsed === 'object' && parsed !== null) {
      const words = 'error' in parsed ? parsed.error : 'message' in parsed ? parsed.message : undefined;
      if (typeof words === 'string') return words.trim();
    }
  } catch {
    // Not whole, or no JSON: a proxy's page.
  }
  return body.trim().slice(0, wordsMax);
}

/** Of a text that is no answer of InfluxDB's own so much is shown. */
const wordsMax = 300;

function conflictOf(said: string): Conflict | undefined {
  const found =
    /field type conflict: input field "(.*?)" on measurement "(.*?)" is type \w+, already exists as type (float|integer|string|boolean|unsigned)/s.exec(
      said,
    );
  const [, field = '', measurement = '', type] = found ?? [];
  return type === undefined ? undefined : { measurement, field, type: type as FieldType };
}

function adviceOf(status: number): string {
  if (status === 401 || status === 403) return '; check the login';
  if (status === 404) return '; create the database or bucket, or check its name';
  if (status >= 300 && status < 400) return '; redirects are not followed, write the new address';
  return '';
}
