/**
 * The store's process, as whoever delivers sees it: started when an output takes hold of the store, started again
 * when it ends, asked over a channel (store/channel.ts). DuckDB is native code: a crash or an out-of-memory there ends this
 * process, and the outputs go on.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '../core/clock.ts';
import { OperatingError, errorText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { HeldStore, StoreAccess } from '../core/record-store.ts';
import { Channel } from '../store/channel.ts';
import type { StoreNote } from '../store/child.ts';
import type { StoreQueries, StoreStatus } from '../store/contract.ts';
import { remoteStore } from '../store/remote.ts';
import type { ProgramStore } from '../store/remote.ts';
import { parseQuery } from '../store/query/parser.ts';
import { restartWait } from './restart.ts';
import { roleVariable } from './supervisor.ts';
import type { ProcessNote } from './supervisor.ts';

/** The role of its process. */
export const storeRole = 'store';
/** File descriptor of the channel in the child: behind the standard three and the IPC channel. */
export const channelDescriptor = 4;
const childVariables = {
  // Node's thread pool: one thread for each question at a time, the insert and the background work.
  UV_THREADPOOL_SIZE: '8',
  // DuckDB's allocator (jemalloc) shares one arena among all threads and gives back what has been free for 0.3 s: half the
  // memory of a store that was written to, measured. At once would cost half the speed of inserts.
  DUCKDB_JE_MALLOC_CONF: 'dirty_decay_ms:300,muzzy_decay_ms:0,narenas:1,tcache:false',
  // The rest of DuckDB and Node take theirs from glibc, which would give each thread of the pool an arena that it keeps: 60 MB
  // of 525 at the peak of three million records, at the same speed.
  MALLOC_ARENA_MAX: '1',
} as const;
/** The store ends this long after its last output did: a reload that changes the output must not restart it. */
const lingerMs = 5000;
/** How long a question waits for a store that starts: a person would rather wait than ask again. */
const questionWaitMs = 2000;
/** What an insert is told to wait at least while the store does not run; restarts take a few hundred ms. */
const insertRetryMs = 100;
/** Given to a graceful end even where outputs have used up the time: enough to write out what lies in memory. */
const closeMsMin = 500;
const statusTimeoutMs = 1000;
/** How long a process may take to exit that has said why it ends. */
const failedEndMs = 2000;
const sayGapMs = 60_000;

export interface StoreProcessOptions {
  readonly mainPath: string;
  readonly args: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
}

interface Child {
  readonly process: ChildProcess;
  readonly channel: Channel;
  readonly store: ProgramStore;
  readonly startedMs: number;
  isReady: boolean;
  /** It was told to end. */
  isClosing: boolean;
  failure: string | undefined;
}

/** How the store's process is. */
export interface StoreProcessState {
  readonly state: 'running' | 'starting' | 'off';
  /** Why it is not running, or ended last; forgotten once it runs. */
  readonly lastError: string | undefined;
}

export class StoreProcess implements StoreAccess {
  readonly #options: StoreProcessOptions;
  readonly #waiting = new Set<() => void>();
  #child: Child | undefined;
  #holds = 0;
  #deaths = 0;
  #restarts = 0;
  #restart: Timer | undefined;
  #linger: Timer | undefined;
  #lastError: string | undefined;
  #said: { readonly text: string; readonly atMs: number } | undefined;
  #isStopped = false;
  #ended: Promise<void> = Promise.resolve();
  /** Records that were given to the store and taken, since this process started. */
  inserted = 0;

  constructor(options: StoreProcessOptions) {
    this.#options = options;
  }
  get restarts(): number {
    return this.#restarts;
  }
  /** The questions, answered while the store runs; a start is waited for a little. Export and tail begin when their first part is asked for. */
  readonly queries: StoreQueries = {
    search: (request, signal) => this.#ask(signal, (store) => store.search(request, signal)),
    histogram: (request, signal) => this.#ask(signal, (store) => store.histogram(request, signal)),
    fields: (request, signal) => this.#ask(signal, (store) => store.fields(request, signal)),
    values: (request, signal) => this.#ask(signal, (store) => store.values(request, signal)),
    status: () => this.#ask(undefined, (store) => store.status()),
    // Read here already, so that a bad one is said at the call.
    export: (request, signal) => {
      parseQuery(request.query);
      return this.#askStream(signal, (store) => store.export(request, signal));
    },
    tail: (request, signal) => {
      parseQuery(request.query);
      return this.#askStream(signal, (store) => store.tail(request, signal));
    },
  };
  hold(): HeldStore {
    this.#holds++;
    this.#linger?.cancel();
    if (!this.#child && !this.#restart && !this.#isStopped) this.#start();
    let isHeld = true;
    return {
      insert: async (batches, signal) => {
        // Records that come in the first second of the program are no reason for a warning.
        if (this.#lastError === undefined && this.state().state === 'starting') await this.#wait(signal);
        const store = this.#running;
        if (!store) throw this.#unavailable('writing to the store', insertRetryMs);
        await store.insert(batches, signal);
        for (const { offsets } of batches) this.inserted += offsets.length;
      },
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        if (--this.#holds === 0) this.#linger = this.#options.clock.after(lingerMs, () => void this.#rest());
      },
    };
  }
  state(): StoreProcessState {
    // One that is ending comes back where it is held again.
    const isThere = this.#child && (!this.#child.isClosing || this.#holds > 0);
    const isOn = !this.#isStopped && (isThere === true || this.#restart !== undefined);
    return { state: this.#running ? 'running' : isOn ? 'starting' : 'off', lastError: this.#lastError };
  }
  /** Where the store stands, without waiting for a start; undefined: it cannot say now. */
  async status(): Promise<StoreStatus | undefined> {
    const store = this.#running;
    if (!store) return undefined;
    const late = new Promise<undefined>((resolve) => {
      this.#options.clock.after(statusTimeoutMs, () => resolve(undefined));
    });
    return Promise.race([store.status().catch(() => undefined), late]);
  }
  processes(): readonly ProcessNote[] {
    if (this.state().state === 'off') return [];
    return [{ role: storeRole, pid: this.#child?.process.pid ?? 0, restarts: this.#restarts }];
  }
  /** Ends the process within about graceMs; it is not started again. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopped = true;
    this.#restart?.cancel();
    this.#restart = undefined;
    this.#linger?.cancel();
    await this.#end(Math.max(closeMsMin, graceMs));
  }

  // ------------------------------------------------------------------------------------------------ asking

  get #running(): ProgramStore | undefined {
    return this.#child?.isReady === true ? this.#child.store : undefined;
  }
  async #ask<T>(signal: AbortSignal | undefined, question: (store: ProgramStore) => Promise<T>): Promise<T> {
    return question(await this.#untilRunning(signal));
  }
  async *#askStream<T>(signal: AbortSignal, question: (store: ProgramStore) => AsyncIterable<T>): AsyncGenerator<T> {
    yield* question(await this.#untilRunning(signal));
  }
  async #untilRunning(signal: AbortSignal | undefined): Promise<ProgramStore> {
    signal?.throwIfAborted();
    if (!this.#running && this.state().state === 'starting') await this.#wait(signal);
    signal?.throwIfAborted();
    const store = this.#running;
    if (!store) throw this.#unavailable('asking the store');
    return store;
  }
  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        timer.cancel();
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = this.#options.clock.after(questionWaitMs, done);
      this.#waiting.add(done);
      signal?.addEventListener('abort', done);
    });
  }
  #unavailable(doing: string, retryAfterMs?: number): OperatingError {
    const { state, lastError } = this.state();
    const why = lastError === undefined ? '' : ` (${lastError})`;
    const text = state === 'off' ? 'it is off; set P2L_STORE=on' : `it is being started${why}; try again`;
    return new OperatingError(
      'STORE_UNAVAILABLE',
      `${doing}: ${text}`,
      retryAfterMs === undefined ? {} : { retryAfterMs },
    );
  }

  // ------------------------------------------------------------------------------------------------ the process

  #start(): void {
    const { clock, log } = this.#options;
    const startedMs = clock.monotonicMs();
    let started: ChildProcess;
    try {
      started = this.#fork();
    } catch (error) {
      this.#startAgain(`it could not be started: ${errorText(error)}`, 0);
      return;
    }
    const channel = new Channel(started.stdio[channelDescriptor] as Duplex);
    const child: Child = {
      process: started,
      channel,
      store: remoteStore(channel),
      startedMs,
      isReady: false,
      isClosing: false,
      failure: undefined,
    };
    this.#child = child;
    started.on('message', (note) => this.#take(child, note as StoreNote));
    this.#ended = new Promise((resolve) => {
      const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
        this.#noteEnd(child, code, signal);
        resolve();
      };
      started.on('exit', ended);
      started.on('error', (error) => {
        log.error({ error: errorText(error) }, 'The process of the store could not be started or reached.');
        // One that never ran does not exit either.
        if (started.pid === undefined) ended(null, null);
      });
    });
    // Without it there is nothing to ask it by: a frame that is none ends it, and it begins anew.
    void channel.closed.then((error) => {
      if (error) child.failure = error.message;
      if (!child.isClosing) started.kill('SIGKILL');
    });
  }
  /** Throws where the system has no room for a process or its pipes. */
  #fork(): ChildProcess {
    const { mainPath, args } = this.#options;
    const started = fork(mainPath, [...args], {
      env: { ...childVariables, ...process.env, [roleVariable]: storeRole },
      // Its memory is bounded as a whole: what V8 would not collect at once is DuckDB's.
      execArgv: [
        ...process.execArgv.filter((argument) => !argument.startsWith('--initial-old-space-size')),
        '--max-semi-space-size=4',
      ],
      // Standard output belongs to the outputs.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc', 'pipe'],
    });
    // Without a descriptor left it has no streams at all, whatever its type says, and says so a moment later.
    if ((started.stdio as ChildProcess['stdio'] | undefined) !== undefined) return started;
    started.on('error', () => undefined);
    throw new Error('too many open files');
  }
  #take(child: Child, note: StoreNote): void {
    const { clock, log } = this.#options;
    if (note.kind === 'failed') {
      child.isReady = false;
      child.failure = note.text;
      // It exits by itself, unless what broke holds it up.
      clock.after(failedEndMs, () => child.process.kill('SIGKILL'));
      return;
    }
    if (child.isClosing) return;
    child.isReady = true;
    if (this.#lastError !== undefined) log.info('The store runs again and takes what waits for it.');
    this.#lastError = undefined;
    this.#said = undefined;
    for (const done of this.#waiting) done();
  }
  #noteEnd(child: Child, code: number | null, signal: NodeJS.Signals | null): void {
    void child.channel.close();
    if (this.#child !== child) return;
    this.#child = undefined;
    if (child.isClosing || this.#isStopped) return;
    const why = child.failure ?? (signal === null ? `it ended with code ${code}` : `it was ended by signal ${signal}`);
    this.#startAgain(why, this.#options.clock.monotonicMs() - child.startedMs);
  }
  /** `livedMs`: how long it ran. */
  #startAgain(why: string, livedMs: number): void {
    const { clock } = this.#options;
    const { deaths, waitMs } = restartWait(this.#deaths, livedMs);
    this.#deaths = deaths;
    this.#lastError = why;
    this.#sayEnd(why, waitMs);
    this.#restart = clock.after(waitMs, () => {
      this.#restart = undefined;
      this.#restarts++;
      this.#start();
    });
  }
  /** The same again is said once a minute: a store that cannot be opened is tried for as long as it takes. */
  #sayEnd(text: string, waitMs: number): void {
    const { clock, log } = this.#options;
    const nowMs = clock.monotonicMs();
    if (this.#said?.text === text && nowMs - this.#said.atMs < sayGapMs) return;
    this.#said = { text, atMs: nowMs };
    log.error(
      { role: storeRole, waitMs },
      `The process of the store ended: ${text}; it is started again. Records wait for it in the journal, other outputs go on.`,
    );
  }
  /** Nobody holds the store any more. */
  async #rest(): Promise<void> {
    if (this.#holds > 0 || this.#isStopped) return;
    this.#restart?.cancel();
    this.#restart = undefined;
    this.#lastError = undefined;
    await this.#end(lingerMs);
    if (this.#holds > 0 && !this.#child && !this.#isStopped) this.#start();
  }
  async #end(graceMs: number): Promise<void> {
    const { clock } = this.#options;
    const child = this.#child;
    if (!child) return;
    child.isClosing = true;
    child.isReady = false;
    // It writes out what lies in memory, then exits.
    if (child.process.connected) child.process.send({ kind: 'close' }, () => undefined);
    const timer = clock.after(graceMs, () => child.process.kill('SIGKILL'));
    await this.#ended;
    timer.cancel();
  }
}
