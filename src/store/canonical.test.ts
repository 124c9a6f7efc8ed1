import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { canonicalJson, hasHiddenText } from './canonical.ts';

const canonical = (text: string): string => canonicalJson(Buffer.from(text));

describe('canonical JSON', () => {
  test('writes characters as themselves and keeps everything else', () => {
    assert.equal(canonical(String.raw`{"\u0061":"\ud55c\/\u0041"}`), '{"a":"한/A"}');
    assert.equal(canonical(String.raw`{"a":"\u0000\u001b\n\\u0041"}`), String.raw`{"a":"\u0000\u001b\n\\u0041"}`);
    assert.equal(
      canonical(String.raw`{"m":12345678901234567890,"f":1.50,"s":"\/"}`),
      '{"m":12345678901234567890,"f":1.50,"s":"/"}',
    );
    assert.equal(canonical(String.raw`{"e":"\ud83d\ude00"}`), '{"e":"😀"}');
  });
  test('puts U+FFFD in place of half a surrogate pair, which no reader takes', () => {
    assert.equal(canonical(String.raw`{"\udc00":"x\ud800y\\ud800"}`), String.raw`{"�":"x�y\\ud800"}`);
  });
  test('is needed only where an escape hides a character', () => {
    assert.equal(hasHiddenText(Buffer.from(String.raw`{"a":"b\n\"c\\"}`)), false);
    assert.equal(hasHiddenText(Buffer.from(String.raw`{"a":"\/"}`)), true);
    assert.equal(hasHiddenText(Buffer.from(String.raw`{"a":"\u0041"}`)), true);
  });
  test('means the same, and done twice changes nothing', () => {
    const escaped = (text: string) =>
      text.replaceAll(/[^\x20-\x7e]|[a-f]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ stringUnit: 'grapheme' })), (value) => {
        const text = JSON.stringify(value).replaceAll(/"(?:[^"\\]|\\.)*"/g, (string) =>
          string.includes('\\') ? string : escaped(string),
        );
        const once = canonical(text);
        assert.deepEqual(JSON.parse(once), JSON.parse(text));
        assert.equal(canonical(once), once);
      }),
    );
  });
});
