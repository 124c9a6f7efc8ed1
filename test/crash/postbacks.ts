/** The requests of the load: uniquely numbered records in every body form that the postback source takes. */
import { gzipSync } from 'node:zlib';
import type { Random } from './random.ts';

export interface Postback {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly first: number;
  readonly count: number;
  readonly key: string | undefined;
}

interface Form {
  readonly name: string;
  readonly isMany: boolean;
  make(records: readonly Fields[]): { query?: string; type?: string; encoding?: string; body: string | Buffer };
}
type Fields = Readonly<Record<string, string | number>>;

function pairs(fields: Fields): string {
  return new URLSearchParams(
    Object.entries(fields).map(([key, value]): [string, string] => [key, String(value)]),
  ).toString();
}

function only(records: readonly Fields[]): Fields {
  return records[0] as Fields;
}

const json = 'application/json';
const boundary = 'crash-7MA4YWxkTrZu0gW';

const forms: readonly Form[] = [
  { name: 'query', isMany: false, make: (records) => ({ query: pairs(only(records)), body: '' }) },
  { name: 'object', isMany: false, make: (records) => ({ type: json, body: JSON.stringify(only(records)) }) },
  { name: 'array', isMany: true, make: (records) => ({ type: json, body: JSON.stringify(records) }) },
  {
    name: 'ndjson',
    isMany: true,
    make: (records) => ({
      type: 'application/x-ndjson',
      body: records.map((fields) => `${JSON.stringify(fields)}\n`).join(''),
    }),
  },
  {
    name: 'form',
    isMany: false,
    make: (records) => ({ type: 'application/x-www-form-urlencoded', body: pairs(only(records)) }),
  },
  {
    name: 'multipart',
    isMany: false,
    make: (records) => ({
      type: `multipart/form-data; boundary=${boundary}`,
      body: `${Object.entries(only(records))
        .map(([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`)
        .join('')}--${boundary}--\r\n`,
    }),
  },
  {
    name: 'gzip',
    isMany: true,
    make: (records) => ({ type: json, encoding: 'gzip', body: gzipSync(JSON.stringify(records)) }),
  },
];

/** Paths that the program is started with; the second gives the tag `test`. */
export const postbackPaths = ['/postback', '/postback/test'] as const;

/** One request in hundred is as large as a frame of a busy second, so that kills also hit long writes. */
const largeChance = 0.01;
/** Every fifth request carries a key: enough of them are under way at each kill. */
const keyedChance = 0.2;

/** The next request; its records are numbered from `first`. */
export function makePostback(random: Random, first: number): Postback {
  const form = random.pick(forms);
  const count = form.isMany ? random.between(2, 20) : 1;
  const isLarge = form.name !== 'query' && random.isBelow(largeChance);
  const records = Array.from({ length: count }, (_, i) => ({
    n: first + i,
    form: form.name,
    filler: 'x'.repeat(isLarge ? random.between(5_000, 40_000) : random.between(0, 300)),
  }));
  const { query, type, encoding, body } = form.make(records);
  const key = random.isBelow(keyedChance) ? `crash-${first}` : undefined;
  const bytes = Buffer.from(body);
  return {
    path: `${random.pick(postbackPaths)}${query === undefined ? '' : `?${query}`}`,
    headers: {
      ...(type === undefined ? {} : { 'content-type': type }),
      ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
      'content-length': String(bytes.length),
    },
    body: bytes,
    first,
    count,
    key,
  };
}
