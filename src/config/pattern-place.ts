/** Where in a section a regular expression stands that turned out to be none: whoever compiles it does not know. */
import { PatternError } from '../core/errors.ts';
import type { Location } from '../core/errors.ts';

/** A value as it is written, and where. */
interface Written {
  readonly text: string;
  readonly at: Location;
}

/** The value that is the pattern, or ends with it behind a key, or holds it; undefined where there is none, and for other errors. */
export function patternPlace(error: unknown, values: readonly Written[]): Location | undefined {
  if (!(error instanceof PatternError)) return undefined;
  const { pattern } = error;
  const is = ({ text }: Written): boolean => text === pattern || bare(text) === pattern;
  const ends = ({ text }: Written): boolean => text.endsWith(pattern) && /\s$/.test(text.slice(0, -pattern.length));
  const found = values.find(is) ?? values.find(ends) ?? values.find(({ text }) => text.includes(pattern));
  return found?.at;
}

/** What stands between slashes. */
function bare(text: string): string | undefined {
  return /^\/([^]*)\/[imx]*$/.exec(text)?.[1];
}
