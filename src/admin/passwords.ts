/**
 * Checks passwords in a thread of their own, one at a time: bcrypt takes a core for tens of ms on purpose, and the program
 * has records to deliver meanwhile.
 */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { RequestError } from './api/failures.ts';

/** Checks that may wait: at the usual cost of 10 the last of them has its turn within a second. */
const waitingMax = 16;
/** The thread ends when nothing was asked for so long, in ms; it holds some MB. */
const idleMs = 30_000;
/** One check takes at most some seconds (see costMax); then the thread hangs. */
const checkMs = 60_000;

/** What the thread is asked, and what it answers. */
export interface PasswordQuestion {
  readonly password: string;
  readonly hash: string;
}

interface Asked {
  readonly settle: (isMatching: boolean) => void;
  readonly fail: (error: Error) => void;
}

let waiting = 0;
let turn: Promise<unknown> = Promise.resolve();
let thread: Worker | undefined;
let asked: Asked | undefined;
let idle: NodeJS.Timeout | undefined;

/** @throws RequestError 429 where too many wait already. */
export async function passwordMatches(password: string, hash: string): Promise<boolean> {
  if (waiting >= waitingMax)
    throw new RequestError(429, 'too many logins are being checked just now; try again in a few seconds', 5);
  waiting++;
  const mine = turn.then(() => check({ password, hash }));
  turn = mine.catch(() => undefined);
  try {
    return await mine;
  } finally {
    waiting--;
  }
}

async function check(question: PasswordQuestion): Promise<boolean> {
  clearTimeout(idle);
  const worker = (thread ??= started());
  const late = setTimeout(() => fail(worker, new Error('checking a password took too long')), checkMs);
  try {
    return await new Promise<boolean>((settle, fail) => {
      asked = { settle, fail };
      worker.postMessage(question, []);
    });
  } finally {
    asked = undefined;
    clearTimeout(late);
    idle = setTimeout(() => fail(worker, new Error('idle')), idleMs);
    idle.unref();
  }
}

function started(): Worker {
  // `.ts` here, `.js` once built.
  const worker = new Worker(new URL(`./password-thread${extname(import.meta.url)}`, import.meta.url));
  worker.on('message', (isMatching: boolean) => asked?.settle(isMatching));
  worker.on('error', (error: Error) => fail(worker, error));
  worker.on('exit', () => fail(worker, new Error('the thread that checks passwords ended')));
  worker.unref();
  return worker;
}

/** Ends the thread; the next check begins a new one. */
function fail(worker: Worker, error: Error): void {
  if (worker !== thread) return;
  thread = undefined;
  void worker.terminate();
  asked?.fail(error);
}
