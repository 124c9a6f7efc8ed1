/** Random rotations, writes, kills and stops over a real directory: each line exactly once, in order within its file. */
import assert from 'node:assert/strict';
import { readdir, rename } from 'node:fs/promises';
import { test } from 'node:test';
import { until } from '../../../test/program.ts';
import { Tailing } from './tail-fixture.ts';

function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

class Writer {
  readonly #tail: Tailing;
  readonly #name: string;
  #next = 0;
  /** The first line of the file that has the name now. */
  #first = 0;
  #isPartial = false;
  #rotations = 0;
  constructor(tail: Tailing, name: string) {
    this.#tail = tail;
    this.#name = name;
  }
  /** Lines written so far, whole ones. */
  get expected(): string[] {
    return Array.from({ length: this.#next }, (_, n) => `${this.#name} ${n}`);
  }
  async lines(count: number): Promise<void> {
    await this.#finishLine();
    const text = Array.from({ length: count }, () => `${this.#name} ${this.#next++}\n`).join('');
    await this.#tail.append(this.#name, text);
  }
  async partial(): Promise<void> {
    await this.#finishLine();
    await this.#tail.append(this.#name, `${this.#name} `);
    this.#isPartial = true;
  }
  /**
   * By renaming, as logrotate does: name.1 is the newest of the old. Where old names are not looked for, a file must have
   * been seen before.
   */
  async rotate(areOldNamesWanted: boolean): Promise<void> {
    await this.#finishLine();
    const isSeen = this.#tail.messages.includes(`${this.#name} ${this.#first}`);
    if (this.#next === this.#first || !(isSeen || areOldNamesWanted)) return;
    this.#first = this.#next;
    for (let n = this.#rotations; n > 0; n--)
      await rename(this.#tail.file(`${this.#name}.${n}`), this.#tail.file(`${this.#name}.${n + 1}`));
    await rename(this.#tail.file(this.#name), this.#tail.file(`${this.#name}.1`)).catch(() => undefined);
    this.#rotations = (await readdir(this.#tail.directory)).filter((name) => name.startsWith(`${this.#name}.`)).length;
  }
  async #finishLine(): Promise<void> {
    if (!this.#isPartial) return;
    this.#isPartial = false;
    await this.#tail.append(this.#name, `${this.#next++}\n`);
  }
}

for (const { path, seed } of [
  { path: 'a.log,b.log', seed: 1 },
  { path: 'a.log,b.log', seed: 2 },
  { path: '*.log*', seed: 3 },
  { path: '*.log*', seed: 4 },
])
  test(`rotations, kills and stops under ${path}, seed ${seed}`, async (t) => {
    const random = randomOf(seed);
    const tail = await Tailing.make(t, { path, refreshInterval: 20, rotateWait: 30 });
    const writers = [new Writer(tail, 'a.log'), new Writer(tail, 'b.log')];
    const wanted = (): number => writers.reduce((sum, { expected }) => sum + expected.length, 0);
    await tail.start();
    for (let step = 0; step < 120; step++) {
      const writer = writers[random(2)] as Writer;
      switch (random(9)) {
        case 0:
          await writer.rotate(path.includes('*'));
          break;
        case 1:
          await writer.partial();
          break;
        case 2:
          tail.killAfter(1 + random(3));
          break;
        case 3:
          if (tail.isRunning) tail.kill();
          break;
        case 4:
          await tail.stop();
          break;
        case 5:
          if (tail.isRunning) await until('all of it', () => !tail.isRunning || tail.records.length >= wanted());
          break;
        default:
          await writer.lines(1 + random(5));
      }
      if (!tail.isRunning && random(3) > 0) await tail.start();
    }
    for (const writer of writers) await writer.lines(1);
    if (!tail.isRunning) await tail.start();
    await until(`all ${wanted()} lines`, async () => {
      if (!tail.isRunning) await tail.start();
      return tail.records.length >= wanted();
    });
    await tail.stop();
    for (const [index, name] of ['a.log ', 'b.log '].entries()) {
      const own = tail.messages.filter((message) => String(message).startsWith(name)).map(String);
      assert.deepEqual(own.toSorted(byNumber), writers[index]?.expected);
    }
  });

function byNumber(a: string, b: string): number {
  return Number(a.split(' ')[1]) - Number(b.split(' ')[1]);
}
