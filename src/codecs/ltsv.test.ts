import assert from 'node:assert/strict';
import { test } from 'node:test';
import { format } from '../../test/formatting.ts';
import { ltsvFormatter } from './ltsv.ts';

test('labelled values, as recorded', () => {
  assert.equal(
    format(ltsvFormatter, { delimiter: ',', labelDelimiter: '=', replacement: '_' }),
    'a=x,n=5,o={"k"=>["v"_ nil]},msg=hello "q"_ tab\tnl\nend\na=,n=1.5,msg=ünï 日本 /slash <&>\na=,b=true,msg=plain\nn=-3,a=[1_ 2],msg=\n',
  );
});
