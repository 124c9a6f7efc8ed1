/** Sends numbered postbacks while the program dies under it, and remembers which were acknowledged. */
import { Agent, request as httpRequest } from 'node:http';
import { wait } from '../../bench/program.ts';
import type { SentRequest } from './check.ts';
import { makePostback } from './postbacks.ts';
import type { Postback } from './postbacks.ts';
import { Random } from './random.ts';

/** Longest wait for an answer. An answer that takes longer counts as none. */
const answerTimeoutMs = 10_000;

/** A status, or why there is none: `unreached` when no connection was made, so that the server cannot have seen it. */
type Answer = number | 'unreached' | 'broken';

export class CrashLoad {
  readonly requests: SentRequest[] = [];
  /** Answers by status, `unreached` and `broken`. */
  readonly answers = new Map<Answer, number>();
  /** Set to hold new requests back. */
  isPaused = false;
  readonly #agent: Agent;
  readonly #port: number;
  readonly #loops: Promise<void>[] = [];
  #next = 1;
  #isStopping = false;
  #isAborted = false;
  #lastAckMs = 0;
  #lastRefusalMs = 0;

  /** `pauseMsMax`: longest pause of a connection between two requests. */
  constructor(port: number, seed: number, connections: number, pauseMsMax: number) {
    this.#port = port;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
    for (let i = 0; i < connections; i++) this.#loops.push(this.#loop(new Random(seed, `load ${i}`), pauseMsMax));
  }
  get ackedCount(): number {
    return this.requests.reduce((sum, { isAcked, count }) => sum + (isAcked ? count : 0), 0);
  }
  get sentCount(): number {
    return this.#next - 1;
  }
  /** performance.now() of the last 200 and of the last 503. */
  get lastAckMs(): number {
    return this.#lastAckMs;
  }
  get lastRefusalMs(): number {
    return this.#lastRefusalMs;
  }
  /** Makes no new requests; resolves when those under way are answered, requests with a key by a 200. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#loops);
    this.#agent.destroy();
  }
  /** Gives up what is under way, when the program will not come back. */
  abort(): Promise<void> {
    this.#isAborted = true;
    this.#agent.destroy();
    return this.stop();
  }
  async #loop(random: Random, pauseMsMax: number): Promise<void> {
    while (!this.#isStopping) {
      if (this.isPaused) {
        await wait(5);
        continue;
      }
      const postback = makePostback(random, this.#next);
      this.#next += postback.count;
      const sent = {
        first: postback.first,
        count: postback.count,
        isKeyed: postback.key !== undefined,
        isAcked: false,
      };
      this.requests.push(sent);
      await this.#deliver(postback, sent);
      // A sender that did not believe the answer: the same request once more must be taken as the same.
      if (sent.isKeyed && sent.isAcked && random.isBelow(0.2)) await this.#deliver(postback, sent);
      await wait(random.between(0, pauseMsMax));
    }
  }
  /** Sends until it is answered: with a key until it is acknowledged, else until it was sent once. */
  async #deliver(postback: Postback, sent: SentRequest): Promise<void> {
    for (;;) {
      const answer = await this.#send(postback);
      this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1);
      if (answer === 200) {
        sent.isAcked = true;
        this.#lastAckMs = performance.now();
        return;
      }
      if (answer === 503) this.#lastRefusalMs = performance.now();
      await wait(answer === 503 ? 50 : 10);
      if (this.#isAborted) return;
      if (answer !== 'unreached' && postback.key === undefined) return;
      if (typeof answer === 'number' && answer !== 503) return;
    }
  }
  #send({ path, headers, body }: Postback): Promise<Answer> {
    return new Promise((resolve) => {
      let isConnected = false;
      const request = httpRequest(
        {
          agent: this.#agent,
          host: '127.0.0.1',
          port: this.#port,
          method: 'POST',
          path,
          headers,
          timeout: answerTimeoutMs,
        },
        (response) => {
          // The status line is the acknowledgement, whether or not the rest of the answer arrives.
          const status = response.statusCode ?? 0;
          response.on('error', () => resolve(status));
          response.on('close', () => resolve(status));
          response.resume();
        },
      );
      request.on('socket', (socket) => {
        if (!socket.connecting) isConnected = true;
        else socket.once('connect', () => (isConnected = true));
      });
      request.on('timeout', () => request.destroy(new Error('no answer in time')));
      request.on('error', () => resolve(isConnected ? 'broken' : 'unreached'));
      request.end(body);
    });
  }
}
