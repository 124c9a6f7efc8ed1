import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteWriter } from '../core/bytes.ts';
import { contextOf, packedBatchOf } from '../../test/fixture.ts';
import { builtinPlugins } from '../plugins.ts';
import { format } from '../../test/formatting.ts';
import { singleValueFormatter } from './single_value.ts';

test('one field, as recorded', () => {
  assert.equal(format(singleValueFormatter, { messageKey: 'a' }), 'x\n\n\n[1, 2]\n');
  assert.equal(
    format(singleValueFormatter, { messageKey: 'msg', addNewline: false }),
    'hello "q", tab\tnl\nendünï 日本 /slash <&>plain',
  );
});

test('bytes leave a single value as they came', () => {
  const binary = packedBatchOf('t', [{ message: new Uint8Array([0x61, 0xff]) }]);
  const out = new ByteWriter();
  contextOf(builtinPlugins).formatter('single_value').write(binary, 0, 1, out);
  assert.equal(out.view().toString('hex'), '61ff0a');
});
