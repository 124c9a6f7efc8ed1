import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { OptionKind } from '../../core/options.ts';
import { readKind } from './values.ts';

function read(kind: OptionKind, text: string, choices?: readonly string[]) {
  const at = { file: 'f.conf', line: 1, column: 1 };
  return readKind(kind, { text, form: 'bare', unset: undefined, isBroken: false, at }, choices);
}
const minute = 60_000;
const mebibyte = 1024 ** 2;

/** Kind, text, value, and a part of the warning or false for none. */
const good: readonly [OptionKind, string, unknown, string | false][] = [
  ['text', ' a ', ' a ', false],
  ['boolean', 'true', true, false],
  ['boolean', 'yes', true, false],
  ['boolean', '', true, false],
  ['boolean', '# a comment', true, false],
  ['boolean', 'false', false, false],
  ['boolean', 'no', false, false],
  ['boolean', 'on', false, 'which Fluentd reads as false'],
  ['boolean', 'True', false, 'which Fluentd reads as false'],
  ['boolean', '1', true, 'read as true; write true'],
  ['boolean', '0', false, 'read as false; write false'],
  ['boolean', 'off', false, 'write false'],
  ['integer', '10', 10, false],
  ['integer', '-1', -1, false],
  ['integer', '010', 10, false],
  ['integer', '1_000', 1000, false],
  ['integer', '60s', 60, 'read as 60; write 60'],
  ['integer', '1.5', 1, 'read as 1'],
  ['number', '0.5', 0.5, false],
  ['number', '.5', 0.5, false],
  ['number', '1e3', 1000, false],
  ['number', '50ms', 50, 'read as 50'],
  ['integer', 'nil', 0, 'reads as 0; write 0'],
  ['duration', 'nil', 0, 'reads as 0 seconds; write 0'],
  ['duration', '10s', 10_000, false],
  ['duration', '5m', 5 * minute, false],
  ['duration', '1h', 60 * minute, false],
  ['duration', '1d', 1440 * minute, false],
  ['duration', '10', 10_000, false],
  ['duration', '0.5', 500, false],
  ['duration', '0', 0, false],
  ['duration', '500ms', 500 * minute, '500 minutes; if 500ms is meant, write 0.5'],
  ['duration', '50ms', 50 * minute, '50 minutes; if 50ms is meant, write 0.05'],
  ['duration', '0.2s', 2000, '2 seconds; if 0.2s is meant, write 0.2'],
  ['duration', '1.5h', 5 * 60 * minute, '5 hours; if 1.5h is meant, write 5400'],
  ['duration', '1h30m', 30 * minute, '30 minutes; write 1800s for that'],
  ['duration', '10sec', 10_000, '10 seconds'],
  ['duration', '10 s', 10_000, 'reads as 10 seconds'],
  ['duration', '5 minutes', 5000, 'reads as 5 seconds'],
  ['duration', '10S', 10_000, 'reads as 10 seconds'],
  ['bytes', '1024', 1024, false],
  ['bytes', '512k', 512 * 1024, false],
  ['bytes', '8m', 8 * mebibyte, false],
  ['bytes', '8M', 8 * mebibyte, false],
  ['bytes', '1g', 1024 * mebibyte, false],
  ['bytes', '1t', 1024 ** 2 * mebibyte, false],
  ['bytes', '4Gi', 4096 * mebibyte, false],
  ['bytes', '10mb', 10 * mebibyte, '10 MiB; write 10m'],
  ['bytes', '1.5g', 5 * 1024 * mebibyte, '5 GiB; write 5g'],
  ['bytes', '10 m', 10, 'read as 10'],
  ['list', 'a, b ,c', ['a', 'b', 'c'], false],
  ['list', 'a', ['a'], false],
  ['list', '', [], false],
  ['list', 'a,,b,,', ['a', '', 'b'], false],
  ['list', '["a,b", 1]', ['a,b', '1'], false],
  ['map', 'a:integer, t:time:%d/%b', { a: 'integer', t: 'time:%d/%b' }, false],
  ['map', '{"a":"1","b":2,"c":{"d":null}}', { a: '1', b: '2', c: '{"d":null}' }, false],
  ['map', '', {}, false],
  ['pattern', '/a.b/', '/a.b/', false],
  ['pattern', '/a/im', '/a/im', false],
  ['pattern', '/a/g', '/a/g', 'only the letters i and m'],
  ['pattern', 'a/b', 'a/b', false],
  ['choice', 'lazy', 'lazy', false],
  ['choice', ':lazy', 'lazy', false],
];
const bad: readonly [OptionKind, string, string][] = [
  ['boolean', 'maybe', 'found "maybe"'],
  ['integer', 'abc', 'found "abc"'],
  ['integer', '0x1f', 'found "0x1f"'],
  ['integer', '', 'found nothing'],
  ['integer', '99999999999999999', 'beyond 2^53'],
  ['number', 'abc', 'found "abc"'],
  ['duration', 'soon', 'found "soon"'],
  ['duration', '9'.repeat(20) + 'd', 'longer than any clock runs'],
  ['bytes', 'much', 'found "much"'],
  ['bytes', '9'.repeat(15) + 't', 'larger than any disk'],
  ['list', '[1', 'no JSON array'],
  ['map', 'a', 'has no colon'],
  ['map', '{1}', 'no JSON object'],
  ['pattern', '/a', 'closing / is missing'],
  ['pattern', '/a/b/cdef', 'closing / is missing'],
  ['pattern', '', 'found nothing'],
  ['choice', 'Lazy', 'found "Lazy"'],
];

describe('values as Fluentd reads them', () => {
  for (const [kind, text, value, warning] of good)
    test(`${kind} ${JSON.stringify(text)}`, () => {
      const found = read(kind, text, ['lazy', 'interval']);
      assert.ok('value' in found, 'problem' in found ? found.problem : '');
      assert.deepEqual(found.value, value);
      if (warning === false) assert.equal(found.warning, undefined);
      else assert.ok(found.warning?.includes(warning), found.warning);
    });
  for (const [kind, text, problem] of bad)
    test(`${kind} ${JSON.stringify(text)} is wrong`, () => {
      const found = read(kind, text, ['lazy', 'interval']);
      assert.ok('problem' in found && found.problem.includes(problem), JSON.stringify(found));
    });
});
