/** Pieces of OpenAPI that the routes' descriptions share. */
import { timeoutMaxMs } from '../../store/search-steps.ts';
import { timeoutDefaultMs } from './parameters.ts';

/** A query parameter. */
export function parameter(name: string, description: string, schema: object, example?: unknown): object {
  return { name, in: 'query', description, schema, ...(example === undefined ? {} : { example }) };
}

/** An answer of JSON with an example of it. */
export function jsonAnswer(description: string, example?: unknown): object {
  return { description, content: { 'application/json': example === undefined ? {} : { example } } };
}

const failureExample = {
  400: { detail: 'expected a value after ":"', at: { start: 7, end: 8 } },
  401: { detail: 'Log in: …' },
  424: {
    detail:
      'searching logstash-*: POST https://logs:9200/logstash-*/_search was answered 403 (security_exception: …); the user needs the privileges read and view_index_metadata on logstash-*: check its roles',
    code: 'INDEX_REFUSED',
  },
  422: { detail: 'searching: it needs more memory than P2L_STORE_MEMORY allows; …', code: 'STORE_QUERY_LIMIT' },
  429: { detail: '32 live tails run already; close one, or try again later' },
  503: { detail: 'the store is off, so nothing can be searched; set P2L_STORE=on and start again' },
  504: { detail: 'the store did not answer within 10000 ms; …' },
} as const;
const failureTexts: Record<keyof typeof failureExample, string> = {
  400: 'A parameter or the query is wrong; `at`: characters [start, end) of the query',
  401: 'No login; see /api/session',
  422: 'The question needs more memory than the store or the server gives one',
  424: 'Elasticsearch or OpenSearch does not answer this; `detail` says what to do',
  429: 'Too many at once; Retry-After says when to try again',
  503: 'The store is off, or it or Elasticsearch or OpenSearch is not there just now (Retry-After)',
  504: 'No answer came in time',
};

/** Descriptions of these failures. */
export function failures(...statuses: readonly (keyof typeof failureExample)[]): Record<string, object> {
  return Object.fromEntries(
    statuses.map((status) => [String(status), jsonAnswer(failureTexts[status], failureExample[status])]),
  );
}

const timeForm =
  'Ms since 1970, ISO 8601 (UTC where no zone is given), `now`, or `now-15m` with ms, s, m, h, d or w; parts of a ms are cut off';

/** `in`. */
export const placeParameter = parameter(
  'in',
  'Where: the store, or the indices of P2L_EXPLORER_URL; without it the store where there is one',
  { enum: ['store', 'index'] },
);

/** `query`, `from`, `to` and `in`. */
export const selectionParameters = [
  parameter(
    'query',
    'In the query language; empty: all records',
    { type: 'string', default: '' },
    'p1:v1 AND status>=500',
  ),
  parameter('from', `Record time, inclusive. ${timeForm}`, { type: 'string' }, 'now-1h'),
  parameter('to', `Record time, exclusive. ${timeForm}`, { type: 'string' }, 'now'),
  placeParameter,
];

/** `timeout`. */
export const timeoutParameter = parameter(
  'timeout',
  'Ms after which the answer is what was found so far, with isComplete false',
  { type: 'integer', minimum: 1, maximum: timeoutMaxMs, default: timeoutDefaultMs },
);

/** A record as /api/search and /api/tail give it. */
export const recordExample = {
  _id: '4f1d8a70c2b95e3a6f10-42',
  _time: '2026-11-21T15:00:00.123456789Z',
  _timeMs: 1_795_273_200_123,
  _appendMs: 1_795_273_200_125,
  _tag: 'p2l.test',
  _source: 'postback',
  fields: { p1: 'v1', p2: 'v2' },
};
/** What every answer says of itself. */
export const answerExample = {
  isComplete: true,
  tookMs: 12,
  fromMs: 1_795_269_600_000,
  toMs: 1_795_273_200_000,
  notes: [],
};
