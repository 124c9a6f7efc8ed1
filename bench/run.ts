/**
 * Runs benchmark scenarios: `npm run bench -- [NAME…] [options]`. Without a name every scenario runs in its tiny size.
 * See README.md beside this file.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { describeMachine, machineLine } from './machine.ts';
import { reportLines } from './report.ts';
import type { RunOptions } from './scenario.ts';
import { scenarios } from './scenarios.ts';
import { cacheDirectory } from './cache.ts';

const usage = `usage: npm run bench -- [NAME...] [options]

${scenarios.map(({ name, summary }) => `  ${name.padEnd(14)}${summary}`).join('\n')}

Without a name all of them run in their tiny size.
  --tiny            seconds instead of minutes; figures mean little
  --rounds N        measured rounds
  --seconds N       length of a round
  --connections N   concurrent connections of postback
  --only A,B        servers of postback, parts of tail
  --gigabytes N     what waits on disk in pipeline
  --millions N      millions of records in store, of lines in tail
  --json FILE       results as JSON too`;

function positive(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!(number > 0)) fail(`--${name} ${value}: expected a number above 0`);
  return number;
}

function fail(text: string): never {
  console.error(`bench: ${text}\n\n${usage}`);
  process.exit(2);
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        tiny: { type: 'boolean', default: false },
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        connections: { type: 'string' },
        only: { type: 'string' },
        gigabytes: { type: 'string' },
        millions: { type: 'string' },
        json: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

const { values, positionals } = readArguments();
if (values.help) {
  console.log(usage);
  process.exit(0);
}
const unknown = positionals.find((name) => !scenarios.some((scenario) => scenario.name === name));
if (unknown !== undefined) fail(`no scenario is called ${unknown}`);

const options: RunOptions = {
  isTiny: values.tiny || positionals.length === 0,
  roundSeconds: positive('seconds', values.seconds),
  rounds: positive('rounds', values.rounds),
  gigabytes: positive('gigabytes', values.gigabytes),
  millions: positive('millions', values.millions),
  connections: positive('connections', values.connections),
  only: values.only?.split(',').filter((name) => name !== '') ?? [],
  say: (line) => console.error(`… ${line}`),
};

mkdirSync(cacheDirectory, { recursive: true });
const machine = await describeMachine(cacheDirectory);
console.log(`${machineLine(machine)}\n`);
const outcomes: Record<string, unknown> = {};
for (const scenario of scenarios) {
  if (positionals.length > 0 && !positionals.includes(scenario.name)) continue;
  const outcome = await scenario.run(options);
  outcomes[scenario.name] = outcome;
  console.log(`${reportLines(scenario.name, outcome).join('\n')}\n`);
}
if (values.json !== undefined)
  writeFileSync(values.json, `${JSON.stringify({ machine, isTiny: options.isTiny, outcomes }, undefined, 2)}\n`);
