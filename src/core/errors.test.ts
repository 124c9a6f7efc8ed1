import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, OperatingError, errorTable, errorText, formatProblem, nearest, systemCode } from './errors.ts';

test('problems print place, mark and text', () => {
  const at = { file: 'a.conf', line: 3, column: 5 };
  assert.equal(formatProblem({ at, text: 'unknown option pat' }), 'a.conf:3:5: unknown option pat');
  assert.equal(formatProblem({ at, text: 'odd', severity: 'warning' }), 'a.conf:3:5: warning: odd');
  assert.equal(formatProblem({ at: undefined, text: 'P2L_PORT=x' }), 'P2L_PORT=x');
  assert.equal(
    new ConfigError([
      { at, text: 'one' },
      { at: undefined, text: 'two' },
    ]).message,
    'a.conf:3:5: one\ntwo',
  );
});

test('the nearest word is offered, a far one is not', () => {
  assert.equal(nearest('forwrad', ['forward', 'file']), 'forward');
  assert.equal(nearest('GREP', ['grep']), 'grep');
  assert.equal(nearest('kafka', ['stdout', 'file']), undefined);
  assert.equal(nearest('', []), undefined);
});

test('an operating error carries its code, whether trying again helps, and its cause', () => {
  const cause = Object.assign(new Error('disk'), { code: 'ENOSPC' });
  const error = new OperatingError('JOURNAL_FULL', 'writing: full', { cause, retryAfterMs: 5 });
  assert.equal(error.retryable, errorTable.JOURNAL_FULL.retryable);
  assert.equal(error.retryAfterMs, 5);
  assert.equal(systemCode(error.cause), 'ENOSPC');
  assert.equal(systemCode('x'), undefined);
  assert.equal(errorText(error), 'writing: full');
  assert.equal(errorText('plain'), 'plain');
  const openssl = 'write EPROTO 40F:error:0A:SSL routines:f:wrong version number:../a.c:77:\n';
  assert.equal(errorText(new Error(openssl.replace('40F', '407DFFC83E7F0000'))), 'write EPROTO wrong version number');
});
