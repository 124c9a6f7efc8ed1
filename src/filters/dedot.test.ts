import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf, configOf, contextOf, texts } from '../../test/fixture.ts';
import { dedotFilter as plugin } from './dedot.ts';

function dedotted(options: Record<string, unknown>, records: string[]): string[] {
  if (plugin.kind !== 'filter') throw new TypeError('not a filter');
  const config = configOf(plugin, options);
  plugin.check?.(config);
  return texts(plugin.create(config, contextOf([])).apply(batchOf('t', records), () => undefined));
}

test('dots in keys become the separator; nested ones on request', () => {
  const record = '{"a.b":1,"c":{"d.e":[{"f.g":2}]},"$.x":3}';
  assert.deepEqual(dedotted({}, [record, '{"p":1}']), ['{"a_b":1,"c":{"d.e":[{"f.g":2}]},"$_x":3}', '{"p":1}']);
  assert.deepEqual(dedotted({ deDotNested: true, deDotSeparator: '$&' }, [record]), [
    '{"a$&b":1,"c":{"d$&e":[{"f$&g":2}]},"$$&x":3}',
  ]);
});

test('two keys that become one keep the last value; odd keys and numbers stay what they are', () => {
  assert.deepEqual(dedotted({ deDotSeparator: '' }, ['{"a.b":1,"ab":2,"1.2":1.0,"__proto__":0}']), [
    '{"ab":2,"12":1.0,"__proto__":0}',
  ]);
});

test('de_dot false lets records pass; a separator with a dot is a mistake', () => {
  assert.deepEqual(dedotted({ deDot: false }, ['{"a.b":1}']), ['{"a.b":1}']);
  assert.throws(() => dedotted({ deDotSeparator: '.' }, []), /de_dot_separator/);
});
