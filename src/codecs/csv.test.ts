import assert from 'node:assert/strict';
import { test } from 'node:test';
import { format } from '../../test/formatting.ts';
import { csvFormatter } from './csv.ts';

test('chosen fields as CSV, as recorded', () => {
  assert.equal(
    format(csvFormatter, { fields: ['a', 'n', 'msg', 'o', 'nope'] }),
    '"x","5","hello ""q"", tab\tnl\nend","{""k""=>[""v"", nil]}",""\n"","1.5","ünï 日本 /slash <&>","",""\n"","","plain","",""\n"[1, 2]","-3","","",""\n',
  );
  assert.equal(
    format(csvFormatter, { fields: ['a', 'n', 'msg', 'o'], forceQuotes: false, delimiter: ';' }),
    'x;5;"hello ""q"", tab\tnl\nend";"{""k""=>[""v"", nil]}"\n"";1.5;ünï 日本 /slash <&>;\n;;plain;\n[1, 2];-3;"";\n',
  );
  assert.throws(() => format(csvFormatter, { fields: [''] }), /fields is empty/);
});
