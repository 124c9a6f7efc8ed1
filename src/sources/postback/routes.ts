/** Which paths take postbacks, under which tag and behind which guard. */
import { tagBytesMax } from '../../core/tag.ts';
import { decodePath } from '../requests/pairs.ts';
import { Refusal } from '../requests/refusal.ts';

/** Tag of a path that has none behind `/postback/`, as in the original. */
export const defaultTag = 'post2log';
const tagStart = '/postback/';

/** What a path leads to. */
export interface Route<G> {
  /** As sent, without the query: the value of `_path`. */
  readonly path: string;
  /** The path as a JSON string. */
  readonly pathJson: string;
  readonly tag: string;
  readonly guard: G | undefined;
}

/** A path or, ending in `/*`, the beginning of paths, with what belongs to it. */
class PathTable<T> {
  readonly #exact = new Map<string, T>();
  /** Beginnings up to and with the last slash, longest first. */
  readonly #starts: { readonly start: string; readonly value: T }[] = [];

  constructor(entries: Iterable<readonly [string, T]>) {
    for (const [path, value] of entries)
      if (path.endsWith('/*')) this.#starts.push({ start: path.slice(0, -1), value });
      else this.#exact.set(path, value);
    this.#starts.sort((a, b) => b.start.length - a.start.length);
  }
  find(path: string): T | undefined {
    const exact = this.#exact.get(path);
    if (exact !== undefined) return exact;
    return this.#starts.find(({ start }) => path.length > start.length && path.startsWith(start))?.value;
  }
}

/** What stands in a path as it is: no percent escape, no byte outside printable ASCII. */
const plainPath = /^[\x21-\x24\x26-\x7e]*$/;

/** Routes by path. G is what guards a path. */
export class Routes<G extends object> {
  readonly #endpoints: PathTable<true>;
  readonly #guards: PathTable<G>;
  readonly #guard: G | undefined;
  /** Routes of endpoints without `/*`, made once. */
  readonly #ready = new Map<string, Route<G>>();

  /** `guards`: by path, over `guard`, which holds for all others. */
  constructor(endpoints: readonly string[], guard: G | undefined, guards: ReadonlyMap<string, G>) {
    this.#endpoints = new PathTable(endpoints.map((path) => [path, true] as const));
    this.#guards = new PathTable(guards);
    this.#guard = guard;
    for (const path of endpoints) if (!path.endsWith('/*')) this.#ready.set(path, this.#make(path, path));
  }
  /**
   * The route of a request path (without the query), or undefined where nothing is served.
   * @throws Refusal invalid_path: the path of an endpoint cannot be a tag
   */
  find(path: string): Route<G> | undefined {
    const ready = this.#ready.get(path);
    if (ready) return ready;
    const decoded = plainPath.test(path) ? path : decodePath(path);
    if (decoded === undefined)
      throw new Refusal('invalid_path', `the path has an invalid escape or is not UTF-8, at byte ${badByte(path)}`);
    return this.#endpoints.find(decoded) ? this.#make(path, decoded) : undefined;
  }
  #make(path: string, decoded: string): Route<G> {
    // Node hands the request target over as latin1: a character stands for a byte.
    const asSent = Buffer.from(path, 'latin1').toString('utf8');
    return {
      path: asSent,
      pathJson: JSON.stringify(asSent),
      tag: tagOf(decoded),
      guard: this.#guards.find(decoded) ?? this.#guard,
    };
  }
}

/** Everything behind `/postback/`, else the default tag. @throws Refusal invalid_path */
function tagOf(path: string): string {
  if (!path.startsWith(tagStart) || path.length === tagStart.length) return defaultTag;
  const tag = path.slice(tagStart.length);
  if (Buffer.byteLength(tag) > tagBytesMax)
    throw new Refusal('invalid_path', `the path is longer than ${tagBytesMax} bytes behind ${tagStart}`);
  // eslint-disable-next-line no-control-regex
  const control = /[\u0000-\u001f\u007f-\u009f]/.exec(tag);
  if (control) throw new Refusal('invalid_path', `the path holds a control character behind ${tagStart}`);
  // A tag may become part of a file name (`path ${tag}`): it must not climb out of its directory.
  if (tag.split('/').some((part) => part === '.' || part === '..'))
    throw new Refusal('invalid_path', `the path holds a part that is only dots behind ${tagStart}`);
  return tag;
}

/** Position of the first byte that cannot be decoded. */
function badByte(path: string): number {
  const escape = /%(?![0-9a-fA-F]{2})/.exec(path);
  if (escape) return escape.index;
  let low = 0;
  // The shortest beginning that cannot be completed to UTF-8 is near the first non-ASCII byte; escapes count as written.
  for (const match of path.matchAll(/(?:%[89a-fA-F][0-9a-fA-F]|[\x80-\xff])+/g)) {
    low = match.index;
    if (decodePath(match[0]) === undefined) break;
  }
  return low;
}
