/** Regular expressions whose named groups say which pod a tag or a container's name is of. */
import { compileCapture } from '../codecs/onigmo.ts';
import { runLimited, timeLimitMsDefault } from '../codecs/time-limit.ts';

/** Tags remembered: they can come from outside, so beyond this the memory is started anew. */
const textsMax = 4096;

/** What groups hold, by name; of several groups with one name the first that holds something. Undefined: no match. */
export type Captured = ReadonlyMap<string, string> | undefined;

export class Captures {
  readonly #expression: RegExp;
  readonly #names: readonly string[];
  readonly #known = new Map<string, Captured>();

  /** @throws Error saying what is wrong with the expression */
  constructor(pattern: string) {
    const { expression, names } = compileCapture(pattern);
    this.#expression = expression;
    this.#names = names;
  }
  /** Matched once for each text. One on which the expression takes too long does not match. */
  of(text: string): Captured {
    if (this.#known.has(text)) return this.#known.get(text);
    let found: Captured;
    runLimited(
      1,
      timeLimitMsDefault,
      () => (found = this.#match(text)),
      () => (found = undefined),
    );
    if (this.#known.size >= textsMax) this.#known.clear();
    this.#known.set(text, found);
    return found;
  }
  #match(text: string): Captured {
    const match = this.#expression.exec(text);
    if (!match) return undefined;
    const captured = new Map<string, string>();
    for (const [index, name] of this.#names.entries()) {
      const piece = match[index + 1];
      if (piece !== undefined && piece !== '' && !captured.has(name)) captured.set(name, piece);
    }
    return captured;
  }
}
