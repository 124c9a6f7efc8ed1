import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointModel } from '../config/model.ts';
import { silentLog } from '../core/log.ts';
import { Endpoints } from './endpoints.ts';

const model = (id: string, port: number, line = 1): EndpointModel => ({
  id,
  plugin: { kind: 'source', type: 't', options: { port }, sections: {}, at: { file: 'f', line, column: 1 } },
});

test('a configuration starts what is new, keeps what is the same, and stops the rest first', async () => {
  const did: string[] = [];
  const endpoints = new Endpoints({
    log: silentLog(),
    make: ({ id, plugin: { options } }) => ({
      start() {
        did.push(`start ${id} ${String(options['port'])}`);
        return Promise.resolve();
      },
      stop() {
        did.push(`stop ${id} ${String(options['port'])}`);
        return Promise.resolve();
      },
    }),
  });
  await endpoints.use({ endpoints: [model('a', 1), model('b', 2)] });
  await endpoints.use({ endpoints: [model('a', 1, 9), model('b', 3)] });
  assert.deepEqual(did.splice(0), ['start a 1', 'start b 2', 'stop b 2', 'start b 3']);
  await endpoints.use({});
  assert.deepEqual(did.splice(0), ['stop a 1', 'stop b 3']);
  await endpoints.close();
  assert.deepEqual(did, []);
});

test('one that cannot start is an error, and is tried again with the next configuration', async () => {
  let isTaken = true;
  const endpoints = new Endpoints({
    log: silentLog(),
    make: () => ({
      start: () => (isTaken ? Promise.reject(new Error('taken')) : Promise.resolve()),
      stop: () => Promise.resolve(),
    }),
  });
  await assert.rejects(endpoints.use({ endpoints: [model('a', 1)] }), /taken/);
  isTaken = false;
  await endpoints.use({ endpoints: [model('a', 1)] });
});
