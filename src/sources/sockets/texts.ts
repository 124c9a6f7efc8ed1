/** What `tcp` and `udp` make of messages: a record of each, by the parser and `<extract>`. */
import type { PluginConfig, SourceContext } from '../../core/plugin.ts';
import { compileExtract } from './extract.ts';
import { Intake } from './intake.ts';

/** Options of both. */
interface TextOptions {
  readonly tag: string;
  readonly sourceAddressKey: string | undefined;
  readonly sourceHostnameKey: string | undefined;
  readonly messageLengthLimit: number;
  readonly unparsedKey: string | undefined;
  readonly skipEmptyMessages: boolean;
}

/** `what`: the source, as logs name it. */
export function textIntake(
  what: string,
  given: TextOptions,
  { sections, parser }: Pick<PluginConfig, 'sections' | 'parser'>,
  context: SourceContext,
): Intake {
  const extract = compileExtract(sections['extract']?.[0], context.clock);
  return new Intake(context, {
    what,
    tag: given.tag,
    parser: context.parser(parser ?? 'none'),
    sourceAddressKey: given.sourceAddressKey,
    sourceHostnameKey: given.sourceHostnameKey,
    messageBytesMax: given.messageLengthLimit,
    unmatched: given.unparsedKey === undefined ? undefined : { tag: given.tag, key: given.unparsedKey },
    skipsEmpty: given.skipEmptyMessages,
    complete(fields, parsedTime) {
      const found = extract(fields, parsedTime);
      return 'problem' in found ? found : { tag: found.tag ?? given.tag, fields, time: found.time };
    },
  });
}
