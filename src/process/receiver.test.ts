import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PipelineModel, SourceModel } from '../config/model.ts';
import { codecs } from '../core/batch.ts';
import { silentLog } from '../core/log.ts';
import type { SourceContext } from '../core/plugin.ts';
import type { JournalAppend, JournalWriter } from '../journal/contract.ts';
import type { Generation } from './generations.ts';
import { Receiver } from './receiver.ts';

const at = { file: 'f', line: 1, column: 1 };
const records = { codec: codecs.json, payloads: ['{}'], exact: [false], seconds: [0], nanos: [0] };

const generation = (number: number, sources: Readonly<Record<string, string>>): Generation => ({
  number,
  model: {
    version: 1,
    sources: Object.entries(sources).map(([id, type]): SourceModel => ({
      id,
      label: '@ROOT',
      plugin: { kind: 'source', type, options: {}, sections: {}, at },
    })),
    labels: {},
    outputs: [],
    plugins: [],
  } satisfies PipelineModel,
});

/** A receiver whose sources append once more when they stop; type `broken` does not start. */
function fixture() {
  const happened: string[] = [];
  const appends = new Map<string, () => Promise<number>>();
  const writer = {
    state: new Map(),
    append: async ({ source, generation: carried }: JournalAppend) => happened.push(`${source} under ${carried}`),
    close: async () => void happened.push('closed'),
  } as unknown as JournalWriter;
  const receiver = new Receiver({
    writer,
    log: silentLog(),
    worker: { index: 0, count: 1 },
    peers: () => ({ call: () => Promise.reject(new Error()), serve: () => undefined }),
    maker: {
      isReplicated: () => true,
      make({ id, plugin }, { append }: Pick<SourceContext, 'append'>) {
        const post = (): Promise<number> => append({ tag: 't', records });
        appends.set(id, post);
        return {
          async start() {
            await new Promise((resolve) => setImmediate(resolve));
            if (plugin.type === 'broken') throw new Error('busy');
            happened.push(`${id} starts`);
          },
          async stop() {
            await new Promise((resolve) => setImmediate(resolve));
            await post();
            happened.push(`${id} stops`);
            if (plugin.type === 'stubborn') throw new Error('no');
          },
        };
      },
    },
  });
  return { receiver, happened, post: (id: string) => appends.get(id)?.() };
}

test('what a source takes while it is stopped belongs to the generation that knows it', async () => {
  const { receiver, happened, post } = fixture();
  await receiver.use(generation(1, { a: 'x', b: 'x' }));
  happened.length = 0;
  await receiver.use(generation(2, { b: 'x' }));
  await post('b');
  assert.deepEqual(happened, ['a under 1', 'a stops', 'b under 2']);
});

test('changes are made one after the other, also when one fails', async () => {
  const { receiver, happened } = fixture();
  await receiver.use(generation(1, { a: 'x' }));
  happened.length = 0;
  const failing = receiver.use(generation(2, { a: 'broken' }));
  const back = receiver.use(generation(1, { a: 'x' }));
  await assert.rejects(failing, /busy/);
  await back;
  assert.deepEqual(happened, ['a under 1', 'a stops', 'a starts']);
});

test('a source that does not stop cleanly holds nothing up', async () => {
  const { receiver, happened } = fixture();
  await receiver.use(generation(1, { a: 'stubborn' }));
  await receiver.use(generation(2, { b: 'x' }));
  assert.deepEqual(happened, ['a starts', 'a under 1', 'a stops', 'b starts']);
});

test('no source starts once it stops', async () => {
  const { receiver, happened } = fixture();
  await receiver.use(generation(1, { a: 'x' }));
  happened.length = 0;
  const late = receiver.use(generation(2, { a: 'x', b: 'x', c: 'x' }));
  const stopped = receiver.stop();
  await assert.rejects(late, { code: 'JOURNAL_CLOSED' });
  await stopped;
  await assert.rejects(receiver.use(generation(3, { a: 'x' })), { code: 'JOURNAL_CLOSED' });
  assert.deepEqual(happened, ['a under 1', 'a stops', 'closed']);
});
