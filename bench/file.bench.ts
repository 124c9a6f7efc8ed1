/**
 * Records a second through the JSON formatter into the file output: 250-byte records, unchanged. `--records N` (default
 * 20000: small enough for the tests to run it too).
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { jsonFormatter } from '../src/codecs/json.ts';
import { defaultBuffer } from '../src/config/model.ts';
import { batchOf, chunkOf, configOf, contextOf, modelOf, outputContextOf } from '../test/fixture.ts';
import { fileOutput } from '../src/outputs/file/index.ts';
import { builtinPlugins } from '../src/plugins.ts';

const at = process.argv.indexOf('--records');
const wanted = at < 0 ? 20_000 : Number(process.argv[at + 1]);
const perBatch = 1000;
const batches = 8;

const record = (i: number) => JSON.stringify({ id: i, text: 'x'.repeat(210), path: '/postback/test' });
const chunk = chunkOf(
  Array.from({ length: batches }, (_, b) =>
    batchOf(
      'test',
      Array.from({ length: perBatch }, (_, i) => record(100_000 + b * perBatch + i)),
    ),
  ),
);
if (fileOutput.kind !== 'output') throw new TypeError('not an output');
const directory = mkdtempSync(join(tmpdir(), 'post2log-bench-'));
try {
  const path = join(directory, 'out');
  const config = configOf(
    fileOutput,
    { path, append: true, addPathSuffix: false },
    { formatter: modelOf(jsonFormatter) },
  );
  const context = outputContextOf(contextOf(builtinPlugins), {
    buffer: defaultBuffer,
    directory: `${directory}/state`,
  });
  const output = fileOutput.create(config, context);
  await output.open?.();
  const signal = new AbortController().signal;
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  let count = 0;
  let durable: unknown;
  for (; count < wanted; count += chunk.count) {
    await output.write(chunk, signal);
    durable = await output.commit?.(durable);
  }
  const wallSeconds = (performance.now() - startMs) / 1000;
  const used = process.cpuUsage(cpu);
  const cpuSeconds = (used.user + used.system) / 1e6;
  const hash = createHash('sha256').update(readFileSync(path).subarray(0, chunk.bytes)).digest('hex').slice(0, 12);
  await output.close();
  console.log(
    JSON.stringify({
      bench: 'file',
      machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
      node: process.version,
      records: count,
      recordBytes: record(100_000).length,
      wallSeconds: Number(wallSeconds.toFixed(3)),
      perSecond: Math.round(count / wallSeconds),
      perCpuSecond: Math.round(count / cpuSeconds),
      hash,
    }),
  );
} finally {
  rmSync(directory, { recursive: true });
}
