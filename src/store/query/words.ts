/**
 * Words as block filters know them: maximal runs of ASCII letters, digits and `_`, ASCII-lowercased, however long. Every other
 * character separates, also those of other scripts. Of a record these are the words of its keys and values, with JSON's
 * escapes resolved: `\n` separates, `\u0041` is `A`.
 */

/** For each byte of UTF-8 what it is in a word, lowercased; 0: it separates. */
export const wordBytes: Readonly<Uint8Array> = Uint8Array.from({ length: 256 }, (_, byte) => {
  const isUpper = byte >= 65 && byte <= 90;
  const isWord = isUpper || (byte >= 97 && byte <= 122) || (byte >= 48 && byte <= 57) || byte === 95;
  return isWord ? (isUpper ? byte + 32 : byte) : 0;
});

/** The words of a text, in its order, repetitions included. */
export function wordsOf(text: string): string[] {
  return text.match(/[A-Za-z0-9_]+/g)?.map(asciiLower) ?? [];
}

/** True for a character that is part of a word; false for '' and undefined. */
export function isWordChar(char: string | undefined): boolean {
  return char !== undefined && /^[A-Za-z0-9_]/.test(char);
}

/** A to Z in lower case, everything else as it is. */
export function asciiLower(text: string): string {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
