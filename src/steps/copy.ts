/** The `copy` step: every store gets all records. The router does it. Source: Fluentd 1.16 out_copy.rb. */
import { boolean, choice } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';

export const copyStep = definePlugin({
  kind: 'step',
  name: 'copy',
  summary: 'Gives records to several outputs or labels, written as <store> sections.',
  options: {
    copyMode: choice(['no_copy', 'shallow', 'deep', 'marshal'])('How stores share a record.', {
      ignored: 'records are never changed in place, so no store sees what another one does',
    }),
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
});
