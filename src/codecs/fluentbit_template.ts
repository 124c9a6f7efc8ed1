/** The `fluentbit_template` formatter: a line filled from each record. Source: Fluent Bit 5.1 out_tcp and out_udp (`raw_message_key`). */
import { text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { compileFluentbitTemplate } from './fluentbit-accessor.ts';
import { rowFormatter } from './rows.ts';

export const fluentbitTemplateFormatter = definePlugin({
  kind: 'formatter',
  name: 'fluentbit_template',
  summary: "Writes a line for each record, filled with its values: $log, $kubernetes['pod_name'], $TAG.",
  options: { template: text('The line, with accessors and $TAG in it.', { required: true }) },
  example: `<match **>
  @type stdout
  <format>
    @type fluentbit_template
    template $TAG $log
  </format>
</match>`,
  check: ({ options: { template } }) => void compileFluentbitTemplate(template),
  create({ options: { template } }) {
    const fill = compileFluentbitTemplate(template);
    return rowFormatter('text/plain', (batch, row, out) =>
      out.text(`${fill({ tag: batch.tag, fields: batch.fields(row), captures: [] })}\n`),
    );
  },
});
