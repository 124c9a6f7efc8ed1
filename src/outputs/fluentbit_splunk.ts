/** The `fluentbit_splunk` output: records as events of Splunk's HTTP Event Collector. Source: Fluent Bit 5.1 out_splunk. */
import { splunkFormatter } from '../codecs/splunk-rows.ts';
import type { SplunkRowOptions } from '../codecs/splunk-rows.ts';
import { fluentbitForm, fluentbitWords } from '../core/fluentbit.ts';
import { boolean, integer, map, secret, text } from '../core/options.ts';
import type { OptionValues } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { shownEndpoint } from './http/address.ts';
import { requestOptions, requestParts, requestProperties } from './http/fluentbit.ts';
import { checkHttp, createHttp, httpOptions, httpSections } from './http/index.ts';

const eventOptions = {
  eventKey: text('Sends this value in place of the record, such as $log.'),
  eventHost: text("Host of the event; may hold values of the record, such as $kubernetes['host']."),
  eventSource: text('Source of the event; may hold values of the record.'),
  eventSourcetype: text('Its source type.'),
  eventSourcetypeKey: text('The value that is its source type, where the record has it.'),
  eventIndex: text('The index for it.'),
  eventIndexKey: text('The value that is the index, where the record has it.'),
} as const;

const options = {
  ...httpOptions,
  ...eventOptions,
  eventFields: map('Indexed fields: a name, and the value of the record for each.'),
  sendRaw: boolean('Sends records as they are, one a line, without anything around them.', { default: false }),
  autoExtractTimestamp: boolean('Leaves it to Splunk to find the time.', { default: false }),
} as const;

export const fluentbitSplunkOutput = definePlugin({
  kind: 'output',
  name: 'fluentbit_splunk',
  summary: 'Sends records to the HTTP Event Collector of Splunk.',
  options,
  sections: httpSections,
  target: ({ endpoint }) => shownEndpoint(endpoint),
  buffer: { flushMode: 'interval', flushIntervalMs: 1000 },
  fluentbit: fluentbitForm({
    names: ['splunk'],
    options: {
      ...requestOptions,
      ...Object.fromEntries(Object.keys(eventOptions).map((name) => [name, {}])),
      compress: { default: 'text' },
      sendRaw: { name: 'Splunk_Send_Raw' },
      autoExtractTimestamp: { name: 'auto_extract_timestamp' },
    },
    properties: {
      ...requestProperties,
      port: integer(1, 65_535)('Port of the host.', { default: 8088 }),
      token: secret('Token of the collector.', { fluentbit: 'Splunk_Token' }),
      channel: text('The X-Splunk-Request-Channel of requests.'),
    },
    repeated: { event_field: "An indexed field: its name and its value, such as pod $kubernetes['pod_name']." },
    ignored: {
      http_buffer_size: 'of an answer so much is kept as a person reads',
      http_debug_bad_request: 'what a server answers to what it refuses is in the log and with the dead letters',
    },
    lower(written) {
      const { properties, pairs, at, error } = written;
      const { token, channel, httpUser } = properties;
      if (token === undefined && httpUser === undefined) error(at, 'Splunk_Token or HTTP_User is required');
      const eventFields: Record<string, string> = {};
      for (const { value, valueAt } of pairs) {
        const [name = '', accessor, ...more] = fluentbitWords(value) ?? [];
        if (accessor === undefined || more.length > 0)
          error(
            valueAt ?? at,
            `Event_Field ${value}: a name and a value were expected, such as pod $kubernetes['pod_name']`,
          );
        else eventFields[name] = accessor;
      }
      const query = written.options['autoExtractTimestamp'] === true ? '?auto_extract_timestamp=true' : '';
      const parts = requestParts(properties, properties.port, `/services/collector/event${query}`, written);
      return {
        sections: parts.sections,
        options: {
          ...parts.options,
          eventFields,
          headers: {
            ...(httpUser === undefined && { Authorization: `Splunk ${token ?? ''}` }),
            ...(channel !== undefined && { 'X-Splunk-Request-Channel': channel }),
          },
        },
      };
    },
    example: `[OUTPUT]
    Name         splunk
    Match        *
    Host         splunk.example.com
    Splunk_Token 00000000-0000-0000-0000-000000000000
    tls          on`,
  }),
  example: '',
  check(config, buffer) {
    checkHttp(config, buffer, process.env);
    splunkFormatter(eventsOf(config.options));
  },
  create: (config, context) =>
    createHttp(config, context, process.env, {
      formatter: splunkFormatter(eventsOf(config.options)),
      contentType: config.options.contentType,
    }),
});

function eventsOf(values: OptionValues<typeof options>): SplunkRowOptions {
  return {
    ...values,
    eventFields: values.eventFields ?? {},
    isRaw: values.sendRaw,
    hasTime: !values.autoExtractTimestamp,
  };
}
