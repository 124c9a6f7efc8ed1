/** Multiline parsers of a configuration. */
import type { MultilineName } from '../codecs/fluentbit_multiline.ts';
import type { PluginModel } from '../config/model.ts';
import type { PluginContext } from '../core/plugin.ts';
import { builtinDefinition } from './builtin.ts';
import type { MultilineDefinition, MultilineRule } from './contract.ts';

/** What a model of `fluentbit_multiline` says; its options were checked against the plugin's. */
export function definitionOf(model: PluginModel, context: PluginContext): MultilineDefinition {
  const values = model.options as unknown as Options;
  if (values.builtin !== undefined) return builtinDefinition(values.builtin, context.clock);
  const rules = (model.sections['rule'] ?? []).map(({ options }): MultilineRule => {
    const { from, regex, to } = options as unknown as { from: readonly string[]; regex: string; to?: string };
    return { from, pattern: regex, to };
  });
  return {
    name: values.name ?? '',
    type: values.type,
    rules,
    matchString: values.matchString,
    isNegated: values.negate,
    flushTimeoutMs: values.flushTimeout,
    keyContent: values.keyContent,
    keyGroup: values.keyGroup,
    keyPattern: values.keyPattern,
    parser: model.parser && context.parser(model.parser),
    isBuiltin: false,
  };
}

interface Options {
  readonly name?: string;
  readonly builtin?: MultilineName;
  readonly type: MultilineDefinition['type'];
  readonly matchString: string;
  readonly negate: boolean;
  readonly keyContent?: string;
  readonly keyGroup?: string;
  readonly keyPattern?: string;
  readonly flushTimeout: number;
}
