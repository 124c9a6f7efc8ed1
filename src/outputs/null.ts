/** The `null` output: takes records and drops them, without a look at them. Source: Fluentd 1.16 out_null.rb. */
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
  example: `<match noise.**>
  @type null
</match>`,
  create: () => ({
    write: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }),
});
