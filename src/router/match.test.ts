import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileMatch } from './match.ts';

function check(syntax: 'fluentd' | 'glob' | 'regexp', pattern: string, yes: string[], no: string[]): void {
  const matches = compileMatch({ syntax, pattern });
  for (const tag of yes) assert.equal(matches(tag), true, `${pattern} takes ${tag}`);
  for (const tag of no) assert.equal(matches(tag), false, `${pattern} leaves ${tag}`);
}

test('Fluentd patterns, as the program has them', () => {
  check('fluentd', '**', ['', 'a', 'a.b', 'x\ny'], []);
  check('fluentd', 'a', ['a'], ['a.b', 'b', '', 'aa']);
  check('fluentd', '*', ['a', ''], ['a.b']);
  check('fluentd', 'a.*', ['a.b', 'a.'], ['a', 'a.b.c', 'a..b', 'xa.b']);
  check('fluentd', '*.x.*', ['q.x.r'], ['q.x', 'x.r', 'q.y.r']);
  check('fluentd', 'a.**', ['a', 'a.b', 'a.b.c'], ['ab', 'b.a']);
  check('fluentd', '**.b', ['b', 'a.b', 'a.c.b'], ['ab', 'b.a']);
  check('fluentd', 'a.**.b', ['a.b', 'a.x.b', 'a.x.y.b'], ['a', 'ab', 'a.xb']);
  check('fluentd', 'app.{web,db}', ['app.web', 'app.db'], ['app.other', 'app.web.x', 'app.']);
  check('fluentd', '{m,n.*}.k', ['m.k', 'n.1.k'], ['n.k', 'm.1.k']);
  check('fluentd', '{a,b}.**', ['a', 'b', 'a.x'], ['c', 'ab']);
  check('fluentd', 'a{b,{c,d}e}f', ['abf', 'acef', 'adef'], ['acf', 'aef']);
  check('fluentd', 'x y.** z.*', ['x', 'y', 'y.1.2', 'z.1'], ['z', 'x.1', 'y1']);
  check('fluentd', 'pre*.log', ['prefix.log', 'pre.log'], ['apre.log', 'pre.a.log']);
  check('fluentd', 'a/b-c.d+', ['a/b-c.d+'], ['a/b-c.dd', 'a/b_c.d+']);
  check('fluentd', 'a\\*b', ['a*b'], ['axb']);
  check('fluentd', '日本.*', ['日本.x'], ['日.x']);
});

test('regular expressions match the whole tag', () => {
  check('fluentd', '/a\\.(?!b).*/', ['a.c', 'a.cb'], ['a.b', 'xa.c', 'a']);
  check('fluentd', '/(foo|bar)/ x', ['foo', 'bar', 'x'], ['foobar', 'xfoo']);
  check('fluentd', '/foo|bar/', ['foo', 'foox', 'xbar'], ['xfoo', 'barx']);
  assert.throws(() => compileMatch({ syntax: 'fluentd', pattern: '/abc' }), /must end with/);
  assert.throws(() => compileMatch({ syntax: 'fluentd', pattern: '/(/' }), /regular expression/);
});

test("Fluent Bit's globs and expressions", () => {
  check('glob', '*', ['', 'a.b'], []);
  check('glob', 'a', ['a'], ['A', 'a.b']);
  check('glob', 'kube.*', ['kube.', 'kube.a.b'], ['kube', 'xkube.a']);
  check('glob', '*.log', ['.log', 'a.b.log'], ['a.logx']);
  check('glob', 'a*b*c', ['abc', 'a1b2c', 'abbcc'], ['ab', 'acb']);
  check('glob', 'a**c', ['ac', 'a.c'], ['a']);
  check('glob', 'a.(b)+*', ['a.(b)+'], ['a.b']);
  check('regexp', '^a\\.(b|c)', ['a.b', 'a.cx'], ['xa.b']);
  check('regexp', '/A.B$/i', ['a.b'], ['ba', 'xa.b']);
  check('regexp', 'a+', ['ab'], ['', 'b']);
});

test('every printable character stands for itself', () => {
  for (let code = 33; code < 127; code++) {
    const char = String.fromCharCode(code);
    if ('*{},\\/.'.includes(char)) continue;
    check('fluentd', `x${char}*`, [`x${char}z`], ['xé', 'y']);
    check('glob', `x${char}*`, [`x${char}z`], ['y']);
  }
});
