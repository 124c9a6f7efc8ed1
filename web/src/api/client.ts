/** One request to the admin API, and what can come of it. */

/** An answer other than 2xx, or none: status 0. */
export class ApiError extends Error {
  readonly status: number;
  /** Where in the query the fault is, when it is one. */
  readonly at: { readonly start: number; readonly end: number } | undefined;
  constructor(status: number, text: string, at: ApiError['at']) {
    super(text);
    this.name = 'ApiError';
    this.status = status;
    this.at = at;
  }
  /** The same request may work soon: the network, or a store that starts. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

export type Params = Readonly<Record<string, string | number | undefined>>;

/** `path?a=b`; parameters that are undefined or '' are left out. */
export function urlOf(path: string, params: Params): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== '') search.set(name, String(value));
  }
  const text = search.toString();
  return text === '' ? path : `${path}?${text}`;
}

export interface RequestOptions {
  readonly params?: Params;
  readonly signal?: AbortSignal;
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly body?: unknown;
}

/** The answer's text. @throws ApiError; DOMException AbortError when the signal says so. */
export async function request(path: string, options: RequestOptions = {}): Promise<string> {
  const { params = {}, signal, method = 'GET', body } = options;
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(urlOf(path, params), {
      method,
      ...(signal ? { signal } : {}),
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    text = await answer.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, error instanceof Error ? error.message : String(error), undefined);
  }
  if (!answer.ok) throw problemOf(answer.status, text);
  return text;
}

/** The answer as JSON. For answers without records: their digits would be rounded. */
export async function requestJson<T>(path: string, options: RequestOptions = {}): Promise<T> {
  return JSON.parse(await request(path, options)) as T;
}

function problemOf(status: number, text: string): ApiError {
  try {
    const body = JSON.parse(text) as { detail?: unknown; at?: { start?: unknown; end?: unknown } };
    const { start, end } = body.at ?? {};
    const at = typeof start === 'number' && typeof end === 'number' ? { start, end } : undefined;
    const detail = Array.isArray(body.detail) ? body.detail.join('; ') : body.detail;
    return new ApiError(status, typeof detail === 'string' ? detail : `HTTP ${status}`, at);
  } catch {
    return new ApiError(status, `HTTP ${status}`, undefined);
  }
}
