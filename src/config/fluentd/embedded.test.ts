import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { parse, problems, values } from './parse-fixture.ts';

describe('embedded expressions', () => {
  const table: readonly [string, string][] = [
    [`#{ENV['X']}`, 'ex'],
    ['#{ENV["X"]}', 'ex'],
    ['a#{ENV["X"]}b#{hostname}', 'aexbhost1'],
    ['#{ENV["NOPE"] || "default"}', 'default'],
    [`#{ENV['NOPE'] || ENV['X'] || 'd'}`, 'ex'],
    [`#{ENV['EMPTY'] || 'd'}`, ''],
    [`#{ENV.fetch('NOPE', 'd')}`, 'd'],
    [`#{ENV.fetch("X") { "d" }}`, 'ex'],
    [`#{ENV.fetch('NOPE') { 'd' }}`, 'd'],
    ['#{Socket.gethostname}/#{worker_id}', 'host1/0'],
    [`#{ENV['X'].upcase}-#{ENV['NUMBER'].to_i + 1}`, 'EX-43'],
    ['#{1 + 2}', '3'],
    ['#{}', ''],
    ['#{"}"}', '}'],
    [`#{ENV['X'] == 'ex' ? 'yes' : 'no'}`, 'yes'],
    [`#{ENV['NOPE'].nil? ? true : false}`, 'true'],
    [`#{(ENV['NOPE'] || '') + 'x'}`, 'x'],
    [`#{ENV['X'] || use_nil}`, 'ex'],
    [`#{File.join('/var/log/', ENV.fetch('NOPE', ''), 'a.pos')}`, '/var/log/a.pos'],
    [`#{File.join('a', '/b/', '/c')} #{File.basename('/x/y.log', '.*')} #{File.dirname('/x/y.log')}`, 'a/b/c y /x'],
    [`#{'https://' + ENV.fetch('X') + ':' + ENV['NUMBER']}`, 'https://ex:42'],
    [`#{"a#{ENV['X']}b" + "\\n".size.to_s}`, 'aexb1'],
    [`#{ENV['X'].gsub('e', 'E').sub(/x$/, '-\\0')}`, 'E-x'],
    [`#{'a.b.c'.split('.')[0]}#{'a.b.c'.split('.').last}#{'a,b'.split(',').join('|')}`, 'aca|b'],
    [`#{hostname[0..2]} #{hostname[-1]} #{hostname[1...3]} #{hostname[2..]} #{'x'[5].nil?}`, 'hos 1 os st1 true'],
    [`#{['a', nil, 'b'].compact.join('-')} #{[1, 'x', nil]}`, 'a-b [1, "x", nil]'],
    [`#{ENV['NUMBER'].to_i * 2 - 4 / 3} #{7 / 2} #{-7 / 2} #{-7 % 3} #{1.5 + 1} #{2.0}`, '83 3 -4 2 2.5 2.0'],
    [`#{!ENV['NOPE']} #{not true} #{1 < 2 && 'b' >= 'a'} #{'ex' =~ /x/} #{'ex' !~ /x/}`, 'true false true 1 false'],
    [`#{'y' if ENV['X']}#{'n' unless ENV['X']}#{ENV.key?('X') and 'k'}#{false or 'o'}`, 'yko'],
    [`#{ENV['X']&.upcase}#{ENV['NOPE']&.upcase}`, 'EX'],
    [`#{Integer(ENV['NUMBER']) + 1} #{Float('1.5')} #{String(nil)}|`, '43 1.5 |'],
    [`#{ENV["a".upcase.sub('A', 'X')]} #{ENV.has_key?('NOPE')}`, 'ex false'],
    [`#{ENV['X'].start_with?('a', 'e') ? 'v1'.delete_prefix('v') : 0} #{'a-b'.include?('-')}`, '1 true'],
    [`#{ENV.fetch('NOPE') { ENV['X'] || 'd' }}`, 'ex'],
    [`#{'ab' * 2} #{"it's"} #{'it\\'s'}`, "abab it's it's"],
  ];
  for (const [text, expected] of table) test(text, () => assert.deepEqual(values(`k "${text}"`), { k: expected }));

  for (const unset of ['nil', 'default'] as const)
    test(`use_${unset}`, () => {
      const { root } = parse(`k "#{ENV['NOPE'] || use_${unset}}"`);
      assert.equal(root.attributes[0]?.value.unset, unset);
    });
  test('in the argument of a section', () =>
    assert.equal(parse(`<match "#{ENV['X']}.**">\n</match>`).root.sections[0]?.argument, 'ex.**'));
  test('a variable that is not set is empty, with a warning', () =>
    assert.match(problems(`k "a#{ENV['NOPE']}"`)[0] ?? '', /^f\.conf:1:5: warning: the variable NOPE is not set/));

  const refused: readonly [string, RegExp][] = [
    ['`id`', /1:4: #\{`id`\}: an expression was expected at column 6/],
    ['File.read("/no/such/file")', /File\.read: no such file at column 6/],
    ['File.write("/x", "y")', /File\.write is not known/],
    ['Dir.glob("*")', /Dir\.glob is not known/],
    ['ENV.delete("X")', /ENV\['X'\] was expected/],
    ['"x".instance_eval("1")', /instance_eval is no method known here/],
    ['"x".constructor', /constructor is no method known here/],
    ['"x" * 99999999', /text \* 99999999 has no meaning/],
    ['1 / 0', /1 \/ 0 has no meaning/],
    ['"x".join', /join cannot be called so on text/],
    ['[1][1]["a"]', /\[text\] cannot be taken of nil/],
    ['"a" if', /an expression was expected/],
    ['"x".gsub(/(/, "")', /1:4: /],
    ['system("x")', /system is not known/],
    [
      `ENV.fetch('NOPE')`,
      /the variable NOPE is not set at column \d+; set it, or write a default: ENV\.fetch\('NOPE', 'default'\)$/,
    ],
    [`ENV['NOPE'].upcase`, /upcase cannot be called so on nil/],
    [`ENV['X'] + 1`, /text \+ 1 has no meaning/],
    ['ENV[x]', /x is not known/],
    ['1 +', /an expression was expected/],
    ['1', /found|an operator or \} was expected/],
  ];
  for (const [expression, expected] of refused)
    test(`refused: ${expression}`, () => {
      const text = expression === '1' ? 'k "#{1"' : `k "#{${expression}}"`;
      assert.match(problems(text).join('\n'), expected);
    });
  for (const sign of ['(', '[', '!', '-', 'ENV[', '"#{', 'x ? ', "ENV.fetch('N') {"])
    test(`hostile nesting of ${sign} is a problem`, () =>
      assert.match(problems(`k "#{${sign.repeat(9999)}"`).join(), /nested too deep|is not known/));
  test('a file that is read', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'post2log-embedded-')), 'secret');
    writeFileSync(path, 's3cret\n');
    assert.deepEqual(values(`k "#{File.read('${path}').chomp}"`), { k: 's3cret' });
    rmSync(dirname(path), { recursive: true });
  });
});
