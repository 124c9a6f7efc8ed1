/** The `relabel` step: records go on in the label named by `@label`. The router does it. Source: Fluentd 1.16 out_relabel.rb. */
import { definePlugin } from '../core/plugin.ts';

export const relabelStep = definePlugin({
  kind: 'step',
  name: 'relabel',
  summary: 'Sends records into another label.',
  options: {},
  example: `<match app.**>
  @type relabel
  @label @APP
</match>
<label @APP>
  <match **>
    @type stdout
  </match>
</label>`,
});
