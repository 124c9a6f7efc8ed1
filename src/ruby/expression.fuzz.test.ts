import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzzing.ts';
import { runLimited } from '../codecs/time-limit.ts';
import { parseExact } from '../core/json.ts';
import type { Fields } from '../core/record.ts';
import { ExpressionFailure, compileExpression } from './expression.ts';
import { toFieldValue } from './fields.ts';
import { allMethods } from './methods/all.ts';
import { functions, moduleFunctions } from './methods/modules.ts';
import { frameOf } from './ruby-fixture.ts';

const record =
  '{"a":"Hello\\n","n":5,"f":1.5,"big":1234567890123456,"o":{"k":"v","list":[1,2,3]},"arr":[3,1,2],"u":"é😀","z":null,"t":true,"":"x"}';

/** What the limits of steps and memory leave to do takes seconds at most; far beyond it is a hang. */
const hangMs = 60_000;

/** Anything thrown that is not ours is a bug, and so is code that does not end. */
function survives(text: string, alone: boolean, compile: typeof compileExpression): void {
  const { expression, findings } = compile(text, alone);
  for (const { at } of findings) assert.ok(at >= 0 && at <= text.length, `${at} is not in ${text}`);
  const frame = frameOf(expression.mutates ? parseExact(record) : (JSON.parse(record) as Fields));
  frame.mutates = expression.mutates;
  let isLate = false;
  const run = (): void => {
    try {
      toFieldValue(expression.run(frame), false);
    } catch (error) {
      if (!(error instanceof ExpressionFailure)) throw error;
    }
  };
  runLimited(1, hangMs, run, () => (isLate = true));
  assert.ok(!isLate, `does not end: ${text}`);
}

const values = fc.constantFrom(
  'record',
  'record["a"]',
  'record["o"]',
  'record["arr"]',
  'record["u"]',
  'record["big"]',
  'record["f"]',
  'tag',
  'tag_parts',
  'time',
  'nil',
  'true',
  '0',
  '-1',
  '1.5',
  '2 ** 70',
  '"a b,c"',
  "'x'",
  ':sym',
  '[1, [2, nil], "x"]',
  '{"a" => 1, b: [2]}',
  '(1..3)',
  '/(?<w>\\w+)|(\\d*)/',
  '->(x) { x }',
  'JSON.parse("[1]")',
  'Time.now',
  '"%5.2f|%s"',
  'Float::NAN',
);
const blocks = fc.constantFrom(
  '',
  '',
  ' { |x| x }',
  ' { |a, b| b }',
  ' { |x| x.to_s }',
  ' { nil }',
  ' { |(a, b), c| a }',
  ' { |x| break x }',
);
const names = fc.constantFrom(...allMethods.keys());
const args = fc.array(values, { maxLength: 3 });
const calls = fc
  .tuple(values, fc.array(fc.tuple(names, args, blocks), { minLength: 1, maxLength: 3 }))
  .map(([self, chain]) =>
    chain.reduce<string>((code, [name, given, block]) => {
      const list = given.join(', ');
      if (/^\w+[?!]?$/.test(name)) return `${code}.${name}${list === '' ? '' : `(${list})`}${block}`;
      if (name === '[]') return `${code}[${list === '' ? '0' : list}]`;
      return `(${code} ${name.replace('@', '')} ${given[0] ?? '1'})`;
    }, self),
  );
const moduleCalls = fc
  .tuple(fc.constantFrom(...moduleFunctions.keys(), ...functions.keys()), args)
  .filter(([name]) => name !== 'loop' && !name.includes('['))
  .map(([name, given]) => `${name}(${given.join(', ')})`);
const pieces = fc.constantFrom(
  ...'if unless while until case when then else elsif end do begin rescue ensure return next break and or not nil => | || && & ( ) [ ] { } "#{ } " \' / % %w[ ; , . .. ... ? : :: = == =~ ! - + * ** << >> < > -> |x| x y record["a"] $1 $~ \\ \n # 1 2.5 :a @a `'.split(
    ' ',
  ),
);
const soup = fc.array(fc.oneof(pieces, values), { maxLength: 25 }).map((list) => list.join(' '));
const changes = fc
  .tuple(calls, names, args)
  .map(([code, name, given]) => `x = ${code}; x.${name.replace(/\W+$/, '')}!(${given.join(',')}); x`);
const code = fc.oneof(calls, calls, moduleCalls, soup, changes, fc.string({ maxLength: 40 }));
const texts = fc.tuple(code, fc.constantFrom('lone', 'mixed', 'text')).map(([inner, form]) => {
  if (form === 'lone') return [`\${${inner}}`, true] as const;
  return form === 'mixed' ? ([`a[\${${inner}}]\\n`, true] as const) : ([inner, false] as const);
});

test('no code makes anything but our own errors, and all of it ends', () => {
  fc.assert(
    fc.property(texts, ([text, alone]) => survives(text, alone, compileExpression)),
    fuzzRuns(1500),
  );
});

test('an evaluator with a bug is caught', () => {
  const broken: typeof compileExpression = (text, alone) => {
    if (text.includes('time')) throw new TypeError('canary');
    return compileExpression(text, alone);
  };
  assert.throws(() =>
    fc.assert(
      fc.property(texts, ([text, alone]) => survives(text, alone, broken)),
      fuzzRuns(1500),
    ),
  );
});
