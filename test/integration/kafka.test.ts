/** Kafka for real: a broker that is killed and comes back, logins, records it will not take, and the way there and back. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { cp, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { errorText } from '../../src/core/errors.ts';
import { kafka2Output } from '../../src/outputs/kafka2.ts';
import { builtinPlugins } from '../../src/plugins.ts';
import { root } from '../files.ts';
import { configOf, contextOf, outputContextOf } from '../fixture.ts';
import { startProgram, temporaryDirectory, until } from '../program.ts';
import type { Program } from '../program.ts';
import { startService } from '../services/fixture.ts';
import { certificates, kafka, kafkaUser } from '../services/kafka.ts';
import { consume, makeTopics, send } from './kafka-fixture.ts';

const payloads = (records: readonly { readonly payload: string | null }[]): string[] =>
  records.map(({ payload }) => payload ?? '').toSorted();

/** The program with a configuration, which gets what is written to its standard input. */
async function startWith(context: TestContext, config: string, dataDir?: string): Promise<Program> {
  const path = join(await temporaryDirectory(context), 'fluent.conf');
  await writeFile(path, config);
  const program = await startProgram(context, {
    args: ['run', '--config', path],
    ...(dataDir !== undefined && { dataDir }),
  });
  return program.ready();
}
const source = `<source>
  @type stdin
  tag lines
  <parse>
    @type json
  </parse>
</source>
`;
/** A match that sends to the topic at once. */
const match = (broker: string, topic: string, ...lines: readonly string[]): string => `<match **>
  @type kafka2
  brokers ${broker}
  default_topic ${topic}
  ${lines.join('\n  ')}
  <format>
    @type json
  </format>
  <buffer>
    flush_interval 0.1
    retry_max_interval 1
  </buffer>
</match>
`;
async function waiting(program: Program): Promise<number> {
  return (await program.status()).outputs.reduce((sum, output) => sum + output.waiting, 0);
}
async function feed(program: Program, lines: readonly string[]): Promise<void> {
  program.child.stdin?.write(lines.map((line) => `${line}\n`).join(''));
  await until('the lines to be in the journal', async () => (await program.status()).appended >= lines.length);
}

test('the configuration of the first installations, with a broker that is killed in between', async (context) => {
  const broker = await startService(context, kafka);
  const address = broker.addresses['plain'] ?? '';
  await makeTopics(address, ['test']);
  const text = readFileSync(join(root, 'deploy/examples/kafka/fluent.conf'), 'utf8');
  const program = await startProgram(context, {
    env: {
      P2L_ENDPOINT: '/postback/test',
      P2L_FLUENTD_EXTRACFG: text.replace('127.0.0.1:9092', address).replace('flush_interval 10s', 'flush_interval 1s'),
    },
  });
  await program.ready();
  const post = async (n: number): Promise<void> => {
    const answer = await program.post('/postback/test', `{"n":${n}}`, { 'content-type': 'application/json' });
    assert.equal(answer.status, 200);
  };
  for (let n = 0; n < 50; n++) await post(n);
  await until('the first records to be in Kafka', async () => (await waiting(program)) === 0);
  await broker.kill();
  for (let n = 50; n < 100; n++) await post(n);
  await until('the output to say what is wrong', async () =>
    (await program.status()).outputs.some(({ lastError }) => /ECONNREFUSED.*check brokers/.test(lastError ?? '')),
  );
  await broker.restart();
  await until('the others to be there too', async () => (await waiting(program)) === 0);
  assert.equal(await program.stop(), 0, program.stderr);
  const records = await consume(address, 'test');
  const numbers = records.map(({ payload }) => (JSON.parse(payload ?? '') as { n: number }).n);
  assert.deepEqual(
    numbers.toSorted((a, b) => a - b),
    Array.from({ length: 100 }, (_, n) => n),
  );
});

test('logins, TLS with a client certificate, and what is said without them', async (context) => {
  const broker = await startService(context, kafka);
  const { plain = '', sasl = '', tls = '' } = broker.addresses;
  await makeTopics(plain, ['t']);
  const { ca, cert, key } = certificates(broker);
  const login = (...more: readonly string[]): string[] => [
    `username ${kafkaUser.name}`,
    `password ${kafkaUser.password}`,
    'sasl_over_ssl false',
    ...more,
  ];
  const ways: readonly (readonly [string, string, readonly string[]])[] = [
    ['plain', sasl, login()],
    ['sha256', sasl, login('scram_mechanism sha256', 'compression_codec gzip')],
    ['sha512', sasl, login('scram_mechanism sha512', 'compression_codec snappy')],
    [
      'tls',
      tls,
      [`ssl_ca_cert ${ca}`, `ssl_client_cert ${cert}`, `ssl_client_cert_key ${key}`, 'compression_codec lz4'],
    ],
    ['zstd', plain, ['compression_codec zstd', 'idempotent true']],
    ['one', plain, ['required_acks 1']],
    ['none', plain, ['required_acks 0']],
  ];
  for (const [name, address, lines] of ways) {
    const program = await startWith(context, source + match(address, 't', ...lines));
    await feed(program, [`{"way":"${name}"}`]);
    await until(`a record by ${name}`, async () => (await waiting(program)) === 0);
    assert.equal(await program.stop(), 0, program.stderr);
  }
  assert.deepEqual(payloads(await consume(plain, 't')), ways.map(([name]) => `{"way":"${name}"}`).toSorted());

  const probe = async (address: string, topic: string, options: Record<string, unknown>): Promise<string> => {
    assert.ok(kafka2Output.kind === 'output');
    const config = configOf(kafka2Output, { brokers: [address], defaultTopic: topic, connectTimeout: 3, ...options });
    const output = kafka2Output.create(config, outputContextOf(contextOf(builtinPlugins)));
    try {
      await output.probe?.();
      return 'fine';
    } catch (error) {
      return errorText(error);
    } finally {
      await output.close();
    }
  };
  const wrong = { username: 'x', password: 'y', saslOverSsl: false };
  assert.equal(await probe(plain, 't', {}), 'fine');
  assert.match(await probe(plain, 'absent', {}), /topic absent.*create the topic/);
  assert.match(await probe(sasl, 't', wrong), /SASL_AUTHENTICATION_FAILED.*check username, password/);
  assert.match(await probe(tls, 't', {}), /this port speaks TLS|does not answer/);
  assert.match(await probe(tls, 't', { sslCaCertsFromSystem: true }), /name its issuer in ssl_ca_cert/);
  assert.match(await probe('127.0.0.1:1', 't', {}), /ECONNREFUSED.*nothing listens there/);
});

test('records that the broker refuses go to the dead letters, alone', async (context) => {
  const broker = await startService(context, kafka);
  const address = broker.addresses['plain'] ?? '';
  await makeTopics(address, ['small'], { partitions: 1, configs: { 'max.message.bytes': '20000' } });
  for (const options of [[], ['idempotent true'], ['exactly_once true']]) {
    const program = await startWith(context, source + match(address, 'small', ...options));
    const records = Array.from({ length: 200 }, (_, n) => `{"n":${n},"pad":"${'x'.repeat(n === 120 ? 50_000 : 300)}"}`);
    await feed(program, [...records, '{"topic":"not there"}', '{"topic":"not-there"}', '{"partition":5}']);
    await until('all to be over', async () => (await waiting(program)) === 0);
    const { outputs } = await program.status();
    const [output] = outputs.filter(({ id }) => id.startsWith('kafka2'));
    assert.equal(output?.delivered, 199, JSON.stringify(outputs));
    const reasons = Object.keys(output.refused).join('\n');
    assert.match(reasons, /MESSAGE_TOO_LARGE/);
    assert.match(reasons, /"not there" is no name of a topic/);
    assert.match(reasons, /not-there/);
    assert.match(reasons, /has no partition 5/);
    assert.equal(await program.stop(), 0, program.stderr);
  }
  assert.equal((await consume(address, 'small')).length, 3 * 199);
});

test('keys choose the partitions that librdkafka chooses', async (context) => {
  const broker = await startService(context, kafka);
  const address = broker.addresses['plain'] ?? '';
  const names = ['consistent_random', 'murmur2_random', 'fnv1a_random', 'consistent', 'murmur2', 'fnv1a'];
  await makeTopics(
    address,
    names.flatMap((name) => [`ours-${name}`, `theirs-${name}`]),
    { partitions: 7 },
  );
  const keys = Array.from({ length: 60 }, (_, n) => `key-${n}${'-ü'.repeat(n % 5)}`);
  for (const name of names) {
    await send(
      address,
      `theirs-${name}`,
      keys.map((key) => `${key}:v`),
      '-X',
      `topic.partitioner=${name}`,
    );
    const config = `${source}<match **>
  @type rdkafka2
  brokers ${address}
  default_topic ours-${name}
  rdkafka_options {"partitioner":"${name}"}
  <format>
    @type json
  </format>
  <buffer>
    flush_interval 0.1
  </buffer>
</match>`;
    const program = await startWith(context, config);
    await feed(
      program,
      keys.map((key) => JSON.stringify({ message_key: key })),
    );
    await until('all to be sent', async () => (await waiting(program)) === 0);
    assert.equal(await program.stop(), 0, program.stderr);
    const places = async (topic: string): Promise<string[]> =>
      (await consume(address, topic)).map(({ key, partition }) => `${key} ${partition}`).toSorted();
    assert.deepEqual(await places(`ours-${name}`), await places(`theirs-${name}`), name);
  }
});

test('there and back: each record once, though both programs are killed', async (context) => {
  const broker = await startService(context, kafka);
  const address = broker.addresses['plain'] ?? '';
  await makeTopics(address, ['edge']);
  const directory = await temporaryDirectory(context);
  const lines = join(directory, 'lines.log');
  const [edgeData, aggregatorData] = [join(directory, 'edge'), join(directory, 'aggregator')];
  const count = 20_000;
  await writeFile(lines, Array.from({ length: count }, (_, n) => `{"n":${n},"pad":"${'x'.repeat(100)}"}\n`).join(''));
  const edge = `<source>
  @type tail
  path ${lines}
  tag edge
  read_from_head true
  <parse>
    @type json
  </parse>
</source>
${match(address, 'edge', 'exactly_once true')}`;
  const aggregator = `<source>
  @type kafka_group
  brokers ${address}
  consumer_group aggregator
  topics /^ed.e$/
  add_prefix from
  session_timeout 10
</source>
<match from.edge>
  @type file
  path ${join(directory, 'out', 'records')}
  append true
  <format>
    @type json
  </format>
</match>`;
  let one = await startWith(context, edge, edgeData);
  let two = await startWith(context, aggregator, aggregatorData);
  const numbers = async (): Promise<number[]> => {
    const names = await readdir(join(directory, 'out')).catch(() => []);
    const text = (await Promise.all(names.map((name) => readFile(join(directory, 'out', name), 'utf8')))).join('');
    return text
      .split('\n')
      .filter((line) => line.endsWith('}'))
      .map((line) => (JSON.parse(line) as { n: number }).n);
  };
  for (let kill = 0; kill < 3; kill++) {
    await until('some records more', async () => (await numbers()).length > kill * 4000);
    await Promise.all([one.kill(), two.kill()]);
    one = await startWith(context, edge, edgeData);
    two = await startWith(context, aggregator, aggregatorData);
  }
  await until('all to be sent', async () => (await waiting(one)) === 0);
  await until('all to be back', async () => (await numbers()).length >= count);
  assert.equal(await one.stop(), 0, one.stderr);
  assert.equal(await two.stop(), 0, two.stderr);
  assert.deepEqual(
    (await numbers()).toSorted((a, b) => a - b),
    Array.from({ length: count }, (_, n) => n),
  );
  const sent = await consume(address, 'edge');
  assert.equal(sent.length, count);
  assert.ok(sent.every(({ headers = [] }) => headers.includes('post2log-origin')));
});

test('of two programs on copies of one data directory the older stops and says so: OUTPUT_FENCED', async (context) => {
  const broker = await startService(context, kafka);
  const address = broker.addresses['plain'] ?? '';
  await makeTopics(address, ['fenced']);
  const directory = await temporaryDirectory(context);
  const config = source + match(address, 'fenced', 'exactly_once true');
  const older = await startWith(context, config, join(directory, 'older'));
  await feed(older, ['{"n":1}']);
  await until('the first record to be sent', async () => (await waiting(older)) === 0);
  await cp(join(directory, 'older', 'outputs'), join(directory, 'newer', 'outputs'), { recursive: true });
  const newer = await startWith(context, config, join(directory, 'newer'));
  await feed(newer, ['{"n":2}']);
  await until('the newer to send', async () => (await waiting(newer)) === 0);
  older.child.stdin?.write('{"n":3}\n');
  await until('the older to say what happened', async () =>
    (await older.status()).outputs.some(({ lastError }) =>
      /another program writes to Kafka as post2log-/.test(lastError ?? ''),
    ),
  );
  assert.equal(await waiting(older), 1);
  newer.child.stdin?.write('{"n":4}\n');
  await until('the newer to go on', async () =>
    (await newer.status()).outputs.some(({ delivered }) => delivered === 2),
  );
  assert.deepEqual(payloads(await consume(address, 'fenced')), ['{"n":1}', '{"n":2}', '{"n":4}']);
});

test('Fluent Bit’s spelling, there and back', async (context) => {
  const broker = await startService(context, kafka);
  const address = broker.addresses['plain'] ?? '';
  await makeTopics(address, ['first', 'second'], { partitions: 1 });
  const directory = await temporaryDirectory(context);
  const path = join(directory, 'fluent-bit.conf');
  await writeFile(
    path,
    `[SERVICE]
    Flush 0.1
[INPUT]
    Name dummy
    Tag  d
    Dummy {"n":1.0,"t":"second","k":"key"}
    Samples 1
[INPUT]
    Name     kafka
    Tag      back
    Brokers  ${address}
    Topics   second
    Format   json
    rdkafka.auto.offset.reset earliest
[OUTPUT]
    Name     kafka
    Match    d
    Brokers  ${address}
    Topics   first,second
    Topic_Key t
    Message_Key_Field k
    Timestamp_Format iso8601
    rdkafka.compression.codec lz4
[OUTPUT]
    Name   file
    Match  back
    Path   ${directory}
    File   out.txt
`,
  );
  const program = await startProgram(context, { args: ['run', '--config', path] });
  await program.ready();
  const text = await until('the record to be back', () =>
    readFile(join(directory, 'out.txt'), 'utf8').then(
      (one) => one.endsWith('\n') && one,
      () => undefined,
    ),
  );
  assert.equal(await program.stop(), 0, program.stderr);
  assert.match(
    text,
    /"topic":"second","partition":0,"offset":0,"error":null,"key":"key","payload":\{"@timestamp":"\d{4}-[^"]+Z","n":1\.0,"t":"second","k":"key"\}/,
  );
});
