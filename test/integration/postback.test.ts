/** The newcomer's first minute and the seed's own examples, on the real program. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { startProgram, temporaryDirectory, until } from '../program.ts';

const success = '{"status":"success"}';

test('the seed’s curl answers success and its line has the seed’s form and fields, with the pod variables', async (t) => {
  const program = await startProgram(t, {
    env: { P2L_NODE_NAME: 'minikube', P2L_WORKLOAD_NAME: 'post2log', P2L_POD_NAME: 'post2log-7bcd9d6cdf-7jmsd' },
  });
  await program.ready();
  const answer = await program.post('/postback?p1=v1&p2=v2');
  assert.equal(answer.status, 200);
  assert.equal(await answer.text(), success);
  await until('the line on stdout', () => program.stdout.includes('\n'));
  assert.match(
    program.stdout,
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{9} [+-]\d{4} post2log: \{"p1":"v1","p2":"v2","_path":"\/postback","_postTimestamp":\d{13},"_postDatetimeGMT":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ","_nodeName":"minikube","_workerPodHash":"7bcd9d6cdf-7jmsd","_workerProcId":"\d+"\}\n$/,
  );
  assert.equal(await program.stop(), 0);
});

test('without the pod variables the pod hash is left out and the node is this host', async (t) => {
  const program = await startProgram(t);
  await program.ready();
  assert.equal(await (await program.post('/postback', '{"a":1}')).text(), success);
  await until('the line on stdout', () => program.stdout.includes('\n'));
  const record = JSON.parse(program.stdout.slice(program.stdout.indexOf('{'))) as Record<string, unknown>;
  assert.deepEqual(Object.keys(record), [
    'a',
    '_path',
    '_postTimestamp',
    '_postDatetimeGMT',
    '_nodeName',
    '_workerProcId',
  ]);
});

test('P2L_ENDPOINT=/postback/test with a <match test> routes only that tag; a wrong path answers the seed’s 404', async (t) => {
  const directory = await temporaryDirectory(t);
  const out = join(directory, 'out', 'test');
  const program = await startProgram(t, {
    env: {
      P2L_ENDPOINT: '/postback/test,/postback/other',
      P2L_FLUENTD_EXTRACFG: `<match test>\n  @type file\n  path ${out}\n  append true\n  <format>\n    @type json\n  </format>\n</match>\n`,
    },
  });
  await program.ready();
  const wrong = await program.post('/postback');
  assert.equal(wrong.status, 404);
  assert.equal(await wrong.text(), '{"detail":"Not Found"}');
  assert.equal(await (await program.post('/postback/test', '{"n":1}')).text(), success);
  assert.equal(await (await program.post('/postback/other', '{"n":2}')).text(), success);
  await until('the line on stdout', () => program.stdout.includes('\n'));
  assert.match(program.stdout, / other: \{"n":2,/);
  assert.doesNotMatch(program.stdout, /"n":1/);
  assert.equal(await program.stop(), 0);
  const files = await readdir(join(directory, 'out'));
  const written = await Promise.all(files.map((name) => readFile(join(directory, 'out', name), 'utf8')));
  assert.match(written.join(''), /^\{"n":1,.*\}\n$/);
});

test('GET / and /healthz answer ok; another method answers 405 with Allow', async (t) => {
  const program = await startProgram(t);
  await program.ready();
  for (const path of ['/', '/healthz']) assert.equal(await (await fetch(program.url + path)).text(), 'ok');
  const answer = await fetch(`${program.url}/postback`);
  assert.equal(answer.status, 405);
  assert.equal(answer.headers.get('allow'), 'POST');
  assert.equal(await answer.text(), '{"detail":"Method Not Allowed"}');
});
