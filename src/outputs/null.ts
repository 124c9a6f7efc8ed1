/** The `null` output: takes records and drops them, without a look at them. Source: Fluentd 1.16 out_null.rb. */
import { fluentbitForm } from '../core/fluentbit.ts';
import { boolean } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';

export const nullOutput = definePlugin({
  kind: 'output',
  name: 'null',
  summary: 'Takes records and drops them.',
  options: {
    neverFlush: boolean('Never finishes a chunk; made for tests of Fluentd itself.', {
      ignored: 'records are dropped at once',
    }),
  },
  buffer: { flushMode: 'immediate' },
  fluentbit: fluentbitForm({
    ignored: {
      format: 'records are dropped at once, whatever their form',
      json_date_key: 'as above',
      json_date_format: 'as above',
    },
    example: `[OUTPUT]
    Name  null
    Match noise.*`,
  }),
  example: `<match noise.**>
  @type null
</match>`,
  create: () => ({
    write: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }),
});
