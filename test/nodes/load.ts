/** What comes in during the run: lines of pods on their nodes, and postbacks from outside. Every record has an origin and a number. */
import { request, Agent } from 'node:http';
import { wait } from '../../bench/program.ts';
import type { Random } from '../crash/random.ts';
import type { ContainerLog } from './container-log.ts';

/** Records of one origin, numbered from 0. */
export interface Origin {
  readonly name: string;
  readonly count: number;
  /** Numbers that may be missing: nobody said that they were taken. */
  readonly unsure: ReadonlySet<number>;
}

/** Rotated much sooner than a kubelet does it, so that cuts meet rotations. */
export const logBytesMax = 128 * 1024;

/** A pod that writes lines. */
export class Writer implements Origin {
  readonly name: string;
  readonly unsure = new Set<number>();
  readonly #log: ContainerLog;
  readonly #random: Random;
  #next = 0;
  #isOn = true;

  constructor(name: string, log: ContainerLog, random: Random) {
    this.name = name;
    this.#log = log;
    this.#random = random;
  }
  get count(): number {
    return this.#next;
  }
  /** About 90 lines a second, until `stop()`. */
  async run(): Promise<void> {
    while (this.#isOn) {
      const lines = Array.from({ length: this.#random.between(1, 8) }, () => {
        const n = this.#next++;
        return JSON.stringify({ origin: this.name, n, text: `line ${n} of ${this.name}`, pad: 'x'.repeat(n % 150) });
      });
      this.#log.write(lines);
      await wait(50);
    }
  }
  stop(): void {
    this.#isOn = false;
  }
}

/** Longest wait for an answer: a cut may swallow the question or the answer. */
const answerTimeoutMs = 2000;

/** A sender outside of the cluster that calls the node ports in turn, and gives up what was not answered with 200. */
export class Caller implements Origin {
  readonly name = 'postback';
  readonly unsure = new Set<number>();
  readonly #urls: readonly string[];
  readonly #random: Random;
  readonly #agent = new Agent({ keepAlive: true });
  #next = 0;
  #isOn = true;
  readonly #open = new Set<Promise<void>>();
  answered = 0;

  constructor(urls: readonly string[], random: Random) {
    this.#urls = urls;
    this.#random = random;
  }
  get count(): number {
    return this.#next;
  }
  async run(): Promise<void> {
    while (this.#isOn) {
      for (let calls = this.#random.between(0, 2); calls > 0; calls--) {
        const call = this.#call(this.#next++).finally(() => this.#open.delete(call));
        this.#open.add(call);
      }
      await wait(50);
    }
    await Promise.all(this.#open);
    this.#agent.destroy();
  }
  stop(): void {
    this.#isOn = false;
  }
  #call(n: number): Promise<void> {
    const url = `${this.#urls[n % this.#urls.length]}?origin=${this.name}&n=${n}`;
    return new Promise((resolve) => {
      const unsure = (): void => {
        this.unsure.add(n);
        resolve();
      };
      const options = { method: 'POST', agent: this.#agent, timeout: answerTimeoutMs };
      const sent = request(url, options, (answer) => {
        answer.resume();
        answer.on('error', unsure).on('end', () => {
          if (answer.statusCode !== 200) return unsure();
          this.answered++;
          resolve();
        });
      });
      sent.on('timeout', () => sent.destroy(new Error('no answer'))).on('error', unsure);
      sent.end();
    });
  }
}
