import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { multilineNames } from '../codecs/fluentbit_multiline.ts';
import { realClock } from '../core/clock.ts';
import { fieldEntries } from '../core/record.ts';
import type { Fields } from '../core/record.ts';
import { builtinDefinition } from './builtin.ts';
import type { JoinedRecord, JoinerState, MultilineDefinition } from './contract.ts';
import { createJoiner } from './joiner.ts';

const second = 1000;

function custom(rules: readonly (readonly [string, string, string?])[], more: Partial<MultilineDefinition> = {}) {
  const base: MultilineDefinition = {
    name: 'custom',
    type: 'regex',
    rules: rules.map(([from, pattern, to]) => ({ from: from.split(' '), pattern, to })),
    matchString: '',
    isNegated: false,
    flushTimeoutMs: second,
    keyContent: undefined,
    keyGroup: undefined,
    keyPattern: undefined,
    parser: undefined,
    isBuiltin: false,
  };
  return { ...base, ...more };
}

const dated = custom([
  ['start_state', String.raw`/^(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2})(.*)/`, 'cont'],
  ['cont', String.raw`/^\s+at .*/`, 'cont'],
  ['cont', '/^Caused.*/', 'cont'],
]);

class Joining {
  readonly records: JoinedRecord<number>[] = [];
  readonly joiner;
  #next = 0;
  constructor(definitions: readonly MultilineDefinition[], joinedBytesMax = 1e6, state?: JoinerState) {
    this.joiner = createJoiner<number>(
      { definitions, joinedBytesMax, take: (record) => this.records.push(record) },
      state,
    );
  }
  lines(text: string, nowMs = 0): this {
    const lines = text.split('\n').map((line) => ({ text: Buffer.from(line), place: this.#next++ }));
    this.joiner.addLines(lines, undefined, nowMs);
    return this;
  }
  get fields(): Fields[] {
    return this.records.map(({ fields }) => fields);
  }
  /** What a field holds, of each record. */
  texts(key = 'log'): unknown[] {
    return this.fields.map((fields) => Object.entries(fields).find(([name]) => name === key)?.[1]);
  }
  flushed(): this {
    this.joiner.flush();
    return this;
  }
}

const builtin = (name: (typeof multilineNames)[number]) => builtinDefinition(name, realClock);

describe('rules', () => {
  test('lines go on by their states; what no rule takes is a record of its own', () => {
    const text = '2024-03-01 10:00:00 ERROR\n  at one\nCaused by x\n  at two\n2024-03-01 10:00:01 ok\nstray\n\nlast';
    assert.deepEqual(new Joining([dated]).lines(text).texts(), [
      '2024-03-01 10:00:00 ERROR\n  at one\nCaused by x\n  at two\n',
      '2024-03-01 10:00:01 ok\n',
      'stray\n',
      'last\n',
    ]);
  });
  test('a state outlives its record: lines that go on behind a stray one are one record', () => {
    const joining = new Joining([dated]).lines('2024-03-01 10:00:00 a\nstray\n  at one\n  at two').flushed();
    assert.deepEqual(joining.texts(), ['2024-03-01 10:00:00 a\n', 'stray\n', '  at one\n  at two\n']);
  });
  test('a state that leads to start_state completes the record', () => {
    const rules = custom([
      ['start_state', '^BEGIN', 'inner'],
      ['inner', '^END', 'start_state'],
      ['inner', '', 'inner'],
    ]);
    assert.deepEqual(new Joining([rules]).lines('BEGIN\na\n\nEND').texts(), ['BEGIN\na\n\nEND\n']);
  });
  test('a rule without a next state takes no line behind its own', () => {
    const rules = custom([['start_state', '^x']]);
    assert.deepEqual(new Joining([rules]).lines('x1\nx2\ny').texts(), ['x1\n', 'x2\n', 'y\n']);
  });
  test('an expression that backtracks for ever takes no line, and the others go on', () => {
    const rules = custom([
      ['start_state', '^(?:a+)+$', 'cont'],
      ['cont', '^ ', 'cont'],
    ]);
    const joining = new Joining([rules]).lines(`aaa\n b\n${'a'.repeat(60)}!\naa`).flushed();
    assert.deepEqual(joining.texts(), ['aaa\n b\n', `${'a'.repeat(60)}!\n`, 'aa\n']);
  });
});

describe('traces', () => {
  const python =
    'Traceback (most recent call last):\n  File "/app/main.py", line 3, in <module>\n    run()\nValueError: bad';
  const java =
    'java.lang.NullPointerException: x\n\tat a.b.C.d(C.java:1)\nCaused by: java.lang.IllegalStateException: y\n\t... 2 more';
  const go =
    'panic: my panic\n\ngoroutine 4 [running]:\npanic(0x45cb40, 0x47ad70)\n\t/usr/local/go/src/runtime/panic.go:542 +0x46c\ncreated by main.main\n\tfoo.go:5 +0x58';
  const ruby = "/app/x.rb:3:in `b': bad (RuntimeError)\n  from /app/x.rb:7:in `a'\n  from /app/x.rb:9:in `<main>'";
  const cases = { python, java, go, ruby };
  for (const [name, trace] of Object.entries(cases) as [keyof typeof cases, string][])
    test(name, () => {
      const joining = new Joining([builtin(name)]).lines(`before\n${trace}\nafter`).flushed();
      assert.deepEqual(joining.texts(), ['before\n', `${trace}\n`, 'after\n']);
    });
  test('several parsers: each line goes to the one that took the last, then to the others in order', () => {
    const joining = new Joining([builtin('java'), builtin('python'), builtin('go')]);
    joining.lines(`${java}\n${python}\nx\n${go}\ny`).flushed();
    assert.deepEqual(joining.texts(), [`${python}\n`, `${java}\n`, 'x\n', `${go}\n`, 'y\n']);
  });
});

describe('ends', () => {
  const equal = custom([], { type: 'equal', matchString: 'END' });
  const ending = custom([], { type: 'endswith', matchString: ';;' });
  test('equal', () => {
    assert.deepEqual(new Joining([equal]).lines('a\nb\nEND\nc\nEND\nd').flushed().texts(), [
      'a\nb\nEND\n',
      'c\nEND\n',
      'd\n',
    ]);
  });
  test('endswith, with lines that are shorter than what they should end with', () => {
    assert.deepEqual(new Joining([ending]).lines('a\n;\nb;;\nc').flushed().texts(), ['a\n;\nb;;\n', 'c\n']);
  });
  test('negated: a record ends with the first line that does not', () => {
    const goesOn = { ...ending, matchString: '\\', isNegated: true };
    assert.deepEqual(new Joining([goesOn]).lines('a\\\nb\\\nc\nd').texts(), ['a\\\nb\\\nc\n', 'd\n']);
  });
});

describe('containers', () => {
  test('docker: parts of 16 kB by stream, the first one gives time and fields', () => {
    const line = (log: string, stream: string, second: number) =>
      JSON.stringify({ log, stream, time: `2024-03-01T10:00:0${second}.5Z` });
    const joining = new Joining([builtin('docker')]).lines(
      [line('part 1 ', 'stdout', 0), line('err\n', 'stderr', 1), line('end\n', 'stdout', 2), 'not json'].join('\n'),
    );
    assert.deepEqual(joining.fields, [
      { log: 'err\n', stream: 'stderr', time: '2024-03-01T10:00:01.5Z' },
      { log: 'part 1 end\n', stream: 'stdout', time: '2024-03-01T10:00:00.5Z' },
      { log: 'not json' },
    ]);
    assert.deepEqual(joining.records[1]?.time, { seconds: 1709287200, nanos: 500_000_000 });
    assert.deepEqual(joining.records[1]?.places, [0, 2]);
  });
  test('cri: P and F by stream, and behind docker in a list', () => {
    const at = '2024-03-01T10:00:01.000000001+01:00';
    const text = [
      `${at} stderr P one `,
      `${at} stdout F out`,
      `${at} stderr P two `,
      `${at} stderr F end é`,
      `${at} stdout F `,
    ];
    const joining = new Joining([builtin('docker'), builtin('cri')]).lines(text.join('\n'));
    assert.deepEqual(joining.fields, [
      { time: at, stream: 'stdout', _p: 'F', log: 'out' },
      { time: at, stream: 'stderr', _p: 'P', log: 'one two end é' },
      { time: at, stream: 'stdout', _p: 'F', log: '' },
    ]);
    assert.deepEqual(joining.records[0]?.time, { seconds: 1709283601, nanos: 1 });
  });
  test('a time needs no fraction in either', () => {
    const cri = new Joining([builtin('cri')]).lines('2024-03-01T10:00:00Z stdout F x');
    const docker = new Joining([builtin('docker')]).lines('{"log":"x\\n","time":"2024-03-01T10:00:00Z"}');
    for (const { records } of [cri, docker]) assert.deepEqual(records[0]?.time, { seconds: 1709287200, nanos: 0 });
  });
  test('bytes that are no UTF-8 stay as they are', () => {
    const records: JoinedRecord<number>[] = [];
    const joiner = createJoiner<number>({
      definitions: [builtin('cri')],
      joinedBytesMax: 1e6,
      take: (record) => records.push(record),
    });
    const line = (tag: string, bytes: number[]) => Buffer.concat([Buffer.from(`t stdout ${tag} `), Buffer.from(bytes)]);
    joiner.addLines(
      [
        { text: line('P', [0xff, 0xc3]), place: 0 },
        { text: line('F', [0xa9]), place: 1 },
      ],
      undefined,
      0,
    );
    assert.deepEqual(records[0]?.fields, {
      time: 't',
      stream: 'stdout',
      _p: 'P',
      log: new Uint8Array([0xff, 0xc3, 0xa9]),
    });
  });
  test('a parser goes before the rules, which see a field of it', () => {
    const parser = {
      parse: (text: Buffer | string) => {
        const [level = '', rest] = text.toString().split('|');
        return rest === undefined
          ? { kind: 'mismatch' as const, problem: 'no bar' }
          : { fields: { level, rest }, time: undefined };
      },
    };
    const rules = { ...dated, parser, keyContent: 'rest' };
    const joining = new Joining([rules]).lines('a|2024-03-01 10:00:00 x\nb|  at y\nnone').flushed();
    assert.deepEqual(joining.fields, [{ level: 'a', rest: '2024-03-01 10:00:00 x\n  at y' }, { rest: 'none' }]);
  });
});

describe('records', () => {
  const rules = { ...dated, keyContent: 'log' };
  test('texts of a field are joined, the first record keeps its other fields; others pass', () => {
    const joining = new Joining([rules]);
    const logs = ['2024-03-01 10:00:00 a', '  at b', 'stray'];
    for (const [n, log] of logs.entries()) joining.joiner.addRecord({ n, log }, { seconds: n, nanos: 0 }, n, 0);
    joining.joiner.addRecord({ other: 1 }, undefined, 3, 0);
    assert.deepEqual(joining.fields, [
      { n: 0, log: '2024-03-01 10:00:00 a\n  at b' },
      { n: 2, log: 'stray' },
      { other: 1 },
    ]);
    assert.deepEqual(joining.records[0]?.time, { seconds: 0, nanos: 0 });
  });
});

describe('time and limits', () => {
  test('what is quiet for the flush timeout is complete, and only that', () => {
    const joining = new Joining([dated]).lines('2024-03-01 10:00:00 a', 0);
    assert.equal(joining.joiner.dueMs, second);
    joining.lines('  at b', 500);
    joining.joiner.flushDue(1400);
    assert.deepEqual(joining.texts(), []);
    assert.deepEqual(joining.joiner.held(), [0, 1]);
    joining.joiner.flushDue(1500);
    assert.deepEqual(joining.texts(), ['2024-03-01 10:00:00 a\n  at b\n']);
    assert.equal(joining.joiner.dueMs, undefined);
    assert.deepEqual(joining.joiner.held(), []);
  });
  test('a record that grows too large is cut between lines, and says so', () => {
    const joining = new Joining([dated], 40)
      .lines(`2024-03-01 10:00:00 a\n${'  at 0123456\n'.repeat(3)}  at z`)
      .flushed();
    assert.deepEqual(
      joining.records.map(({ isCut, places }) => [isCut, places]),
      [
        [true, [0, 1]],
        [false, [2, 3, 4]],
      ],
    );
  });
});

/** Lines of all sorts, for several parsers at a time. */
const someLine = fc.constantFrom(
  '2024-03-01 10:00:00 a',
  '  at b',
  'Caused by: c',
  'x.Exception: d',
  'Traceback (most recent call last):',
  '  File "x"',
  '    code',
  'ValueError: e',
  '',
  'stray',
  '{"log":"p","stream":"stdout"}',
  '{"log":"q\\n","stream":"stdout"}',
  '{"log":"r\\n","stream":"stderr"}',
  't stdout P f',
  't stdout F g',
  't stderr P h',
  't stderr F i',
);
const someLines = fc.array(someLine, { maxLength: 40 });
const someDefinitions = fc.constantFrom(
  [dated],
  [builtin('docker'), builtin('cri')],
  [builtin('java'), builtin('python')],
  [builtin('cri'), dated],
  [custom([], { type: 'equal', matchString: 'stray' })],
);

describe('properties', () => {
  const joined = (
    definitions: readonly MultilineDefinition[],
    pieces: readonly string[][],
    reopen: (joining: Joining) => Joining,
  ) => {
    let joining = new Joining(definitions);
    const records: JoinedRecord<number>[] = [];
    let place = 0;
    for (const piece of pieces) {
      joining.joiner.addLines(
        piece.map((text) => ({ text, place: place++ })),
        undefined,
        0,
      );
      records.push(...joining.records.splice(0));
      joining = reopen(joining);
    }
    joining.joiner.flush();
    records.push(...joining.records);
    return records.map(({ fields, places }) => ({ fields: Object.fromEntries(fieldEntries(fields)), places }));
  };
  const split = fc.array(fc.nat(40), { maxLength: 6 });
  const piecesOf = (lines: readonly string[], cuts: readonly number[]) => {
    const at = [0, ...cuts.map((cut) => Math.min(cut, lines.length)).sort((a, b) => a - b), lines.length];
    return at.slice(1).map((end, index) => lines.slice(at[index], end));
  };
  test('any split into pieces gives the same records', () => {
    fc.assert(
      fc.property(someDefinitions, someLines, split, (definitions, lines, cuts) => {
        const whole = joined(definitions, [lines], (joining) => joining);
        assert.deepEqual(
          joined(definitions, piecesOf(lines, cuts), (joining) => joining),
          whole,
        );
      }),
    );
  });
  test('every line is in one record, but for lines without a character', () => {
    fc.assert(
      fc.property(someDefinitions, someLines, (definitions, lines) => {
        const places = joined(definitions, [lines], (joining) => joining).flatMap((record) => record.places);
        const wanted = lines.flatMap((line, place) => (line === '' && !places.includes(place) ? [] : [place]));
        assert.deepEqual(
          places.sort((a, b) => a - b),
          wanted,
        );
      }),
    );
  });
  test('a joiner that was saved goes on as if nothing had been', () => {
    fc.assert(
      fc.property(someDefinitions, someLines, split, (definitions, lines, cuts) => {
        const whole = joined(definitions, [lines], (joining) => joining);
        const again = joined(definitions, piecesOf(lines, cuts), (joining) => {
          const state = JSON.parse(JSON.stringify(joining.joiner.save())) as JoinerState;
          return new Joining(definitions, 1e6, state);
        });
        assert.deepEqual(again, whole);
      }),
    );
  });
});
