/**
 * What stack traces of languages look like: from a state, a line that the pattern matches leads to the next. The state
 * `start` is outside of a trace. Source: fluent-plugin-detect-exceptions 0.0.16 exception_detector.rb.
 */

export interface TraceRule {
  readonly from: readonly string[];
  /** Onigmo syntax. */
  readonly pattern: string;
  readonly to: string;
}

const rule = (from: string, pattern: string, to: string): TraceRule => ({ from: from.split(' '), pattern, to });

const java = [
  rule('start java_start', String.raw`(?:Exception|Error|Throwable|V8 errors stack trace)[:\r\n]`, 'java_after'),
  rule('java_after', String.raw`^[\t ]*nested exception is:[\t ]*`, 'java_start'),
  rule('java_after', String.raw`^[\r\n]*$`, 'java_after'),
  rule('java_after java', String.raw`^[\t ]+(?:eval )?at `, 'java'),
  rule('java_after java', String.raw`^[\t ]+--- End of inner exception stack trace ---$`, 'java'),
  rule('java_after java', '^--- End of stack trace from previous location where exception was thrown ---$', 'java'),
  rule('java_after java', String.raw`^[\t ]*(?:Caused by|Suppressed):`, 'java_after'),
  rule('java_after java', String.raw`^[\t ]*... \d+ (?:more|common frames omitted)`, 'java'),
];

const python = [
  rule('start', String.raw`^Traceback \(most recent call last\):$`, 'python'),
  rule('python', String.raw`^[\t ]+File `, 'python_code'),
  rule('python_code', String.raw`[^\t ]`, 'python'),
  rule('python', String.raw`^(?:[^\s.():]+\.)*[^\s.():]+:`, 'start'),
];

const php = [
  rule(
    'start',
    String.raw`(?:PHP (?:Notice|Parse error|Fatal error|Warning):)|(?:exception '[^']+' with message ')`,
    'php_begin',
  ),
  rule('php_begin', '^Stack trace:', 'php_frames'),
  rule('php_frames', String.raw`^#\d`, 'php_frames'),
  rule('php_frames', String.raw`^\s+thrown in `, 'start'),
];

const go = [
  rule('start', String.raw`\bpanic: `, 'go_panic'),
  rule('start', 'http: panic serving', 'go_goroutine'),
  rule('go_panic go_signal go_frame', '^$', 'go_goroutine'),
  rule('go_panic', String.raw`^\[signal `, 'go_signal'),
  rule('go_goroutine', String.raw`^goroutine \d+ \[[^\]]+\]:$`, 'go_frame'),
  rule('go_frame', String.raw`^(?:[^\s.:]+\.)*[^\s.():]+\(|^created by `, 'go_place'),
  rule('go_place', String.raw`^\s`, 'go_frame'),
];

const rubyFrame = String.raw`^[\t ]+.*?\.rb:\d+:in ` + '`';
const ruby = [
  rule('start', String.raw`Error \(.*\):$`, 'ruby_rails'),
  rule('ruby_rails', '^  $', 'ruby'),
  rule('ruby_rails', rubyFrame, 'ruby'),
  rule('ruby', rubyFrame, 'ruby'),
];

const dartFrame = String.raw`^#\d+\s+.+?\(.+?\)$`;
/** How what follows `Unhandled exception:` begins, where its frames come next. */
const dartErrors = [
  'Instance of',
  'Exception',
  'Bad state',
  'IntegerDivisionByZeroException',
  'Invalid argument',
  'RangeError',
  'Assertion failed',
  'Cannot instantiate',
  'Reading static variable',
  'UnimplementedError',
  'Unsupported operation',
  'Concurrent modification',
  'Out of Memory',
  'Stack Overflow',
];
const dart = [
  rule('start', '^Unhandled exception:$', 'dart'),
  ...dartErrors.map((text) => rule('dart', `^${text}`, 'dart_stack')),
  rule('dart', String.raw`^'.+?':.+?$`, 'dart_type1'),
  rule('dart_type1', dartFrame, 'dart_stack'),
  rule('dart_type1', '^.+?$', 'dart_type2'),
  rule('dart_type2', String.raw`^.*?\^.*?$`, 'dart_type3'),
  rule('dart_type3', '^$', 'dart_type4'),
  rule('dart_type4', '^$', 'dart_stack'),
  rule('dart', '^FormatException', 'dart_format1'),
  rule('dart_format1', dartFrame, 'dart_stack'),
  rule('dart_format1', '^.', 'dart_format2'),
  rule('dart_format2', String.raw`^.*?\^`, 'dart_format3'),
  rule('dart_format3', '^$', 'dart_stack'),
  rule('dart', '^NoSuchMethodError:', 'dart_method1'),
  rule('dart_method1', '^Receiver:', 'dart_method2'),
  rule('dart_method2', '^Tried calling:', 'dart_method3'),
  rule('dart_method3', '^Found:', 'dart_stack'),
  rule('dart_method3', dartFrame, 'dart_stack'),
  rule('dart_stack', dartFrame, 'dart_stack'),
  rule('dart_stack', '^<asynchronous suspension>$', 'dart_stack'),
];

/** Rules by language as configurations name it, in lower case. */
export const languageRules: Readonly<Record<string, readonly TraceRule[]>> = {
  java,
  javascript: java,
  js: java,
  csharp: java,
  py: python,
  python,
  php,
  go,
  rb: ruby,
  ruby,
  dart,
  all: [...java, ...python, ...php, ...go, ...ruby, ...dart],
};
