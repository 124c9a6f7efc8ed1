import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatProblem } from '../core/errors.ts';
import { boolean, bytes, choice, duration, integer, list, number, secret, text } from '../core/options.ts';
import type { OptionKind } from '../core/options.ts';
import { readVariable } from './env-values.ts';
import { readEnv, readPostbackEnv, variableDocs } from './env.ts';

const postback = {
  host: text('Address', { default: '0.0.0.0' }),
  port: integer(0, 65_535)('Port', { default: 80 }),
  endpoints: list('Paths', { default: ['/postback'] }),
  logQueryParameters: boolean('Query', { default: true }),
  idempotencyHeader: text('Header', { default: 'Idempotency-Key' }),
  idempotencyWindow: duration('Window', { default: 600_000 }),
  rotateBytes: bytes('Size', { default: 10_485_760 }),
  signature: choice(['none', 'custom', 'github'])('Scheme'),
  signatureSecret: secret('Secret'),
  rateLimit: number('Rate'),
};

describe('the program', () => {
  test('defaults', () => {
    const { settings, problems } = readEnv({});
    assert.deepEqual(problems, []);
    assert.deepEqual(settings, {
      workers: 1,
      dataDir: './data',
      adminHost: '127.0.0.1',
      adminPort: 5601,
      graceMs: 10_000,
      stopDelayMs: 0,
      storageBytes: 4 * 1024 ** 3,
      fluentdStorageBytes: 4 * 1024 ** 3,
      strictConfigValue: false,
      storeMemoryBytes: 208 * 1024 ** 2,
      storeKeepMs: 30 * 86_400_000,
      keepMs: 86_400_000,
      exactlyOnce: false,
      fluentdExtracfg: '',
      explorerIndex: 'logstash-*',
      explorerTimeField: '@timestamp',
      explorerTagField: 'tag',
      explorerTlsVerify: true,
    });
  });
  const good: readonly [string, string, string, unknown][] = [
    ['P2L_WORKERS', '4', 'workers', 4],
    ['P2L_DATA_DIR', '/data', 'dataDir', '/data'],
    ['P2L_ADMIN_PORT', 'off', 'adminPort', 'off'],
    ['P2L_ADMIN_PORT', '0', 'adminPort', 0],
    ['P2L_ADMIN_TOKEN', ' x', 'adminToken', ' x'],
    ['P2L_LOGLEVEL', 'trace', 'logLevel', 'trace'],
    ['P2L_LOGLEVEL', 'WARNING', 'logLevel', 'warn'],
    ['P2L_UVICORN_LOGLEVEL', 'critical', 'logLevel', 'fatal'],
    ['P2L_UVICORN_LOGLEVEL', 'trace', 'logLevel', 'trace'],
    ['P2L_STORE', 'ON', 'store', 'on'],
    ['P2L_STORE', '0', 'store', 'off'],
    ['P2L_STORE_LIMIT', '20Gi', 'storeLimitBytes', 20 * 1024 ** 3],
    ['P2L_STORE_KEEP', '7d', 'storeKeepMs', 604_800_000],
    ['P2L_GRACE', '500ms', 'graceMs', 500],
    ['P2L_GRACE', '30', 'graceMs', 30_000],
    ['P2L_KEEP', '7d', 'keepMs', 604_800_000],
    ['P2L_STORAGE', '1Gi', 'storageBytes', 1024 ** 3],
    ['P2L_FLUENTD_STORAGE', '500M', 'fluentdStorageBytes', 500_000_000],
    ['P2L_DATA_LIMIT', '1.5Gi', 'dataLimitBytes', 1.5 * 1024 ** 3],
    ['P2L_EXACTLY_ONCE', '1', 'exactlyOnce', true],
    ['P2L_EXACTLY_ONCE', 'False', 'exactlyOnce', false],
    ['P2L_WORKERS', '', 'workers', 1],
  ];
  for (const [name, written, key, value] of good)
    test(`${name}=${written}`, () => {
      const { settings, problems } = readEnv({ [name]: written });
      assert.deepEqual(problems, []);
      assert.deepEqual((settings as Record<string, unknown>)[key], value);
    });
  test('the alias gives way to the name', () =>
    assert.equal(readEnv({ P2L_LOGLEVEL: 'error', P2L_UVICORN_LOGLEVEL: 'debug' }).settings.logLevel, 'error'));

  const bad: readonly [string, string, string][] = [
    ['P2L_WORKERS', 'four', 'P2L_WORKERS: found "four", expected a whole number'],
    ['P2L_WORKERS', '0', 'P2L_WORKERS: found "0", expected a whole number, >=1'],
    ['P2L_EXACTLY_ONCE', 'yes', 'P2L_EXACTLY_ONCE: found "yes", expected true, false, 1 or 0'],
    [
      'P2L_LOGLEVEL',
      'inof',
      'P2L_LOGLEVEL: found "inof", expected one of trace, debug, info, warn, error, fatal, silent; did you mean info?',
    ],
    ['P2L_ADMIN_PORT', 'on', 'P2L_ADMIN_PORT: found "on", expected a whole number, or off'],
    ['P2L_STORAGE', '4 gigs', 'P2L_STORAGE: found "4 gigs", expected a size such as 10485760, 512Ki, 64Mi, 4Gi, 1Ti'],
    [
      'P2L_STORE_LIMIT',
      '1k',
      'P2L_STORE_LIMIT: found "1k", expected a size such as 10485760, 512Ki, 64Mi, 4Gi, 1Ti, >=16777216',
    ],
    [
      'P2L_STORE_KEEP',
      '0',
      'P2L_STORE_KEEP: found "0", expected a duration such as 500ms, 10s, 5m, 24h, 7d, or seconds, at least 1m',
    ],
    ['P2L_GRACE', '-1', 'P2L_GRACE: found "-1", expected a duration such as 500ms, 10s, 5m, 24h, 7d, or seconds'],
  ];
  for (const [name, written, expected] of bad)
    test(`${name}=${written} is wrong`, () =>
      assert.deepEqual(readEnv({ [name]: written }).problems.map(formatProblem), [expected]));
  test('all that is wrong is said', () =>
    assert.equal(readEnv({ P2L_WORKERS: 'x', P2L_GRACE: 'y', P2L_KEEP: 'z' }).problems.length, 3));
  test('a variable nobody knows is a warning', () =>
    assert.deepEqual(readEnv({ P2L_ENDPIONT: '/x', OTHER: '1' }).problems.map(formatProblem), [
      'warning: P2L_ENDPIONT is no variable of post2log and has no effect; did you mean P2L_ENDPOINT?',
    ]));
  test('the chart reads its own', () =>
    assert.deepEqual(
      readEnv({ P2L_NODEPORT: '30080', P2L_INGRESS_ANNOT: 'a: b', P2L_REPLICAS: '3', P2L_NODE_SELECTOR: 'x' }).problems,
      [],
    ));
});

describe('the postback source', () => {
  test('what is set', () => {
    const env = {
      P2L_PORT: '8080',
      P2L_ENDPOINT: '/a, /b/*',
      P2L_LOG_QUERYPARAM: '0',
      P2L_ROTBYTES: '1Mi',
      P2L_RATE_LIMIT: '100/s',
      P2L_HMAC_PRESET: 'github',
      P2L_IDEMPOTENCY_HEADER: '',
      P2L_IDEMPOTENCY_WINDOW: '90s',
      P2L_HOST: '',
      P2L_BODY_LIMIT: 'not an option of this one',
    };
    assert.deepEqual(readPostbackEnv(env, postback), {
      problems: [],
      values: {
        port: 8080,
        endpoints: ['/a', '/b/*'],
        logQueryParameters: false,
        rotateBytes: 1_048_576,
        rateLimit: 100,
        signature: 'github',
        idempotencyHeader: '',
        idempotencyWindow: 90_000,
      },
    });
  });
  test('a port that Kubernetes set', () => {
    const [problem, ...more] = readPostbackEnv({ P2L_PORT: 'tcp://10.0.0.1:80' }, postback).problems.map(formatProblem);
    assert.match(
      problem ?? '',
      /^P2L_PORT: found "tcp:\/\/10\.0\.0\.1:80", which Kubernetes sets for a Service.* enableServiceLinks: false/,
    );
    assert.deepEqual(more, []);
    const others = {
      P2L_SERVICE_HOST: '10.0.0.1',
      P2L_SERVICE_PORT: '80',
      P2L_PORT_80_TCP: 'tcp://10.0.0.1:80',
      P2L_PORT_80_TCP_ADDR: '10.0.0.1',
    };
    assert.deepEqual(readEnv({ ...others, P2L_PORT: 'tcp://10.0.0.1:80' }).problems, []);
  });
  test('no problem shows a secret', () => {
    const table = { bearerToken: { ...secret('Token'), kind: 'secret' as const, schema: integer()('x').schema } };
    const { problems } = readPostbackEnv({ P2L_BEARER_TOKEN: 'hunter2' }, table);
    assert.equal(problems.length, 1);
    assert.ok(!problems.map(formatProblem).join().includes('hunter2'));
  });
});

describe('documentation', () => {
  test('the fifteen variables of the original are all there', () => {
    const names = new Set(variableDocs(postback).map((doc) => doc.name));
    const known =
      'PORT ENDPOINT LOG_QUERYPARAM NODEPORT INGRESS_ANNOT WORKERS REPLICAS NODE_SELECTOR STORAGE ROTBYTES UVICORN_LOGLEVEL FLUENTD_STORAGE FLUENTD_EXTRACFG';
    for (const name of known.split(' ')) assert.ok(names.has(`P2L_${name}`), name);
  });
  test('no name twice, secrets marked', () => {
    const docs = variableDocs(postback);
    assert.equal(new Set(docs.map((doc) => doc.name)).size, docs.length);
    assert.deepEqual(
      docs.filter((doc) => doc.isSecret).map((doc) => doc.name),
      [
        'P2L_HMAC_SECRET',
        'P2L_ADMIN_TOKEN',
        'P2L_EXPLORER_PASSWORD',
        'P2L_EXPLORER_API_KEY',
        'P2L_EXPLORER_TLS_KEY_PASSWORD',
      ],
    );
  });
});

test('any text of any kind is read or refused', () => {
  const kinds: OptionKind[] = ['text', 'integer', 'number', 'boolean', 'duration', 'bytes', 'list', 'map', 'choice'];
  const texts = fc.oneof(fc.string(), fc.stringMatching(/^[0-9.]{0,20}[a-zA-Z]{0,2}$/));
  fc.assert(
    fc.property(fc.constantFrom(...kinds), texts, (kind, written) => {
      const value = readVariable(kind, written, ['a']);
      if (typeof value === 'number') assert.ok(Number.isFinite(value));
    }),
    { numRuns: 2000 },
  );
});
