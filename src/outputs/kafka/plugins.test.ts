/** What the Kafka outputs say of configurations that cannot work, and what the others come to. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { configOf } from '../../../test/fixture.ts';
import { defaultBuffer } from '../../config/model.ts';
import type { BufferModel } from '../../config/model.ts';
import type { Plugin } from '../../core/plugin.ts';
import { kafka2Output } from '../kafka2.ts';
import { rdkafkaOutput } from '../rdkafka.ts';
import { rdkafka2Output } from '../rdkafka2.ts';
import { kafkaOutput } from './index.ts';

function problem(plugin: Plugin, options: Record<string, unknown>, buffer: Partial<BufferModel> = {}): string {
  assert.ok(plugin.kind === 'output');
  try {
    plugin.check?.(configOf(plugin, options), { ...defaultBuffer, ...buffer });
    return 'fine';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('kafka2', () => {
  const cases: readonly (readonly [Record<string, unknown>, RegExp])[] = [
    [{}, /^fine$/],
    [{ brokers: [] }, /there is no broker/],
    [{ brokers: ['a b:1'] }, /broker "a b:1" is no host:port/],
    [{ brokers: ['[::1]:9092', 'kafka', 'SASL_SSL://kafka:9093'] }, /^fine$/],
    [{ topic: 'a b' }, /topic: "a b" is no name of a topic/],
    [{ defaultTopic: '..' }, /default_topic: ".." is no name/],
    [{ topic: 'x-${tag}' }, /chunk key tag is not configured: write <buffer tag>/],
    [{ useDefaultForUnknownTopic: true }, /needs default_topic/],
    [{ username: 'u' }, /username and password must be given together/],
    [{ username: 'u', password: 'p' }, /sent in the clear: set ssl_ca_cert/],
    [{ username: 'u', password: 'p', saslOverSsl: false }, /^fine$/],
    [{ username: 'u', password: 'p', sslCaCertsFromSystem: true, scramMechanism: 'sha512' }, /^fine$/],
    [{ scramMechanism: 'md5' }, /sha256 or sha512 was expected/],
    [{ sslClientCert: 'x' }, /ssl_client_cert and ssl_client_cert_key must be given together/],
    [{ principal: 'x' }, /Kerberos comes with a later version/],
    [{ saslAwsMskIamAwsRegion: 'x' }, /AWS IAM comes with a later version/],
    [{ excludeFields: ['$.'] }, /record accessor/],
    [{ headersFromRecord: { a: '$[' } }, /record accessor/],
    [{ exactlyOnce: true, discardKafkaDeliveryFailed: true }, /exclude each other/],
    [{ cursorTopic: 'no topic' }, /cursor_topic: "no topic"/],
  ];
  for (const [options, expected] of cases)
    test(JSON.stringify(options), () => assert.match(problem(kafka2Output, options), expected));

  test('a placeholder that the chunk keys have is fine', () =>
    assert.equal(problem(kafka2Output, { topic: 'x-${tag[1]}' }, { chunkKeys: ['tag'] }), 'fine'));
});

test('the older plugins say what they miss', () => {
  assert.equal(problem(kafkaOutput, {}), 'fine');
  assert.match(problem(kafkaOutput, { zookeeper: 'z:2181' }), /has none since version 4; write brokers/);
  assert.match(problem(kafkaOutput, { outputDataType: 'attr: ,' }), /attr: names no field/);
  assert.match(
    problem(rdkafkaOutput, { outputDataType: 'a b' }),
    /attr:field,… was expected; kafka2 takes any <format>/,
  );
  assert.match(problem(rdkafkaOutput, { defaultTopic: 'a b' }), /is no name of a topic/);
});

test('properties of librdkafka are checked by name and value', () => {
  const of = (rdkafkaOptions: Record<string, string>) => problem(rdkafka2Output, { rdkafkaOptions });
  assert.equal(of({ 'linger.ms': '5', 'compression.codec': 'zstd', partitioner: 'murmur2_random' }), 'fine');
  assert.match(of({ 'compresion.codec': 'zstd' }), /property compresion.codec of librdkafka is not known here/);
  assert.match(of({ 'compression.codec': 'brotli' }), /one of none, gzip, snappy, lz4, zstd, inherit expected/);
  assert.match(of({ 'security.protocol': 'SASL_SSL' }), /needs sasl.username and sasl.password/);
  assert.match(of({ 'ssl.key.location': 'x' }), /must be given together/);
  assert.match(of({ 'request.timeout.ms': 'soon' }), /a whole number expected/);
});
