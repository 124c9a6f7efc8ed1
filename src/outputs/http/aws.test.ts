import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { fakeSignedService } from '../../../test/aws/services-fake.ts';
import { batchOf, chunkOf, configOf, contextOf, outputContextOf, section } from '../../../test/fixture.ts';
import { OperatingError } from '../../core/errors.ts';
import { builtinPlugins } from '../../plugins.ts';
import { httpOutputOver } from './index.ts';

test('aws_sigv4 signs each request with the keys of the environment; wrong keys are said, and nothing is given up', async (t) => {
  const plugin = httpOutputOver({});
  assert.ok(plugin.kind === 'output');
  const context = outputContextOf(contextOf(builtinPlugins));
  const keys = new Map([['AKIDHTTP', { secret: 'right' }]]);
  const rules = { keys, region: 'eu-west-1', service: 'osis', nowMs: () => context.clock.nowMs() };
  const target = await fakeSignedService(t, rules);
  const auth = section({ method: 'aws_sigv4', awsService: 'osis', awsRegion: 'eu-west-1' });
  const options = { endpoint: `${target.url}/pipeline/logs?x=1`, compress: 'gzip' };
  const config = configOf(plugin, options, { sections: { auth: [auth] } });
  plugin.check?.(config);
  const output = plugin.create(config, context);
  await output.open?.();
  const before = { ...process.env };
  t.after(async () => {
    process.env = before;
    await output.close();
  });
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'AKIDHTTP', AWS_SECRET_ACCESS_KEY: 'wrong' });
  delete process.env['AWS_PROFILE'];
  const chunk = chunkOf([batchOf('a', ['{"n":1}'])]);
  const { signal } = new AbortController();
  await assert.rejects(Promise.resolve(output.write(chunk, signal)), (error) => {
    assert.ok(error instanceof OperatingError && error.code === 'OUTPUT_UNREACHABLE');
    assert.match(error.message, /^403 .*SignatureDoesNotMatch.*; check the secret access key/);
    return true;
  });
  process.env['AWS_SECRET_ACCESS_KEY'] = 'right';
  assert.deepEqual(await output.write(chunk, signal), { refused: [] });
  const [, second] = target.taken;
  assert.equal(second?.problem, undefined);
  assert.equal(gunzipSync(second?.body ?? '').toString(), '{"n":1}\n');
});
