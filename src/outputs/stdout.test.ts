import assert from 'node:assert/strict';
import { test } from 'node:test';
import pino from 'pino';
import { OperatingError } from '../core/errors.ts';
import { batchOf, chunkOf, configOf, contextOf, modelOf, outputContextOf, recorder } from '../../test/fixture.ts';
import type { Output, Plugin } from '../core/plugin.ts';
import { jsonFormatter } from '../codecs/json.ts';
import { builtinPlugins } from '../plugins.ts';
import { stdoutOutputOver } from './stdout.ts';

process.env['TZ'] = 'UTC';

function create(plugin: Plugin, rest: Parameters<typeof configOf>[2] = {}, lines: string[] = []): Output {
  if (plugin.kind !== 'output') throw new TypeError('not an output');
  const log = pino({ base: null }, { write: (line: string) => lines.push(line) });
  return plugin.create(configOf(plugin, {}, rest), outputContextOf(contextOf(builtinPlugins, log)));
}
const signal = new AbortController().signal;
const batch = batchOf('app', ['{"a":1}', '{"b":{"c":"d"}}']);

test('records are printed as in the sample, and with other formats', async () => {
  const { state, stream } = recorder();
  await create(stdoutOutputOver(stream)).write(chunkOf([batch, batch.withTag('x')]), signal);
  assert.equal(
    state.text,
    ['app: {"a":1}', 'app: {"b":{"c":"d"}}', 'x: {"a":1}', 'x: {"b":{"c":"d"}}']
      .map((line, i) => `2024-03-05 06:07:0${i % 2}.000000000 +0000 ${line}\n`)
      .join(''),
  );
  state.text = '';
  const formatter = modelOf(jsonFormatter, { addNewline: false });
  await create(stdoutOutputOver(stream), { formatter }).write(chunkOf([batch]), signal);
  assert.equal(state.text, '{"a":1}\n{"b":{"c":"d"}}\n');
  state.text = '';
  await create(stdoutOutputOver(stream), { inject: { tagKey: 'tag', timeKey: 't', timeType: 'unixtime' } }).write(
    chunkOf([batch.select([0])]),
    signal,
  );
  assert.equal(state.text, '2024-03-05 06:07:00.000000000 +0000 app: {"a":1,"tag":"app","t":1709618820}\n');
});

test('a closed pipe is retried, and said once', async () => {
  const { state, stream } = recorder();
  const lines: string[] = [];
  const output = create(stdoutOutputOver(stream), {}, lines);
  state.failure = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
  for (let i = 0; i < 3; i++)
    await assert.rejects(
      output.write(chunkOf([batch]), signal),
      (error) => error instanceof OperatingError && error.code === 'OUTPUT_WRITE' && error.retryable,
    );
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /writing to standard output: write EPIPE/);
  state.failure = undefined;
  await output.write(chunkOf([batch.select([0])]), signal);
  assert.equal(state.text, '2024-03-05 06:07:00.000000000 +0000 app: {"a":1}\n');
});
