/** The `hash` formatter: a record as Ruby prints a hash. Source: Fluentd 1.16 formatter_hash.rb. */
import { definePlugin } from '../core/plugin.ts';
import { lineEnd, newlineOptions } from './newline.ts';
import { rowFormatter } from './rows.ts';
import { rubyInspect } from './ruby.ts';

export const hashFormatter = definePlugin({
  kind: 'formatter',
  name: 'hash',
  summary: 'Writes each record as Ruby prints a hash: {"a"=>1, "b"=>nil}.',
  options: newlineOptions,
  example: `<match **>
  @type stdout
  <format>
    @type hash
  </format>
</match>`,
  create({ options }) {
    const end = lineEnd(options);
    return rowFormatter('text/plain', (batch, row, out) => out.text(rubyInspect(batch.fields(row)) + end));
  },
});
