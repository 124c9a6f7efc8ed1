/** What is wrong with a file is said once, and again when it is something else. */
import type { Log } from '../../core/log.ts';

export class Said {
  readonly #log: Log;
  readonly #said = new Map<string, string>();

  constructor(log: Log) {
    this.#log = log;
  }
  once(path: string, problem: string): void {
    if (this.#said.get(path) === problem) return;
    this.#said.set(path, problem);
    this.#log.warn(`${path}: ${problem}.`);
  }
  missing(path: string): void {
    if (this.#said.has(path)) return;
    this.#said.set(path, 'missing');
    this.#log.info(`${path} does not exist; it is read when it does.`);
  }
  /** It is well again. */
  delete(path: string): void {
    this.#said.delete(path);
  }
}
