/** Topics of the test's broker, and kcat: an independent client in C that reads back what was sent. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Admin } from '@platformatic/kafka';

const run = promisify(execFile);

/** Makes topics with so many partitions. */
export async function makeTopics(
  broker: string,
  names: readonly string[],
  options: { readonly partitions?: number; readonly configs?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [broker] });
  const configs = Object.entries(options.configs ?? {}).map(([name, value]) => ({ name, value }));
  await admin.createTopics({ topics: [...names], partitions: options.partitions ?? 3, replicas: 1, configs });
  await admin.close();
}

/** A record as kcat prints it with `-J`. */
export interface KcatRecord {
  readonly partition: number;
  readonly offset: number;
  readonly ts: number;
  readonly key: string | null;
  readonly payload: string | null;
  readonly headers?: readonly string[];
}

/** All committed records of a topic. */
export async function consume(broker: string, topic: string, ...more: readonly string[]): Promise<KcatRecord[]> {
  const args = ['-b', broker, '-C', '-t', topic, '-e', '-q', '-J', '-X', 'isolation.level=read_committed', ...more];
  const { stdout } = await run('kcat', args, { maxBuffer: 1024 * 1024 * 1024 });
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as KcatRecord);
}

/** Sends lines `key:value`. */
export async function send(
  broker: string,
  topic: string,
  lines: readonly string[],
  ...more: readonly string[]
): Promise<void> {
  const child = run('kcat', ['-b', broker, '-P', '-t', topic, '-K:', ...more]);
  child.child.stdin?.end(lines.join('\n'));
  await child;
}
