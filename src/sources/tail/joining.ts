/** Which lines a `tail` source joins by multiline parsers, as its configuration says. */
import type { PluginModel } from '../../config/model.ts';
import type { DirectParser, PluginConfig, PluginContext, SourceContext } from '../../core/plugin.ts';
import { builtinDefinition } from '../../multiline/builtin.ts';
import type { MultilineDefinition } from '../../multiline/contract.ts';
import { definitionOf } from '../../multiline/definition.ts';
import { AddedKeys } from './added-keys.ts';
import { encodingName } from './encoding.ts';
import type { tailOptions } from './options.ts';
import type { JoiningRules, LineRules } from './records.ts';
import { unparsedWarnings } from './unparsed.ts';

/** What becomes of lines. */
export function lineRulesOf(
  config: PluginConfig<typeof tailOptions>,
  context: SourceContext,
): LineRules & { readonly cut: (count: number) => void } {
  const { options } = config;
  const encoding = encodingName(options);
  const decoder = encoding === undefined ? undefined : new TextDecoder(encoding, { ignoreBOM: true });
  const parser = context.parser(isMultiline(config.parser) ? 'none' : (config.parser ?? 'none'));
  const rules: LineRules & { readonly cut: (count: number) => void } = {
    parser,
    joining: joiningOf(config, context),
    cut: cutCounter(context),
    decode: decoder && ((line) => Buffer.from(decoder.decode(line))),
    pathKey: options.pathKey,
    emitsUnmatched: options.emitUnmatchedLines,
    unparsedKey: options.unparsedKey,
    sayUnparsed: options.unparsedKey === undefined ? undefined : unparsedWarnings(context.log, options.unparsedKey),
    offsetKey: options.offsetKey,
    replacesKeys: options.replacesKeys,
    skipsEmpty: options.skipEmptyLines,
  };
  const hasKeys = options.pathKey !== undefined || options.offsetKey !== undefined;
  if (!hasKeys) return rules;
  const added = (direct: DirectParser | undefined) => direct && AddedKeys.for(rules, direct);
  const { joining } = rules;
  const joiningAdded = new Map(joining?.definitions.map(({ direct }) => [direct, added(direct)]));
  return { ...rules, added: added(parser.direct), joining: joining && { ...joining, added: joiningAdded } };
}

function isMultiline(parser: PluginModel | undefined): boolean {
  return parser?.type === 'fluentbit_multiline';
}

/** Undefined: no multiline parser is asked for. */
function joiningOf(config: PluginConfig<typeof tailOptions>, context: PluginContext): JoiningRules | undefined {
  const { options, parser, parsers = [] } = config;
  const joinedBytesMax = options.multilineBufferLimit;
  if (options.dockerMode) return { definitions: [dockerMode(config, context)], joinedBytesMax, isParsed: true };
  const models = parser && isMultiline(parser) ? [parser] : parsers;
  const definitions = models.map((model) => definitionOf(model, context));
  return definitions.length === 0 ? undefined : { definitions, joinedBytesMax, isParsed: false };
}

/** Docker_Mode: the last part gives the other fields, whatever stream it came from. Source: Fluent Bit 5.1 in_tail/tail_dockermode.c. */
function dockerMode(
  { options, parsers }: PluginConfig<typeof tailOptions>,
  context: PluginContext,
): MultilineDefinition {
  const docker = builtinDefinition('docker', context.clock);
  const first = parsers?.[0];
  return {
    ...docker,
    direct: undefined,
    keyGroup: undefined,
    flushTimeoutMs: options.multilineFlushInterval ?? docker.flushTimeoutMs,
    keepsLast: true,
    firstLine: first && context.parser(first),
  };
}

/** Counts records that are cut, and says so once. */
function cutCounter(context: SourceContext): (count: number) => void {
  const counter = context.metrics.counter(
    'multiline_truncated_total',
    'Records of several lines that were cut at their limit; the rest is in the next record',
    ['source'],
  );
  let hasSaid = false;
  return (count) => {
    counter.inc({ source: context.id }, count);
    if (!hasSaid)
      context.log.warn(
        'A record of several lines was cut at its limit; the rest is in the next record. Further ones are only counted.',
      );
    hasSaid = true;
  };
}
