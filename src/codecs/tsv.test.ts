import assert from 'node:assert/strict';
import { test } from 'node:test';
import { format } from '../../test/formatting.ts';
import { tsvFormatter } from './tsv.ts';

test('chosen fields between tabs, as recorded', () => {
  assert.equal(
    format(tsvFormatter, { keys: ['a', 'n', 'msg', 'o'] }),
    'x\t5\thello "q", tab\tnl\nend\t{"k"=>["v", nil]}\n\t1.5\tünï 日本 /slash <&>\t\n\t\tplain\t\n[1, 2]\t-3\t\t\n',
  );
});
