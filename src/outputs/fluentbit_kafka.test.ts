/** Fluent Bit's spelling of the Kafka output and source, from its configuration to what is made of it. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { check } from '../cli/check.ts';
import { Registry } from '../core/registry.ts';
import { builtinPlugins } from '../plugins.ts';
import { fluentbitKafkaSource } from '../sources/fluentbit_kafka.ts';
import { fluentbitKafkaOutput } from './fluentbit_kafka.ts';

/** What `check` says of a configuration. */
async function checked(text: string): Promise<{ status: number; said: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'p2l-test-'));
  try {
    const path = join(directory, 'fluent-bit.conf');
    await writeFile(path, text);
    let said = '';
    const take = (piece: string): void => void (said += piece);
    const registry = new Registry(builtinPlugins);
    return { status: await check({ path, env: {}, registry, out: take, err: take }), said };
  } finally {
    await rm(directory, { recursive: true });
  }
}

test('both are known by Fluent Bit’s name', () => {
  const registry = new Registry([fluentbitKafkaOutput, fluentbitKafkaSource]);
  assert.equal(registry.getFluentbit('output', 'Kafka'), fluentbitKafkaOutput);
  assert.equal(registry.getFluentbit('source', 'kafka'), fluentbitKafkaSource);
});

test('properties of librdkafka are read, and their secrets are not shown', async () => {
  const { status, said } = await checked(`[INPUT]
    Name     kafka
    Brokers  in:9092
    Topics   a,^edge-
    Format   json
    rdkafka.auto.offset.reset earliest
[OUTPUT]
    Name     kafka
    Match    *
    Brokers  out:9092
    Topics   one,two
    Topic_Key topic
    Timestamp_Format iso8601
    rdkafka.security.protocol SASL_SSL
    rdkafka.sasl.username u
    rdkafka.sasl.password never-shown
    rdkafka.Compression.Codec zstd
`);
  assert.equal(status, 0, said);
  assert.match(said, /zstd/);
  assert.doesNotMatch(said, /never-shown/);
});

test('what cannot work is said with its place', async () => {
  const output = (line: string): Promise<{ status: number; said: string }> =>
    checked(`[INPUT]
    Name dummy
[OUTPUT]
    Name kafka
    Match *
    Brokers out:9092
    ${line}
`);
  for (const [line, expected] of [
    ['rdkafka.no.such true', /property no.such of librdkafka is not known here/],
    ['Format gelf', /json, msgpack, raw/],
    ['Format raw', /format raw needs raw_log_key/],
    ['Topics a/b', /is no name of a topic/],
    ['rdkafka.security.protocol sasl_ssl', /needs sasl.username and sasl.password/],
  ] as const) {
    const { status, said } = await output(line);
    assert.equal(status, 2, said);
    assert.match(said, expected);
  }
});
