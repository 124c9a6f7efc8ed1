/** What the tests of delivery run in. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { defaultBuffer } from '../../src/config/model.ts';
import type { BufferModel } from '../../src/config/model.ts';
import { FakeClock } from '../../src/core/clock.ts';
import { FakeDisk } from '../../src/core/disk-fake.ts';
import { OperatingError } from '../../src/core/errors.ts';
import { silentLog } from '../../src/core/log.ts';
import { Metrics } from '../../src/core/metrics.ts';
import type { AppendRequest, Chunk, Output, WriteResult } from '../../src/core/plugin.ts';
import type { Router } from '../../src/router/contract.ts';
import { Dispatcher } from '../../src/router/dispatcher.ts';
import { FakeJournal } from '../../src/router/journal-fake.ts';
import type { Delivery, OutputPlan, OutputStatus } from '../../src/delivery/contract.ts';
import { decodeDeadLetter } from '../../src/delivery/dead-letter.ts';
import type { DeadLetter } from '../../src/delivery/dead-letter.ts';
import { openDelivery } from '../../src/delivery/delivery.ts';

/** Tag `x` goes to output x; a tag in capitals is rejected. */
const router: Router = {
  outputs: new Set(['x', 'y']),
  route: (batch) =>
    batch.tag === batch.tag.toUpperCase()
      ? { emissions: [], refusals: [{ reason: 'shouting', batch, isKept: true }] }
      : { emissions: [{ output: batch.tag, batch }], refusals: [] },
};

export type Write = (
  ids: string[],
  chunk: Chunk,
  signal: AbortSignal,
) => Promise<WriteResult | void> | WriteResult | void;

/** A delivery with all that is around it in memory, for tests. */
export class Trial {
  readonly clock = new FakeClock();
  readonly journal = new FakeJournal();
  readonly metrics = new Metrics();
  readonly said: string[] = [];
  readonly happened: string[] = [];
  readonly dead: DeadLetter[] = [];
  disk = new FakeDisk(this.clock);
  delivery!: Delivery;
  dispatcher!: Dispatcher;
  failDead: () => Error | undefined = () => undefined;

  async start(
    plans: readonly OutputPlan[],
    options: { queueBytesMax?: number; stagedBytesMax?: number } = {},
  ): Promise<void> {
    const log = silentLog();
    for (const level of ['warn', 'error', 'fatal'] as const)
      log[level] = (...given: unknown[]) => {
        this.said.push(`${level} ${String(given.at(-1))}`);
      };
    const dispatcher = new Dispatcher({
      directory: this.journal,
      routerFor: () => router,
      generation: 1,
      clock: this.clock,
      log,
      gapMs: 0,
    });
    this.dispatcher = dispatcher;
    this.delivery = await openDelivery({
      dataDir: '/d',
      disk: this.disk,
      clock: this.clock,
      log,
      metrics: this.metrics,
      appendDead: (request) => this.#keepDead(request),
      shards: () => this.journal.shards(),
      onRecipients: (recipients) => dispatcher.setRecipients(recipients),
      random: () => 0.5,
      ...options,
    });
    await this.delivery.setOutputs(plans);
    dispatcher.setRecipients(this.delivery.recipients());
    this.journal.onChange(() => dispatcher.wake());
    dispatcher.start();
  }
  /** An output that notes what happens to it. */
  plan(
    id: string,
    write: Write = () => undefined,
    more: Partial<Omit<OutputPlan, 'buffer'>> & { readonly buffer?: Partial<BufferModel> } = {},
  ) {
    const buffer = { ...defaultBuffer, ...more.buffer };
    const create = (): Output => this.output(id, write);
    return { id, signature: '1', create, ...more, buffer } satisfies OutputPlan;
  }
  output(name: string, write: Write = () => undefined): Output {
    return {
      write: async (chunk, signal) => {
        const ids = idsOf(chunk);
        this.happened.push(`${name} write ${ids.join(' ')}`);
        return write(ids, chunk, signal);
      },
      close: async () => {
        this.happened.push(`${name} close`);
      },
    };
  }
  append(count: number, tag = 'x'): void {
    this.journal.append(
      's',
      tag,
      Array.from({ length: count }, (_, n) => JSON.stringify({ n })),
    );
  }
  async settle(ms = 0): Promise<void> {
    for (let turn = 0; turn < 60; turn++) await nextTurn();
    for (let leftMs = ms; leftMs > 0; leftMs -= 100) {
      this.clock.advance(Math.min(100, leftMs));
      for (let turn = 0; turn < 20; turn++) await nextTurn();
    }
  }
  status(id = 'x'): OutputStatus {
    return this.delivery.status().find((status) => status.id === id) as OutputStatus;
  }
  /** Stops with all the time it needs. */
  async stop(graceMs = 0) {
    const stopping = this.delivery.stop(graceMs);
    await this.settle(graceMs + 3000);
    const left = await stopping;
    await this.dispatcher.stop();
    return left;
  }
  async #keepDead(request: AppendRequest): Promise<void> {
    const error = this.failDead();
    if (error) throw error;
    await nextTurn();
    for (const payload of request.records.payloads) this.dead.push(decodeDeadLetter(Buffer.from(payload)));
  }
}
function idsOf(chunk: Chunk): string[] {
  return chunk.batches.flatMap((part) =>
    Array.from({ length: part.batch.count }, (_, row) => part.emissionId(row).slice(2)),
  );
}
/** A target's answer, for tests. */
export const refuse = (): never => {
  throw new OperatingError('OUTPUT_REFUSED', 'bad record');
};
/** No answer of a target, for tests. */
export const unreachable = (): never => {
  throw new OperatingError('OUTPUT_UNREACHABLE', 'connection refused');
};
