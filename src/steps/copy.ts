/** The `copy` step: every store gets all records. The router does it. Source: Fluentd 1.16 out_copy.rb. */
import { boolean, choice } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';

export const copyStep = definePlugin({
  kind: 'step',
  name: 'copy',
  summary: 'Gives records to several outputs or labels, written as <store> sections.',
  options: {
    copyMode: choice(['no_copy', 'shallow', 'deep', 'marshal'])(
      'How stores share a record. no_copy, shallow: what Ruby expressions behind one store change in place, in the record or in its nested values alone, is seen by the stores behind it. deep, marshal, and where nothing is written: each store has the record as it came.',
    ),
    deepCopy: boolean('Old spelling of copy_mode.', {
      ignored: 'records are never changed in place, so no store sees what another one does',
    }),
  },
  example: `<match **>
  @type copy
  <store>
    @type stdout
  </store>
  <store ignore_error>
    @type file
    path /var/log/post2log/all
  </store>
</match>`,
  differences: [
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Hands a batch to the first store before the second; a store that fails holds up or loses the others’ records unless `ignore_error` is written. Here each store has its own place in the journal and its own retries.',
    },
    {
      peer: 'fluentd',
      options: ['copyMode', 'deepCopy'],
      text: 'Without `copy_mode deep`, stores see what filters of other stores change in place. Here only where `copy_mode no_copy` or `shallow` is written, and only what expressions of record_transformer change.',
    },
  ],
});
