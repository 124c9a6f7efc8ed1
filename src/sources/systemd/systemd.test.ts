import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import pino from 'pino';
import { configOf, contextOf, section, sourceContextOf } from '../../../test/fixture.ts';
import { OperatingError } from '../../core/errors.ts';
import type { AppendRequest } from '../../core/plugin.ts';
import { builtinPlugins } from '../../plugins.ts';
import { systemdSourceOver } from './index.ts';
import { journalProgram } from './reader.ts';
import type { JournalReading } from './reader.ts';

/** A reader over entries that are recorded: it knows cursors, lines and matches of journalctl as far as the source uses them. */
function recordedJournal(entries: readonly string[]) {
  const calls: string[][] = [];
  const state = { entries: [...entries], failures: 0 };
  const open = (args: readonly string[]): JournalReading => {
    calls.push([...args]);
    let resolve: (reason: string) => void = () => undefined;
    const ended = new Promise<string>((done) => (resolve = done));
    let end: () => void = () => undefined;
    const stopped = new Promise<void>((done) => (end = done));
    async function* output(): AsyncGenerator<Buffer> {
      if (state.failures-- > 0) return resolve('journalctl ended with exit code 1: Failed to open');
      const after = args.find((arg) => arg.startsWith('--after-cursor='))?.slice(15);
      const at = state.entries.findIndex((one) => one.startsWith(`__CURSOR=${after ?? ''}\n`));
      const chosen = args.includes('--lines=1')
        ? state.entries.slice(-1)
        : state.entries.slice(after === undefined ? 0 : at + 1);
      // In two pieces, cut somewhere.
      const bytes = Buffer.from(chosen.map((one) => `${one}\n`).join(''));
      try {
        yield bytes.subarray(0, bytes.length >> 1);
        yield bytes.subarray(bytes.length >> 1);
        if (args.includes('--follow')) await stopped;
      } finally {
        resolve('journalctl ended with exit code 0');
      }
    }
    return { output: output(), ended, stop: () => end() };
  };
  return { calls, state, open };
}
const entry = (n: number, more = '') =>
  `__CURSOR=c${n}\n__REALTIME_TIMESTAMP=${1_700_000_000_000_000 + n}\nMESSAGE=m${n}\n${more}`;

interface Run {
  readonly options?: Record<string, unknown>;
  readonly entry?: Record<string, unknown>;
  readonly storage?: string;
  readonly state?: ReadonlyMap<string, unknown>;
  readonly gate?: (request: number) => Promise<void>;
}

/** Runs the source until `count` records are appended, then stops it. */
async function run(journal: ReturnType<typeof recordedJournal>, count: number, given: Run = {}) {
  const plugin = systemdSourceOver(journal.open);
  if (plugin.kind !== 'source') throw new TypeError('not a source');
  const lines: string[] = [];
  const log = pino({ base: null, timestamp: false }, { write: (line: string) => lines.push(line) });
  const base = contextOf([], log);
  const made = sourceContextOf(base);
  let calls = 0;
  let reached: () => void = () => undefined;
  const done = new Promise<void>((resolve) => (reached = resolve));
  const context = {
    ...made,
    ...(given.state && { state: given.state }),
    async append(request: AppendRequest): Promise<number> {
      await given.gate?.(calls++);
      const offset = await made.append(request);
      const total = made.appended.reduce((sum, { records }) => sum + records.payloads.length, 0);
      if (total >= count) reached();
      return offset;
    },
  };
  const sections = {
    entry: given.entry ? [section(given.entry)] : [],
    storage: given.storage === undefined ? [] : [section({ path: given.storage })],
  };
  const config = configOf(plugin, { tag: 'host', path: '/j', readFromHead: true, ...given.options }, { sections });
  plugin.check?.(config);
  const source = plugin.create(config, context);
  await source.start();
  // A retry waits on the clock.
  const ticking = setInterval(() => base.clock.advance(60_000), 5);
  await done;
  clearInterval(ticking);
  await source.stop();
  const records = made.appended.flatMap(({ tag, records: { payloads, seconds, nanos } }) =>
    payloads.map((payload, i) => [
      tag,
      Buffer.from(payload).toString(),
      (seconds[i] ?? 0) * 1e6 + (nanos[i] ?? 0) / 1000,
    ]),
  );
  return { records, appended: made.appended, lines };
}

test('entries are records with their time, and the cursor of the last one goes with them', async () => {
  const journal = recordedJournal([entry(1, '_PID=7\n'), entry(2), entry(3)]);
  const { records, appended } = await run(journal, 3, {
    options: { matches: '[{"_systemd_unit":"a.service","PRIORITY":["3",4]},{"_UID":0}]' },
  });
  assert.deepEqual(records, [
    ['host', '{"MESSAGE":"m1","_PID":"7"}', 1_700_000_000_000_001],
    ['host', '{"MESSAGE":"m2"}', 1_700_000_000_000_002],
    ['host', '{"MESSAGE":"m3"}', 1_700_000_000_000_003],
  ]);
  assert.deepEqual(appended.at(-1)?.state, { cursor: 'c3' });
  assert.deepEqual(journal.calls, [
    [
      '--output=export',
      '--quiet',
      '--no-pager',
      '--directory=/j',
      '--follow',
      '--no-tail',
      '_SYSTEMD_UNIT=a.service',
      'PRIORITY=3',
      'PRIORITY=4',
      '+',
      '_UID=0',
    ],
  ]);
});

test('reading goes on behind the cursor that was durable with the records', async () => {
  const journal = recordedJournal([entry(1), entry(2), entry(3), entry(4)]);
  const first = await run(journal, 2);
  const cursor = first.appended.at(-1)?.state?.['cursor'];
  const rest = 4 - first.records.length;
  journal.state.entries.push(entry(5));
  const second = await run(journal, rest + 1, { state: new Map([['cursor', cursor]]) });
  assert.deepEqual(
    [...first.records, ...second.records].map(([, text]) => text),
    [1, 2, 3, 4, 5].map((n) => `{"MESSAGE":"m${n}"}`),
  );
});

test('from the end: the place is durable before anything comes, so that a crash loses nothing', async () => {
  const journal = recordedJournal([entry(1), entry(2)]);
  const started = run(journal, 1, {
    options: { readFromHead: false },
    gate: async () => void (journal.state.entries.length < 3 && journal.state.entries.push(entry(3))),
  });
  const { records, appended } = await started;
  assert.deepEqual(appended[0]?.records.payloads, []);
  assert.deepEqual(appended[0]?.state, { cursor: 'c2' });
  assert.deepEqual(
    records.map(([, text]) => text),
    ['{"MESSAGE":"m3"}'],
  );
});

test('the unit stands in the tag; names as Fluent Bit makes them; a field that is there twice is a list', async () => {
  const journal = recordedJournal([entry(1, '_SYSTEMD_UNIT=a.service\n__X=1\n___Y=2\nN=1\nN=2\n'), entry(2)]);
  const options = { tag: 'h.*.x', expandsTag: true, stripUnderscores: true, lowercase: true, maxFields: 4 };
  const { records } = await run(journal, 2, { options });
  assert.deepEqual(
    records.map(([tag, text]) => [tag, text]),
    [
      ['h.a.service.x', '{"message":"m1","systemd_unit":"a.service","n":["1","2"]}'],
      ['h.unknown.x', '{"message":"m2"}'],
    ],
  );
});

test('<entry>: fields are mapped, joined, stripped, lower-cased; strict takes those alone', async () => {
  const fieldMap = '{"MESSAGE":"log","_PID":["pid","both"],"_UID":"both"}';
  const entries = [entry(1, '_PID=7\n_UID=0\n__Z=1\n_HOST_NAME=h\nBOTH=own\n')];
  const loose = await run(recordedJournal(entries), 1, {
    entry: { fieldMap, fieldsStripUnderscores: true, fieldsLowercase: true },
  });
  assert.equal(loose.records[0]?.[1], '{"log":"m1","pid":"7","both":"own 7 0","host_name":"h"}');
  const strict = await run(recordedJournal(entries), 1, { entry: { fieldMap, fieldMapStrict: true } });
  assert.equal(strict.records[0]?.[1], '{"log":"m1","pid":"7","both":"7 0"}');
});

test('a failing reader is started again and said once; an append that is not taken is tried again', async () => {
  const journal = recordedJournal([entry(1)]);
  journal.state.failures = 3;
  const full = new OperatingError('JOURNAL_FULL', 'the journal is full');
  const { records, lines } = await run(journal, 1, {
    gate: (request) => (request === 0 ? Promise.reject(full) : Promise.resolve()),
  });
  assert.equal(records.length, 1);
  assert.equal(lines.filter((line) => line.includes('Failed to open')).length, 1);
  assert.ok(lines.some((line) => line.includes('the journal is full')));
});

test('the position of Fluentd is where reading begins', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-systemd-'));
  try {
    writeFileSync(join(directory, 'pos'), '{"journal":"c1"}');
    const { records } = await run(recordedJournal([entry(1), entry(2)]), 1, { storage: join(directory, 'pos') });
    assert.deepEqual(
      records.map(([, text]) => text),
      ['{"MESSAGE":"m2"}'],
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('a journalctl that is not there is said with what to do', async () => {
  const reading = journalProgram('/nonexistent/journalctl')([]);
  assert.match(await reading.ended, /was not found; install systemd's journalctl/);
});

test('mistakes are told', () => {
  const plugin = builtinPlugins.find(({ kind, name }) => kind === 'source' && name === 'systemd');
  const problem = (options: Record<string, unknown>, more: Record<string, unknown> = {}): string => {
    try {
      plugin?.check?.(configOf(plugin, { tag: 't', ...options }, { sections: { entry: [section(more)] } }));
    } catch (error) {
      return (error as Error).message;
    }
    return '';
  };
  assert.match(problem({ matches: '{' }), /not JSON/);
  assert.match(problem({ matches: '[1]' }), /expected objects/);
  assert.match(problem({ filters: ['unit=x'] }), /FIELD=value/);
  assert.match(problem({ filters: ['A=1', 'A=2'], filterType: 'and' }), /named twice/);
  assert.match(problem({}, { fieldMap: '[]' }), /field_map/);
  assert.equal(problem({ filters: ['A=1', 'A=2'] }), '');
});
