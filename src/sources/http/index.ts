/** The http source: records over HTTP, in the forms and with the answers of Fluentd's in_http. */
import { definePlugin } from '../../core/plugin.ts';
import { transportProblem } from '../requests/transport.ts';
import { httpOptions, httpSections } from './options.ts';
import type { HttpConfig } from './options.ts';
import { HttpSource } from './source.ts';

export const httpSource = definePlugin({
  kind: 'source',
  name: 'http',
  summary:
    'Takes records over HTTP as JSON, NDJSON, MessagePack or forms; the path is the tag. Answers once they are on disk.',
  isReplicated: true,
  usesParser: true,
  defaultParser: 'in_http',
  options: httpOptions,
  sections: httpSections,
  example: `<source>
  @type http
  bind 127.0.0.1
  port 9880
</source>`,
  differences: [
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Answers 200 to a body that is no JSON or no whole MessagePack, is empty or `null`, and drops it. Here too, but such a body is kept with the dead letters first, counted as refused, and the header `Post2log-Problem` says what was expected where; with `reject_invalid true` it is answered 400.',
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Answers 200 when a record is in its buffer, in memory. Here: when it is on disk. A full journal is 503 with Retry-After, where Fluentd says 500.',
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Takes the first of several MessagePack values in a body and puts what is left before the next request. Here all are taken.',
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Takes what is no object for a record, in an array too. Here: 400 for the whole request, none of its records are taken.',
    },
    {
      peer: 'fluentd',
      text: 'A GET is answered 200 and never taken, here too; one with a `json`, `ndjson` or `msgpack` parameter is counted as refused.',
    },
    {
      peer: 'fluentd',
      text: 'Listens on all addresses. Here on 127.0.0.1, unless `bind` is written.',
      options: ['bind'],
    },
    {
      peer: 'fluentd',
      text: 'Undoes gzip and deflate, without a limit. Here also br and zstd, up to `decompression_size_limit`.',
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Keeps the X-Forwarded-For of a connection for its later requests that have none. Here each request has its own.',
      options: ['addRemoteAddr'],
    },
    {
      peer: 'fluentd',
      verdict: 'unsupported',
      text: '`<transport tls>` makes certificates on the fly (`ca_cert_path`, `insecure`, `generate_…`) and runs a `cert_verifier`. Here it takes certificate files, and takes them up anew when they change.',
    },
  ],
  check(config) {
    const problem = problemOf(config);
    if (problem !== undefined) throw new Error(problem);
  },
  create: (config, context) => new HttpSource(config, context),
});

function problemOf({ options, sections }: HttpConfig): string | undefined {
  if (options.corsAllowCredentials && (options.corsAllowOrigins ?? ['*']).includes('*'))
    return 'cors_allow_credentials needs cors_allow_origins without "*": browsers refuse the two together';
  if (options.headersTimeout === 0 || options.requestTimeout === 0)
    return 'headers_timeout and request_timeout must be above 0: without them half-sent requests stay forever';
  if (options.headersTimeout > options.requestTimeout) return 'headers_timeout must not be above request_timeout';
  return transportProblem(sections['transport']?.[0]);
}
