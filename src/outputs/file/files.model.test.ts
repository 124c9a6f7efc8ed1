/**
 * Random writes, commits, full disks and kills against a list of records: in the end each record is in the files once and
 * in order. A kill comes in the middle of any disk operation; the next run begins from the last commit that was on disk.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Disk, DiskFile } from '../../core/disk.ts';
import { realDisk } from '../../core/disk.ts';
import { OperatingError } from '../../core/errors.ts';
import { silentLog } from '../../core/log.ts';
import { OutputFiles } from './files.ts';

/** A disk that dies at its n-th operation from now, and one on which writes can fail. */
class MortalDisk {
  operationsLeft = Number.POSITIVE_INFINITY;
  isFull = false;
  get isDead(): boolean {
    return this.operationsLeft < 0;
  }
  readonly disk: Disk = {
    ...realDisk,
    open: async (path, mode, permissions) => {
      this.#step();
      return this.#file(await realDisk.open(path, mode, permissions));
    },
    rename: (from, to) => this.#then(() => realDisk.rename(from, to)),
    remove: (path) => this.#then(() => realDisk.remove(path)),
    makeDirectory: (path, permissions) => this.#then(() => realDisk.makeDirectory(path, permissions)),
    syncDirectory: (path) => this.#then(() => realDisk.syncDirectory(path)),
  };
  #step(): void {
    if (--this.operationsLeft < 0) throw new Error('killed');
  }
  async #then<T>(run: () => Promise<T>): Promise<T> {
    this.#step();
    return run();
  }
  #file(file: DiskFile): DiskFile {
    return {
      read: (buffer, position) => file.read(buffer, position),
      size: () => file.size(),
      close: () => file.close(),
      sync: () => this.#then(() => file.sync()),
      truncate: (length) => this.#then(() => file.truncate(length)),
      write: async (buffers, position) => {
        const whole = Buffer.concat(buffers);
        const half = whole.subarray(0, whole.length >> 1);
        if (this.isFull || this.operationsLeft === 0) await file.write([half], position);
        this.#step();
        if (this.isFull) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
        await file.write(buffers, position);
      },
    };
  }
}

interface Setup {
  readonly name: string;
  readonly rotate: { readonly bytes: number; readonly backups: number } | undefined;
}

class Run {
  readonly directory = mkdtempSync(join(tmpdir(), 'post2log-files-'));
  readonly mortal = new MortalDisk();
  readonly names: string[];
  readonly setup: Setup;
  files: OutputFiles;
  /** Records written of each series, and what of it a commit on disk covers. */
  positions = [0, 0, 0];
  durable = { state: undefined as unknown, positions: [0, 0, 0] };

  constructor(setup: Setup) {
    this.setup = setup;
    this.names = [0, 1, 2].map((series) => join(this.directory, 'out', `s${series}${setup.name}`));
    this.files = this.#open();
  }
  #open(): OutputFiles {
    return new OutputFiles({
      disk: this.mortal.disk,
      log: silentLog(),
      directory: join(this.directory, 'state'),
      committed: this.durable.state,
      rotate: this.setup.rotate,
    });
  }
  async restart(): Promise<void> {
    await this.files.close().catch(() => undefined);
    for (;;) {
      this.mortal.operationsLeft = Number.POSITIVE_INFINITY;
      this.files = this.#open();
      this.positions = [...this.durable.positions];
      await this.files.recover();
      return;
    }
  }
  /** As restart, with a kill in the middle of recovery. */
  async brokenRestart(operations: number): Promise<void> {
    await this.files.close().catch(() => undefined);
    this.mortal.operationsLeft = operations;
    this.files = this.#open();
    await this.files.recover().catch(() => undefined);
    await this.restart();
  }
  async write(series: number, count: number): Promise<void> {
    const from = this.positions[series] as number;
    const lines = Array.from({ length: count }, (_, i) => `${series}:${from + i}\n`);
    let end = 0;
    const cuts = this.setup.rotate ? lines.map((line) => (end += line.length)) : [lines.join('').length];
    const payload = Buffer.from(lines.join(''));
    const written = await this.files.append(
      this.names[series] as string,
      { payload, cuts, head: Buffer.alloc(0) },
      () => Promise.resolve(),
    );
    this.positions[series] = from + (this.setup.rotate ? written : count);
  }
  async commit(isKept: boolean): Promise<void> {
    const positions = [...this.positions];
    const state = JSON.parse(JSON.stringify(await this.files.commit(this.durable.state))) as unknown;
    if (isKept) this.durable = { state, positions };
  }
  /** What is in a series' files, oldest first. */
  content(series: number): string {
    const start = `s${series}`;
    const order = (name: string): number => {
      const number = Number(/\d+$/.exec(name)?.[0] ?? '-1');
      return this.setup.rotate ? -(Number.isNaN(number) ? 0 : /\.\d+$/.test(name) ? number : 0) : number;
    };
    return readdirSync(join(this.directory, 'out'))
      .filter((name) => name.startsWith(start))
      .sort((a, b) => order(a) - order(b))
      .map((name) => readFileSync(join(this.directory, 'out', name), 'utf8'))
      .join('');
  }
  close(): void {
    rmSync(this.directory, { recursive: true });
  }
}

type Action =
  | { readonly kind: 'write'; readonly series: number; readonly count: number }
  | { readonly kind: 'commit'; readonly isKept: boolean }
  | { readonly kind: 'full'; readonly isFull: boolean }
  | { readonly kind: 'restart' }
  | { readonly kind: 'kill'; readonly after: number; readonly again: number | undefined };

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('write'), series: fc.nat(2), count: fc.integer({ min: 1, max: 12 }) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('commit'), isKept: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('full'), isFull: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart') }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('kill'),
      after: fc.nat(25),
      again: fc.option(fc.nat(15), { nil: undefined }),
    }),
  },
);

async function perform(run: Run, actions: readonly Action[]): Promise<void> {
  let again: number | undefined;
  await run.restart();
  for (const one of actions) {
    try {
      if (one.kind === 'write') await run.write(one.series, one.count);
      else if (one.kind === 'commit') await run.commit(one.isKept);
      else if (one.kind === 'full') run.mortal.isFull = one.isFull;
      else if (one.kind === 'restart') await run.restart();
      else [run.mortal.operationsLeft, again] = [one.after, one.again];
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
    }
    if (!run.mortal.isDead) continue;
    run.mortal.isFull = false;
    if (again === undefined) await run.restart();
    else await run.brokenRestart(again);
  }
  run.mortal.isFull = false;
  run.mortal.operationsLeft = Number.POSITIVE_INFINITY;
  await run.commit(true);
  await run.files.close();
}

async function holds(setup: Setup, check: (content: string, whole: string) => void): Promise<void> {
  const property = fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 60 }), async (actions) => {
    const run = new Run(setup);
    try {
      await perform(run, actions);
      for (const series of [0, 1, 2]) {
        const count = run.positions[series] as number;
        if (count === 0) continue;
        check(run.content(series), Array.from({ length: count }, (_, i) => `${series}:${i}\n`).join(''));
      }
    } finally {
      run.close();
    }
  });
  await fc.assert(property, { numRuns: 25 });
}

test('appended files hold each record once', async () => {
  await holds({ name: '.log', rotate: undefined }, (content, whole) => assert.equal(content, whole));
});

test('numbered files hold each record once', async () => {
  await holds({ name: '_**', rotate: undefined }, (content, whole) => assert.equal(content, whole));
});

test('rotated files hold each record once', async () => {
  await holds({ name: '.log', rotate: { bytes: 40, backups: 1000 } }, (content, whole) => assert.equal(content, whole));
});

test('rotation with few backups keeps an unbroken end', async () => {
  await holds({ name: '.log', rotate: { bytes: 40, backups: 2 } }, (content, whole) => {
    assert.ok(whole.endsWith(content), `${content} is no end of ${whole}`);
    assert.ok(content.length >= Math.min(whole.length, 80));
  });
});
