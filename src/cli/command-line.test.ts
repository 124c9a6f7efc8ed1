/** The commands as they are called: what they print where, and the exit codes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { version } from '../core/version.ts';

const main = new URL('../main.ts', import.meta.url).pathname;
const directory = mkdtempSync(join(tmpdir(), 'p2l-command-line-'));
after(() => rmSync(directory, { recursive: true }));

/** Runs a command to its end, in an empty directory and without variables of this environment. */
function run(...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    cwd: directory,
    env: { PATH: process.env['PATH'], P2L_DATA_DIR: join(directory, 'none') },
    encoding: 'utf8',
  });
  return { code: status, out: stdout, err: stderr };
}

const commands = [
  'run',
  'check',
  'convert',
  'generate',
  'explorer',
  'query',
  'dlq',
  'outputs',
  'health',
  'completion',
  'version',
];

test('commands: help names each one; version says it', () => {
  const help = run('help');
  assert.equal(help.code, 0);
  assert.equal(help.err, '');
  for (const name of [...commands, 'help']) assert.match(help.out, new RegExp(`^  ${name} `, 'm'));
  for (const same of [[], ['--help'], ['-h']]) assert.equal(run(...same).out, help.out);
  const ofRun = run('help', 'run');
  assert.equal(ofRun.code, 0);
  for (const expected of ['--config <file>', '--data-dir <dir>', 'SIGHUP', 'P2L_GRACE'])
    assert.ok(ofRun.out.includes(expected), expected);
  assert.equal(run('run', '--help').out, ofRun.out);
  assert.deepEqual(run('--version'), { code: 0, out: `${version}\n`, err: '' });
  assert.deepEqual(run('version'), {
    code: 0,
    out: `post2log ${version} (Node ${process.versions.node})\n`,
    err: '',
  });
});

describe('what is called wrongly ends with 2, says so on standard error, and prints nothing', () => {
  const cases: readonly [readonly string[], RegExp][] = [
    [['nope'], /unknown command 'nope'\n\(post2log help lists the commands\)/],
    [['chek'], /unknown command 'chek'\n\(Did you mean check\?\)/],
    [['run', '--nope'], /unknown option '--nope'/],
    [['run', '--confg', 'x'], /Did you mean --config\?/],
    [['run', 'x'], /too many arguments for 'run'/],
    [['run', '--config'], /option '-c, --config <file>' argument missing/],
    [['check', '--config', 'no-such.conf'], /no-such\.conf: no such file/],
    [['completion'], /missing required argument 'shell'/],
    [['completion', 'tcsh'], /shell tcsh: expected bash, zsh or fish/],
    [['query', '--limit', '0'], /expected a whole number from 1/],
    [['query', '-o', 'xml'], /Allowed choices are table, json, csv/],
    [['query', '--last', 'soon'], /--last: found "soon", expected a duration such as 500ms/],
    [['query', '-p1:v1'], /unknown option '-p1:v1'/],
    [['dlq', 'list', '--limit', '0'], /expected a whole number from 1/],
    [['dlq', 'replay'], /name ids, or --all/],
    [['dlq', 'drop', '--output', 'es'], /name ids, or --all/],
    [['dlq', 'show'], /missing required argument/],
    [['outputs', 'drop'], /missing required argument 'id'/],
  ];
  for (const [args, expected] of cases)
    test(args.join(' '), () => {
      const { code, out, err } = run(...args);
      assert.equal(code, 2, err);
      assert.equal(out, '');
      assert.match(err, expected);
      assert.doesNotMatch(err, /^ {4}at /m);
    });
});

test('who stops reading ends a command without a word', () => {
  // As a pipe whose reader has gone.
  const script = '"$0" "$1" help 2>"$2" | true; printf "%s" "${PIPESTATUS[0]}"; cat "$2"';
  for (let times = 0; times < 5; times++) {
    const { stdout } = spawnSync('bash', ['-c', script, process.execPath, main, join(directory, 'said')], {
      encoding: 'utf8',
    });
    assert.equal(stdout, '0');
  }
});

test('check ends with 0 and the tree, or with 2 and every error', () => {
  const path = join(directory, 'fluent.conf');
  writeFileSync(path, '<source>\n  @type stdin\n  tag a\n</source>\n<match **>\n  @type null\n</match>\n');
  const good = run('check', '-c', path);
  assert.equal(good.code, 0, good.err);
  assert.match(good.out, /^sources\n└─ stdin/);
  assert.match(good.err, /: ok\n$/);
  writeFileSync(path, '<source>\n  @type stdn\n</source>\n<match **>\n  @type null\n  nope 1\n</match>\n');
  const bad = run('check', '-c', path);
  assert.equal(bad.code, 2);
  assert.equal(bad.out, '');
  assert.match(bad.err, /fluent\.conf:2:9: .*stdn/);
  assert.match(bad.err, /fluent\.conf:6:3: .*nope/);
  assert.match(bad.err, /: 2 errors\n$/);
});

test('a command for the running program ends with 1 where none runs', () => {
  for (const args of [
    ['outputs', 'list'],
    ['outputs', 'drop', 'x'],
    ['dlq', 'list'],
    ['dlq', 'show', 's-1'],
    ['dlq', 'replay', '--all', '--output', 'es'],
    ['dlq', 'drop', '--all', '--reason', '400'],
    ['query', 'p1:v1'],
    ['query', '--follow'],
    ['query', '--', '-p1:v1'],
  ]) {
    const { code, out, err } = run(...args);
    assert.equal(code, 1, err);
    assert.equal(out, '');
    assert.match(err, /^post2log: .*none/);
  }
});

test('completion: the script for bash offers commands, options and shells', () => {
  const { code, out } = run('completion', 'bash');
  assert.equal(code, 0);
  /** What is offered for the last of these words. */
  const offered = (...words: string[]): string[] => {
    const quoted = words.map((word) => `'${word}'`).join(' ');
    const ask = `${out}\nCOMP_WORDS=(${quoted}) COMP_CWORD=${words.length - 1}; _post2log; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', ask], { encoding: 'utf8' });
    assert.equal(stderr, '');
    return stdout.split('\n').filter(Boolean);
  };
  assert.deepEqual(offered('post2log', ''), [...commands, 'help', '--version', '-V', '--help']);
  assert.deepEqual(offered('post2log', 'ch'), ['check']);
  assert.deepEqual(offered('post2log', 'dlq', ''), ['list', 'show', 'replay', 'drop', 'help', '--help']);
  assert.deepEqual(offered('post2log', 'dlq', 'list', '--l'), ['--limit']);
  assert.deepEqual(offered('post2log', 'query', 'p1:v1', '--l'), ['--last', '--limit']);
  assert.deepEqual(offered('post2log', 'completion', ''), ['bash', 'zsh', 'fish', '--help']);
  // The value of an option is no command: the next word is still one of run.
  assert.deepEqual(offered('post2log', 'run', '-c', 'check', '--d'), ['--data-dir']);
  // Nothing of ours: the shell offers files.
  assert.deepEqual(offered('post2log', 'check', '-c', 'fl'), []);
});

test('completion: the scripts for zsh and fish name every command', () => {
  const zsh = run('completion', 'zsh');
  assert.equal(zsh.code, 0);
  assert.match(zsh.out, /^autoload -U \+X bashcompinit && bashcompinit\n/);
  const fish = run('completion', 'fish');
  assert.equal(fish.code, 0);
  for (const line of fish.out.trimEnd().split('\n')) assert.match(line, /^complete -c post2log -n '[^']+' -a '[^']+'$/);
  for (const name of commands) for (const { out } of [zsh, fish]) assert.match(out, new RegExp(`[ ']${name}[ ']`));
  assert.match(
    fish.out,
    /'__fish_seen_subcommand_from dlq; and __fish_seen_subcommand_from list' -a '--data-dir --output --reason --limit/,
  );
});

test('convert writes the other dialect, and exits with 1 where something is left out', () => {
  const given = join(directory, 'given.conf');
  const written = join(directory, 'written.yaml');
  writeFileSync(given, '<source>\n@type sample\ntag a\n</source>\n<match **>\n@type stdout\n</match>\n');
  assert.equal(run('convert', '--to', 'fluentbit', '-c', given, '-o', written).code, 0);
  assert.equal(run('check', '-c', written).code, 0);
  const back = run('convert', '--to', 'fluentd', '-c', written);
  assert.equal(back.code, 0);
  assert.match(back.out, /<match \*\*>\n {2}@id stdout\n {2}@type stdout/);
  const stores = '<match **>\n@type roundrobin\n<store>\n@type null\n</store>\n</match>\n';
  writeFileSync(given, `<source>\n@type sample\ntag a\n</source>\n${stores}`);
  assert.equal(run('convert', '--to', 'fluentbit', '-c', given).code, 1);
  assert.equal(run('convert', '--to', 'fluentd', '-c', given).code, 2);
  assert.equal(run('convert', '--to', 'both', '-c', given).code, 2);
});
