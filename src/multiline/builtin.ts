/**
 * Multiline parsers that need no definition. tidy: table, because it is rules in rows. Source: Fluent Bit 5.1
 * src/multiline/flb_ml_parser_{docker,cri,java,go,ruby,python}.c, whose rules for traces are those of Google's
 * fluent-plugin-detect-exceptions.
 */
import { readFluentbitJson } from '../codecs/fluentbit-json.ts';
import { compileFluentbitTime } from '../codecs/fluentbit-strptime.ts';
import type { MultilineName } from '../codecs/fluentbit_multiline.ts';
import type { Clock } from '../core/clock.ts';
import type { Parser } from '../core/plugin.ts';
import { getField } from '../core/record.ts';
import type { MultilineDefinition, MultilineRule } from './contract.ts';
import { valueOf } from './content.ts';
import { directCri, directDocker } from './direct.ts';

const flushTimeoutMs = 4000;

/** From, pattern, to. */
type Row = readonly [from: string, pattern: string, to: string];

const java: readonly Row[] = [
  [
    'start_state java_start_exception',
    String.raw`(.)(?:Exception|Error|Throwable|V8 errors stack trace)[:\r\n]`,
    'java_after_exception',
  ],
  ['java_after_exception', String.raw`^[\t ]*nested exception is:[\t ]*`, 'java_start_exception'],
  ['java_after_exception', String.raw`^[\r\n]*$`, 'java_after_exception'],
  ['java_after_exception java', String.raw`^[\t ]+(?:eval )?at `, 'java'],
  ['java_after_exception java', String.raw`^[\t ]+--- End of inner exception stack trace ---$`, 'java'],
  [
    'java_after_exception java',
    String.raw`^--- End of stack trace from previous (?x:)location where exception was thrown ---$`,
    'java',
  ],
  ['java_after_exception java', String.raw`^[\t ]*(?:Caused by|Suppressed):`, 'java_after_exception'],
  ['java_after_exception java', String.raw`^[\t ]*... \d+ (?:more|common frames omitted)`, 'java'],
];

const python: readonly Row[] = [
  ['start_state', String.raw`^Traceback \(most recent call last\):$`, 'python'],
  ['python', String.raw`^[\t ]+File `, 'python_code'],
  ['python_code', String.raw`[^\t ]`, 'python'],
  ['python', String.raw`^(?:[^\s.():]+\.)*[^\s.():]+:`, 'start_state'],
];

const go: readonly Row[] = [
  ['start_state', String.raw`\bpanic: `, 'go_after_panic'],
  ['start_state', 'http: panic serving', 'go_goroutine'],
  ['go_after_panic', '^$', 'go_goroutine'],
  ['go_after_panic go_after_signal go_frame_1', '^$', 'go_goroutine'],
  ['go_after_panic', String.raw`^\[signal `, 'go_after_signal'],
  ['go_goroutine', String.raw`^goroutine \d+ \[[^\]]+\]:$`, 'go_frame_1'],
  ['go_frame_1', String.raw`^(?:[^\s.:]+\.)*[^\s.():]+\(|^created by `, 'go_frame_2'],
  ['go_frame_2', String.raw`^\s`, 'go_frame_1'],
];

const ruby: readonly Row[] = [
  ['start_state ruby_start_exception', String.raw`^.+:\d+:in\s+.*`, 'ruby_after_exception'],
  ['ruby_after_exception ruby', String.raw`^\s+from\s+.*:\d+:in\s+.*`, 'ruby'],
];

const traces: Readonly<Record<Exclude<MultilineName, 'docker' | 'cri'>, readonly Row[]>> = { java, python, go, ruby };

/** The definition that stands behind a name. `clock`: for times without a year. */
export function builtinDefinition(name: MultilineName, clock: Clock): MultilineDefinition {
  const common = {
    name,
    rules: [],
    matchString: '',
    isNegated: false,
    flushTimeoutMs,
    keyContent: undefined,
    keyGroup: undefined,
    keyPattern: undefined,
    parser: undefined,
    isBuiltin: true,
  } as const;
  const container = { ...common, keyContent: 'log', keyGroup: 'stream' };
  switch (name) {
    case 'docker':
      return { ...container, type: 'endswith', matchString: '\n', ...dockerParser(clock) };
    case 'cri':
      return { ...container, type: 'equal', matchString: 'F', keyPattern: '_p', ...criParser(clock) };
    default:
      return { ...common, type: 'regex', rules: traces[name].map(ruleOf) };
  }
}

function ruleOf([from, pattern, to]: Row): MultilineRule {
  return { from: from.split(' '), pattern, to };
}

/** Both parsers are written with Time_Strict off. */
const utc = { offset: 0, isStrict: false };
type Ways = Pick<MultilineDefinition, 'parser' | 'direct'>;

/** `{"log":"…","stream":"…","time":"…"}`; the time stays a field. */
function dockerParser(clock: Clock): Ways {
  const { read: readTime, readPlaced } = compileFluentbitTime('%Y-%m-%dT%H:%M:%S.%L', utc, clock);
  const parser: Parser = {
    parse(input) {
      const fields = readFluentbitJson(input.toString());
      if (!fields) return { kind: 'mismatch', problem: 'expected one JSON object' };
      const time = getField(fields, 'time');
      return { fields, time: typeof time === 'string' ? readTime(time) : undefined };
    },
  };
  return { parser, direct: directDocker(readPlaced) };
}

/** `time stream P text`, as the expression `^(?<time>.+?) (?<stream>stdout|stderr) (?<_p>F|P) (?<log>.*)$` has it. */
function criParser(clock: Clock): Ways {
  const { read: readTime, readPlaced } = compileFluentbitTime('%Y-%m-%dT%H:%M:%S.%L%z', utc, clock);
  const parser: Parser = {
    parse(input) {
      const line = typeof input === 'string' ? Buffer.from(input) : input;
      const head = line.subarray(0, headBytesMax).toString('latin1');
      const found = criHead.exec(head);
      if (!found) return { kind: 'mismatch', problem: 'expected time, stdout or stderr, P or F, and text' };
      const [{ length }, time = '', stream = '', part = ''] = found;
      const log = valueOf(line.subarray(length));
      return { fields: { time, stream, _p: part, log }, time: readTime(time) };
    },
  };
  return { parser, direct: directCri(readPlaced) };
}

/** A time is some 35 bytes. */
const headBytesMax = 200;
const criHead = /^(.+?) (stdout|stderr) ([FP]) /;
