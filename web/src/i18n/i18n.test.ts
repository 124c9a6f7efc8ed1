import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSettings } from '../state/settings.ts';
import { en } from './en.ts';
import { formatsOf } from './format.ts';
import { ko } from './ko.ts';

function leaves(value: unknown, path: string): [string, unknown][] {
  if (typeof value !== 'object' || value === null) return [[path, value]];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, `${path}.${key}`));
}

test('no text is empty, and Korean has Korean where English has words', () => {
  const same = new Set([
    '.app.name',
    '.menu.exportNdjson',
    '.menu.exportCsv',
    '.record.jsonTab',
    '.histogram.took',
    '.fields.types.null',
    '.help.examples.logic',
  ]);
  const english = new Map(leaves(en, ''));
  for (const [path, value] of leaves(ko, '')) {
    const write = (text: unknown): string =>
      typeof text === 'function' ? String(Reflect.apply(text, undefined, ['1', 1, '2', '3'])) : String(text);
    assert.notEqual(write(value), '', path);
    if (same.has(path) || path === '.record.id') continue;
    assert.notEqual(write(value), write(english.get(path)), path);
    assert.match(write(value), /[가-힣]/, path);
  }
});

test('numbers, sizes and widths', () => {
  const { bytes, width, number, ago } = formatsOf('en');
  assert.equal(bytes(999), '999 B');
  assert.equal(bytes(1_000_000), '1 MB');
  assert.equal(bytes(1_234_567), '1.2 MB');
  assert.equal(width(300_000), '5 min');
  assert.equal(width(500), '500 ms');
  assert.equal(number(12_345), '12,345');
  assert.equal(ago(0, 180_000), '3 minutes ago');
  assert.equal(formatsOf('ko').ago(0, 180_000), '3분 전');
});

test('settings: the first visit goes by the browser, nonsense is ignored', () => {
  assert.equal(readSettings(null, ['ko-KR', 'en']).language, 'ko');
  assert.equal(readSettings(null, ['de']).language, 'en');
  assert.deepEqual(readSettings('{"theme":"pink","refreshSeconds":7,"columnWidths":{"a":"x","b":90}}', []), {
    ...readSettings(null, []),
    columnWidths: { b: 90 },
  });
  assert.equal(readSettings('not JSON', ['ko']).language, 'ko');
  assert.equal(readSettings('{"theme":"dark","language":"ko"}', ['en']).theme, 'dark');
});
