/** Records as postbacks and services send them, made from a fixed seed; among them hostile ones. */

export interface MockRecord {
  readonly id: string;
  readonly timeMs: number;
  readonly tag: string;
  readonly fields: Record<string, unknown>;
  readonly json: string;
}

let seed = 7;
function random(): number {
  seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
  return seed / 2_147_483_648;
}
const pick = <T>(...choices: readonly T[]): T => choices[Math.floor(random() * choices.length)] as T;

export function makeRecords(nowMs: number, count: number): MockRecord[] {
  const times = Array.from({ length: count }, () => nowMs - Math.floor(random() ** 1.4 * 26 * 3_600_000)).toSorted(
    (a, b) => b - a,
  );
  return times.map((timeMs, index) => makeRecord(count - index, timeMs));
}

export function makeRecord(offset: number, timeMs: number): MockRecord {
  const kind = offset % 97 === 0 ? 'hostile' : pick('postback', 'postback', 'postback', 'service', 'service', 'nginx');
  const tag = {
    postback: 'postback.ads',
    hostile: 'postback.partner',
    service: 'kubernetes.payments',
    nginx: 'nginx.access',
  }[kind];
  const fields = { postback, hostile, service, nginx }[kind](timeMs);
  const json = JSON.stringify(fields).replace('"big":0', '"big":9007199254740993.10');
  return { id: `7f3a9c2e5b1d8a46-${offset}`, timeMs, tag, fields, json };
}

function postback(timeMs: number): Record<string, unknown> {
  return {
    event: pick('install', 'purchase', 'purchase', 'open', 'level_up'),
    campaign: pick('spring_sale_kr', 'retarget_us', 'brand_jp', 'lookalike_de'),
    click_id: Math.floor(random() * 1e15).toString(36),
    revenue: Math.round(random() * 9000) / 100,
    currency: pick('KRW', 'USD', 'JPY'),
    country: pick('KR', 'KR', 'US', 'JP', 'DE'),
    is_organic: random() < 0.3,
    _path: '/postback/ads',
    _postTimestamp: timeMs,
  };
}

function service(): Record<string, unknown> {
  const level = pick('info', 'info', 'info', 'info', 'warn', 'error');
  const text = {
    info: pick('payment captured', 'order 주문 접수 완료', 'webhook delivered'),
    warn: 'slow query: SELECT * FROM orders WHERE status = $1',
    error: 'upstream timed out after 3000 ms while reading response header',
  }[level];
  return {
    level,
    message: text,
    duration_ms: Math.floor(random() ** 3 * 4000),
    status: level === 'error' ? pick(500, 502, 504) : 200,
    trace_id: Math.floor(random() * 1e15)
      .toString(16)
      .padStart(13, '0'),
    kubernetes: {
      namespace: 'payments',
      pod_name: `payments-api-6d9f-${pick('k2x8q', 'z9m4t', 'p7c1v')}`,
      labels: { app: 'payments-api', 'app.kubernetes.io/name': 'payments' },
    },
  };
}

function nginx(): Record<string, unknown> {
  return {
    method: pick('GET', 'GET', 'POST'),
    path: pick('/health', '/v1/orders', '/v1/orders/812', '/login'),
    status: pick(200, 200, 200, 200, 304, 404, 500),
    bytes: Math.floor(random() * 40_000),
    remote: `203.0.113.${Math.floor(random() * 255)}`,
    agent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
  };
}

function hostile(): Record<string, unknown> {
  return {
    html: '<img src=x onerror=alert(1)><script>alert(2)</script>',
    ansi: '\u001b[31mred\u001b[0m and \u0007 bell',
    bidi: 'invoice\u202egpj.exe \u2066isolated',
    arabic: 'مرحبا بالعالم',
    newlines: 'first\nsecond\tthird',
    long: 'x'.repeat(random() < 0.5 ? 1_000_000 : 3000),
    big: 0,
    empty: '',
    nothing: null,
    list: [1, 'two', { three: 3 }],
  };
}
