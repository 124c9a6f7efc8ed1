/** The `roundrobin` step: stores take turns. The router does it. Source: Fluentd 1.16 out_roundrobin.rb. */
import { definePlugin } from '../core/plugin.ts';

export const roundrobinStep = definePlugin({
  kind: 'step',
  name: 'roundrobin',
  summary: 'Gives each record to one of several outputs or labels, written as <store> sections, in turn.',
  options: {},
  example: `<match **>
  @type roundrobin
  <store>
    @type file
    path /var/log/post2log/first
    weight 3
  </store>
  <store>
    @type file
    path /var/log/post2log/second
  </store>
</match>`,
  differences: [
    {
      peer: 'fluentd',
      text: 'Gives each batch that a source emitted to the next store, from a random one on. Here single records take turns, by their place in the journal, so that a restart or a replay gives each of them to the same store again.',
    },
  ],
});
