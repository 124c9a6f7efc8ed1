import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { batchOf, contextOf, texts } from '../../../test/fixture.ts';
import { filterProblems, makeFilter } from '../../../test/fluentbit-fixture.ts';
import { applied, FakeApi, podObject } from '../../kubernetes/api-fake.ts';
import { loggedTexts } from '../../kubernetes/cluster-fixture.ts';
import { builtinPlugins } from '../../plugins.ts';
import { kubernetesFilter } from './index.ts';

const id = 'a'.repeat(64);
const tag = `kube.var.log.containers.web-1_shop_nginx-${id}.log`;
const parsers = `[PARSER]
    Name   words
    Format regex
    Regex  ^(?<first>\\w+) (?<rest>.*)$
[PARSER]
    Name   json
    Format json
[PARSER]
    Name   byname
    Format regex
    Regex  ^(?<namespace_name>[^.]+)\\.(?<pod_name>[^.]+)\\.(?<container_name>[^.]+)$
`;

async function start(context: TestContext, lines: readonly string[] = [], annotations: Record<string, string> = {}) {
  const api = await FakeApi.start(context);
  api.put(podObject('shop', 'web-1', 'u1', { containers: { nginx: id }, labels: { app: 'web' }, annotations }));
  const { log, texts: said } = loggedTexts();
  const filter = await makeFilter(kubernetesFilter, [`Kube_URL ${api.url}`, ...lines], {
    sections: parsers,
    context: contextOf(builtinPlugins, log),
  });
  const run = async (records: readonly string[], under = tag) => texts(await applied(filter, batchOf(under, records)));
  return { api, filter, run, said };
}
const fields = async (run: (records: readonly string[]) => Promise<string[]>, record: string) =>
  JSON.parse((await run([record]))[0] ?? 'null') as Record<string, Record<string, unknown>>;

test('what the API knows of the pod goes behind the record, in Fluent Bit’s order', async (context) => {
  const { run } = await start(context, [], { note: 'two\nlines' });
  assert.deepEqual(await run(['{"log":"x"}']), [
    `{"log":"x","kubernetes":{"pod_name":"web-1","namespace_name":"shop","pod_id":"u1","labels":{"app":"web"},"annotations":{"note":"two\\nlines"},"host":"node-1","pod_ip":"10.0.0.7","container_name":"nginx","docker_id":"${id}","container_hash":"docker.io/nginx@sha256:ab","container_image":"nginx:1"}}`,
  ]);
});

test('labels and annotations can be left out; a tag that says nothing changes nothing', async (context) => {
  const { run, said } = await start(context, ['Labels Off', 'Annotations Off', 'Merge_Log On']);
  const { kubernetes } = await fields(run, '{"log":"x"}');
  assert.deepEqual([kubernetes?.['labels'], kubernetes?.['annotations']], [undefined, undefined]);
  assert.deepEqual(await run(['{"log":"{\\"a\\":1}"}'], 'other'), ['{"log":"{\\"a\\":1}"}']);
  assert.match(said.join('\n'), /tag other does not say which pod it is of/);
});

test('a pod that is not there gives no map; log is merged all the same', async (context) => {
  const { api, run } = await start(context, ['Merge_Log On']);
  api.pods.clear();
  assert.deepEqual(await run(['{"log":"{\\"a\\":1}"}']), ['{"log":"{\\"a\\":1}","a":1}']);
});

test('Merge_Log: objects join the record and go over its fields; all else stays text', async (context) => {
  const { run } = await start(context, [
    'Merge_Log On',
    'Use_Tag_For_Meta On',
    'Regex_Parser byname',
    'Kube_Tag_Prefix k.',
  ]);
  const merged = async (log: string) =>
    (await run([`{"time":1,"log":${JSON.stringify(log)}}`], 'k.shop.web-1.nginx'))[0];
  const map = '"kubernetes":{"pod_name":"web-1","namespace_name":"shop","container_name":"nginx"}';
  assert.equal(
    await merged('{"time":2,"m":"a\n"}'),
    `{"log":"{\\"time\\":2,\\"m\\":\\"a\\n\\"}","time":2,"m":"a",${map}}`,
  );
  assert.equal(await merged('{"a":1} trailing'), `{"time":1,"log":"{\\"a\\":1} trailing","a":1,${map}}`);
  for (const text of ['[1]', '5', '{"a":', '{}', 'plain', '{"a":1}{"b":2}'])
    assert.equal(await merged(text), `{"time":1,"log":${JSON.stringify(text)},${map}}`);
});

test('Merge_Log_Key, Keep_Log and Merge_Log_Trim', async (context) => {
  const { run } = await start(context, [
    'Merge_Log On',
    'Merge_Log_Key app',
    'Keep_Log Off',
    'Merge_Log_Trim Off',
    'Labels Off',
  ]);
  const record = await fields(run, '{"log":"{\\"m\\":\\"a\\\\n\\"}"}');
  assert.deepEqual([record['app'], record['log']], [{ m: 'a\n' }, undefined]);
  assert.equal((await fields(run, '{"log":"plain"}'))['log'], 'plain');
  assert.deepEqual((await fields(run, '{"log":{"deep":1}}'))['app'], { deep: 1 });
  assert.equal((await fields(run, '{"log":5}'))['log'], 5);
});

test('a pod’s own parser, for one stream and container; Merge_Parser for the others', async (context) => {
  const lines = ['Merge_Log On', 'Merge_Parser json', 'K8S-Logging.Parser On'];
  const { run } = await start(context, lines, { 'fluentbit.io/parser_stderr-nginx': 'words' });
  const [out, err] = await run(['{"log":"{\\"a\\":1}","stream":"stdout"}', '{"log":"hello there","stream":"stderr"}']);
  assert.match(out ?? '', /"stream":"stdout","a":1,"kubernetes"/);
  assert.match(err ?? '', /"stream":"stderr","first":"hello","rest":"there","kubernetes"/);
});

test('a pod leaves its records out, where that is allowed', async (context) => {
  const annotations = { 'fluentbit.io/exclude_stderr': 'true' };
  const records = ['{"stream":"stdout"}', '{"stream":"stderr"}', '{}'];
  const allowed = await start(context, ['K8S-Logging.Exclude On'], annotations);
  assert.equal((await allowed.run(records)).length, 2);
  const { run, said } = await start(context, [], annotations);
  assert.equal((await run(records)).length, 3);
  assert.match(said.join('\n'), /annotation fluentbit\.io\/exclude_stderr: K8S-Logging\.Exclude is off/);
});

test('records of the journal say themselves of which pod they are; without a name they go on', async (context) => {
  const { run } = await start(context, ['Use_Journal On']);
  const [named, plain] = await run(['{"CONTAINER_NAME":"k8s_nginx.f00_web-1_shop_x_0"}', '{"m":1}']);
  assert.match(named ?? '', /"pod_id":"u1".*"docker_id":"a{64}","container_hash":"f00"/);
  assert.equal(plain, '{"m":1}');
});

test('namespaces: labels and annotations of their own map, with or without the pod’s', async (context) => {
  const lines = ['Namespace_Labels On', 'Namespace_Annotations On', 'Namespace_Metadata_Only On'];
  const { api, run } = await start(context, lines);
  api.namespaces.set('shop', { metadata: { name: 'shop', uid: 'n1', labels: { team: 'a' } } });
  assert.deepEqual(await run(['{"m":1}']), ['{"m":1,"kubernetes_namespace":{"name":"shop","labels":{"team":"a"}}}']);
});

test('files go before the API', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-meta-'));
  context.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'shop_web-1.meta'), JSON.stringify({ metadata: { uid: 'file' } }));
  const { api, run } = await start(context, [`Kube_meta_preload_cache_dir ${directory}`]);
  assert.match((await run(['{}']))[0] ?? '', /"pod_id":"file"/);
  assert.deepEqual(api.paths, []);
});

test('a dummy map has the time of receipt', async () => {
  const filter = await makeFilter(kubernetesFilter, ['Dummy_Meta On']);
  const [text] = texts(await applied(filter, batchOf('x', ['{}'])));
  assert.match(text ?? '', /^\{"kubernetes":\{"dummy":"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}"\}\}$/);
});

test('mistakes in the configuration are named', async () => {
  const problems = (...lines: string[]) => filterProblems(kubernetesFilter, lines, parsers);
  assert.match((await problems('Regex_Parser nope')).join(), /Regex_Parser: there is no parser nope/);
  assert.match((await problems('Regex_Parser json')).join(), /parser json is not of format regex/);
  assert.match((await problems('Kube_URL ftp://x')).join(), /Kube_URL ftp:\/\/x: expected http/);
  assert.match((await problems('aws_use_pod_association On')).join(), /aws_use_pod_association is not supported/);
});
