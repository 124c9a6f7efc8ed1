import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatProblem } from '../../core/errors.ts';
import type { Section } from './element.ts';
import { parse, problems, values } from './parse-fixture.ts';

/** A tree without places. */
function tree(section: Section): unknown {
  return [
    section.name,
    section.argument,
    Object.fromEntries(section.attributes.map(({ key, value }) => [key, value.text])),
    section.sections.map(tree),
  ];
}

describe('values', () => {
  const table: readonly [string, string][] = [
    ['k v', 'v'],
    ['  k     a    ', 'a'],
    ['k a  b  c', 'a  b  c'],
    ['k', ''],
    ['k\n', ''],
    ['k a #comment', 'a'],
    ['k a\t#comment', 'a'],
    ['k a#no comment', 'a#no comment'],
    ['k a# b #c', 'a# b'],
    ['k #no_comment', '#no_comment'],
    [String.raw`k \n\[\"`, String.raw`\n\[\"`],
    ['k t"', 't"'],
    ["k it's", "it's"],
    ['k x{1}[2]', 'x{1}[2]'],
    ['k #{ENV["X"]}', '#{ENV["X"]}'],
    ['k 値 # 注', '値'],
    ['k v\r\n', 'v'],
    ['"k" v', 'v'],
    ["'k' v", 'v'],
    ['k "a#comment"', 'a#comment'],
    ['k "a" # comment', 'a'],
    [String.raw`k "\\ \" \' \[ \#{x} \n\t\r\f\b\0"`, '\\ " \' [ #{x} \n\t\r\f\b\0'],
    ['k "line1\n  line2"', 'line1\n  line2'],
    ['k "\nline2\n"', '\nline2\n'],
    ['k "line1\\\n  line2"', 'line1  line2'],
    ['k "#not"', '#not'],
    [String.raw`k 'it\'s \\ \n \['`, String.raw`it's \ \n \[`],
    [`k '#{ENV["X"]}'`, '#{ENV["X"]}'],
    ['k [1, "a", true, null, 1.50]', '[1,"a",true,null,1.50]'],
    [String.raw`k ["\d+", "\\d"]`, String.raw`["d+","\\d"]`],
    ['k ["a", # one\n  "b" // two\n /* three */ ]', '["a","b"]'],
    ['k {"a": {"b": []}, "c#d": "#{ENV[\'X\']}"}', '{"a":{"b":[]},"c#d":"ex"}'],
    ['k ["#{ENV[\'SECRET\']}"]', String.raw`["a\"b"]`],
    ['k {} # nothing', '{}'],
  ];
  for (const [text, expected] of table)
    test(JSON.stringify(text), () => assert.deepEqual(values(text), { k: expected }));

  test('names', () => assert.deepEqual(values('$a.b/c-d=~ 1\n1 2'), { '$a.b/c-d=~': '1', '1': '2' }));
  test('a byte order mark is no part of the first name', () => assert.deepEqual(values('\uFEFFk v'), { k: 'v' }));
  test('the last of two counts, with a warning', () => {
    assert.deepEqual(values('k 1\nl 2\nk 3'), { k: '3', l: '2' });
    assert.deepEqual(problems('k 1\nk 3'), [
      'f.conf:2:1: warning: k is written twice (first on line 1): the last one counts',
    ]);
  });
});

describe('sections', () => {
  test('arguments, nesting, comments', () => {
    const { root, problems } = parse(`
# comment
<match   a.** {b,c}.*   > # comment
  @type copy
  <store ignore_error>
    @type null # x
  </store>
</match>
<label "@X y">
</label>
<filter /a.+(?<x>)\\d/>
</filter>`);
    assert.deepEqual(problems.map(formatProblem), [
      'f.conf:11:18: nothing may follow <filter> on its line, found `)\\d/>`; quote an argument that holds a >',
    ]);
    assert.deepEqual(tree(root), [
      '',
      '',
      {},
      [
        ['match', 'a.** {b,c}.*', { '@type': 'copy' }, [['store', 'ignore_error', { '@type': 'null' }, []]]],
        ['label', '@X y', {}, []],
        ['filter', '/a.+(?<x', {}, []],
      ],
    ]);
  });
  test('places', () => {
    const { root } = parse('<match **>\n  @type "x"\n\ttag  y\n</match>');
    const [match] = root.sections;
    assert.deepEqual(match?.at, { file: 'f.conf', line: 1, column: 1 });
    assert.deepEqual(
      match?.attributes.map(({ at, value }) => [at.line, at.column, value.at.line, value.at.column]),
      [
        [2, 3, 2, 9],
        [3, 2, 3, 7],
      ],
    );
  });
});

describe('problems', () => {
  const table: readonly [string, string, readonly string[]][] = [
    [
      'an end that is missing',
      '<source>\n  @type tail\n',
      ['1:1: <source> is never closed: </source> was expected before the end of the file'],
    ],
    [
      'an end of another section',
      '<source>\n</match>\n',
      ['2:1: </match> does not close <source> of line 1: </source> was expected'],
    ],
    ['an end without beginning', '</match>\n', ['1:1: </match> closes nothing: no section is open here']],
    [
      'a quote that is open',
      '<a>\n  @type "stdout\n</a>\n',
      [
        '2:9: unterminated double quote in @type of <a>: it opens here and has no closing " up to the end of the file, line 3',
      ],
    ],
    [
      'a single quote that is open',
      "k 'a\nl 1\n",
      ["1:3: unterminated single quote in k: it opens here and has no closing ' on its line"],
    ],
    ['text behind a quote', 'k "a" 1', ['1:7: nothing may follow a quoted text on its line, found `1`']],
    [
      'text behind a quote of several lines',
      'k "a\nl "b"',
      ['1:3: the double quote that opens here closes on line 2, before `b"`; is one missing on line 1?'],
    ],
    [
      'an escape',
      String.raw`k "\u00e9"`,
      [
        String.raw`1:4: unknown escape \u in double quotes: \n \r \t \f \b \0 and \ before a sign are known; write \\u, or use single quotes`,
      ],
    ],
    ['a tag on one line', '<test></test>\n</test>', ['1:7: nothing may follow <test> on its line, found `</test>`']],
    ['a tag that is open', '<test\n</test>', ['1:6: > was expected to end <test, found the end of the line']],
    ['a tag without name', '< test>', ['1:3: the name of a section was expected after <, found `test>`']],
    [
      'a quote behind an end',
      '<test>\n</test>"\nk 1',
      [
        '2:8: nothing may follow </test> on its line, found `"`: a stray quote (one that ends a variable of a shell is no part of the configuration)',
      ],
    ],
    ['text behind an end', '<test>\n</test> x', ['2:9: nothing may follow </test> on its line, found `x`']],
    [
      'an @ parameter',
      '<match>\n  @typ v\n</match>',
      ['2:3: @typ: names that begin with @ are reserved; did you mean @type?'],
    ],
    [
      'a comma too many',
      'k [1,2,]',
      [
        '1:8: broken JSON array: a value was expected after the comma, not ], found `]`; a value that begins with [ is read as JSON, quote it if it is text',
      ],
    ],
    [
      'an expression that looks like JSON',
      'k [a-z]+',
      [
        '1:4: broken JSON array: a JSON value was expected, found `a-z]+`; a value that begins with [ is read as JSON, quote it if it is text',
      ],
    ],
    [
      'JSON that is open',
      'k {"a": 1',
      [
        '1:10: broken JSON object: a comma or } was expected, found the end of the file; a value that begins with { is read as JSON, quote it if it is text',
      ],
    ],
    ['text behind JSON', 'k {} {}', ['1:6: nothing may follow a JSON value on its line, found `{}`']],
    ['an empty include', '@include\n', ['1:9: @include: a path was expected']],
    [
      'an include that is missing',
      '@include no/such.conf',
      ['1:10: @include no/such.conf: no such file (no/such.conf)'],
    ],
    ['an include with NUL', '@include {\0', ['1:10: @include: a path cannot hold the character NUL']],
    ['an include with NUL as in a URL', '@include no%00such*', []],
    [
      'a URL to include',
      '@include http://h/x',
      ['1:10: @include http://h/x: only files can be included; fetch it first and name the copy'],
    ],
  ];
  for (const [name, text, expected] of table)
    test(name, () =>
      assert.deepEqual(
        problems(text),
        expected.map((line) => `f.conf:${line}`),
      ),
    );

  test('all of them at once', () => {
    const text = 'k "\\z"\n<a>\nb "x" y\n</b>\nc [\n</d>\ne "f\n';
    assert.deepEqual(
      parse(text).problems.map((problem) => problem.at?.line),
      [1, 3, 4, 6, 7],
    );
  });
  const tree = ({ name, argument, sections, isTorn }: Section): unknown => [
    `${name}${argument === '' ? '' : ` ${argument}`}${isTorn ? '!' : ''}`,
    ...sections.map(tree),
  ];
  const torn: readonly [string, string, readonly unknown[], readonly string[]][] = [
    [
      'a section without end before the next: that one and all behind it stand outside',
      '<source>\na 1\n<match x>\n<buffer>\n</buffer>\n</match>\n<match y>\n</match>',
      [['source!'], ['match x', ['buffer']], ['match y']],
      ['1:1: <source> is never closed: </source> was expected before the end of the file'],
    ],
    [
      'an inner section without end ends with the one around it',
      '<match x>\n<buffer>\n</match>\n<match y>\n</match>',
      [['match x', ['buffer!']], ['match y']],
      ['2:1: <buffer> is never closed: </buffer> was expected before </match> on line 3'],
    ],
    [
      'several of them',
      '<label @A>\n<match x>\n<store>\n</label>\n<match y>\n</match>',
      [['label @A', ['match x!', ['store!']]], ['match y']],
      [
        '3:1: <store> is never closed: </store> was expected before </label> on line 4',
        '2:1: <match> is never closed: </match> was expected before </label>',
      ],
    ],
    [
      'a label without end keeps what may stand in it',
      '<label @A>\n<filter x>\n</filter>\n<match x>\n</match>\n<source>\n</source>\n<match y>\n</match>',
      [['label @A!', ['filter x'], ['match x']], ['source'], ['match y']],
      ['1:1: <label> is never closed: </label> was expected before the end of the file'],
    ],
    [
      'a wrong name at an end',
      '<match x>\n</macth>\n<match y>\n</match>',
      [['match x'], ['match y']],
      ['2:1: </macth> does not close <match> of line 1: </match> was expected'],
    ],
    [
      'an end of nothing',
      '</match>\n<match y>\n</match>',
      [['match y']],
      ['1:1: </match> closes nothing: no section is open here'],
    ],
  ];
  for (const [name, text, sections, expected] of torn)
    test(name, () => {
      const parsed = parse(text);
      assert.deepEqual(parsed.root.sections.map(tree), sections);
      assert.deepEqual(
        parsed.problems.map(formatProblem),
        expected.map((line) => `f.conf:${line}`),
      );
      assert.equal(parsed.isTorn, false);
    });
  test('@timestamp is a name in nested sections', () =>
    assert.deepEqual(problems('<filter>\n<record>\n@timestamp x\n</record>\n</filter>'), []));
  test('sections nested too deep', () => {
    const { problems, isTorn } = parse('<a>\n'.repeat(5000));
    assert.ok(isTorn);
    assert.match(problems[0]?.text ?? '', /nested deeper than 64/);
  });
  test('JSON nested too deep', () =>
    assert.match(problems(`k ${'['.repeat(50_000)}`).join(), /nested deeper than 100/));
});
