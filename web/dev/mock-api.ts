/**
 * A stand-in for the admin API while the page is being worked on: `node web/dev/mock-api.ts [port]`, then
 * `P2L_ADMIN_URL=http://127.0.0.1:PORT npx vite web`. It has generated records and reads only the simplest queries.
 * It also serves web/dist, so that the built page can be looked at.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { conjuncts } from '../src/query/edit.ts';
import { makeRecord, makeRecords } from './mock-records.ts';
import type { MockRecord } from './mock-records.ts';

const port = Number(process.argv[2] ?? 5601);
const dist = join(import.meta.dirname, '..', 'dist');
const hourMs = 3_600_000;
const records = makeRecords(Date.now(), 6000);
const tails = new Set<ServerResponse>();

function selected(params: URLSearchParams): { fromMs: number; toMs: number; found: MockRecord[] } {
  const time = (text: string | null, other: number): number => {
    const relative = /^now(?:-(\d+)([mhd]))?$/.exec(text ?? '');
    if (!relative) return text === null ? other : /^-?\d+$/.test(text) ? Number(text) : Date.parse(text);
    const unit = { m: hourMs / 60, h: hourMs, d: 24 * hourMs }[relative[2] ?? 'm'] ?? 0;
    return Date.now() - Number(relative[1] ?? 0) * unit;
  };
  const fromMs = time(params.get('from'), records.at(-1)?.timeMs ?? 0);
  const toMs = time(params.get('to'), Date.now() + hourMs);
  const tests = conjuncts(params.get('query') ?? '').map(testOf);
  const found = records.filter(
    (record) => record.timeMs >= fromMs && record.timeMs < toMs && tests.every((test) => test(record)),
  );
  return { fromMs, toMs, found };
}

function testOf(text: string): (record: MockRecord) => boolean {
  if (text.startsWith('NOT ')) {
    const inner = testOf(text.slice(4));
    return (record) => !inner(record);
  }
  const [, field, operator, value] = /^([\w.]+)\s*(:=|:|>=|<=|>|<)\s*"?(.*?)"?$/.exec(text) ?? [];
  if (field === undefined || value === undefined) return (record) => record.json.includes(text.replaceAll('"', ''));
  const at = (record: MockRecord): unknown =>
    field === '_id'
      ? record.id
      : field === '_tag'
        ? record.tag
        : field
            .split('.')
            .reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], record.fields);
  if (value === '*') return (record) => at(record) !== undefined;
  if (operator === '>=') return (record) => Number(at(record)) >= Number(value);
  if (operator === '<') return (record) => Number(at(record)) < Number(value);
  if (operator === ':=') return (record) => textOf(at(record)) === value;
  return (record) => textOf(at(record)).toLowerCase().includes(value.toLowerCase());
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));

const standing = { tookMs: 7, isComplete: true, notes: [] as string[] };

const recordText = (record: MockRecord): string =>
  `{"_id":${JSON.stringify(record.id)},"_time":"${new Date(record.timeMs).toISOString().replace('Z', '456789Z')}","_timeMs":${record.timeMs},"_appendMs":${record.timeMs + 3},"_tag":"${record.tag}","_source":"postback","fields":${record.json}}`;

const routes: Readonly<Record<string, (params: URLSearchParams) => unknown>> = {
  '/api/session': () => ({ isOpen: true, user: null, methods: [] }),
  '/api/store': () => ({
    state: 'running',
    status: {
      records: records.length,
      bytes: 5e6,
      bytesMax: 4e9,
      oldestMs: records.at(-1)?.timeMs,
      newestMs: records[0]?.timeMs,
      partitions: [],
      setAside: [],
    },
    waiting: 0,
    lastError: null,
  }),
  '/api/histogram'(params) {
    const { fromMs, toMs, found } = selected(params);
    const widths = [1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10_800, 43_200, 86_400].map((seconds) => seconds * 1000);
    const widthMs = widths.find((width) => (toMs - fromMs) / width <= Number(params.get('buckets')) * 1.5) ?? 864e5;
    const startMs = Math.floor(fromMs / widthMs) * widthMs;
    const counts = Array.from({ length: Math.ceil((toMs - startMs) / widthMs) }, () => 0);
    for (const { timeMs } of found) counts[Math.floor((timeMs - startMs) / widthMs)]!++;
    return { startMs, widthMs, counts, total: found.length, ...standing };
  },
  '/api/fields'(params) {
    const { found } = selected(params);
    const counts = new Map<string, { types: Set<string>; count: number }>();
    const add = (prefix: string, value: Record<string, unknown>): void => {
      for (const [key, inner] of Object.entries(value)) {
        if (typeof inner === 'object' && inner !== null && !Array.isArray(inner)) {
          add(`${prefix}${key}.`, inner as Record<string, unknown>);
          continue;
        }
        const entry = counts.get(prefix + key) ?? { types: new Set(), count: 0 };
        entry.types.add(Array.isArray(inner) ? 'array' : typeof inner);
        entry.count++;
        counts.set(prefix + key, entry);
      }
    };
    for (const { fields } of found) add('', fields);
    const fields = [...counts]
      .map(([name, { types, count }]) => ({ name, types: [...types], count }))
      .toSorted((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
    return { fields: fields.slice(0, 1000), sampled: found.length, hasMore: fields.length > 1000, ...standing };
  },
  '/api/fields/values'(params) {
    const { found } = selected(params);
    const field = params.get('field') ?? '';
    const counts = new Map<string, number>();
    let present = 0;
    for (const { fields } of found) {
      const value = field
        .split('.')
        .reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], fields);
      if (value === undefined) continue;
      present++;
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      counts.set(text, (counts.get(text) ?? 0) + 1);
    }
    const values = [...counts].map(([value, count]) => ({ value, count })).toSorted((a, b) => b.count - a.count);
    return {
      field,
      values: values.slice(0, Number(params.get('limit') ?? 10)),
      total: found.length,
      present,
      ...standing,
    };
  },
};

function search(params: URLSearchParams): string {
  const { fromMs, toMs, found } = selected(params);
  const ordered = params.get('order') === 'oldest' ? found.toReversed() : found;
  const start = Number(params.get('after') ?? 0);
  const limit = Number(params.get('limit') ?? 100);
  const page = ordered.slice(start, start + limit);
  const next = start + limit < found.length ? JSON.stringify(String(start + limit)) : 'null';
  return `{"records":[${page.map(recordText).join(',')}],"next":${next},"isComplete":true,"tookMs":7,"fromMs":${Math.round(fromMs)},"toMs":${Math.round(toMs)},"notes":[]}`;
}

async function serveFile(path: string, response: ServerResponse): Promise<void> {
  const types: Record<string, string> = {
    '.html': 'text/html',
    '.js': 'text/javascript',
    '.css': 'text/css',
    '.svg': 'image/svg+xml',
  };
  const name = path === '/' ? '/index.html' : path;
  try {
    const bytes = await readFile(join(dist, name));
    const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'";
    response.writeHead(200, {
      'content-type': types[extname(name)] ?? 'application/octet-stream',
      'content-security-policy': policy,
    });
    response.end(bytes);
  } catch {
    response.writeHead(404).end();
  }
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const json = (text: string, status = 200): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(text);
  };
  const query = url.searchParams.get('query') ?? '';
  const open = query.lastIndexOf('(');
  if (open >= 0 && !query.includes(')', open))
    json(JSON.stringify({ detail: 'this "(" is not closed; add ")"', at: { start: open, end: open + 1 } }), 400);
  else if (url.pathname === '/api/search') json(search(url.searchParams));
  else if (url.pathname === '/api/tail') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('retry: 2000\n\n');
    tails.add(response);
    request.on('close', () => tails.delete(response));
  } else if (routes[url.pathname]) json(JSON.stringify(routes[url.pathname]?.(url.searchParams)));
  else void serveFile(url.pathname, response);
}

setInterval(() => {
  const record = makeRecord(records.length, Date.now());
  records.unshift(record);
  for (const tail of tails) tail.write(`event: records\ndata: [${recordText(record)}]\n\n`);
}, 700);
createServer(answer).listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}`));
