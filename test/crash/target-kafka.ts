/** Kafka under the crash test of targets; kcat counts what is committed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { makeTopics } from '../integration/kafka-fixture.ts';
import { kafka } from '../services/kafka.ts';
import type { CrashTarget } from './targets.ts';

export const kafkaTarget: CrashTarget = {
  name: 'kafka',
  points: ['kafka.before-commit', 'kafka.after-commit', 'delivery.after-write', 'cursor.before-commit'],
  async start(directory) {
    const own = join(directory, 'broker');
    mkdirSync(own);
    await kafka.install();
    const server = await kafka.start(own);
    await makeTopics(server.addresses['plain'] ?? '', ['once', 'plain']);
    return server;
  },
  stores(server) {
    const store = (id: string, isExactlyOnce: boolean): string => `  <store>
    @type kafka2
    @id ${id}
    brokers ${server.addresses['plain']}
    default_topic ${id}
    message_key_key key
    exactly_once ${isExactlyOnce}
    <format>
      @type json
    </format>
    <buffer>
      flush_interval 0.1
      retry_wait 0.2
      retry_max_interval 1
    </buffer>
  </store>`;
    return [store('once', true), store('plain', false)].join('\n');
  },
  async read(server, from, take) {
    const args = [
      '-b',
      server.addresses['plain'] ?? '',
      '-C',
      '-t',
      from,
      '-e',
      '-q',
      '-X',
      'isolation.level=read_committed',
    ];
    const child = spawn('kcat', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    for await (const line of createInterface({ input: child.stdout }))
      take((JSON.parse(line) as { n?: number }).n ?? Number.NaN);
    const [code] = (await exited) as [number | null];
    if (code !== 0) throw new Error(`kcat ended with ${code}`);
  },
};
