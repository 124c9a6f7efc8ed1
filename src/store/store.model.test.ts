/**
 * The engine against a model that is a Map: deliveries in any cut and any number of times, seals, merges, retention, and
 * crashes. Each record is in the store once, whatever happened, and nothing that was dropped comes back.
 * `P2L_MODEL_SEED=n` runs one seed, `P2L_MODEL_RUNS=n` sets how many run.
 */
import assert from 'node:assert/strict';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { FakeClock } from '../core/clock.ts';
import type { StoredBatch } from '../core/record-store.ts';
import { allRecords, copySegment, makeBatch, makeStoreDirectory, neverAborted, openStore } from './engine-fixture.ts';
import type { TestRow } from './engine-fixture.ts';
import type { Engine } from './engine.ts';
import { writeSegment } from './seal.ts';
import type { Snapshot } from './snapshot.ts';

const hourMs = 3_600_000;
const actionsPerSeed = 40;

/** Numbers that look like chance, the same for the same seed. */
function makeRandom(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return ((state ^ (state >>> 13)) >>> 0) % below;
  };
}

/** What one shard's records give the store: deterministic, as routing is. Every third offset gives nothing, some give several. */
function emissionsOf(shard: string, offset: number): TestRow[] {
  const kind = (offset * 7 + shard.length) % 12;
  if (kind % 3 === 2) return [];
  const json = `{"id":"${shard}-${offset}"${offset % 5 === 0 ? String.raw`,"url":"a\/b"` : ''}}`;
  if (kind !== 0) return [{ offset, json }];
  return [0, 1, 3].map((ordinal) => ({ offset, ordinal, json: `{"id":"${shard}-${offset}.${ordinal}"}` }));
}
const idOf = (shard: string, { offset, ordinal }: TestRow): string =>
  `${shard}-${offset}${ordinal === undefined ? '' : `.${ordinal}`}`;

class Run {
  readonly #random: (below: number) => number;
  readonly #directory: string;
  readonly #clock = new FakeClock(Date.UTC(2026, 10, 21, 15, 30));
  readonly #isReal: boolean;
  #engine: Engine | undefined;
  #copies = 0;
  /** Ids in the store, and all that were taken, dropped ones included. */
  readonly #present = new Set<string>();
  readonly #taken = new Set<string>();
  readonly #heads = new Map([
    ['shard-a', 0],
    ['shard-bb', 0],
    ['shard-ccc', 0],
  ]);
  #held: { snapshot: Snapshot; ids: string[] } | undefined;

  constructor(seed: number, directory: string) {
    this.#random = makeRandom(seed);
    this.#directory = directory;
    this.#isReal = seed % 4 === 0;
  }
  async run(): Promise<void> {
    await this.#open();
    for (let count = 0; count < actionsPerSeed; count++) {
      await this.#act();
      if (count % 5 === 4) await this.#check();
    }
    await this.#letGo();
    await this.#engine?.close();
  }
  get #store(): Engine {
    assert.ok(this.#engine);
    return this.#engine;
  }
  async #open(): Promise<void> {
    this.#engine = await openStore(join(this.#directory, String(this.#copies)), {
      clock: this.#clock,
      hotRows: 60,
      keepMs: 40 * hourMs,
      writeSegment: this.#isReal ? writeSegment : copySegment,
    });
  }
  async #act(): Promise<void> {
    const kind = this.#random(20);
    if (kind < 10) return this.#deliver();
    if (kind < 12) return this.#deliverAtOnce();
    if (kind < 14) return this.#wait(this.#random(2) === 0 ? 11_000 : 1000);
    if (kind < 15) return this.#wait(9 * hourMs);
    if (kind < 16) return this.#hold();
    if (kind < 17) return this.#reopen();
    return this.#crash();
  }

  /** A cut of a shard anywhere at or before its head, as a delivery that begins again would make it. */
  #cut(shard: string): { batch: StoredBatch; rows: TestRow[] } {
    const head = this.#heads.get(shard) ?? 0;
    const from = this.#random(3) === 0 ? this.#random(head + 1) : Math.max(0, head - this.#random(12));
    const to = from + 1 + this.#random(50);
    this.#heads.set(shard, Math.max(head, to));
    const all = Array.from({ length: to - from }, (_, i) => emissionsOf(shard, from + i)).flat();
    const isSpan = this.#random(3) > 0;
    // Without a span some emissions of a record come now and others another time.
    const rows = isSpan ? all : all.filter(() => this.#random(4) > 0);
    const batch = makeBatch(rows, {
      shard,
      span: isSpan ? { from, to } : undefined,
      doneBelow: this.#random(2) === 0 ? this.#lowOf(shard) : 0,
      appendMs: this.#clock.nowMs(),
      tag: `tag.${this.#random(3)}`,
    });
    return { batch, rows };
  }
  /** All emissions below it were taken. */
  #lowOf(shard: string): number {
    const head = this.#heads.get(shard) ?? 0;
    for (let offset = 0; offset < head; offset++)
      if (emissionsOf(shard, offset).some((row) => !this.#taken.has(idOf(shard, row)))) return offset;
    return head;
  }
  #took(shard: string, rows: readonly TestRow[]): void {
    for (const row of rows) {
      const id = idOf(shard, row);
      if (!this.#taken.has(id)) this.#present.add(id);
      this.#taken.add(id);
    }
  }
  #shard(): string {
    return [...this.#heads.keys()][this.#random(3)] ?? '';
  }
  async #deliver(): Promise<void> {
    const shard = this.#shard();
    const cuts = Array.from({ length: 1 + this.#random(3) }, () => this.#cut(shard));
    await this.#store.insert(
      cuts.map(({ batch }) => batch),
      neverAborted,
    );
    for (const { rows } of cuts) this.#took(shard, rows);
  }
  async #deliverAtOnce(): Promise<void> {
    const calls = Array.from({ length: 4 }, () => {
      const shard = this.#shard();
      return { shard, ...this.#cut(shard) };
    });
    await Promise.all(calls.map(({ batch }) => this.#store.insert([batch], neverAborted)));
    for (const { shard, rows } of calls) this.#took(shard, rows);
  }
  /** Time passes: what is quiet is sealed and merged, what is old is dropped. */
  async #wait(ms: number): Promise<void> {
    await this.#store.idle();
    const before = new Map<string, string[]>();
    for (const view of this.#store.views()) before.set(view.name, (await this.#idsIn([view.name])).sort());
    this.#clock.advance(ms);
    // An insert of nothing waits for the turn of what time began, and drops what is due.
    await this.#store.insert([makeBatch([])], neverAborted);
    await this.#store.idle();
    const names = new Set(this.#store.views().map((view) => view.name));
    for (const [name, ids] of before) if (!names.has(name)) for (const id of ids) this.#present.delete(id);
  }
  async #hold(): Promise<void> {
    await this.#letGo();
    const view = this.#store.views()[0];
    if (!view) return;
    const snapshot = await view.snapshot();
    this.#held = { snapshot, ids: await idsOf(snapshot) };
  }
  /** A snapshot that was held saw the same all the time. */
  async #letGo(): Promise<void> {
    if (!this.#held) return;
    const { snapshot, ids } = this.#held;
    this.#held = undefined;
    assert.deepEqual(await idsOf(snapshot), ids);
    await snapshot.release();
  }
  async #reopen(): Promise<void> {
    await this.#letGo();
    await this.#store.close();
    await this.#open();
  }
  /** The files as they are go on living elsewhere: whatever was not written is lost. */
  async #crash(): Promise<void> {
    await this.#letGo();
    await this.#store.idle();
    const from = join(this.#directory, String(this.#copies++));
    const to = join(this.#directory, String(this.#copies));
    await cp(from, to, { recursive: true });
    await this.#store.close();
    await rm(from, { recursive: true });
    await this.#open();
  }

  async #idsIn(names: readonly string[]): Promise<string[]> {
    const ids: string[] = [];
    for (const view of this.#store.views()) {
      if (!names.includes(view.name)) continue;
      const snapshot = await view.snapshot();
      ids.push(...(await idsOf(snapshot)));
      await snapshot.release();
    }
    return ids;
  }
  async #check(): Promise<void> {
    const records = await allRecords(this.#store);
    const ids = records.map((record) => record.split(' ')[0] ?? '');
    assert.deepEqual(ids, [...this.#present].sort());
    for (const record of records) {
      const [id = ''] = record.split(' ');
      assert.ok(record.includes(`"id":"${id}"`), record);
      assert.ok(!record.includes(String.raw`\/`), record);
    }
    const status = await this.#store.status();
    assert.equal(status.records, ids.length);
  }
}

async function idsOf(snapshot: Snapshot): Promise<string[]> {
  const ids: string[] = [];
  for (const { sql } of snapshot.tables)
    for (const [shard, offset, ordinal] of await snapshot.connection.rows(
      `SELECT shard, "offset", ordinal FROM ${sql}`,
    )) {
      const name = snapshot.shards.get(Number(shard)) ?? '?';
      ids.push(`${name}-${Number(offset)}${Number(ordinal) < 0 ? '' : `.${Number(ordinal)}`}`);
    }
  return ids.sort();
}

const onlySeed = process.env['P2L_MODEL_SEED'];
const runs = Number(process.env['P2L_MODEL_RUNS'] ?? 4);
const seeds = onlySeed ? [Number(onlySeed)] : Array.from({ length: runs }, (_, i) => i + 1);
for (const seed of seeds)
  test(`each record once, seed ${seed}`, async (context) => {
    await new Run(seed, await makeStoreDirectory(context)).run();
  });
