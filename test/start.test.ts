/** What a program loads at its start: time and memory that every small collector pays for. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startProgram, temporaryDirectory } from './program.ts';

/** Nobody needs these who only tails and sends on. Each takes between 1 and 20 MB, or tens of ms. */
const notNeeded: Readonly<Record<string, RegExp>> = {
  'the admin pages’ framework': /node_modules\/fastify\//,
  'the API docs': /node_modules\/@fastify\//,
  'the client of Kafka': /node_modules\/@platformatic\//,
  'logins of Google': /node_modules\/google-auth-library\//,
  'logins of AWS': /node_modules\/@(?:aws-sdk|smithy)\//,
  'the store’s tables': /node_modules\/@duckdb\//,
  YAML: /node_modules\/yaml\//,
  'metrics that are not used': /node_modules\/(?:prom-client\/index\.js|@opentelemetry)/,
  'TLS, where nobody speaks it': /^NativeModule (?:tls|https)$/,
  'the fetch of Node': /internal\/deps\/undici/,
  'the postback receiver': /src\/sources\/postback\/receiver/,
  'the Fluent Bit dialect': /src\/config\/fluentbit\//,
  'an output that nobody names': /src\/outputs\/(?:kafka|elasticsearch|google_cloud)\//,
};

test('a small collector loads only what it uses', async (context) => {
  const directory = await temporaryDirectory(context);
  const seen = join(directory, 'seen.txt');
  const hook = join(directory, 'hook.mjs');
  writeFileSync(
    hook,
    `import { registerHooks } from 'node:module';
    import { writeFileSync } from 'node:fs';
    const urls = [];
    registerHooks({ load: (url, context, next) => { urls.push(url); return next(url, context); } });
    process.on('exit', () => writeFileSync(${JSON.stringify(seen)}, [...urls, ...process.moduleLoadList].join('\\n')));`,
  );
  const config = join(directory, 'fluent.conf');
  writeFileSync(
    config,
    `<source>\n @type tail\n path ${directory}/*.log\n tag t\n <parse>\n @type cri\n </parse>\n</source>
    <match **>\n @type http\n endpoint http://127.0.0.1:9/\n</match>`,
  );
  const program = await startProgram(context, {
    args: ['run', '--config', config],
    env: { P2L_NODE_OPTIONS: `--import ${hook}` },
  });
  await program.ready();
  assert.equal((await fetch(`${program.adminUrl}/readyz`)).status, 200);
  assert.match(await (await fetch(`${program.adminUrl}/metrics`)).text(), /records_received_total/);
  assert.equal(await program.stop(), 0);
  const loaded = readFileSync(seen, 'utf8').split('\n');
  assert.ok(loaded.some((url) => url.endsWith('/src/outputs/http/index.ts')));
  const needless = Object.entries(notNeeded).flatMap(([what, path]) =>
    loaded
      .filter((url) => path.test(url))
      .slice(0, 1)
      .map((url) => `${what}: ${url}`),
  );
  assert.deepEqual(needless, []);
});
