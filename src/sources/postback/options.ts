/** The postback source's options, declared once; `config/builtin.ts` maps the `P2L_*` variables to them. */
import type { PluginConfig, SectionTable } from '../../core/plugin.ts';
import { boolean, bytes, choice, duration, integer, list, number, secret, text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';

/** Ready-made signature schemes, `custom` for one put together from the other options, `none` for no signature. */
const signaturePresets = ['none', 'custom', 'github', 'stripe', 'slack', 'shopify'] as const;

/** Guards of all endpoints; a `<guard>` section repeats those that differ for one path. No defaults: unset means inherited. */
const guardOptions = {
  bearerToken: secret('Token that a request must carry as `Authorization: Bearer …`'),
  signature: choice(signaturePresets)(
    'How a request proves with an HMAC-SHA256 over its raw body that it comes from the sender',
  ),
  signatureSecret: secret('Shared secret of the signature'),
  signatureHeader: text('Header that carries the signature (signature custom)'),
  signaturePrefix: text('What stands before the signature in its header, such as `sha256=` (signature custom)'),
  signatureEncoding: choice(['hex', 'base64'])('How the signature is written (signature custom; default hex)'),
  signatureTimestampHeader: text('Header with the time of signing in seconds since 1970 (signature custom)'),
  signaturePayload: text(
    'What is signed (signature custom): text with {timestamp} and {body}; default {body}, or {timestamp}.{body} with a timestamp header',
  ),
  signatureTolerance: duration('How far the time of signing may be from now (default 5 minutes)'),
  allowFrom: list('Client addresses or CIDR ranges that are let in; all when unset'),
  rateLimit: number(
    'Requests a second that one client address (IPv6: one /64) may send to one receiving process; 0: no limit',
  ),
  rateBurst: integer(1)('Requests a client may send at once before rateLimit applies (default: rateLimit, at least 1)'),
} as const;

export const postbackOptions = {
  host: text('Address to listen on; `::` takes IPv4 and IPv6', {
    default: '127.0.0.1',
    fluentd: ['host', 'bind'],
    fluentbit: ['Host', 'Listen'],
  }),
  port: integer(0, 65_535)('Port to listen on; 0 takes a free one', { default: 80 }),
  endpoints: list('Paths that take postbacks; a trailing `/*` takes the rest of the path', {
    default: ['/postback'],
    fluentd: ['endpoints', 'endpoint'],
    fluentbit: ['Endpoints', 'Endpoint'],
  }),
  methods: list('Methods that make a record: POST, GET, PUT', { default: ['POST'] }),
  logQueryParameters: boolean('Whether query parameters become fields', { default: true }),
  skipNullFields: boolean('Whether fields that are null, nested ones too, are left out', { default: true }),
  nodeName: text('Value of _nodeName; default: the host name'),
  podName: text('Name of the pod, for _workerPodHash and the names of log files'),
  workloadName: text('Name of the workload, which the pod name begins with; _workerPodHash is what follows it'),
  fieldAliases: boolean('Whether _endpoint and _postDateTimeGMT are added beside _path and _postDatetimeGMT', {
    default: false,
  }),
  keepRefused: boolean('Whether bodies that are refused go to the dead letters with their raw bytes', {
    default: false,
  }),

  idempotencyHeader: text('Header whose value makes a repeated request be taken once; empty: none', {
    default: 'Idempotency-Key',
  }),
  idempotencyField: text(
    'Body field or logged query parameter that serves as the key of a single record without the header',
  ),
  // 10 minutes outlast the retries of a sender that lost an answer; keys of a longer window cost memory for each request.
  idempotencyWindow: duration('How long a key is remembered, through restarts; 0: no deduplication', {
    default: 600_000,
  }),
  // About 100 bytes a key: 200,000 are 20 MB a process, or 333 keyed requests a second over the default window.
  idempotencyKeysMax: integer(1, 10_000_000)(
    'Keys one process remembers; beyond it the oldest are forgotten before the window ends, with a warning',
    { default: 200_000 },
  ),

  ...guardOptions,
  trustedProxies: list('Addresses or CIDR ranges of proxies whose forwarded header names the client'),
  forwardedHeader: choice(['x-forwarded-for', 'forwarded'])('Header in which trusted proxies name the client', {
    default: 'x-forwarded-for',
  }),

  // 10 MiB: far above any postback, small enough that some hundred at a time fit into memory.
  bodyLimit: bytes('Largest body, in bytes, after decompression too', { default: 10 * 1024 * 1024 }),
  // Each record gets some 250 bytes of fields of ours: a body of `{}` lines must not grow a hundredfold.
  recordsLimit: integer(1)('Most records one request may carry', { default: 10_000 }),
  // 16 KiB is what Node itself and most proxies allow.
  headerLimit: bytes('Largest request head, in bytes', { default: 16 * 1024 }),
  // All bodies together that are being received, unpacked or written: a quarter GiB leaves room in a 512 MiB container.
  memoryLimit: bytes('Bytes of bodies held at a time in one process; beyond it requests are answered 503', {
    default: 256 * 1024 * 1024,
  }),
  headersTimeout: duration('Time for a request head to arrive', { default: 10_000 }),
  requestTimeout: duration('Time for a whole request to arrive', { default: 60_000 }),
  // Longer than the 60 s after which common load balancers drop an idle connection, so that they do it and not we.
  keepAliveTimeout: duration('Time an idle connection is kept open', { default: 75_000 }),
  // 10,000 must work; twice that leaves room for a reconnecting crowd, and bounds memory (about 20 KB a connection).
  connectionsMax: integer(1)('Connections one process holds at a time; more are closed at once', { default: 20_000 }),
  requestsPerConnection: integer(0)('Requests after which a connection is closed; 0: no limit', { default: 0 }),

  tlsCert: text('PEM file with the certificate chain; with tlsKey the source speaks HTTPS'),
  tlsKey: text('PEM file with the private key'),
  // Certificates are renewed days before they end; 5 s is soon enough and costs two stats.
  tlsReloadInterval: duration('How often the certificate files are looked at for changes', { default: 5000 }),

  forwarder: choice(['builtin', 'files', 'both'])(
    'Who forwards: this program, an external tailer of the rotating log files, or both',
    { default: 'builtin' },
  ),
  logDir: text('Directory of the rotating log files (forwarder files or both)', { default: '/data' }),
  rotateBytes: bytes('Size at which a log file is rotated; 0: never', { default: 10_485_760 }),
  rotateBackups: integer(0, 1000)('Rotated log files to keep; 0: never rotate', { default: 5 }),
} as const;

export const postbackSections = {
  guard: {
    summary: 'Guards of one path, over those of the source',
    isMany: true,
    options: {
      path: text('Path, or beginning of a path with a trailing `/*`', { required: true }),
      ...guardOptions,
    },
  },
} as const satisfies SectionTable;

export type PostbackOptions = OptionValues<typeof postbackOptions>;
export type GuardOptions = OptionValues<typeof guardOptions>;
export type PostbackConfig = PluginConfig<typeof postbackOptions>;
