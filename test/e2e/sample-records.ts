/** Records as ad networks, payment services and web servers send them, made from a fixed seed; `time` is in seconds. */

export interface SampleRecord {
  readonly time: number;
  /** The tag it goes under. */
  readonly to: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * `count` records over the day before `nowMs`, oldest first: fewer at night, some minutes of errors. None of its first ten
 * minutes: a page that is opened later shows the last 24 hours of then.
 */
export function sampleRecords(nowMs: number, count: number): SampleRecord[] {
  const random = randomFrom(7);
  const dayMs = 24 * 3_600_000;
  const troubleMs = nowMs - 4.6 * 3_600_000;
  const times: number[] = [];
  while (times.length < count) {
    const part = random();
    if (random() < 0.02) times.push(troubleMs + (random() - 0.5) * 1_200_000);
    // A day has a quiet and a busy half.
    else if (random() < 0.55 + 0.45 * Math.cos((part - 0.1) * 2 * Math.PI))
      times.push(nowMs - part * (dayMs - 600_000) - 2000);
  }
  times.sort((a, b) => a - b);
  return times.map((timeMs, index) => {
    const isTrouble = Math.abs(timeMs - troubleMs) < 600_000;
    const kinds = isTrouble ? [service, service, service, nginx] : [postback, postback, postback, service, nginx];
    const kind = kinds[Math.floor(random() * kinds.length)] ?? postback;
    return { time: Math.round(timeMs) / 1000, ...kind(randomFrom(index), isTrouble, timeMs) };
  });
}

type Random = () => number;
type Made = Omit<SampleRecord, 'time'>;

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
function randomFrom(seed: number): Random {
  let state = (seed + 1) * 0x9e37_79b9;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function pick<T>(random: Random, choices: readonly [T, ...T[]]): T {
  return choices[Math.floor(random() * choices.length)] ?? choices[0];
}

function postback(random: Random, _isTrouble: boolean, timeMs: number): Made {
  const [country, currency] = pick(random, [
    ['KR', 'KRW'],
    ['KR', 'KRW'],
    ['US', 'USD'],
    ['JP', 'JPY'],
    ['DE', 'EUR'],
  ]);
  return {
    to: 'postback.ads',
    fields: {
      event_name: pick(random, ['install', 'purchase', 'purchase', 'open', 'level_up']),
      campaign: pick(random, ['spring_sale_kr', 'retarget_us', 'brand_jp', 'lookalike_de']),
      click_id: Math.floor(random() * 1e15).toString(36),
      revenue: Math.round(random() * 9000) / 100,
      currency,
      country,
      is_organic: random() < 0.3,
      _path: '/postback/ads',
      _postTimestamp: Math.round(timeMs),
    },
  };
}

function service(random: Random, isTrouble: boolean): Made {
  const level = isTrouble
    ? pick(random, ['error', 'error', 'warn', 'info'])
    : pick(random, ['info', 'info', 'info', 'info', 'info', 'info', 'info', 'warn']);
  const texts: Record<string, readonly [string, ...string[]]> = {
    info: ['payment captured', '주문 접수 완료', 'webhook delivered'],
    warn: ['slow query: SELECT * FROM orders WHERE status = $1'],
    error: ['upstream timed out after 3000 ms', 'connection reset by peer while reading response header'],
  };
  return {
    to: 'kubernetes.payments',
    fields: {
      level,
      message: pick(random, texts[level] ?? ['']),
      duration_ms: Math.floor(random() ** 3 * 4000),
      status: level === 'error' ? pick(random, [500, 502, 504]) : 200,
      trace_id: Math.floor(random() * 1e15)
        .toString(16)
        .padStart(13, '0'),
      kubernetes: {
        namespace: 'payments',
        pod_name: `payments-api-6d9f-${pick(random, ['k2x8q', 'z9m4t', 'p7c1v'])}`,
        labels: { app: 'payments-api' },
      },
    },
  };
}

function nginx(random: Random, isTrouble: boolean): Made {
  return {
    to: 'nginx.access',
    fields: {
      method: pick(random, ['GET', 'GET', 'POST']),
      path: pick(random, ['/health', '/v1/orders', '/v1/orders/812', '/login']),
      status: isTrouble ? pick(random, [502, 504, 200]) : pick(random, [200, 200, 200, 200, 304, 404]),
      bytes: Math.floor(random() * 40_000),
      remote: `203.0.113.${Math.floor(random() * 255)}`,
      agent: 'Mozilla/5.0 (X11; Linux x86_64)',
    },
  };
}
