/** Checks the pattern of a `<match>` or `<filter>`; the router gives it its meaning. */
import { toRegExp } from 'oniguruma-to-es';
import { errorText } from '../../core/errors.ts';
import type { Section } from './element.ts';
import type { Lowering } from './lowering.ts';

/** The section's pattern; none written means every tag. Reports what can match nothing or not what it says. */
export function matchPattern(lowering: Lowering, section: Section): string {
  const pattern = section.argument.trim();
  if (pattern === '') return '**';
  for (const part of pattern.split(/\s+/)) {
    if (part.startsWith('/')) checkRegexp(lowering, section, part);
    else checkGlob(lowering, section, part);
  }
  return pattern;
}

/** Whether a pattern takes every tag. */
export function isCatchAll(pattern: string): boolean {
  return pattern.split(/\s+/).includes('**');
}

function checkRegexp(lowering: Lowering, section: Section, part: string): void {
  if (part.length < 2 || !part.endsWith('/')) {
    lowering.error(
      section.at,
      `<${section.name} ${part}>: the closing / of the regular expression is missing (patterns are separated by blanks; write \\s for one)`,
    );
    return;
  }
  try {
    toRegExp(part.slice(1, -1));
  } catch (error) {
    lowering.error(section.at, `<${section.name} ${part}>: ${errorText(error)}`);
  }
}

function checkGlob(lowering: Lowering, section: Section, part: string): void {
  let depth = 0;
  for (let at = 0; at < part.length; at++) {
    const letter = part[at];
    if (letter === '\\') at++;
    else if (letter === '{') depth++;
    else if (letter === '}' && --depth < 0) break;
    else if (letter === ',' && depth === 0) {
      lowering.warn(
        section.at,
        `<${section.name} ${part}>: a comma outside {} is part of the tag; separate patterns with blanks`,
      );
      return;
    }
  }
  if (depth !== 0)
    lowering.error(
      section.at,
      `<${section.name} ${part}>: ${depth > 0 ? 'a closing } is missing' : 'a } closes nothing'}`,
    );
}
