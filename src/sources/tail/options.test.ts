import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configOf, modelOf } from '../../../test/fixture.ts';
import { noneParser } from '../../codecs/none.ts';
import { tailSource } from './index.ts';

function problemOf(options: Record<string, unknown>, withParser = true): string | undefined {
  const parser = withParser ? modelOf(noneParser) : undefined;
  const config = configOf(tailSource, { path: '/x/a.log', tag: 't', ...options }, { parser });
  try {
    if (tailSource.kind === 'source') tailSource.check?.(config);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : 'no error';
  }
}

test('what does not fit together is said', () => {
  assert.equal(problemOf({}), undefined);
  assert.match(problemOf({}, false) ?? '', /<parse> is missing/);
  assert.match(problemOf({ enableWatchTimer: false, enableStatWatcher: false }) ?? '', /no change would be noticed/);
  assert.match(problemOf({ pathDelimiter: '*' }) ?? '', /path_delimiter/);
  assert.match(problemOf({ globPolicy: 'always' }) ?? '', /path_delimiter/);
  assert.equal(problemOf({ globPolicy: 'always', pathDelimiter: '|' }), undefined);
  assert.match(problemOf({ path: ' , ' }) ?? '', /path is empty/);
  assert.match(problemOf({ followInodes: true }) ?? '', /pos_file/);
  assert.match(problemOf({ fromEncoding: 'Shift_JIS' }) ?? '', /encoding UTF-8/);
  assert.match(problemOf({ fromEncoding: 'Shift_JIS', encoding: 'EUC-JP' }) ?? '', /UTF-8/);
  assert.match(problemOf({ fromEncoding: 'nonsense', encoding: 'UTF-8' }) ?? '', /nonsense/);
  assert.match(problemOf({ pathTimezone: 'Nowhere/Land' }) ?? '', /Nowhere/);
});
