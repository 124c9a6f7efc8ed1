import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConfigError } from '../core/errors.ts';
import { fluentdStart } from './fluentd-arguments.ts';

const nothing = () => false;

test('without the variables there is nothing to say; empty ones count as unset', () => {
  assert.equal(fluentdStart({ PATH: '/bin' }, nothing), undefined);
  assert.equal(fluentdStart({ FLUENTD_ARGS: ' ', FLUENTD_CONF: '' }, nothing), undefined);
  // Only Fluentd itself reads this one; it names the file where an argument would.
  assert.equal(fluentdStart({ FLUENT_CONF: '/a.conf' }, nothing), undefined);
});

describe('where the configuration is', () => {
  const cases: readonly [Record<string, string>, string][] = [
    [{ FLUENTD_ARGS: '-c /etc/fluentd/fluentd.conf' }, '/etc/fluentd/fluentd.conf'],
    [{ FLUENT_ARGS: '-c /etc/td-agent/td-agent.conf --use-v1-config' }, '/etc/td-agent/td-agent.conf'],
    [{ FLUENTD_ARGS: '  --no-supervisor\n\t-q -c/a.conf ' }, '/a.conf'],
    [{ FLUENTD_ARGS: '--config=/a.conf' }, '/a.conf'],
    [{ FLUENTD_OPT: '--config /a.conf' }, '/a.conf'],
    [{ FLUENTD_ARGS: '-c /a.conf', FLUENTD_OPT: '-c /b.conf' }, '/b.conf'],
    [{ FLUENTD_CONF: 'fluent.conf' }, '/fluentd/etc/fluent.conf'],
    [{ FLUENTD_CONF: 'mine/my.conf', FLUENTD_OPT: '-v' }, '/fluentd/etc/mine/my.conf'],
    [{ FLUENTD_CONF: 'fluent.conf', FLUENTD_ARGS: '-c /a.conf' }, '/a.conf'],
    [{ FLUENTD_ARGS: '-q', FLUENT_CONF: '/own.conf' }, '/own.conf'],
  ];
  for (const [env, path] of cases)
    test(JSON.stringify(env), () => assert.equal(fluentdStart(env, nothing)?.configPath, path));
  test('named nowhere: where Fluentd and its packages have it', () => {
    const env = { FLUENTD_ARGS: '--no-supervisor -q' };
    assert.equal(
      fluentdStart(env, (path) => path === '/etc/td-agent/td-agent.conf')?.configPath,
      '/etc/td-agent/td-agent.conf',
    );
    assert.throws(() => fluentdStart(env, nothing), /FLUENTD_ARGS: no -c FILE names .*there is none at \/fluentd\/etc/);
  });
});

describe('what the options stand for', () => {
  const cases: readonly [string, Record<string, string>][] = [
    ['', {}],
    ['--use-v1-config --no-supervisor --suppress-config-dump', {}],
    ['-v', { P2L_LOGLEVEL: 'debug' }],
    ['-vv', { P2L_LOGLEVEL: 'trace' }],
    ['--verbose --verbose --verbose', { P2L_LOGLEVEL: 'trace' }],
    ['-q', { P2L_LOGLEVEL: 'warn' }],
    ['-q -q', { P2L_LOGLEVEL: 'error' }],
    ['-v -q', {}],
    ['--workers 3', { P2L_WORKERS: '3' }],
    ['--strict-config-value', { P2L_STRICT_CONFIG_VALUE: 'true' }],
    ['--config-file-type v1 --conf-encoding utf-8', {}],
  ];
  for (const [words, variables] of cases)
    test(words || 'none', () => {
      const start = fluentdStart({ FLUENTD_ARGS: `-c /a.conf ${words}` }, nothing);
      assert.deepEqual(start?.variables, variables);
      assert.deepEqual(start?.warnings, []);
    });
});

test('what has no effect is said with its reason', () => {
  const words = '-c /a.conf -p /fluentd/plugins -r sniffer.rb -o /var/log/td-agent.log --user root';
  const warnings = fluentdStart({ FLUENTD_OPT: words }, nothing)?.warnings ?? [];
  assert.deepEqual(
    warnings.map(({ text }) => text.split(';')[0]),
    ['-p', '-r', '-o', '--user'].map((option) => `FLUENTD_OPT: option ${option} has no effect`),
  );
  assert.ok(warnings.every(({ severity }) => severity === 'warning'));
});

describe('what cannot be done is said, all at once', () => {
  const cases: readonly [string, ...RegExp[]][] = [
    ['-c', /option -c needs a value/, /no -c FILE names a configuration/],
    [
      '-c /a.conf --use-v0-config',
      /option --use-v0-config cannot be had here; write the configuration in the v1 format/,
    ],
    ['-c /a.conf -d /run/fluentd.pid', /option -d cannot be had here/],
    ['-c /a.conf --config-file-type yaml', /found "yaml", expected v1 or guess/],
    ['-c /a.conf --conf-encoding sjis', /found "sjis", expected utf-8/],
    ['-c /a.conf --workers none', /found "none", expected a whole number from 1/],
    ['-c /a.conf --use-v1-confg', /Fluentd has no option --use-v1-confg; did you mean --use-v1-config\?/],
    ['-c /a.conf -Z', /Fluentd has no option -Z/],
    ['-c /a.conf more', /found "more" where an option is expected/],
    ['-c /a.conf -- more', /found "more" where an option is expected/],
    ['-i x --dry-run', /option -i cannot/, /option --dry-run cannot be had here; post2log check does it/],
  ];
  for (const [words, ...expected] of cases)
    test(words, () =>
      assert.throws(
        () => fluentdStart({ FLUENT_ARGS: words }, nothing),
        (error) => {
          assert.ok(error instanceof ConfigError);
          assert.match(error.message, /^FLUENT_ARGS: /);
          for (const one of expected) assert.match(error.message, one);
          return true;
        },
      ),
    );
});
