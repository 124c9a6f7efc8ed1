/** A postback of some 200 bytes, as the benches of outputs write it. */
export function postbackJson(n: number, more: object): string {
  return JSON.stringify({
    p1: `value ${n}`,
    campaign: `c${n % 17}`,
    amount: n * 1.25 + 0.5,
    count: n,
    ok: n % 2 === 0,
    _path: '/postback/test',
    _postTimestamp: 1_709_618_820_000 + n,
    _postDatetimeGMT: '2024-03-05T06:07:00Z',
    _nodeName: 'minikube',
    ...more,
  });
}
