import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsed } from '../../test/parsing.ts';
import { logfmtParser } from './logfmt.ts';

test('pairs, quotes and keys alone', () => {
  assert.equal(
    parsed(logfmtParser, ' at=info msg="a \\"b\\"\\n\\u00e9" empty= quoted="" flag path=/x?y=z '),
    '{"at":"info","msg":"a \\"b\\"\\né","empty":"","quoted":"","flag":true,"path":"/x?y=z"}',
  );
  assert.equal(
    parsed(logfmtParser, 'time=1709618828 n=5', { timeType: 'unixtime', types: { n: 'integer' } }),
    '{"n":5} 1709618828.000000000',
  );
  assert.match(parsed(logfmtParser, 'a=1 "x"'), /^mismatch: .*character 5/);
  assert.match(parsed(logfmtParser, 'a="x'), /^mismatch: .*character 1/);
  assert.match(parsed(logfmtParser, 'a flag', { noBareKeys: true }), /^mismatch: .*key a/);
  assert.match(parsed(logfmtParser, '  '), /^mismatch/);
});
