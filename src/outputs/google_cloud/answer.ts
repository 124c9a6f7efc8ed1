/** What an answer of entries:write means. Source: entries.write and WriteLogEntriesPartialErrors of the Logging API v2; google.rpc.Code. */
import type { ClientAnswer } from '../requests/client.ts';

/** `taken`; `partly`: all but the entries named; `later`: none, try again; `refused`: none, for what was sent. */
export type Meaning =
  | { readonly kind: 'taken' }
  | { readonly kind: 'partly'; readonly later: readonly number[]; readonly refused: ReadonlyMap<number, string> }
  | { readonly kind: 'later'; readonly reason: string; readonly isToken: boolean }
  | { readonly kind: 'refused'; readonly reason: string };

const partialErrors = 'type.googleapis.com/google.logging.v2.WriteLogEntriesPartialErrors';
/** Codes of google.rpc.Code after which the same entry can be taken: cancelled, unknown, deadline, exhausted, aborted, internal, unavailable, unauthenticated. */
const laterCodes: ReadonlySet<number> = new Set([1, 2, 4, 8, 10, 13, 14, 16]);
const permissionDenied = 7;

/** `count`: entries that were sent. */
export function meaningOf(answer: ClientAnswer, count: number, projectId: string): Meaning {
  const { status, text } = answer;
  if (status >= 200 && status < 300) return { kind: 'taken' };
  const { message, entries } = readError(text);
  const said = `${status} ${answer.reason}`.trim() + (message === '' ? '' : `: ${message}`);
  if ((status === 400 || status === 403) && entries.size > 0) {
    const all = [...entries.values()];
    // Nobody may write at all: that is no fault of the entries.
    if (entries.size >= count && all.every(({ code }) => code === permissionDenied))
      return { kind: 'later', reason: `${said}${adviceOf(403, projectId)}`, isToken: false };
    const isLater = (code: number): boolean => laterCodes.has(code);
    return {
      kind: 'partly',
      later: [...entries].flatMap(([index, { code }]) => (isLater(code) ? [index] : [])),
      refused: new Map(
        [...entries].flatMap(([index, one]) => (isLater(one.code) ? [] : [[index, `${status}: ${one.message}`]])),
      ),
    };
  }
  if (isForLater(status))
    return { kind: 'later', reason: `${said}${adviceOf(status, projectId)}`, isToken: status === 401 };
  return { kind: 'refused', reason: said };
}

/** Not what was sent is wrong, but who sends it, where to, or when. */
function isForLater(status: number): boolean {
  return status === 401 || status === 403 || status === 404 || status === 408 || status === 429 || status >= 500;
}

function adviceOf(status: number, projectId: string): string {
  if (status === 401)
    return '; the access token was not taken: check the credentials file (GOOGLE_APPLICATION_CREDENTIALS) or the service account, and the clock of this machine';
  if (status === 403)
    return `; give the service account the role roles/logging.logWriter on project ${projectId}, enable the Cloud Logging API there, and give the machine the scope logging.write`;
  if (status === 404) return `; check project_id ${projectId}`;
  return '';
}

interface EntryError {
  readonly code: number;
  readonly message: string;
}

function readError(text: string): { readonly message: string; readonly entries: ReadonlyMap<number, EntryError> } {
  const entries = new Map<number, EntryError>();
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return { message: text.trim().slice(0, messageCharsMax), entries };
  }
  const error = objectOf(objectOf(parsed)['error']);
  const details: unknown[] = Array.isArray(error['details']) ? error['details'] : [];
  for (const detail of details.map(objectOf)) {
    if (detail['@type'] !== partialErrors) continue;
    for (const [key, value] of Object.entries(objectOf(detail['logEntryErrors']))) {
      const { code, message } = objectOf(value);
      if (/^\d+$/.test(key) && typeof code === 'number')
        entries.set(Number(key), { code, message: textOf(message) || `code ${code}` });
    }
  }
  return { message: textOf(error['message']), entries };
}
/** Of the service's words so many stand in a reason. */
const messageCharsMax = 300;

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.trim().slice(0, messageCharsMax) : '';
}
function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
