/** What tests of formatters share. */
import type { PluginModel } from '../src/config/model.ts';
import { builtinPlugins } from '../src/plugins.ts';
import type { Plugin } from '../src/core/plugin.ts';
import { batchOf, configOf, contextOf, written } from './fixture.ts';

/** The input of the cases recorded from Fluentd 1.16. */
export const records = [
  '{"a":"x","n":5,"o":{"k":["v",null]},"msg":"hello \\"q\\", tab\\tnl\\nend"}',
  '{"a":"","n":1.50,"msg":"ünï 日本 /slash <&>"}',
  '{"a":null,"b":true,"msg":"plain"}',
  '{"n":-3,"a":[1,2],"msg":""}',
];
export const batch = batchOf('app.x', records);

/** What a formatter with these options (and a formatter inside it) writes of a batch, the recorded one unless given. */
export function format(
  plugin: Plugin,
  options: Record<string, unknown> = {},
  input = batch,
  inner?: PluginModel,
): string {
  if (plugin.kind !== 'formatter') throw new TypeError(`${plugin.name} is no formatter`);
  const config = { ...configOf(plugin, options), formatter: inner };
  plugin.check?.(config);
  return written(plugin.create(config, contextOf(builtinPlugins)), input);
}
