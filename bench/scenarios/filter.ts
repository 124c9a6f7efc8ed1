/**
 * What filters cost: records of 200 bytes through a filter, in CPU time of this process. `filter` is decoding and the filter,
 * `printed` also what it made as JSON. And lines of JSON through whole programs that add two fields.
 */
import { stringifyJson } from '../../src/core/json.ts';
import type { Batch } from '../../src/core/batch.ts';
import type { Filter, Plugin } from '../../src/core/plugin.ts';
import { builtinPlugins } from '../../src/plugins.ts';
import { batchOf, configOf, contextOf, pairs, section } from '../../test/fixture.ts';
import { fieldsJob, measureReaders } from '../peers/readers.ts';
import { atLeast } from '../scenario.ts';
import type { Outcome, RunOptions, Scenario } from '../scenario.ts';
import { measureStages, stagesOutcome } from '../stages.ts';
import type { Measured } from '../stages.ts';

/** Records in a frame: what a tail source reads at once, 64 KiB. */
const frameRecords = 300;

function line(n: number): string {
  return JSON.stringify({
    at: `2024-03-05T06:07:${String(n % 60).padStart(2, '0')}.123Z`,
    level: ['debug', 'info', 'warn'][n % 3],
    user: `user-${n % 997}`,
    path: `/api/v1/orders/${n}`,
    status: 200 + (n % 4) * 100,
    ms: n % 1000,
    log: `request ${n} was answered in some milliseconds`,
  });
}

interface Kind {
  readonly name: string;
  readonly filter: () => Filter;
}
const transformer = (record: Record<string, string>, options: Record<string, unknown> = {}): (() => Filter) =>
  filterOf('record_transformer', options, { record: [pairs(record)] });

const kinds: readonly Kind[] = [
  {
    name: 'record_transformer, two placeholders',
    filter: transformer({ host: '${hostname}', who: 'user-${record["user"]}' }),
  },
  {
    name: 'the same with enable_ruby',
    filter: transformer({ host: '${hostname}', who: 'user-${record["user"]}' }, { enableRuby: true }),
  },
  {
    name: 'Ruby: a condition and a method chain',
    filter: transformer(
      {
        kind: '${record["status"] >= 500 ? "error" : "ok"}',
        version: '${record["path"].split("/")[2]}',
      },
      { enableRuby: true },
    ),
  },
  {
    name: 'Ruby: gsub with a regular expression, and the time',
    filter: transformer(
      { path: '${record["path"].gsub(/[0-9]+/, "N")}', at: '${time.strftime("%FT%T.%3N%z")}' },
      { enableRuby: true },
    ),
  },
  {
    name: 'Ruby: the record changed in place',
    filter: transformer({ was: '${record.delete("log"); record.keys.length}' }, { enableRuby: true }),
  },
  {
    name: 'grep, one pattern',
    filter: filterOf('grep', {}, { regexp: [section({ key: 'level', pattern: '/^(?:info|warn)$/' })] }),
  },
];

function filterOf(
  name: string,
  options: Record<string, unknown>,
  sections: NonNullable<Parameters<typeof configOf>[2]>['sections'],
): () => Filter {
  return () => {
    const plugin = builtinPlugins.find((one) => one.kind === 'filter' && one.name === name) as Plugin;
    if (plugin.kind !== 'filter') throw new TypeError(`no filter ${name}`);
    return plugin.create(configOf(plugin, options, { sections: sections ?? {} }), contextOf([]));
  };
}

/** Runs frames through a filter; each frame is new, so that its records are decoded again. */
function runFrames(filter: Filter, frames: readonly Batch[], prints: boolean): number {
  let bytes = 0;
  for (const frame of frames) {
    const passed = filter.apply(frame, () => {
      throw new Error('a record was rejected');
    });
    for (let row = 0; prints && row < passed.count; row++) bytes += passed.json(row).length;
  }
  return bytes;
}

function measureKind({ name, filter: make }: Kind, rounds: number, frameCount: number): Measured {
  const filter = make();
  const lines = Array.from({ length: frameRecords }, (_, n) => line(n));
  const frames = () => Array.from({ length: frameCount }, () => batchOf('app.web', lines));
  const speeds = measureStages(rounds, frameCount * frameRecords, (prints) => {
    const made = frames();
    return () => void runFrames(filter, made, prints);
  });
  const [frame] = frames();
  const passed = frame && filter.apply(frame, () => undefined);
  const sample = passed && passed.count > 0 ? stringifyJson(passed.fields(0)) : '';
  // The host's name is another on each machine.
  return { name, ...speeds, sample: sample.replaceAll(/"host":"[^"]*"/g, '"host":""') };
}

async function runFilter(options: RunOptions): Promise<Outcome> {
  const rounds = options.rounds ?? (options.isTiny ? 1 : 9);
  const measured = kinds.map((kind) => {
    options.say(`${kind.name}: ${rounds} rounds`);
    return measureKind(kind, rounds, options.isTiny ? 2 : 200);
  });
  const speed = Math.round((measured[0] as Measured).alone);
  return stagesOutcome({
    measured,
    table: { title: 'records per CPU second, by filter', columns: ['filter', 'filter', 'printed'] },
    programs: await measureReaders(fieldsJob, line, options),
    programsTitle: 'two fields added, from a file into files, lines per CPU second of the whole program',
    targets: [atLeast('must', 'record_transformer with two placeholders, records per CPU second', speed, 400_000)],
  });
}

export const filter: Scenario = {
  name: 'filter',
  summary: 'records through filters, and lines with two fields added through whole programs',
  run: runFilter,
};
