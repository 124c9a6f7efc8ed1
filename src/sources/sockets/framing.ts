/** How messages follow each other, for tcp and udp. */
import { boolean, choice, text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';
import { DelimiterCutter, JsonCutter } from './frames.ts';
import type { FrameCutter } from './frames.ts';

export const framingOptions = {
  framing: choice(['delimiter', 'json'])(
    'Whether messages end at a delimiter, or are JSON values one behind the other.',
    {
      default: 'delimiter',
    },
  ),
  unparsedKey: text('A field for a message that the parser does not take, instead of refusing it.'),
  skipEmptyMessages: boolean('Passes over messages without a byte.', { default: false }),
};

/** Cuts one stream, or one datagram. */
export function cutterOf(
  {
    framing,
    messageLengthLimit,
  }: Pick<OptionValues<typeof framingOptions>, 'framing'> & { messageLengthLimit: number },
  delimiter: string,
): FrameCutter {
  return framing === 'json' ? new JsonCutter(messageLengthLimit) : new DelimiterCutter(delimiter, messageLengthLimit);
}
