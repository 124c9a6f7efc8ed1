import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ruby } from '../ruby-fixture.ts';

process.env['TZ'] = 'UTC';

/** Code, and what Ruby 3.1 prints for it. */
function check(cases: readonly (readonly [code: string, shown: string])[]): void {
  for (const [code, shown] of cases) assert.equal(ruby(code), shown, code);
}

test('String: case, trimming, padding, parts', () => {
  check([
    ['"hELLO wORLD".capitalize', '"Hello world"'],
    ['["aB".upcase, "aB".downcase, "aB".swapcase]', '["AB", "ab", "Ab"]'],
    [
      '[" a ".strip, " a ".lstrip, " a ".rstrip, "a\\n".chomp, "abc".chop, "a.log".chomp(".log")]',
      '["a", "a ", " a", "a", "ab", "a"]',
    ],
    ['["abc".ljust(5, "."), "abc".rjust(5, "xy"), "abc".center(6, "*")]', '["abc..", "xyabc", "*abc**"]'],
    ['["abc"[0], "abc"[-1], "abc"[1..], "abc"[0, 2], "abc"[5], "abc"[0...-1]]', '["a", "c", "bc", "ab", nil, "ab"]'],
    ['["abc"["bc"], "abc"[/b(.)/], "abc"[/b(.)/, 1], "abc"[/(?<x>b)/, "x"]]', '["bc", "bc", "c", "b"]'],
    [
      '["a,b,,c,,".split(","), "a,b,,".split(",", -1), " a  b ".split, "abc".split(""), "a1b2".split(/\\d/), "a-b".split(/(-)/)]',
      '[["a", "b", "", "c"], ["a", "b", "", ""], ["a", "b"], ["a", "b", "c"], ["a", "b"], ["a", "-", "b"]]',
    ],
    ['["a-b-c".split("-", 2), "a b c".split(" ", 2), "".split(",")]', '[["a", "b-c"], ["a", "b c"], []]'],
    [
      '["a=b=c".partition("="), "a=b=c".rpartition("="), "abc".partition("x")]',
      '[["a", "=", "b=c"], ["a=b", "=", "c"], ["abc", "", ""]]',
    ],
    [
      '["abc".chars, "a\\nb\\n".lines, "é".bytes, "ab".each_char.to_a, "a\\nb".each_line.map(&:chomp)]',
      '[["a", "b", "c"], ["a\\n", "b\\n"], [195, 169], ["a", "b"], ["a", "b"]]',
    ],
    ['["prefix_x".delete_prefix("prefix_"), "x.log".delete_suffix(".log")]', '["x", "x"]'],
    ['["héllo😀".length, "héllo😀".bytesize, "a😀b".reverse, "a😀b"[1], "😀x".index("x")]', '[6, 10, "b😀a", "😀", 1]'],
    ['["az".succ, "zz".succ, "a9".succ, "Zz".succ, "1.9".succ, "".succ]', '["ba", "aaa", "b0", "AAa", "2.0", ""]'],
  ]);
});

test('String: searching and replacing', () => {
  check([
    [
      '["abc".include?("b"), "abc".start_with?("x", "ab"), "abc".end_with?("c"), "abc".start_with?(/[ab]+/)]',
      '[true, true, true, true]',
    ],
    [
      '["hello".index("l"), "hello".rindex("l"), "hello".index("l", 3), "hello".index(/z/), "hello".count("lo")]',
      '[2, 3, 3, nil, 3]',
    ],
    ['"hello".sub("l", "L")', '"heLlo"'],
    ['"hello".gsub("l") { |m| m.upcase }', '"heLLo"'],
    ['"hello".gsub(/[el]/, "e" => "3", "l" => "1")', '"h311o"'],
    ['"John Smith".sub(/(\\w+) (\\w+)/, \'\\2, \\1\')', '"Smith, John"'],
    ['"2024-03".gsub(/(?<y>\\d+)-(?<m>\\d+)/, \'\\k<m>/\\k<y>\')', '"03/2024"'],
    ['"CamelCase".gsub(/([A-Z])/) { "_" + $1.downcase }', '"_camel_case"'],
    ['"abc".gsub(/x*/, "-")', '"-a-b-c-"'],
    ['"a.b".gsub(".", "-")', '"a-b"'],
    [
      '["hello".tr("el", "ip"), "hello".tr("a-y", "b-z"), "hello".delete("l"), "aaabb".squeeze, "aabb".squeeze("a"), "hello".tr("^l", "*")]',
      '["hippo", "ifmmp", "heo", "ab", "abb", "**ll*"]',
    ],
    ['["ab12".scan(/[a-z]|\\d+/), "k=v;q=w".scan(/(\\w)=(\\w)/).to_h]', '[["a", "b", "12"], {"k"=>"v", "q"=>"w"}]'],
    ['"/api/x" =~ /x/', '5'],
    ['"abc" =~ /z/', 'nil'],
    ['"abc" !~ /z/', 'true'],
    ['"a1".match?(/\\d/)', 'true'],
    [
      'm = "ab12".match(/(?<l>[a-z]+)(?<d>\\d+)/); [m[:l], m["d"], m[0], m.names, m.pre_match, m.begin(0)]',
      '["ab", "12", "ab12", ["l", "d"], "", 0]',
    ],
    ['"x1y" =~ /(\\d)(y)?(z)?/; [$~[0], $1, $2, $3, $`, $\', $&, $+]', '["1y", "1", "y", nil, "x", "", "1y", "y"]'],
    ['/(?<year>\\d+)-(?<mon>\\d+)/ =~ "2024-03"; [year, mon]', '["2024", "03"]'],
    ['"line1\\nline2"[/^line2$/]', '"line2"'],
    ['x = "b"; "abc" =~ /#{x}c/', '1'],
    ['["a+b".match?(Regexp.new(Regexp.escape("+"))), Regexp.union("a.", /b/).source]', '[true, "a\\\\.|(?-mix:b)"]'],
    ['"foo.bar"[/\\.(\\w+)\\z/, 1]', '"bar"'],
  ]);
});

test('String: numbers, formats, encodings', () => {
  check([
    [
      '["12abc".to_i, "abc".to_i, "0x1f".to_i(16), "1_000".to_i, " 42".to_i, "1.5e3x".to_f, "z".to_f, "ff".hex, "17".oct]',
      '[12, 0, 31, 1000, 42, 1500.0, 0.0, 255, 15]',
    ],
    ['[Integer("0x1f"), Integer("12", 8), Integer("z", exception: false), Float("1.5")]', '[31, 10, nil, 1.5]'],
    ['Integer("x", -1)', '! invalid radix -1'],
    ['Integer("0b11", 0)', '3'],
    ['Integer("12abc")', '! invalid value for Integer(): "12abc"'],
    ['Integer(nil)', "! can't convert nil into Integer"],
    [
      '["%05.2f" % 3.14159, "%-5s|" % "ab", "%+d" % 7, "%x" % 255, "%08b" % 5, "%e" % 12345.678, "%s and %s" % ["a", 1], "%%" % []]',
      '["03.14", "ab   |", "+7", "ff", "00000101", "1.234568e+04", "a and 1", "%"]',
    ],
    [
      '[format("%<a>d/%{b}", a: 1, b: 2), sprintf("%3d|%-3d|%03d", 5, 5, 5), "%.3s" % "abcdef", "%g" % 1e10, "%g" % 0.0001, "%c" % 65]',
      '["1/2", "  5|5  |005", "abc", "1e+10", "0.0001", "A"]',
    ],
    [
      '["%.0f" % 0.5, "%.0f" % 1.5, "%.1f" % 0.25, "%.2f" % 2.675, "%#x" % 255, "%x" % -255]',
      '["0", "2", "0.2", "2.67", "0xff", "..f01"]',
    ],
    [
      '["a".ord, "abc".sum, "é".unpack("U*"), "Hi".unpack1("H*"), ["4869"].pack("H*"), ["ab"].pack("m0"), "YWI=".unpack1("m")]',
      '[97, 294, [233], "4869", "Hi", "YWI=", "ab"]',
    ],
    [
      '["abc".force_encoding("UTF-8"), "abc".encode("UTF-8", invalid: :replace, undef: :replace), "a".scrub("?"), "é".unicode_normalize(:nfd).length, "a".valid_encoding?, "é".ascii_only?]',
      '["abc", "abc", "a", 2, true, false]',
    ],
    [
      '["a".to_sym, "10" <=> "9", "a" < "b", "Ab".casecmp("aB"), "Ab".casecmp?("aB"), "abc".eql?("abc"), "b".between?("a", "c")]',
      '[:a, -1, true, 0, true, true, true]',
    ],
    ['["".empty?, "a".to_s, :a.to_s, nil.to_s, "x".nil?, "abc".hash.nil?]', 'error at 59: method hash is not taken'],
  ]);
});

test('Integer and Float', () => {
  check([
    [
      '[5.to_s, 255.to_s(16), 5.to_f, 5.7.to_i, -5.7.to_i, 5.zero?, 0.zero?, 3.even?, 3.odd?, 3.pred, 3.succ]',
      '["5", "ff", 5.0, 5, -5, false, true, false, true, 2, 4]',
    ],
    [
      '[1.5.round, 2.5.round, -2.5.round, 2.5.round(half: :even), 2.675.round(2), 1234.567.round(-2), 15.round(-1), 1.23456.floor(2), 1.2.ceil, -1.2.floor, -1.5.truncate]',
      '[2, 3, -3, 2, 2.68, 1200, 20, 1.23, 2, -2, -1]',
    ],
    [
      '[1.23.round(1), 10.0.round(2), 1e20.to_i, 3.14.to_s, 100.0.to_s, 1e16.to_s, 1e15.to_s, 1e-5.to_s]',
      '[1.2, 10.0, 100000000000000000000, "3.14", "100.0", "1.0e+16", "1.0e+15", "1.0e-05"]',
    ],
    [
      '[10.clamp(1, 5), 10.clamp(..3), 5.between?(1, 10), 10.digits, 12.gcd(18), 4.lcm(6), 10.bit_length, 65.chr, -5.abs]',
      '[5, 3, true, [0, 1], 6, 12, 4, "A", 5]',
    ],
    [
      '[3.times.to_a, 1.upto(3).to_a, 3.downto(1).map { |x| x }, 1.step(10, 4).to_a]',
      '[[0, 1, 2], [1, 2, 3], [3, 2, 1], [1, 5, 9]]',
    ],
    [
      '[1.0.nan?, (0.0 / 0).nan?, (1.0 / 0).infinite?, 1.0.finite?, 5.integer?, 5.5.integer?]',
      '[false, true, 1, true, true, false]',
    ],
    [
      '[Math.sqrt(16), Math.log(Math::E), Math.log2(8), Math::PI.round(3), Math.hypot(3, 4)]',
      '[4.0, 1.0, 3.0, 3.142, 5.0]',
    ],
    ['Math.sqrt(-1)', '! Numerical argument is out of domain'],
    ['Float::NAN.to_i', '! NaN'],
    [
      '[1 == 1.0, 1.eql?(1), 0.1 + 0.2 == 0.3, 2 ** 0.5, 4 ** 0.5, 10.pow(3)]',
      '[true, true, false, 1.4142135623730951, 2.0, 1000]',
    ],
    ['[1.5.divmod(0.5), -7.5.modulo(2), 1e308 * 10, 7.0.floor, 6.0.to_s]', '[[3, 0.0], 0.5, Infinity, 7, "6.0"]'],
  ]);
});

test('Array', () => {
  check([
    [
      'a = [3, 1, 2]; [a.first, a.last, a.first(2), a.last(2), a.min, a.max, a.sum, a.sort, a.reverse, a.length, a.minmax]',
      '[3, 2, [3, 1], [1, 2], 1, 3, 6, [1, 2, 3], [2, 1, 3], 3, [1, 3]]',
    ],
    [
      'a = [1, 2, 3, 4]; [a.select(&:even?), a.reject(&:even?), a.partition { |x| x > 2 }, a.find { |x| x > 2 }, a.index(3), a.take(2), a.drop(2), a.take_while { |x| x < 3 }]',
      '[[2, 4], [1, 3], [[3, 4], [1, 2]], 3, 2, [1, 2], [3, 4], [1, 2]]',
    ],
    [
      '[[1, nil, 2].compact, [1, [2, [3]]].flatten, [1, [2, [3]]].flatten(1), [1, 1, 2].uniq, [1, 2].include?(2), [].empty?, [1, 2].any? { |x| x > 1 }, [1, 2].all?(Integer), [nil].none?]',
      '[[1, 2], [1, 2, 3], [1, 2, [3]], [1, 2], true, true, true, true, true]',
    ],
    [
      '[["a", 1, nil].join("-"), [1, [2, 3]].join(","), %w[b a].sort.join, [1, 2, 3].each_slice(2).to_a, [1, 2, 3].each_cons(2).to_a]',
      '["a-1-", "1,2,3", "ab", [[1, 2], [3]], [[1, 2], [2, 3]]]',
    ],
    [
      '[%w[a b].zip([1, 2]), %w[a b].zip([1, 2]).to_h, [[1, 2], [3, 4]].transpose, [1, 2].product([3]), [1, 2, 3].rotate, [1, 2, 3].values_at(0, -1)]',
      '[[["a", 1], ["b", 2]], {"a"=>1, "b"=>2}, [[1, 3], [2, 4]], [[1, 3], [2, 3]], [2, 3, 1], [1, 3]]',
    ],
    [
      '[[1, 2, 3].inject(:+), [1, 2, 3].reduce(10) { |s, x| s + x }, [1, 2, 3].sum { |x| x * 2 }, [0.1, 0.2, 0.3].sum, ["a", "b"].sum("")]',
      '[6, 16, 12, 0.6, "ab"]',
    ],
    [
      '[%w[aa b].group_by(&:length), %w[a b a].tally, [1, 2, 3].each_with_index.to_a, %w[aa b].sort_by(&:length), %w[aa b].max_by(&:length), [3, 1].minmax]',
      '[{2=>["aa"], 1=>["b"]}, {"a"=>2, "b"=>1}, [[1, 0], [2, 1], [3, 2]], ["b", "aa"], "aa", [1, 3]]',
    ],
    [
      '[[1, 2, 3][1..], [1, 2, 3][0, 2], [1, 2, 3][-1], [1, 2, 3][5], [1, 2, 3].dig(0), [1, 2].fetch(5, "d"), [[1, [2]]].dig(0, 1, 0)]',
      '[[2, 3], [1, 2], 3, nil, 1, "d", 2]',
    ],
    [
      'a = [1]; a << 2; a.push(3, 4); a.unshift(0); a.insert(1, 9); a.delete(3); a.delete_at(0); [a, a.pop, a.shift, a]',
      '[[1, 2], 4, 9, [1, 2]]',
    ],
    ['a = [1, 2]; a[4] = 5; a.concat([6]); a', '[1, 2, nil, nil, 5, 6]'],
    [
      '[[1, 2] * 2, [1, 2] * ",", [1, 2] <=> [1, 3], [1, 2] == [1.0, 2.0], [[2, "b"], [1, "a"]].sort, [1, 2, 3].filter_map { |x| x * 2 if x > 1 }]',
      '[[1, 2, 1, 2], "1,2", -1, true, [[1, "a"], [2, "b"]], [4, 6]]',
    ],
    [
      '[Array(nil), Array([1]), Array(1..3), Array("a" => 1), Array.new(2, 0), Array.new(2) { |i| i * i }]',
      '[[], [1], [1, 2, 3], [["a", 1]], [0, 0], [0, 1]]',
    ],
    [
      '[%w[a1 b].grep(/\\d/), [1, "a", :b].grep(String), [3, 5].each_with_index.map { |x, i| x * i }, [[1, 2]].each { |a, b| }.first, [1, 2].cycle]',
      'error at 135: method cycle is not taken',
    ],
  ]);
});

test('Hash', () => {
  check([
    [
      'h = {"a" => 1, "b" => nil}; [h["a"], h["x"], h.key?("b"), h.value?(1), h.key(1), h.length, h.keys, h.values, h.any? { |k, v| v }, h.compact]',
      '[1, nil, true, true, "a", 2, ["a", "b"], [1, nil], true, {"a"=>1}]',
    ],
    [
      'h = {a: 1, b: 2}; [h.map { |k, v| [k, v * 2] }.to_h, h.select { |k, v| v > 1 }, h.reject { |k, v| v > 1 }, h.min_by { |k, v| v }, h.sum { |k, v| v }, h.find { |k, v| v == 2 }, h.to_a]',
      '[{:a=>2, :b=>4}, {:b=>2}, {:a=>1}, [:a, 1], 3, [:b, 2], [[:a, 1], [:b, 2]]]',
    ],
    [
      'h = {"a" => 1}; [h.merge("b" => 2), h.merge({"a" => 5}) { |k, o, n| o + n }, h.to_h { |k, v| [v, k] }, h.invert, h.transform_values { |v| v + 1 }, h.transform_keys(&:to_sym), h.slice("a", "x"), h.except("a")]',
      '[{"a"=>1, "b"=>2}, {"a"=>6}, {1=>"a"}, {1=>"a"}, {"a"=>2}, {:a=>1}, {"a"=>1}, {}]',
    ],
    ['h = Hash.new(0); %w[a b a].each { |x| h[x] += 1 }; [h, h["zz"]]', '[{"a"=>2, "b"=>1}, 0]'],
    ['h = Hash.new { |hash, k| hash[k] = [] }; h["a"] << 1; h', '{"a"=>[1]}'],
    [
      'h = {"b" => 1, "a" => 2}; [h.sort.to_h, h.sort_by { |k, v| -v }, h.max_by { |k, v| v }, h.group_by { |k, v| v.odd? }, h.partition { |k, v| v > 1 }, h.each_with_index.map { |(k, v), i| [k, i] }]',
      '[{"a"=>2, "b"=>1}, [["a", 2], ["b", 1]], ["a", 2], {true=>[["b", 1]], false=>[["a", 2]]}, [[["a", 2]], [["b", 1]]], [["b", 0], ["a", 1]]]',
    ],
    [
      'h = {"a" => {"b" => [1]}}; [h.dig("a", "b", 0), h.dig("x", "y"), h.fetch("a").fetch("b"), h.each_with_object({}) { |(k, v), m| m[k] = v.size }]',
      '[1, nil, [1], {"a"=>1}]',
    ],
    ['{"a" => 1}.dig("a", "b")', '! Integer does not have #dig method'],
    [
      'h = {"a" => 1}; h.store("b", 2); h.update("c" => 3); h.delete("a"); [h, h.delete("zz"), h.shift, h.empty?]',
      '[{"c"=>3}, nil, ["b", 2], false]',
    ],
    [
      '[{"a" => 1} == {"a" => 1.0}, {a: 1, b: 2} == {b: 2, a: 1}, {1 => "a"}[1], {1 => "a"}[1.0], {[1] => 2}[[1]], {nil => 1}[nil]]',
      '[true, true, "a", nil, 2, 1]',
    ],
    [
      's = ""; {"a" => 1}.each { |k, v| s += "#{k}#{v}" }; {"a" => 1}.each_pair { |pair| s += pair.inspect }; s',
      '"a1[\\"a\\", 1]"',
    ],
    [
      '[{a: 1}.to_json, {"a" => [1, nil, "x\\n", 1.5, true]}.to_json, "é".to_json, nil.to_json, :a.to_json, JSON.generate([1]), JSON.pretty_generate({"a" => [1]})]',
      '["{\\"a\\":1}", "{\\"a\\":[1,null,\\"x\\\\n\\",1.5,true]}", "\\"é\\"", "null", "\\"a\\"", "[1]", "{\\n  \\"a\\": [\\n    1\\n  ]\\n}"]',
    ],
  ]);
});

test('JSON, and other things that modules do', () => {
  check([
    ['JSON.parse(record["log"])["x"]', '[1, 2.0]'],
    ['JSON.parse(\'{"a": {"b": 12345678901234567890}}\', symbolize_names: true)', '{:a=>{:b=>12345678901234567890}}'],
    ['begin; JSON.parse("{x"); rescue JSON::ParserError => e; e.class.to_s; end', '"JSON::ParserError"'],
    ['JSON.parse(nil) rescue "none"', '"none"'],
    [
      '[Digest::MD5.hexdigest("a"), Digest::SHA1.hexdigest("a")[0, 8], Digest::SHA256.hexdigest("a")[0, 8]]',
      '["0cc175b9c0f1b6a831c399e269772661", "86f7e437", "ca978112"]',
    ],
    [
      '[Base64.encode64("ab"), Base64.strict_encode64("ab?>"), Base64.urlsafe_encode64("ab?>"), Base64.decode64("YWI=")]',
      '["YWI=\\n", "YWI/Pg==", "YWI_Pg==", "ab"]',
    ],
    [
      '[CGI.unescape("a%20b+c%E3%81%82"), CGI.escape("a b&é"), CGI.escapeHTML("<a href=\\"x\\">"), CGI.unescapeHTML("&lt;&#65;&amp;"), CGI.parse("a=1&b=2&a=3")]',
      '["a b cあ", "a+b%26%C3%A9", "&lt;a href=&quot;x&quot;&gt;", "<A&", {"a"=>["1", "3"], "b"=>["2"]}]',
    ],
    [
      'u = URI.parse("https://user@example.com/a/b?q=1#f"); [u.scheme, u.host, u.port, u.path, u.query, u.fragment, u.to_s, u.user]',
      '["https", "example.com", 443, "/a/b", "q=1", "f", "https://user@example.com/a/b?q=1#f", "user"]',
    ],
    ['URI.parse("a b") rescue $~.inspect', '"nil"'],
    [
      '[URI.decode_www_form("a=1&b=x+y"), URI.decode_www_form_component("a%2Fb"), URI.encode_www_form({"a" => "1 2"})]',
      '[[["a", "1"], ["b", "x y"]], "a/b", "a=1+2"]',
    ],
    [
      '[File.basename("/var/log/app.log"), File.basename("/x/app.log", ".log"), File.extname("a.tar.gz"), File.dirname("/a/b"), File.join("a", "b")]',
      '["app.log", "app", ".gz", "/a", "a/b"]',
    ],
    ['[ENV.fetch("NOPE_NOPE", "d"), ENV["NOPE_NOPE"], ENV["TZ"], ENV.key?("TZ")]', '["d", nil, "UTC", true]'],
    ['Socket.gethostname.is_a?(String)', 'true'],
    ['[String(5), Float("1e3"), Array(nil), Integer("7")]', '["5", 1000.0, [], 7]'],
  ]);
});

test('Time', () => {
  check([
    [
      '[Time.at(0).utc.to_s, Time.at(1.5).to_f, Time.at(1, 500, :millisecond).to_f, Time.at(0, in: "+09:00").to_s]',
      '["1970-01-01 00:00:00 UTC", 1.5, 1.5, "1970-01-01 09:00:00 +0900"]',
    ],
    [
      '[Time.parse("2024-03-05T06:07:08.5+09:00").to_f, Time.parse("2024-03-05 06:07:08 UTC").to_i, Time.parse("Tue, 5 Mar 2024 06:07:08 GMT").to_i]',
      '[1709586428.5, 1709618828, 1709618828]',
    ],
    ['Time.parse("nope")', '! no time information in "nope"'],
    [
      '[Time.strptime("2024-03-05 06", "%Y-%m-%d %H").to_i, Time.iso8601("2024-03-05T06:07:08Z").utc?]',
      '[1709618400, true]',
    ],
    [
      '[Time.utc(2024, 3, 5, 6, 7, 8).to_i, Time.new(2024, 3, 5, 6, 7, 8, "+09:00").to_i, Time.new(2024).month]',
      '[1709618828, 1709586428, 1]',
    ],
    [
      't = Time.at(1709618828.123).utc; [t.iso8601, t.iso8601(3), t.rfc2822, t.httpdate, t.strftime("%s%L")]',
      '["2024-03-05T06:07:08Z", "2024-03-05T06:07:08.122Z", "Tue, 05 Mar 2024 06:07:08 +0000", "Tue, 05 Mar 2024 06:07:08 GMT", "1709618828122"]',
    ],
    [
      '[Time.at(5) > Time.at(4), Time.at(5) - Time.at(4), (Time.at(5) - 1).to_i, Time.at(5) == Time.at(5), Time.at(3) <=> Time.at(4)]',
      '[true, 1.0, 4, true, -1]',
    ],
    ['DateTime.parse("2024-03-05T06:07:08+09:00").to_time.to_i', '1709586428'],
    [
      '[DateTime.parse("2024-03-05").iso8601, DateTime.parse("2024-03-05T01:02:03Z").to_s]',
      '["2024-03-05T00:00:00+00:00", "2024-03-05T01:02:03+00:00"]',
    ],
    ['time.localtime("+09:00"); time.hour', '15'],
  ]);
});

test('questions that every value answers', () => {
  check([
    ['[nil.nil?, nil.to_a, nil.to_i, nil.inspect, nil & true, nil.to_s.empty?]', '[true, [], 0, "nil", false, true]'],
    [
      '[1.is_a?(Numeric), 1.class, "a".class.name, [].is_a?(Enumerable), nil.class, 1.5.class, :a.class, (1..2).class, time.class.to_s, true.class]',
      '[true, Integer, "String", true, NilClass, Float, Symbol, Range, "Time", TrueClass]',
    ],
    [
      '["a".respond_to?(:upcase), 1.respond_to?(:upcase), nil.respond_to?(:each), 1.instance_of?(Integer)]',
      '[true, false, false, true]',
    ],
    [
      '["abc".send(:upcase), "a".public_send("+", "b"), 5.itself, "a".dup, [1].frozen?, :a.to_proc.call("x")]',
      '! undefined method `a\' for "x":String',
    ],
    [
      '[(1..10).include?(5), (1..10) === 11, (1...10).to_a.length, (1..10).step(5).to_a, ("a".."c").include?("b"), (1..).first(2), (1..3).sum, (1..3).reduce(:*)]',
      '[true, false, 9, [1, 6], true, [1, 2], 6, 6]',
    ],
    ['[:a <=> :b, :abc.length, :a.to_s, "a b".to_sym, :a == :a, :A.downcase]', '[-1, 3, "a", :"a b", true, :a]'],
    ['[true & false, true ^ true, false | true, !true, true.to_s]', '[false, false, true, false, "true"]'],
    ['[String === "a", Integer === "a", /a/ === "cat", (1..3) === 2, Hash === {}]', '[true, false, true, true, true]'],
  ]);
});
