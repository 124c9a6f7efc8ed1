/** The path of a file and the offset of a line behind the fields of a record that lies in bytes. */
import { KeyFinder } from '../../codecs/key-finder.ts';
import type { ByteWriter } from '../../core/bytes.ts';
import type { DirectParser } from '../../core/plugin.ts';
import { needsExactKey } from '../../core/record.ts';
import type { LineRules, PieceLine } from './records.ts';

const OPEN = 123;
const CLOSE = 125;
const COMMA = 44;

/** What all files of a source share. */
export class AddedKeys {
  readonly #keys: readonly string[];
  readonly #path: string | undefined;
  readonly #offset: Buffer | undefined;
  /** Looks for the keys where a record's own come from its text. */
  readonly #finder: KeyFinder | undefined;

  private constructor({ pathKey, offsetKey }: LineRules, { names }: DirectParser) {
    this.#keys = [pathKey, offsetKey].filter((key) => key !== undefined);
    this.#path = pathKey === undefined ? undefined : `${JSON.stringify(pathKey)}:`;
    this.#offset = offsetKey === undefined ? undefined : Buffer.from(`${JSON.stringify(offsetKey)}:`);
    this.#finder = names ? undefined : new KeyFinder(this.#keys);
  }
  /** Undefined where a record may have such a key whatever its line says, or keeps its own. */
  static for(rules: LineRules, direct: DirectParser): AddedKeys | undefined {
    const keys = new AddedKeys(rules, direct);
    const isPlain = keys.#keys.every((key) => !needsExactKey(key) && direct.names?.includes(key) !== true);
    return isPlain && new Set(keys.#keys).size === keys.#keys.length ? keys : undefined;
  }
  /** What stands behind the records of a file. */
  pathBytes(path: string): Buffer | undefined {
    return this.#path === undefined ? undefined : Buffer.from(this.#path + JSON.stringify(path));
  }
  /**
   * Appends the keys to the record of a line, which begins at `begin` in `out`. False: the record may have one of them.
   */
  write({ piece, from, until, start }: PieceLine, path: Buffer | undefined, begin: number, out: ByteWriter): boolean {
    if (this.#finder?.mayHave(piece, from, until) === true) return false;
    out.truncate(out.length - 1);
    let isFirst = out.length - 1 === begin && out.at(begin) === OPEN;
    if (path) {
      if (!isFirst) out.byte(COMMA);
      isFirst = false;
      out.bytes(path);
    }
    if (this.#offset) {
      if (!isFirst) out.byte(COMMA);
      out.bytes(this.#offset);
      out.text(String(start));
    }
    out.byte(CLOSE);
    return true;
  }
}
