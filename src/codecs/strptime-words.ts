/** Names, and directives that stand for others: what the strptime of C, Ruby and Fluent Bit share (POSIX, the C locale). */

export const monthNames: readonly string[] =
  'january february march april may june july august september october november december'.split(' ');
/** From Sunday on. */
export const dayNames: readonly string[] = 'sunday monday tuesday wednesday thursday friday saturday'.split(' ');

/** By letter. */
export const composites: Readonly<Record<string, string>> = {
  D: '%m/%d/%y',
  F: '%Y-%m-%d',
  R: '%H:%M',
  T: '%H:%M:%S',
  X: '%H:%M:%S',
  x: '%m/%d/%y',
  r: '%I:%M:%S %p',
  c: '%a %b %e %H:%M:%S %Y',
};
