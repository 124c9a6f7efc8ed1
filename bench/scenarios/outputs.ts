/** What an output costs: records on their way from the journal's bytes to those of the request, in CPU time of this process. */
import { createHash } from 'node:crypto';
import { atLeast, median } from '../scenario.ts';
import type { Outcome, RunOptions, Scenario } from '../scenario.ts';
import type { OutputCase } from '../outputs/case.ts';
import { elasticsearchCases } from '../outputs/elasticsearch.ts';
import { influxdbCases } from '../outputs/influxdb.ts';
import { kafkaCases } from '../outputs/kafka.ts';

const cases: readonly OutputCase[] = [...influxdbCases, ...elasticsearchCases, ...kafkaCases];

interface Measured {
  readonly one: OutputCase;
  readonly perSecond: number;
  readonly bytesEach: number;
  readonly sample: Buffer;
}

async function measure(one: OutputCase, rounds: number, count: number): Promise<Measured> {
  const write = one.prepare(count);
  const found: number[] = [];
  let sample = Buffer.alloc(0);
  // The first round compiles.
  for (let round = -1; round < rounds; round++) {
    const before = process.cpuUsage();
    sample = Buffer.from(await write());
    const { user, system } = process.cpuUsage(before);
    if (round >= 0) found.push(count / ((user + system) / 1e6));
  }
  return { one, perSecond: median(found), bytesEach: sample.length / count, sample: sample.subarray(0, 2000) };
}

async function runOutputs(options: RunOptions): Promise<Outcome> {
  const rounds = options.rounds ?? (options.isTiny ? 1 : 9);
  const measured: Measured[] = [];
  for (const one of cases) {
    options.say(`${one.name}: ${rounds} rounds`);
    measured.push(await measure(one, rounds, options.isTiny ? 500 : 100_000));
  }
  return {
    tables: [
      {
        title: 'records per CPU second, from the journal’s bytes to those of requests',
        columns: ['way', 'records/CPU s', 'bytes each'],
        rows: measured.map(({ one, perSecond, bytesEach }) => [one.name, Math.round(perSecond), Math.round(bytesEach)]),
      },
    ],
    targets: measured.flatMap(({ one, perSecond }) =>
      one.mustReach === undefined
        ? []
        : [atLeast('must', `${one.name}, records per CPU second`, Math.round(perSecond), one.mustReach)],
    ),
    resultHash: createHash('sha256')
      .update(Buffer.concat(measured.map(({ sample }) => sample)))
      .digest('hex')
      .slice(0, 16),
    versions: {},
    notes: [],
  };
}

export const outputs: Scenario = {
  name: 'outputs',
  summary: 'records through the outputs’ encoders',
  run: runOutputs,
};
