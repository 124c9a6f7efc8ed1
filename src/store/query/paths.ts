/** Which keys of a record a field's name can mean. */

/** Keys from the outside in. */
export type Path = readonly string[];

/** Dots up to which every way to read a name is tried: 2^3 paths. */
const dotsTriedMax = 3;
/** Keys up to which one run of them, anywhere, is read as a key with dots: at most 29 paths. */
const keysTriedMax = 8;

/**
 * The paths a name can mean where nobody knows which there are: `a.b` is the key `b` in `a`, or the key `a.b`. Up to three dots
 * every reading; beyond, those in which one run of keys at most is joined (`kubernetes.labels.app.kubernetes.io/name`); beyond
 * that, only runs that reach from one of the first keys to the end. Nested first.
 */
export function pathsOf(name: string): Path[] {
  const keys = name.split('.');
  if (keys.length - 1 <= dotsTriedMax) return readings(keys);
  const paths: Path[] = [keys];
  for (let start = 0; start < Math.min(keys.length - 1, keysTriedMax); start++) {
    const firstEnd = keys.length <= keysTriedMax ? start + 2 : keys.length;
    for (let end = firstEnd; end <= keys.length; end++)
      paths.push([...keys.slice(0, start), keys.slice(start, end).join('.'), ...keys.slice(end)]);
  }
  return paths;
}

function readings(keys: readonly string[]): Path[] {
  const [first = '', ...rest] = keys;
  if (rest.length === 0) return [[first]];
  return readings(rest).flatMap((path) => [
    [first, ...path],
    [`${first}.${path[0] ?? ''}`, ...path.slice(1)],
  ]);
}

/** True for what a JSON pointer takes as a place in an array: `users.0.name`. */
export function isPlace(key: string): boolean {
  return /^(?:0|[1-9]\d{0,9})$/.test(key);
}

/** The path as a JSON pointer (RFC 6901). */
export function pointerOf(path: Path): string {
  return path.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
