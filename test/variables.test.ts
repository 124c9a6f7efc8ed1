/** The variables of the built-in postback source and the plugin's options are declared in two rooms: here they meet. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { variableDocs } from '../src/config/env.ts';
import { text } from '../src/core/options.ts';
import type { OptionTable } from '../src/core/options.ts';
import { Registry } from '../src/core/registry.ts';
import { builtinPlugins } from '../src/plugins.ts';

test('every variable of the postback source names one of its options', () => {
  const options = new Registry(builtinPlugins).get('source', 'postback')?.options;
  assert.ok(options);
  const anything: OptionTable = new Proxy({}, { get: () => text('any') });
  const names = (table: OptionTable) => variableDocs(table).map((doc) => doc.name);
  assert.deepEqual(names(options), names(anything));
});
