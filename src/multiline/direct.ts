/** Lines of container runtimes that are a record of their own, by their bytes: what joining them one by one gives. */
import { DirectJson } from '../codecs/direct-json.ts';
import { compileDirectPattern } from '../codecs/direct-pattern.ts';
import type { ReadPlaced } from '../codecs/remembered-time.ts';
import type { ByteWriter } from '../core/bytes.ts';
import type { JsonObject } from '../core/json-object.ts';
import type { DirectParser } from '../core/plugin.ts';
import type { DirectLine } from './contract.ts';

const SPACE = 32;
const BACKSLASH = 92;
const letterN = 110;
const letterO = 111;

/** A whole line of CRI; its time stays. Undefined where times cannot be read so. */
export function directCri(readTime: ReadPlaced | undefined): DirectLine | undefined {
  const rules = { timeKey: 'time', timeKeep: true, readTime, mustBeTime: true, skipEmptyValues: false };
  const pattern =
    readTime && compileDirectPattern('^(?<time>[^ ]+) (?<stream>stdout|stderr) (?<_p>F) (?<log>.*)$', rules);
  return pattern && new DirectCri(pattern);
}

/** A line of Docker whose text ends with a line feed; its time stays. */
export function directDocker(readTime: ReadPlaced | undefined): DirectLine | undefined {
  return readTime && new DirectDocker(readTime);
}

class DirectCri implements DirectLine {
  readonly time: DirectParser['time'];
  readonly names: readonly string[] | undefined;
  readonly #pattern: DirectParser;
  group = '';

  constructor(pattern: DirectParser) {
    this.#pattern = pattern;
    this.time = pattern.time;
    this.names = pattern.names;
  }
  write(bytes: Buffer, from: number, until: number, out: ByteWriter): boolean {
    if (!this.#pattern.write(bytes, from, until, out)) return false;
    let at = from;
    while (bytes[at] !== SPACE) at++;
    this.group = bytes[at + 4] === letterO ? 'stdout' : 'stderr';
    return true;
  }
}

const logKey = Buffer.from('log');
const streamKey = Buffer.from('stream');

class DirectDocker implements DirectLine {
  readonly time: DirectParser['time'];
  readonly #json: DirectJson;
  group = '';

  constructor(readTime: ReadPlaced) {
    this.#json = new DirectJson({ timeKey: 'time', timeKeep: true, readTime });
    this.time = this.#json.time;
  }
  write(bytes: Buffer, from: number, until: number, out: ByteWriter): boolean {
    const found = this.#json.members(bytes, from, until);
    if (!found) return false;
    const { object } = found;
    if (!endsLine(object) || !this.#readGroup(object)) return false;
    object.write(out);
    return true;
  }
  /** Others than these two are rare. */
  #readGroup(object: JsonObject): boolean {
    const member = object.find(streamKey);
    if (member < 0) return false;
    const text = object.bytes.toString('latin1', object.valueFrom[member], object.valueUntil[member]);
    this.group = text === '"stdout"' ? 'stdout' : 'stderr';
    return text === '"stdout"' || text === '"stderr"';
  }
}

/** Whether its text ends with `\n`, and that is no backslash with an n behind it. */
function endsLine(object: JsonObject): boolean {
  const member = object.find(logKey);
  if (member < 0 || !object.isText(member)) return false;
  const { bytes } = object;
  const end = (object.valueUntil[member] as number) - 1;
  return bytes[end - 1] === letterN && bytes[end - 2] === BACKSLASH && bytes[end - 3] !== BACKSLASH;
}
