/**
 * The `P2L_*` variables, declared once: reading them, their problems and their documentation come from the tables here.
 * Variables of the built-in postback source name an option of that plugin, whose declaration gives kind, default and
 * meaning; they have no effect beside a configuration file.
 */
import * as v from 'valibot';
import { nearest } from '../core/errors.ts';
import type { ConfigProblem } from '../core/errors.ts';
import { logLevels } from '../core/log.ts';
import {
  Schema,
  boolean,
  bytes,
  bytesFrom,
  choice,
  duration,
  durationFrom,
  integer,
  maskedSecret,
  secret,
  text,
} from '../core/options.ts';
import type { OptionSpec, OptionTable } from '../core/options.ts';
import { readVariable, variableForm } from './env-values.ts';
import { explorerVariables } from './explorer-variables.ts';
import { boundsText } from './fluentd/values.ts';

/** Environment variables by name, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

interface Variable<T = unknown> {
  readonly name: string;
  readonly spec: OptionSpec<T>;
  /** Words that are translated before the value is read. */
  readonly words?: Readonly<Record<string, string>>;
  /** Another name of it, used where this one is not set. */
  readonly alias?: string;
}

/** With less the journal is full before it holds one of the largest bodies, and the store before it has sealed a table. */
const dataBytesMin = 16 * 1024 ** 2;
const gibibyte = 1024 ** 3;

/** Sealing large records needs so much. */
const storeMemoryBytesMin = 128 * 1024 ** 2;

const adminPort: OptionSpec<number | 'off'> = {
  ...integer(0, 65_535)('Port of the admin server (API, /metrics, /healthz, /readyz); off: none', { default: 5601 }),
  schema: new Schema<number | 'off'>(
    v.optional(v.union([v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_535)), v.literal('off')]), 5601),
  ),
};

/** Variables that concern the whole program. */
const programVariables = {
  workers: { name: 'P2L_WORKERS', spec: integer(1, 1024)('Receiving processes', { default: 1 }) },
  dataDir: {
    name: 'P2L_DATA_DIR',
    spec: text('Directory of everything that must last: journal, cursors, dead letters', { default: './data' }),
  },
  adminHost: { name: 'P2L_ADMIN_HOST', spec: text('Address the admin server listens on', { default: '127.0.0.1' }) },
  adminPort: { name: 'P2L_ADMIN_PORT', spec: adminPort },
  adminToken: {
    name: 'P2L_ADMIN_TOKEN',
    spec: secret('Token of the admin server; beyond loopback it or P2L_ADMIN_USERS is required'),
  },
  adminUsers: {
    name: 'P2L_ADMIN_USERS',
    spec: text('File with the users of the admin server, as htpasswd -B writes it'),
  },
  logLevel: {
    name: 'P2L_LOGLEVEL',
    alias: 'P2L_UVICORN_LOGLEVEL',
    words: { warning: 'warn', critical: 'fatal' },
    spec: choice(logLevels)('Level of the own log, on standard error; default: what the configuration says, else info'),
  },
  graceMs: {
    name: 'P2L_GRACE',
    spec: duration('Longest time a graceful stop takes before what is left stays in the journal', { default: 10_000 }),
  },
  stopDelayMs: {
    name: 'P2L_STOP_DELAY',
    spec: duration(
      'How long a stop that a signal asks for is put off: sources go on, /readyz says stopping. For a sidecar, whose application gets the signal at the same time and writes its last lines after it; for a receiver behind a Service, whose name is found a moment longer',
      { default: 0 },
    ),
  },
  storageBytes: {
    name: 'P2L_STORAGE',
    spec: bytesFrom(dataBytesMin)(
      "The journal's size where P2L_DATA_LIMIT is not set, and the chart's volume size; 16 MiB at least",
      { default: 4 * gibibyte },
    ),
  },
  fluentdStorageBytes: {
    name: 'P2L_FLUENTD_STORAGE',
    spec: bytes('Size of dead letters and store where P2L_DATA_LIMIT is not set', { default: 4 * gibibyte }),
  },
  dataLimitBytes: {
    name: 'P2L_DATA_LIMIT',
    spec: bytesFrom(dataBytesMin)(
      'Disk space for everything in P2L_DATA_DIR, split into journal, dead letters and store; 16 MiB at least',
    ),
  },
  strictConfigValue: {
    name: 'P2L_STRICT_CONFIG_VALUE',
    spec: boolean(
      'Takes a number or truth value of a configuration that only begins like one (10x, on) for an error, as --strict-config-value of Fluentd does',
      { default: false },
    ),
  },
  store: {
    name: 'P2L_STORE',
    words: { true: 'on', yes: 'on', 1: 'on', false: 'off', no: 'off', 0: 'off' },
    spec: choice(['on', 'off'])(
      'Keeps every record as it was received in the store, for queries and the explorer; default: on without a configuration file where it is installed, off with one',
    ),
  },
  storeMemoryBytes: {
    name: 'P2L_STORE_MEMORY',
    // With what the process needs besides it stays below 512 MB (bench/README.md). With
    // less than the least, sealing large records fails.
    spec: bytesFrom(storeMemoryBytesMin)(
      'Memory that the store may hold, 128 MiB at least; larger queries use the disk',
      {
        default: 208 * 1024 ** 2,
      },
    ),
  },
  storeLimitBytes: {
    name: 'P2L_STORE_LIMIT',
    spec: bytesFrom(dataBytesMin)(
      'Disk space of the store, whose oldest records go first, 16 MiB at least; default: three eighths of P2L_DATA_LIMIT, or half of P2L_FLUENTD_STORAGE',
    ),
  },
  storeKeepMs: {
    name: 'P2L_STORE_KEEP',
    spec: durationFrom(1)('How long the store keeps records', { default: 30 * 24 * 3_600_000 }),
  },
  keepMs: {
    name: 'P2L_KEEP',
    spec: duration('How long the journal keeps delivered records, for new outputs and replays', {
      default: 24 * 3_600_000,
    }),
  },
  ...explorerVariables,
  exactlyOnce: {
    name: 'P2L_EXACTLY_ONCE',
    spec: boolean('Exactly-once delivery for all outputs that can do it', { default: false }),
  },
  fluentdExtracfg: {
    name: 'P2L_FLUENTD_EXTRACFG',
    spec: text('Fluentd configuration of the outputs, run before the built-in <match **> stdout', { default: '' }),
  },
} as const satisfies Record<string, Variable>;

/** Variables of the built-in postback source, and the option each one sets. */
const postbackVariables: Readonly<Record<string, string>> = {
  P2L_HOST: 'host',
  P2L_PORT: 'port',
  P2L_ENDPOINT: 'endpoints',
  P2L_METHODS: 'methods',
  P2L_LOG_QUERYPARAM: 'logQueryParameters',
  P2L_SKIP_NULLFLDS: 'skipNullFields',
  P2L_NODE_NAME: 'nodeName',
  P2L_POD_NAME: 'podName',
  P2L_WORKLOAD_NAME: 'workloadName',
  P2L_FIELD_ALIASES: 'fieldAliases',
  P2L_KEEP_REFUSED: 'keepRefused',
  P2L_FORWARDER: 'forwarder',
  P2L_LOG_DIR: 'logDir',
  P2L_ROTBYTES: 'rotateBytes',
  P2L_ROTBACKUPS: 'rotateBackups',
  P2L_IDEMPOTENCY_HEADER: 'idempotencyHeader',
  P2L_IDEMPOTENCY_FIELD: 'idempotencyField',
  P2L_IDEMPOTENCY_WINDOW: 'idempotencyWindow',
  P2L_IDEMPOTENCY_KEYS_MAX: 'idempotencyKeysMax',
  P2L_BEARER_TOKEN: 'bearerToken',
  P2L_HMAC_PRESET: 'signature',
  P2L_HMAC_SECRET: 'signatureSecret',
  P2L_HMAC_HEADER: 'signatureHeader',
  P2L_HMAC_TOLERANCE: 'signatureTolerance',
  P2L_ALLOW_IPS: 'allowFrom',
  P2L_TRUSTED_PROXIES: 'trustedProxies',
  P2L_FORWARDED_HEADER: 'forwardedHeader',
  P2L_RATE_LIMIT: 'rateLimit',
  P2L_RATE_BURST: 'rateBurst',
  P2L_BODY_LIMIT: 'bodyLimit',
  P2L_RECORDS_LIMIT: 'recordsLimit',
  P2L_HEADER_LIMIT: 'headerLimit',
  P2L_MEMORY_LIMIT: 'memoryLimit',
  P2L_HEADERS_TIMEOUT: 'headersTimeout',
  P2L_REQUEST_TIMEOUT: 'requestTimeout',
  P2L_KEEPALIVE_TIMEOUT: 'keepAliveTimeout',
  P2L_CONNECTIONS_MAX: 'connectionsMax',
  P2L_TLS_CERT: 'tlsCert',
  P2L_TLS_KEY: 'tlsKey',
};

/** Variables that only the chart reads; accepted so that one set of them serves both. */
const chartVariables: Readonly<Record<string, string>> = {
  P2L_NODEPORT: 'Port on every node; empty: none',
  P2L_INGRESS_ANNOT: 'Annotations of the Ingress; empty: no Ingress',
  P2L_REPLICAS: 'Replicas (pods); default 1',
  P2L_NODE_SELECTOR: 'Labels of the nodes to run on',
};

type ProgramVariables = typeof programVariables;
/** The program's variables, read: `…Ms` milliseconds, `…Bytes` bytes. */
export type Settings = {
  readonly [K in keyof ProgramVariables]: ProgramVariables[K]['spec'] extends OptionSpec<infer V> ? V : never;
};

/** Reads the program's variables. Problems (errors and warnings) are collected; a setting that is wrong has its default. */
export function readEnv(env: Environment): { readonly settings: Settings; readonly problems: ConfigProblem[] } {
  const problems: ConfigProblem[] = [];
  const settings: Record<string, unknown> = {};
  for (const [key, variable] of Object.entries<Variable>(programVariables)) {
    const name = isSet(env, variable.name) || variable.alias === undefined ? variable.name : variable.alias;
    const read = readOne(env, name, variable.spec, problems, variable.words);
    const value = read ?? variable.spec.schema.safeParse(undefined).data;
    if (value !== undefined) settings[key] = value;
  }
  problems.push(...unknownVariables(env));
  return { settings: settings as Settings, problems };
}

/** Reads the variables of the built-in postback source into values of its options; unset ones are left out. */
export function readPostbackEnv(
  env: Environment,
  options: OptionTable,
): { readonly values: Record<string, unknown>; readonly problems: ConfigProblem[] } {
  const problems: ConfigProblem[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(postbackVariables)) {
    const spec = options[option];
    if (!spec) continue;
    const value = readOne(env, name, spec, problems);
    if (value !== undefined) values[option] = value;
  }
  return { values, problems };
}

/** The variable that sets an option of the built-in postback source. */
export function postbackVariableOf(option: string): string | undefined {
  return Object.keys(postbackVariables).find((name) => postbackVariables[name] === option);
}

// An empty variable counts as unset, as charts pass them on; here emptiness says something.
const emptyCounts = new Set(['P2L_IDEMPOTENCY_HEADER']);

function isSet(env: Environment, name: string): boolean {
  const text = env[name];
  return text !== undefined && (text.trim() !== '' || emptyCounts.has(name));
}

/** Reads one variable; undefined when it is unset or wrong (reported). */
function readOne(
  env: Environment,
  name: string,
  spec: OptionSpec,
  problems: ConfigProblem[],
  words: Readonly<Record<string, string>> = {},
): unknown {
  if (!isSet(env, name)) return undefined;
  const written = env[name] ?? '';
  if (isServiceLink(name, written)) {
    problems.push({
      at: undefined,
      text: `${name}: found "${written}", which Kubernetes sets for a Service whose name begins with p2l; set ${name} in the pod's env, or enableServiceLinks: false in its spec, or rename the Service`,
    });
    return undefined;
  }
  const word = spec.kind === 'choice' || spec.kind === 'integer' ? written.trim().toLowerCase() : written;
  const translated = Object.hasOwn(words, word) ? (words[word] as string) : word;
  const isOff = name === 'P2L_ADMIN_PORT' && word === 'off';
  const raw = isOff ? 'off' : readVariable(spec.kind, rateText(name, translated), spec.choices);
  const checked = raw === undefined ? undefined : spec.schema.safeParse(raw);
  if (checked?.success === true) return checked.data;
  const bounds = checked?.error === undefined ? '' : `, ${boundsText(checked.error.issues)}`;
  const found =
    spec.kind === 'secret' ? maskedSecret : `"${written.length > 60 ? `${written.slice(0, 59)}…` : written}"`;
  const off = name === 'P2L_ADMIN_PORT' ? ', or off' : '';
  const near = spec.choices && nearest(word, spec.choices);
  problems.push({
    at: undefined,
    text: `${name}: found ${found}, expected ${variableForm(spec.kind, spec.choices)}${bounds}${off}${near === undefined ? '' : `; did you mean ${near}?`}`,
  });
  return undefined;
}

/** `100/s` is how people write a rate. */
function rateText(name: string, text: string): string {
  return name === 'P2L_RATE_LIMIT' ? text.replace(/\s*\/\s*s$/, '') : text;
}

/** Kubernetes gives every pod `<SERVICE>_PORT=tcp://10.0.0.1:80` for each Service in its namespace. */
function isServiceLink(name: string, text: string): boolean {
  return name.endsWith('_PORT') && /^(?:tcp|udp|sctp):\/\//i.test(text.trim());
}

function unknownVariables(env: Environment): ConfigProblem[] {
  const known = new Set(variableNames());
  const problems: ConfigProblem[] = [];
  for (const name of Object.keys(env).sort()) {
    if (!name.startsWith('P2L_') || known.has(name)) continue;
    // How the program's own processes and its crash tests speak to each other.
    if (/^P2L_(?:INTERNAL|CRASH)_/.test(name)) continue;
    // The other variables of a Service whose name begins with p2l.
    if (
      /_SERVICE_(?:HOST|PORT(?:_\w+)?)$|^P2L_(?:\w+_)?PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?$/.test(
        name,
      )
    )
      continue;
    const near = nearest(name, known);
    problems.push({
      at: undefined,
      text: `${name} is no variable of post2log and has no effect${near === undefined ? '' : `; did you mean ${near}?`}`,
      severity: 'warning',
    });
  }
  return problems;
}

function variableNames(): string[] {
  const program = Object.values<Variable>(programVariables).flatMap(({ name, alias }) =>
    alias ? [name, alias] : [name],
  );
  return [...program, ...Object.keys(postbackVariables), ...Object.keys(chartVariables)];
}

/** A variable for the reference page and `help`. */
export interface VariableDoc {
  readonly name: string;
  readonly summary: string;
  /** What it holds: `true, false, 1 or 0`, `one of …`. */
  readonly form: string;
  /** The default's JSON, or undefined where there is none. */
  readonly default: unknown;
  readonly place: 'program' | 'chart';
  readonly isSecret: boolean;
}

/** All variables in the order of the tables; `postbackOptions` are those of the plugin `postback`. */
export function variableDocs(postbackOptions: OptionTable): VariableDoc[] {
  const doc = (name: string, spec: OptionSpec): VariableDoc => ({
    name,
    summary: spec.summary,
    form: variableForm(spec.kind, spec.choices),
    default: spec.schema.safeParse(undefined).data,
    place: 'program',
    isSecret: spec.kind === 'secret',
  });
  const program = Object.values<Variable>(programVariables).flatMap(({ name, spec, alias }) => {
    const own = doc(name, spec);
    return alias === undefined ? [own] : [own, { ...own, name: alias, summary: `Another name of ${name}` }];
  });
  const postback = Object.entries(postbackVariables).flatMap(([name, option]) => {
    const spec = postbackOptions[option];
    return spec ? [doc(name, spec)] : [];
  });
  const chart = Object.entries(chartVariables).map(([name, summary]): VariableDoc => ({
    name,
    summary,
    form: 'text',
    default: '',
    place: 'chart',
    isSecret: false,
  }));
  return [...postback, ...program, ...chart];
}
