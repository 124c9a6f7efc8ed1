import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileExpression } from './expression.ts';
import { frameOf, ruby } from './ruby-fixture.ts';
import { inspect } from './semantics.ts';

process.env['TZ'] = 'UTC';

/** Code, and what Ruby 3.1 prints for it. */
function check(cases: readonly (readonly [code: string, shown: string])[]): void {
  for (const [code, shown] of cases) assert.equal(ruby(code), shown, code);
}

test('literals', () => {
  check([
    ['nil', 'nil'],
    ['[true, false, 1, -2, 1_000, 0x1f, 0b101, 0o17, 017]', '[true, false, 1, -2, 1000, 31, 5, 15, 15]'],
    [
      '[1.5, 1.0, 1e3, 2.5e-7, 1e20, 100000000000000000000]',
      '[1.5, 1.0, 1000.0, 2.5e-07, 1.0e+20, 100000000000000000000]',
    ],
    [`'a\\n\\'b\\\\'`, '"a\\\\n\'b\\\\"'],
    ['"a\\n\\t\\u00e9\\u{1F600}\\x41\\101\\e\\s|"', '"a\\n\\té😀AA\\e |"'],
    ['"\\xE3\\x81\\x82"', '"あ"'],
    ['"a" "b" \'c\'', '"abc"'],
    ['"#{1 + 1}#{"x#{2}"}" + "\\#{no}"', '"2x2\\#{no}"'],
    [':a', ':a'],
    [':"a b"', ':"a b"'],
    ['[:a?, :b=, :+, :[]]', '[:a?, :b=, :+, :[]]'],
    ['%w[a b c]', '["a", "b", "c"]'],
    ['%i(a b)', '[:a, :b]'],
    ["%q(it's (nested))", '"it\'s (nested)"'],
    ['%(x #{1})', '"x 1"'],
    ['{"a" => 1, b: 2, "c d": 3, :e => [4], 5 => nil}', '{"a"=>1, :b=>2, :"c d"=>3, :e=>[4], 5=>nil}'],
    ['(1..3)', '1..3'],
    ['1...3', '1...3'],
    ['("a".."e").to_a', '["a", "b", "c", "d", "e"]'],
    ['/a\\/b/i', '/a\\/b/i'],
    ['?a', '"a"'],
    ['[]', '[]'],
    ['{}', '{}'],
    ['[1, *[2, 3], 4]', '[1, 2, 3, 4]'],
    ['{a: 1, **{b: 2}}', '{:a=>1, :b=>2}'],
  ]);
});

test('operators and their precedence', () => {
  check([
    ['1 + 2 * 3 - 4 / 2', '5'],
    ['2 ** 3 ** 2', '512'],
    ['-2 ** 2', '-4'],
    ['-2.abs', '2'],
    ['(1 + 2) * 3', '9'],
    ['[7 / 2, -7 / 2, 7 / -2, 7 % 3, -7 % 3, 7 % -3]', '[3, -4, -4, 1, 2, -2]'],
    ['[7.0 / 2, -7.5 % 2, 7.fdiv(2), 7.divmod(-2), -7.remainder(3)]', '[3.5, 0.5, 3.5, [-4, -1], -1]'],
    ['2 ** 100', '1267650600228229401496703205376'],
    ['9007199254740993 + 1', '9007199254740994'],
    ['9007199254740991 * 9007199254740991', '81129638414606663681390495662081'],
    ['1 <=> 2', '-1'],
    ['"a" <=> 1', 'nil'],
    ['1 == 1.0', 'true'],
    ['1.eql?(1.0)', 'false'],
    ['1 != 2 && !false', 'true'],
    ['nil || false || 3', '3'],
    ['1 && nil', 'nil'],
    ['(false or true) and 5', '5'],
    ['not nil', 'true'],
    ['5 & 3 | 8 ^ 1', '8'],
    ['[1 << 70, 1 >> 1, ~5]', '[1180591620717411303424, 0, -6]'],
    ['1 > 2 ? "a" : 3 > 2 ? "b" : "c"', '"b"'],
    ['true ?"x":"y"', '"x"'],
    ['"a" + "b" * 3', '"abbb"'],
    ['[1, 2] + [3] - [2]', '[1, 3]'],
    ['[1, 2] & [2, 3] | [4]', '[2, 4]'],
    ['1 + nil', "! nil can't be coerced into Integer"],
    ['"a" + 1', '! no implicit conversion of Integer into String'],
    ['nil + 1', "! undefined method `+' for nil:NilClass"],
    ['1 / 0', '! divided by 0'],
    ['1.0 / 0', 'Infinity'],
    ['1 < "a"', '! comparison of Integer with String failed'],
    ['0.1 + 0.2', '0.30000000000000004'],
    ['10 -3', '7'],
    ['record["n"] -3', '2'],
  ]);
});

test('statements: variables, conditions, loops, rescue', () => {
  check([
    ['x = 5; y = x * 2; "#{x}-#{y}"', '"5-10"'],
    ['a, b = 1, 2; [b, a]', '[2, 1]'],
    ['a, (b, *c), d = 1, [2, 3, 4], 5; [a, b, c, d]', '[1, 2, [3, 4], 5]'],
    ['*a, b = [1, 2, 3]; [a, b]', '[[1, 2], 3]'],
    ['x = nil; x ||= 3; x += 1; x &&= x * 2; x', '8'],
    ['h = {}; h["a"] ||= []; h["a"] << 1; h', '{"a"=>[1]}'],
    ['h = {"n" => 1}; h["n"] += 2; h', '{"n"=>3}'],
    ['if record["n"] > 3 then "big" else "small" end', '"big"'],
    ['if false\n 1\nelsif nil\n 2\nelse\n 3\nend', '3'],
    ['unless false then 1 end', '1'],
    ['1 if false', 'nil'],
    ['x = 1 unless nil; x', '1'],
    ['case 5 when 1..3 then "low" when 4, 5 then "mid" else "hi" end', '"mid"'],
    ['case "abc" when /^b/ then 1 when /^a(.)/ then $1 end', '"b"'],
    ['case 1.5 when Integer then "i" when Float then "f" end', '"f"'],
    ['case when 1 > 2 then "a" when true then "b" end', '"b"'],
    ['case 2 when *[1, 2] then "in" end', '"in"'],
    ['i = 0; s = ""; while i < 3 do s += i.to_s; i += 1 end; s', '"012"'],
    ['i = 0; until i == 5; i += 1; next if i < 3; break i * 10 if i == 4; end', '40'],
    ['i = 0; begin i += 1 end while i < 3; i', '3'],
    ['i = 10; i -= 1 while i > 5; i', '5'],
    ['loop { break 7 }', '7'],
    ['Integer("x") rescue -1', '-1'],
    ['x = Integer("x") rescue 9; x', '9'],
    ['begin; nil.foo; rescue NoMethodError => e; e.message; end', '"no value has a method foo"'],
    ['begin; nil.upcase; rescue => e; e.message; end', '"undefined method `upcase\' for nil:NilClass"'],
    [
      'begin; raise ArgumentError, "bad"; rescue TypeError, ArgumentError => e; "#{e.class}: #{e.message}"; end',
      '"ArgumentError: bad"',
    ],
    ['begin; 1; rescue; 2; else; 3; ensure; 4; end', '3'],
    ['raise "boom"', '! boom'],
    ['return 5; 6', '5'],
    ['defined?(record) ? 1 : 2', '1'],
    ['defined?(nope).nil?', 'true'],
    ['tag = tag.upcase; tag', '"APP.WEB.EU"'],
    ['begin; 1/0; rescue JSON::ParserError; 1; end', '! divided by 0'],
  ]);
});

test('blocks, procs and lambdas', () => {
  check([
    ['[1, 2, 3].map { |x| x * 2 }', '[2, 4, 6]'],
    ['[1, 2, 3].map do |x|\n x + 1\nend', '[2, 3, 4]'],
    ['[[1, 2], [3, 4]].map { |a, b| a * b }', '[2, 12]'],
    ['[[1, [2, 3]]].map { |a, (b, c)| a + b + c }', '[6]'],
    ['[[1, 2, 3]].map { |a, *b| b }', '[[2, 3]]'],
    ['[1].map { |a, b = 5| a + b }', '[6]'],
    ['%w[a b].map(&:upcase)', '["A", "B"]'],
    ['[1, 2].each_with_index.map { |x, i| x * i }', '[0, 2]'],
    ['%w[a b].map.with_index(1) { |x, i| "#{i}#{x}" }', '["1a", "2b"]'],
    ['[1, 2, 3].each { |x| break x * 10 if x == 2 }', '20'],
    ['[1, 2, 3].map { |x| next 0 if x == 2; x }', '[1, 0, 3]'],
    ['f = ->(x, y = 2) { x + y }; [f.call(1), f.(1, 1), f[5]]', '[3, 2, 7]'],
    ['f = lambda { |x| return x * 2 }; f.call(4)', '8'],
    [
      'f = ->(h) { h.is_a?(Hash) ? h.map { |k, v| [k, f.call(v)] }.to_h : 1 }; f.call({"a" => {"b" => 0}})',
      '{"a"=>{"b"=>1}}',
    ],
    ['f = ->(n) { n < 2 ? n : f.call(n - 1) + f.call(n - 2) }; f.call(10)', '55'],
    ['->(x) { x }.call', '! wrong number of arguments (given 0, expected 1)'],
    ['[3, 1, 2].sort { |a, b| b <=> a }', '[3, 2, 1]'],
    ['[1, 2].each_with_object([]) { |x, acc| acc << x * 2 }', '[2, 4]'],
    ['%w[a b].inject("") { |s, x| s << x }', '"ab"'],
    ['[1, 2, 3].map { _1 + 1 }', '[2, 3, 4]'],
    ['[1, 2].tap { |x| x.length }.sum', '3'],
    ['5.then { |x| x + 1 }', '6'],
    ['x = 10; [1].each { |y; x| x = y }; x', '10'],
  ]);
});

test('the record, the tag and the time', () => {
  check([
    ['record["a"]', '"Hello"'],
    ["record['nope']", 'nil'],
    ['record["o"]["k"]', '"v"'],
    ['record.dig("o", "list", -1)', '3'],
    ['record["x"]["y"]', "! undefined method `[]' for nil:NilClass"],
    ['record["x"]&.fetch("y")', 'nil'],
    ['record.fetch("x", "d")', '"d"'],
    ['record.fetch("x")', '! key not found: "x"'],
    ['record.has_key?("a") && record.key?("z")', 'true'],
    ['record.keys.first(2)', '["a", "n"]'],
    ['record.select { |k, v| v.is_a?(String) }.keys', '["a", "code", "path", "log"]'],
    ['record.reject { |k| k != "a" }', '{"a"=>"Hello"}'],
    ['record.map { |k, v| k }.length', '10'],
    ['tag.split(".").last', '"eu"'],
    [
      '[tag_parts[0], tag_parts[-1], tag_prefix[1], tag_suffix[1], hostname]',
      '["app", "eu", "app.web", "web.eu", "host.example"]',
    ],
    [
      '[time.to_i, time.nsec, time.usec, time.year, time.month, time.hour, time.wday, time.yday]',
      '[1709618828, 123456789, 123456, 2024, 3, 6, 2, 65]',
    ],
    ['time.to_s', '"2024-03-05 06:07:08 +0000"'],
    ['time.strftime("%Y-%m-%dT%H:%M:%S.%3N%:z")', '"2024-03-05T06:07:08.123+00:00"'],
    ['(time + 60).to_i - time.to_i', '60'],
    ['time - Time.at(time.to_i - 1)', '1.123456789'],
    ['Time.at(time).localtime("+09:00").iso8601', '"2024-03-05T15:07:08+09:00"'],
    ['time.utc.iso8601(3)', '"2024-03-05T06:07:08.123Z"'],
    ['Time.now.to_i', '1709618900'],
    ['time.monday?', 'false'],
    ['time.round.nsec', '0'],
  ]);
});

test('changes of the record are seen by what comes after', () => {
  check([
    ['record["new"] = 1; record["new"] + 1', '2'],
    ['record["o"].delete("k"); record["o"]', '{"list"=>[1, 2, 3]}'],
    ['record["a"].gsub!("l", "L"); record["a"]', '"HeLLo"'],
    ['record["a"].gsub!("zzz", "")', 'nil'],
    ['record["a"] << "!"; record["a"]', '"Hello!"'],
    ['s = record["a"].dup; s.upcase!; s', '"HELLO"'],
    ['record.merge!("b" => 2)["b"]', '2'],
    ['record["arr"].sort!.reverse!; record["arr"]', '[3, 2, 1]'],
    ['record.delete_if { |k, v| k != "n" }', '{"n"=>5}'],
    ['JSON.parse(record["log"]).merge!("y" => 1)', '{"x"=>[1, 2.0], "y"=>1}'],
    ['record["x"]&.gsub!("a", "b")', 'nil'],
  ]);
  assert.match(ruby('record.each { |k, v| v.gsub!("a", "b") }'), /error at 25: gsub! changes text in place/);
  assert.match(ruby('record.dig("a").gsub!("a", "b")'), /changes text in place/);
});

test('a text with code in it is text; one code alone keeps its type', () => {
  const value = (text: string, alone = true) => inspect(compileExpression(text, alone).expression.run(frameOf()));
  assert.equal(value('${record["n"]}'), '5');
  assert.equal(value('${record["n"]}', false), '"5"');
  assert.equal(value('a-${record["n"]}-${tag}'), '"a-5-app.web.eu"');
  assert.equal(value('[${record["a"]}] \\n #{1 + 1} \\\\'), '"[Hello] \\n 2 \\\\"');
  assert.equal(value('plain "text"'), '"plain \\"text\\""');
  assert.equal(value('${"}"}x${ {"a" => "]"}["a"] }'), '"}x]"');
  assert.equal(value('${record["o"]}!'), '"{\\"k\\"=>\\"v\\", \\"list\\"=>[1, 2, 3]}!"');
  assert.equal(value('${record["z"]}!'), '"!"');
});

test('what is not taken is named with its place', () => {
  for (const [code, expected] of [
    ['system("ls")', /error at 2: function system is not taken/],
    ['`ls`', /error at 2: commands are not run/],
    ['File.read("/etc/passwd")', /error at 7: File\.read is not taken; of File there are basename/],
    ['IO.popen("x")', /error at 5: IO\.popen is not taken/],
    ['eval("1")', /function eval/],
    ['require "open3"', /require open3 is not taken/],
    ['record.instance_eval { 1 }', /error at 9: method instance_eval is not taken/],
    ['Object.const_get(:File)', /Object\.const_get is not taken/],
    ['@x ||= 1', /error at 2: instance and class variables/],
    ['$stdout.puts 1', /global variable \$stdout is not taken/],
    ['def x; end', /def is not taken/],
    ['Foo::Bar.new', /Foo::Bar\.new is not taken/],
    ['record["a"', /ends where \] or , behind the argument was expected/],
    ['1 +', /ends where a value was expected/],
    ['"abc', /text without a closing "/],
    ['[1, 2', /ends where \]/],
    ['if true', /end of if/],
    ['record["a"] record["b"]', /found record, expected an operator or the end/],
    ['/(/', /regular expression \(/],
    ['x = <<~E', /here documents/],
    ['case 1 in Integer then 2 end', /pattern matching/],
    ['[1].each(&:nope) { }', /found \{/],
    ['ENV', /constant ENV is not taken; of ENV there are \[\], fetch/],
    ['break', /break outside of a block/],
    ['('.repeat(200), /nested deeper/],
    [`"${'x'.repeat(30_000)}"`, /more than 20000 characters/],
  ] as const)
    assert.match(ruby(code), expected, code.slice(0, 40));
  const { findings } = compileExpression('${record["a"].frobnicate} ${nope}', true);
  assert.deepEqual(
    findings.map(({ at, severity }) => [at, severity]),
    [
      [14, 'warning'],
      [28, 'warning'],
    ],
  );
  assert.match(ruby('nope'), /! there is no variable or function nope; a field of the record is record\["nope"\]/);
  assert.match(compileExpression('a ] b ${tag}', true).findings[0]?.text ?? '', /without its \[/);
});

test('limits', () => {
  check([
    ['while true do end', '! more than 2000000 steps for one record'],
    ['loop { }', '! more than 2000000 steps for one record'],
    ['"a" * 100000000000', '! more than 100000000 bytes made for one record'],
    ['x = "a"; 100.times { x = x + x }', '! more than 100000000 bytes made for one record'],
    ['x = [1]; 100.times { x = x + x }', '! more than 100000000 bytes made for one record'],
    ['2 ** 1000000', '! an integer of more than 65536 bits'],
    ['1 << 10000000', '! an integer of more than 65536 bits'],
    ['(1..).to_a', '! all values of an endless range'],
    ['(1..10**12).to_a', '! more than 100000000 bytes made for one record'],
    ['"x".ljust(10 ** 10)', '! text padded by more than 1,000,000 characters'],
    ['f = ->(x) { f.call(x) }; f.call(1)', '! calls nested deeper than 150 levels'],
    ['a = []; a << a; a.to_s', '! a value nested deeper than 250 levels'],
    ['loop { } rescue 1', '! more than 2000000 steps for one record'],
    ['"%99999999d" % 1', '! a field wider than 10000'],
    ['(1..100).to_a.combination(50).first', '! more than 100000000 bytes made for one record'],
  ]);
});

test('random values are the same at each run, and differ within one', () => {
  const uuid = ruby('SecureRandom.uuid');
  assert.match(uuid, /^"[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}"$/);
  assert.equal(ruby('SecureRandom.uuid'), uuid);
  assert.equal(ruby('SecureRandom.uuid == SecureRandom.uuid'), 'false');
  assert.equal(ruby('rand(10).between?(0, 9) && rand < 1.0 && (1..6).include?(rand(1..6))'), 'true');
  assert.equal(ruby('SecureRandom.hex(4).length'), '8');
});

test('what configurations have', () => {
  check([
    [`record["a"].gsub(/(?i)HELLO\\s*/, 'x=***')`, '"x=***"'],
    [`record["a"].gsub(/[\\w+\\-.]+@[a-z\\d\\-.]+\\.[a-z]+/i, '[EMAIL]')`, '"Hello"'],
    [
      `"password=x token='y'".gsub(/(password|token|key)=['"]?[^'"\\s]+['"]?/i, '\\\\1=***')`,
      '"password=*** token=***"',
    ],
    ['record["severity"] || if record["stream"] == "stderr" then "ERROR" else "INFO" end', '"INFO"'],
    ['if record.has_key?("kubernetes"); record["kubernetes"]; else {}; end', '{}'],
    ['if record["c"] == nil || record["c"] == ""; record["c"] = "--"; end; record["c"]', '"--"'],
    ['record.dig("kubernetes", "labels", "log-collect") or false', 'false'],
    ['record.fetch("kubernetes", Hash.new).fetch("labels", "unknown_label")', '"unknown_label"'],
    ['(record["n"] * 1000).to_i rescue 0', '5000'],
    ['Time.at(time).to_datetime.iso8601(9)', '"2024-03-05T06:07:08.123456789+00:00"'],
    ['tag_suffix[-2].sub("-#{hostname}", "").sub(/\\.eu$/, "")', '"web"'],
    ['record["a"].encode("utf-8", "binary", :invalid => :replace, :undef => :replace, :replace => "")', '"Hello"'],
    ['record["log"].to_s.start_with?("{") ? JSON.parse(record["log"]) : {}', '{"x"=>[1, 2.0]}'],
    ['record.inject({}) { |memo, (k, v)| memo[k.gsub("a", "_")] = v; memo }.keys.first', '"_"'],
    ['case record["code"].to_i when 200..299 then "success" when 400..499 then "client" else "server" end', '"server"'],
    ['require "digest/md5"; Digest::MD5.hexdigest(record["a"])[0, 8]', '"8b1a9953"'],
    ['{10 => "trace", 20 => "debug"}[record["n"] * 2] || record["a"].downcase', '"trace"'],
    ['record["path"].split("/")[1..-1].join("_")', '"api_x"'],
    ['[record, {"a" => 1}].inject(:merge!)["a"]', '1'],
    ['record["a"].sub!(/H/, ""); record["a"]', '"ello"'],
    ['!!record["t"] && record["z"].to_s.empty?', 'true'],
    ['[1,\n  2 # a comment\n].map { |x|\n  x + 1\n}\n.sum', '5'],
  ]);
});
