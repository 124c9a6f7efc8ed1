/** Records as a store gets them in real life: postbacks and container logs, the same ones at every run. */

/** Numbers that look random and are the same at every run (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const kinds = ['install', 'purchase', 'session', 'ad_revenue', 'tutorial_complete', 'level_up', 'registration'];
const countries = ['KR', 'JP', 'US', 'DE', 'BR', 'TW', 'VN', 'ID', 'GB', 'FR'];
const pods = Array.from({ length: 40 }, (_, n) => `numbers-api-${((n * 2_654_435_761) % 4_294_967_296).toString(36)}`);
const paths = ['/v1/orders', '/v1/orders/items', '/health', '/v2/users/me', '/v1/payments', '/metrics', '/login'];
const texts = ['upstream request finished', 'connection pool is full', 'timed out waiting for upstream', 'cache miss'];

/** One record's JSON, about 250 bytes: a postback or a container's log line. `n` is its number among all. */
export function recordJson(n: number, isPostback: boolean, random: () => number): string {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const hex = (length: number): string => {
    let text = '';
    while (text.length < length)
      text += Math.floor(random() * 0x1_0000_0000)
        .toString(16)
        .padStart(8, '0');
    return text.slice(0, length);
  };
  if (isPostback)
    return (
      `{"transaction_id":"${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}","event":"${pick(kinds)}",` +
      `"app_id":"com.example.game${Math.floor(random() * 20)}","user_id":${1_000_000 + Math.floor(random() * 9_000_000)},` +
      `"revenue":${(random() * 50).toFixed(2)},"currency":"KRW","country":"${pick(countries)}",` +
      `"ip":"${10 + Math.floor(random() * 200)}.${Math.floor(random() * 256)}.${Math.floor(random() * 256)}.${Math.floor(random() * 256)}",` +
      `"campaign":"summer_${Math.floor(random() * 300)}","is_retargeting":${random() < 0.3},"sequence":${n}}`
    );
  const status = random() < 0.97 ? pick([200, 200, 200, 201, 204, 301]) : pick([400, 404, 429, 500, 502, 503]);
  return (
    `{"log":"${status >= 500 ? 'ERROR' : 'INFO'} ${pick(texts)} request_id=req${n}x${hex(8)} took ${Math.floor(random() * 900)}ms",` +
    `"stream":"${status >= 500 ? 'stderr' : 'stdout'}","status":${status},"path":"${pick(paths)}",` +
    `"kubernetes":{"namespace_name":"production","pod_name":"${pick(pods)}","container_name":"api","labels":{"app":"numbers-api"}}}`
  );
}
