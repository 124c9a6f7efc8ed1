/** Records in a real OpenSearch or Elasticsearch: found as they were sent, each once, whatever the server does in between. */
import assert from 'node:assert/strict';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startProgram, temporaryDirectory, until } from '../program.ts';
import type { Program } from '../program.ts';
import type { Running, Service } from '../services/contract.ts';
import { startService } from '../services/fixture.ts';

const examples = fileURLToPath(new URL('../../deploy/examples/taco-logging', import.meta.url));

let running: Promise<Running>;

/** One server for all of them: it takes half a minute to start on a loaded machine. */
export function searchTests(title: string, service: Service): void {
  test(title, async (t) => {
    running = startService(t, service);
    await t.test('the sample document of TACO Logging is found field for field', sampleDocument);
    await t.test('Fluent Bit’s es: _type is left out once the server refused it', fluentbitEs);
    await t.test('fields in conflict: refused with the server’s words, or written as text beside', conflicts);
    await t.test('index_retention deletes an old day and leaves all else', retention);
    if (service.name === 'opensearch') await t.test('data streams are made, and written to', dataStreams);
    await t.test('an id that is there: the same document is known again, another one refused', ids);
    await t.test('killed, stopped, read-only and slow in between: each record once', troubles);
  });
}

interface Found {
  readonly hits: { readonly total: { readonly value: number }; readonly hits: readonly Hit[] };
}
interface Hit {
  readonly _index: string;
  readonly _id: string;
  readonly _source: Record<string, unknown>;
}

async function ask(path: string, body?: unknown, method = body === undefined ? 'GET' : 'POST'): Promise<unknown> {
  const answer = await fetch(`${(await running).addresses['http']}${path}`, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  return answer.json();
}
async function search(index: string, query: unknown = { match_all: {} }): Promise<readonly Hit[]> {
  const path = `/${index}/_search?size=10000&allow_no_indices=true&ignore_unavailable=true`;
  await ask(`/${index}/_refresh?allow_no_indices=true&ignore_unavailable=true`, undefined, 'POST');
  // Without hits while its shards are not there yet.
  return ((await ask(path, { query })) as Partial<Found>).hits?.hits ?? [];
}

interface Sender {
  readonly program: Program;
  readonly send: (...lines: string[]) => Promise<void>;
}

/** The program with a file that it tails and one output. */
async function sender(t: TestContext, output: (port: string) => string, tag = 'app'): Promise<Sender> {
  const directory = await temporaryDirectory(t);
  const file = join(directory, 'in.log');
  const config = join(directory, 'fluent.conf');
  const { port } = new URL((await running).addresses['http'] ?? '');
  await writeFile(file, '');
  await writeFile(
    config,
    `<source>
  @type tail
  path ${file}
  tag ${tag}
  read_from_head true
  <parse>
    @type json
    time_key none
  </parse>
</source>
${output(port)}`,
  );
  const program = await startProgram(t, { args: ['run', '--config', config], dataDir: join(directory, 'data') });
  await program.ready();
  return { program, send: (...lines) => appendFile(file, lines.map((line) => `${line}\n`).join('')) };
}

const sample = {
  '@timestamp': '2018-02-04T01:17:27.349Z',
  log: '<probe> WARN: 2018/02/04 01:17:27.349408 Cannot obtain local pods, reporting all (which may impact performance): Get http://localhost:10255/pods/: dial tcp 127.0.0.1:10255: getsockopt: connection refused\n',
  stream: 'stderr',
  time: '2018-02-04T01:17:27.349642941Z',
  kubernetes: {
    pod_name: 'weave-scope-agent-56dfr',
    namespace_name: 'kube-system',
    pod_id: 'efe7252d-e565-11e7-b0d2-90e2bab4f938',
    labels: {
      app: 'weave-scope',
      'controller-revision-hash': '1130764677',
      name: 'weave-scope-agent',
      'pod-template-generation': '1',
      'weave-cloud-component': 'scope',
      'weave-scope-component': 'agent',
    },
    annotations: { 'kubernetes_io/created-by': '{"kind":"SerializedReference","apiVersion":"v1"}\n' },
    host: 'k2-node06',
    container_name: 'agent',
    docker_id: 'fe76859161a19a151e3dbec93db96231b9768452b818f3731f390a7985f4b003',
  },
};

/** A first index may take longer than the usual 5 s on a loaded machine, and what is sent again without an id is there twice. */
const patient = 'request_timeout 2m';

async function sampleDocument(t: TestContext): Promise<void> {
  const example = await readFile(join(examples, 'fluentd.conf'), 'utf8');
  const [, output = ''] = /(<match[\s\S]*<\/match>)/.exec(example) ?? [];
  const { send } = await sender(t, (port) =>
    output
      .replace('elasticsearch-logging', '127.0.0.1')
      .replace('port 9200', `port ${port}\n  ${patient}`)
      .replace('/etc/fluent', examples),
  );
  await send(JSON.stringify(sample));
  const index = 'logstash-2018.02.04';
  const hits = await until('the document', async () => {
    const found = await search(index);
    return found.length > 0 && found;
  });
  assert.deepEqual(
    hits.map(({ _source, _index }) => [_index, _source]),
    [[index, sample]],
  );
  const count = async (query: unknown): Promise<number> => (await search(index, query)).length;
  assert.equal(await count({ term: { 'kubernetes.pod_name': 'weave-scope-agent-56dfr' } }), 1);
  assert.equal(await count({ term: { 'kubernetes.pod_name': 'weave' } }), 0);
  assert.equal(await count({ match: { log: 'performance' } }), 1);
  assert.equal(await count({ match: { log: 'nothing' } }), 0);
}

async function fluentbitEs(t: TestContext): Promise<void> {
  const { send } = await sender(
    t,
    (port) => `<match **>\n  @type es\n  host 127.0.0.1\n  port ${port}\n  index flb\n  generate_id true\n</match>`,
  );
  await send('{"a":1}', '{"a":2}');
  await until('both documents', async () => (await search('flb')).length === 2);
}

async function conflicts(t: TestContext): Promise<void> {
  const output = (port: string, divert: boolean): string =>
    `<match **>
  @type elasticsearch
  host 127.0.0.1
  port ${port}
  index_name types-${divert}
  ${patient}
  ${divert ? 'field_conflicts divert' : ''}
</match>`;
  const lines = ['{"n":1,"o":{"p":1}}', '{"n":"x"}', '{"n":{"q":1}}', '{"o":5}', '{"o":{"p":"y"}}', '{"n":"7"}'];
  const refusing = await sender(t, (port) => output(port, false));
  await refusing.send(lines[0] as string);
  await until('the first document', async () => (await search('types-false')).length === 1);
  await refusing.send(...lines.slice(1));
  const refused = await until('refusals', async () => {
    const [found] = (await refusing.program.status()).outputs;
    const counts = Object.values(found?.refused ?? {}).reduce((sum, count) => sum + count, 0);
    return counts === 4 && found?.delivered === 2 && found;
  });
  assert.ok(Object.keys(refused.refused).some((reason) => reason.includes('OUTPUT_REFUSED')));
  assert.equal((await search('types-false')).length, 2);
  const diverting = await sender(t, (port) => output(port, true));
  await diverting.send(lines[0] as string);
  await until('the first document', async () => (await search('types-true')).length === 1);
  await diverting.send(...lines.slice(1));
  const all = await until('all documents', async () => {
    const found = await search('types-true');
    return found.length === lines.length && found;
  });
  assert.deepEqual(
    new Set(all.map(({ _source }) => JSON.stringify(_source))),
    new Set([
      lines[0],
      '{"n__str":"x"}',
      '{"n__str":"{\\"q\\":1}"}',
      '{"o__str":"5"}',
      '{"o":{"p__str":"y"}}',
      '{"n":"7"}',
    ]),
  );
}

async function retention(t: TestContext): Promise<void> {
  const old = ['keep-2001.02.03', 'keep-2001.02.03-x', 'keep-other-2001.02.03', 'keep-2001.02.30'];
  for (const index of old) await ask(`/${index}`, {}, 'PUT');
  await sender(
    t,
    (port) => `<match **>
  @type elasticsearch
  host 127.0.0.1
  port ${port}
  logstash_format true
  logstash_prefix keep
  index_retention 30d
</match>`,
  );
  const names = async (): Promise<string[]> =>
    ((await ask('/_cat/indices/keep-*?format=json')) as { index: string }[]).map(({ index }) => index).toSorted();
  await until('the old day to be deleted', async () => (await names()).length === old.length - 1);
  assert.deepEqual(await names(), old.slice(1).toSorted());
}

async function dataStreams(t: TestContext): Promise<void> {
  const output = (port: string): string => `<match **>
  @type opensearch_data_stream
  host 127.0.0.1
  port ${port}
  data_stream_name logs-\${tag}
  exactly_once true
</match>`;
  // The template of the first holds for the second's name too.
  for (const tag of ['app', 'app-web']) {
    const { send } = await sender(t, output, tag);
    await send('{"a":1}', '{"a":2}');
    const hits = await until('both documents', async () => {
      const found = await search(`logs-${tag}`);
      return found.length === 2 && found;
    });
    assert.ok(hits.every(({ _index, _source }) => _index.startsWith(`.ds-logs-${tag}-`) && '@timestamp' in _source));
  }
}

/** On several shards by a routing; where the server can, in an index that keeps no sources. */
async function ids(t: TestContext): Promise<void> {
  const { version } = (await ask('/')) as { version: { number: string; distribution?: string } };
  const canRebuild = version.distribution === undefined && Number.parseInt(version.number) >= 8;
  // The codec of such indices by default needs a library that is not there.
  const rebuilding = canRebuild && { 'index.mode': 'logsdb', 'index.codec': 'default' };
  await ask('/ids', { settings: { 'index.number_of_shards': 3, ...rebuilding } }, 'PUT');
  const { send, program } = await sender(
    t,
    (port) => `<match **>
  @type elasticsearch
  host 127.0.0.1
  port ${port}
  index_name ids
  id_key id
  routing_key user
  write_operation create
</match>`,
  );
  const one = '"@timestamp":"2026-11-21T01:02:03.123456789+09:00","k.x":1,"k":{"y":0.1},"n":[3,1,3],"z":null';
  const users = ['a', 'b', 'c', 'd'];
  const lines = users.map((user) => `{"id":"${user}1","user":"${user}",${one}}`);
  await send(...lines, ...lines, `{"id":"a1","user":"a","other":1,"@timestamp":"2026-11-21T00:00:00Z"}`);
  const output = await until('all to be written', async () => {
    const [found] = (await program.status()).outputs;
    const counts = Object.values(found?.refused ?? {});
    return found && counts.length > 0 && found.waiting === 0 && found;
  });
  assert.deepEqual([output.delivered, Object.values(output.refused)], [2 * lines.length, [1]]);
  assert.equal((await search('ids')).length, 4);
}

async function troubles(t: TestContext): Promise<void> {
  const { send, program } = await sender(
    t,
    (port) => `<match **>
  @type elasticsearch
  host 127.0.0.1
  port ${port}
  index_name troubles
  request_timeout 2s
  exactly_once true
  <buffer tag>
    flush_interval 0.1
    retry_wait 0.1
    retry_max_interval 0.5
  </buffer>
</match>`,
  );
  const server = await running;
  let sent = 0;
  const more = (count: number): Promise<void> => {
    const from = sent;
    sent += count;
    return send(...Array.from({ length: count }, (_, i) => JSON.stringify({ n: from + i })));
  };
  const troubled = () =>
    until('trouble', async () => (await program.status()).outputs.some(({ lastError }) => lastError !== undefined));
  const arrived = () =>
    until(`${sent} documents`, async () => {
      const [output] = (await program.status()).outputs;
      return output?.delivered === sent;
    });
  await more(500);
  await arrived();
  // Killed while records come.
  await more(500);
  await server.kill();
  await more(500);
  await troubled();
  await server.restart();
  await arrived();
  // Full: a disk beyond its flood stage makes indices read-only, which is answered 429 for each document.
  await ask('/troubles/_settings', { 'index.blocks.read_only_allow_delete': true }, 'PUT');
  await more(500);
  await troubled();
  await ask('/troubles/_settings', { 'index.blocks.read_only_allow_delete': null }, 'PUT');
  await arrived();
  // Slow: it does not answer within the time, but takes what it got once it goes on.
  const [pid] = server.pids;
  assert.ok(pid);
  process.kill(pid, 'SIGSTOP');
  try {
    await more(500);
    await troubled();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await arrived();
  const hits = await search('troubles');
  const numbers = hits.map(({ _source }) => _source['n'] as number).toSorted((a, b) => a - b);
  assert.deepEqual(
    numbers,
    Array.from({ length: sent }, (_, n) => n),
  );
}
