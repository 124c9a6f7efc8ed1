/** The http source's options. Names, defaults and odd cases as Fluentd 1.16 in_http.rb; those it has not are named. */
import { boolean, bytes, duration, integer, list, text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';
import type { PluginConfig, SectionTable } from '../../core/plugin.ts';
import { transportSection } from '../requests/transport.ts';

export const httpOptions = {
  bind: text('Address to listen on; 0.0.0.0 takes connections from everywhere.', {
    default: '127.0.0.1',
    warnAbsent:
      'the source listens on 127.0.0.1 alone, where Fluentd listens on all addresses; write bind 0.0.0.0 to take requests of other machines, or bind 127.0.0.1',
  }),
  port: integer(0, 65_535)('Port to listen on; 0 takes a free one.', { default: 9880 }),
  bodySizeLimit: bytes('Largest body, in bytes as received.', { default: 32 * 1024 * 1024 }),
  // Twice what may come in plain: a small body must not unpack to all memory there is.
  decompressionSizeLimit: bytes('Largest body once its Content-Encoding is undone.', { default: 64 * 1024 * 1024 }),
  keepaliveTimeout: duration('Time an idle connection is kept open.', { default: 10_000 }),
  backlog: integer(1)('Connections that the system holds before they are accepted; it may hold fewer.'),
  addHttpHeaders: boolean('Adds each request header to the records, as HTTP_ and its name in capitals.', {
    default: false,
  }),
  addRemoteAddr: boolean(
    "Adds the client's address as REMOTE_ADDR: the first of X-Forwarded-For, else that of the connection.",
    { default: false },
  ),
  addQueryParams: boolean('Adds each query parameter to the records, as QUERY_ and its name in capitals.', {
    default: false,
  }),
  addTagPrefix: text('A prefix for tags in versions of Fluentd after 1.16.', {
    warnWritten: 'has no effect, as in Fluentd 1.16; newer versions put it before the tag',
  }),
  blockingTimeout: duration("How long Fluentd's event loop blocks.", { ignored: 'there is no such loop here' }),
  corsAllowOrigins: list('Origins that browsers may send from, as https://*.example.com; others are answered 403.'),
  corsAllowCredentials: boolean('Lets browsers send cookies and the like; needs origins without *.', {
    default: false,
  }),
  respondWithEmptyImg: boolean('Answers with a GIF image of one pixel.', { default: false }),
  use204Response: boolean('Answers 204 in place of 200.', { default: false, fluentd: 'use_204_response' }),
  rejectInvalid: boolean(
    'Answers 400 to a body that cannot be read, and does not keep it. Without it the answer is the one to a good body, as in Fluentd, and the body is kept with the dead letters. Not in Fluentd.',
    { default: false },
  ),
  dumpErrorLog: boolean('Logs requests that are refused, a line for many of them.', { default: true }),

  // Records are objects in memory before they are written: two hundred thousand small ones are some 100 MB.
  recordsLimit: integer(1)('Most records one request may carry. Not in Fluentd.', { default: 200_000 }),
  // Fluentd's HTTP parser stops there.
  headerLimit: bytes('Largest request head, query included. Not in Fluentd.', { default: 80 * 1024 }),
  // A quarter GiB leaves room in a container of 512 MiB.
  memoryLimit: bytes(
    'Bytes of bodies held at a time in one process, no less than the limits of one body; beyond it requests are answered 503. Not in Fluentd.',
    {
      default: 256 * 1024 * 1024,
    },
  ),
  headersTimeout: duration('Time for a request head to arrive. Not in Fluentd.', { default: 10_000 }),
  // 32 MiB in it are 0.9 Mbit/s.
  requestTimeout: duration('Time for a whole request to arrive. Not in Fluentd.', { default: 300_000 }),
  connectionsMax: integer(1)('Connections one process holds at a time; more are closed at once.', {
    default: 20_000,
  }),
} as const;

export const httpSections = { transport: transportSection } as const satisfies SectionTable;

export type HttpOptions = OptionValues<typeof httpOptions>;
export type HttpConfig = PluginConfig<typeof httpOptions>;
