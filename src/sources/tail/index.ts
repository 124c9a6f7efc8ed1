/** The `tail` source: lines of growing files as records. Source: Fluentd 1.16 in_tail.rb. */
import { definePlugin } from '../../core/plugin.ts';
import { checkTail, tailOptions, tailSections } from './options.ts';
import { TailSource } from './source.ts';

export const tailSource = definePlugin({
  kind: 'source',
  name: 'tail',
  summary: 'Follows files and takes each line as a record; how far it read is kept with the records.',
  options: tailOptions,
  sections: tailSections,
  usesParser: true,
  exclusive: ['posFile'],
  check: checkTail,
  example: `<source>
  @type tail
  path /var/log/app/*.log
  tag app.*
  read_from_head true
  <parse>
    @type json
  </parse>
</source>`,
  create: (config, context) => new TailSource(config, context),
});
