/**
 * What parsing costs: lines through each parser, alone (`parse`) and into what the journal gets (`kept`), in CPU time of this
 * process; and a log of nginx through whole programs, from its file into files of JSON.
 */
import { RecordGatherer } from '../../src/codecs/encode.ts';
import { parseTexts } from '../../src/codecs/parse-texts.ts';
import { stringifyJson } from '../../src/core/json.ts';
import type { Parser } from '../../src/core/plugin.ts';
import { builtinPlugins } from '../../src/plugins.ts';
import { parserOf } from '../../test/parsing.ts';
import { measureReaders, nginxJob } from '../peers/readers.ts';
import { atLeast } from '../scenario.ts';
import type { Outcome, RunOptions, Scenario } from '../scenario.ts';
import { measureStages, stagesOutcome } from '../stages.ts';
import type { Measured } from '../stages.ts';

/** Lines that are parsed together: what a tail source reads at once, 64 KiB, of lines of this length. */
const togetherCount = 300;

const two = (value: number): string => String(value % 60).padStart(2, '0');
const webTime = (n: number): string => `05/Mar/2024:06:${two(n >> 9)}:${two(n >> 3)} +0000`;

function webLine(n: number, behind = ''): string {
  return `10.0.${n % 256}.${n % 199} - - [${webTime(n)}] "GET /index/${n}.html?a=${n * 7} HTTP/1.1" 200 ${n % 90_000} "https://example.com/some/page/${n}" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"${behind}`;
}

interface Kind {
  readonly name: string;
  readonly parser: string;
  readonly options: Readonly<Record<string, unknown>>;
  line(n: number): string;
}

const kinds: readonly Kind[] = [
  { name: 'nginx', parser: 'nginx', options: {}, line: (n) => webLine(n) },
  {
    name: 'nginx with types',
    parser: 'nginx',
    options: { types: { code: 'integer', size: 'integer' } },
    line: (n) => webLine(n),
  },
  { name: 'apache2', parser: 'apache2', options: {}, line: (n) => webLine(n) },
  {
    name: 'regexp, short',
    parser: 'regexp',
    options: { expression: '/^(?<time>[^ ]+) (?<level>\\w+) (?<message>.*)$/', timeFormat: '%Y-%m-%dT%H:%M:%S.%N%z' },
    line: (n) => `2024-03-05T06:07:${two(n)}.${100_000 + n}Z info request ${n} took ${n % 97} ms`,
  },
  {
    name: 'json',
    parser: 'json',
    options: {},
    line: (n) => JSON.stringify({ time: 1_709_618_828 + n, level: 'info', message: webLine(n), n, ok: true }),
  },
  {
    name: 'csv',
    parser: 'csv',
    options: { keys: ['time', 'host', 'path', 'size', 'agent'], timeKey: 'time', timeFormat: '%d/%b/%Y:%H:%M:%S %z' },
    line: (n) => `${webTime(n)},10.0.0.${n % 199},/index/${n}.html,${n},"Mozilla/5.0, X11"`,
  },
  {
    name: 'ltsv',
    parser: 'ltsv',
    options: { timeFormat: '%d/%b/%Y:%H:%M:%S %z' },
    line: (n) => `time:${webTime(n)}\thost:10.0.0.${n % 199}\treq:GET /index/${n}.html HTTP/1.1\tsize:${n}`,
  },
  {
    name: 'syslog',
    parser: 'syslog',
    options: { withPriority: true },
    line: (n) =>
      `<13>Mar  5 06:${two(n >> 9)}:${two(n >> 3)} host-${n % 9} sshd[${n}]: session ${n} opened for user ann`,
  },
];

function parserFor({ parser, options }: Kind): Parser {
  const plugin = builtinPlugins.find(({ kind, name }) => kind === 'parser' && name === parser);
  if (!plugin) throw new TypeError(`no parser ${parser}`);
  return parserOf(plugin, options);
}

/** Parses all lines; with `keeps` into payloads for the journal. Throws for a line that gives no record. */
function parseAll(parser: Parser, lines: readonly Buffer[], keeps: boolean): void {
  const now = { seconds: 0, nanos: 0 };
  for (let from = 0; from < lines.length; from += togetherCount) {
    const gathered = new RecordGatherer();
    parseTexts(parser, lines.slice(from, from + togetherCount), (parsed) => {
      if ('problem' in parsed) throw new Error(parsed.problem);
      if (keeps) gathered.add(parsed.fields, parsed.time ?? now);
    });
    gathered.take();
  }
}

function measureKind(kind: Kind, rounds: number, count: number): Measured {
  const parser = parserFor(kind);
  const lines = Array.from({ length: count }, (_, n) => Buffer.from(kind.line(n)));
  const speeds = measureStages(rounds, count, (keeps) => () => parseAll(parser, lines, keeps));
  const first = parser.parse(lines[0] as Buffer);
  const sample = 'problem' in first ? first.problem : stringifyJson(first.fields);
  return { name: kind.name, ...speeds, sample };
}

async function runParse(options: RunOptions): Promise<Outcome> {
  const rounds = options.rounds ?? (options.isTiny ? 1 : 9);
  const measured = kinds.map((kind) => {
    options.say(`${kind.name}: ${rounds} rounds`);
    return measureKind(kind, rounds, options.isTiny ? togetherCount : 60_000);
  });
  const nginx = measured[0] as Measured;
  return stagesOutcome({
    measured,
    table: { title: 'lines per CPU second, by parser', columns: ['lines', 'parse', 'kept'] },
    programs: await measureReaders(nginxJob, (n) => webLine(n), options),
    programsTitle: 'nginx from a file into files, lines per CPU second of the whole program',
    targets: [
      atLeast('must', 'nginx, parsed lines per CPU second', Math.round(nginx.alone), 300_000),
      atLeast('aim', 'nginx, kept lines per CPU second', Math.round(nginx.whole), 300_000),
    ],
  });
}

export const parse: Scenario = {
  name: 'parse',
  summary: 'lines through the parsers, and a log of nginx through whole programs',
  run: runParse,
};
