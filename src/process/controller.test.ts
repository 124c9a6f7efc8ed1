import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OutputStatus } from '../delivery/contract.ts';
import { Controller } from './controller.ts';
import type { ControllerOptions } from './controller.ts';
import type { Generation } from './generations.ts';

const account = (id: string): OutputStatus =>
  ({ id, delivered: 0, refused: {}, passed: 0, waiting: 3 }) as OutputStatus;
const generation = { number: 4, model: { outputs: [{ id: 'a', plugin: { type: 'file' } }] } } as unknown as Generation;

/** Of a program whose outputs are there once `use` is over. */
function controllerOver(use: () => Promise<void>): Controller {
  let outputs: OutputStatus[] = [];
  return new Controller({
    deliverer: {
      use: () => use().then(() => void (outputs = [account('a')])),
      outputs: () => outputs,
      routerStatus: () => account('@router'),
      askTargets: () => undefined,
      isFull: false,
    },
    directory: { totalBytes: () => 0, shards: () => [] },
    receivers: { processes: () => Promise.resolve([]) },
    journalBytesMax: 1,
  } as unknown as ControllerOptions);
}

test('who asks while the program starts hears of its outputs', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const controller = controllerOver(() => promise);
  const starting = controller.startDelivering(generation);
  const asked = controller.status();
  resolve();
  const { generation: number, outputs } = await asked;
  assert.deepEqual([number, outputs.map(({ id, type, waiting }) => [id, type, waiting])], [4, [['a', 'file', 3]]]);
  await starting;
});

test('who asks while a start fails is answered', async () => {
  const controller = controllerOver(() => Promise.reject(new Error('no')));
  const asked = controller.status();
  await assert.rejects(controller.startDelivering(generation), /no/);
  assert.deepEqual((await asked).outputs, []);
});
