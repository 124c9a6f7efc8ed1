/** The `fluentbit_http` source: records over HTTP, in the forms and with the answers of Fluent Bit 5.1's in_http. */
import { fluentbitForm, fluentbitWords, serverTlsProperties, warnOfLoopback } from '../../core/fluentbit.ts';
import { boolean, bytes, integer, list, text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';
import { definePlugin } from '../../core/plugin.ts';
import { fluentbitTransport, transportProblem, transportSection } from '../requests/transport.ts';
import { FluentbitHttpSource } from './source.ts';

const options = {
  bind: text('Address to listen on; 0.0.0.0 takes connections from everywhere.', { default: '127.0.0.1' }),
  port: integer(0, 65_535)('Port to listen on; 0 takes a free one.', { default: 9880 }),
  tag: text('Tag of records that are sent to the path /; otherwise the path is the tag.', { default: 'http' }),
  tagKey: text('A field of the record that holds its tag.'),
  successfulResponseCode: integer(200, 299)('Status of the answer when records were taken: 200, 201 or 204.', {
    default: 201,
  }),
  successHeaders: list('Headers of such an answer, each as name: value.', { default: [] }),
  addRemoteAddr: boolean('Adds the first address of X-Forwarded-For to the records.', { default: false }),
  remoteAddrKey: text('The field that gets it.', { default: 'REMOTE_ADDR' }),
  bodySizeLimit: bytes('Largest body, in bytes as received and once it is unpacked.', { default: 4_000_000 }),
} as const;
export type FluentbitHttpOptions = OptionValues<typeof options>;

const listening = 'connections are kept and read as they come';

export const fluentbitHttpSource = definePlugin({
  kind: 'source',
  name: 'fluentbit_http',
  summary:
    'Takes records over HTTP as JSON or forms with the answers of Fluent Bit, 201 once they are on disk; the path is the tag.',
  isReplicated: true,
  options,
  sections: { transport: transportSection },
  fluentbit: fluentbitForm({
    names: ['http'],
    options: {
      bind: { name: ['Listen', 'Host'] },
      port: {},
      tagKey: { name: 'tag_key' },
      addRemoteAddr: { name: 'add_remote_addr' },
      remoteAddrKey: { name: 'remote_addr_key' },
      bodySizeLimit: { name: 'buffer_max_size' },
    },
    properties: {
      successfulResponseCode: integer(0)('Status of the answer: 200, 201 or 204.', {
        default: 201,
        fluentbit: 'successful_response_code',
      }),
      ...serverTlsProperties,
    },
    repeated: { success_header: 'A header of the answer when records were taken: name and value.' },
    ignored: {
      buffer_chunk_size: listening,
      http2: 'HTTP/1.1 is spoken',
      'http_server.*': listening,
      workers: 'P2L_WORKERS says how many processes receive',
      enable_health_endpoint: 'health is at the admin server',
    },
    lower(lowered) {
      const { properties, pairs, instance, tag, at, written, error, warn } = lowered;
      warnOfLoopback(lowered);
      const { successfulResponseCode } = properties;
      const isKnown = [200, 201, 204].includes(successfulResponseCode);
      if (!isKnown)
        warn(
          written('successfulResponseCode') ?? at,
          `successful_response_code ${successfulResponseCode} is none of 200, 201 and 204: as in Fluent Bit it is 201`,
        );
      const successHeaders = pairs.flatMap(({ value, valueAt }) => {
        const [name = '', ...rest] = fluentbitWords(value, { max: 1 }) ?? [];
        if (rest.length > 0) return [`${name}: ${rest.join(' ')}`];
        error(valueAt ?? at, 'success_header: a name and a value were expected');
        return [];
      });
      return {
        options: {
          tag: tag ?? instance,
          successfulResponseCode: isKnown ? successfulResponseCode : 201,
          successHeaders,
        },
        sections: fluentbitTransport(properties, lowered),
      };
    },
    example: `[INPUT]
    Name   http
    Listen 127.0.0.1
    Port   9880`,
  }),
  example: `<source>
  @type fluentbit_http
  port 9880
</source>`,
  differences: [
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Listens on all addresses where `Listen` is not written. Here on 127.0.0.1 alone, with a warning.',
      options: ['bind'],
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Answers 201 when a record is in memory. Here: when it is on disk; a full journal is 503 with Retry-After.',
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Answers 201 to an array with something else than objects in it, and loses what else is in the chunk. Here 400, and nothing of the request is taken.',
    },
  ],
  check({ sections }) {
    const problem = transportProblem(sections['transport']?.[0]);
    if (problem !== undefined) throw new Error(problem);
  },
  create: (config, context) => new FluentbitHttpSource(config.options, config.sections['transport']?.[0], context),
});
