import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cut, visiblePieces } from './visible.ts';

const shown = (text: string, isOneLine = true): string =>
  visiblePieces(text, isOneLine)
    .map((piece) => (piece.mark ? `⟨${piece.text}⟩` : piece.text))
    .join('');

test('ANSI escapes, direction marks and broken characters are seen', () => {
  assert.equal(shown('\u001b[31mred\u001b[0m'), '⟨ESC⟩[31mred⟨ESC⟩[0m');
  assert.equal(shown('a\u202egpj.exe'), 'a⟨RLO⟩gpj.exe');
  assert.equal(shown('\ud83d\ude00 \ud83d \udc00'), '\ud83d\ude00 ⟨U+D83D⟩ ⟨U+DC00⟩');
  assert.equal(shown('a\r\n\tb'), 'a⟨␍⟩⟨↵⟩⟨⇥⟩b');
  assert.equal(shown('a\r\n\tb', false), 'a⟨␍⟩\n\tb');
  assert.equal(shown('<b>한국어 عربى</b>'), '<b>한국어 عربى</b>');
});

test('nothing is lost: plain pieces and marks make up the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const back = visiblePieces(text, true)
        .map((piece) => (piece.mark ? String.fromCharCode(Number.parseInt(piece.mark.slice(2), 16)) : piece.text))
        .join('');
      assert.equal(back, text);
    }),
  );
});

test('a cut leaves no half character', () => {
  assert.equal(cut('abc', 3), 'abc');
  assert.equal(cut('ab\ud83d\ude00', 3), 'ab');
  assert.equal(cut('ab\ud83d\ude00c', 4), 'ab\ud83d\ude00');
});
