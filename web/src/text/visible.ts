/**
 * Text of outside hands made safe to look at. React keeps HTML from being HTML; what is left are characters that are not
 * seen, or that change how others are seen: controls (ANSI escapes), direction marks, invisible and broken characters.
 * They are shown as small marks. Nothing is removed.
 */

export interface TextPiece {
  readonly text: string;
  /** Undefined: plain text. Else the character's number and name for the mark's tooltip. */
  readonly mark: string | undefined;
}

const names: Readonly<Record<number, string>> = {
  0x00: 'NUL', 0x07: 'BEL', 0x08: 'BS', 0x09: '⇥', 0x0a: '↵', 0x0b: 'VT', 0x0c: 'FF', 0x0d: '␍', 0x1b: 'ESC', 0x7f: 'DEL',
  0x85: 'NEL', 0x9b: 'CSI', 0xad: 'SHY', 0x61c: 'ALM', 0x180e: 'MVS', 0x200b: 'ZWSP', 0x200e: 'LRM', 0x200f: 'RLM',
  0x2028: 'LSEP', 0x2029: 'PSEP', 0x202a: 'LRE', 0x202b: 'RLE', 0x202c: 'PDF', 0x202d: 'LRO', 0x202e: 'RLO',
  0x2060: 'WJ', 0x2066: 'LRI', 0x2067: 'RLI', 0x2068: 'FSI', 0x2069: 'PDI', 0xfeff: 'BOM',
}; // prettier-ignore

const breaks = String.raw`\t\n`;
const hidden = String.raw`\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff`;
const broken = String.raw`[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]`;
const inLines = new RegExp(`[${hidden}]|${broken}`, 'g');
const inOneLine = new RegExp(`[${hidden}${breaks}]|${broken}`, 'g');

/** Cuts `text` into plain pieces and marks. `isOneLine`: tabs and line breaks are marks too. */
export function visiblePieces(text: string, isOneLine: boolean): TextPiece[] {
  const pieces: TextPiece[] = [];
  let end = 0;
  for (const { 0: found, index } of text.matchAll(isOneLine ? inOneLine : inLines)) {
    if (index > end) pieces.push({ text: text.slice(end, index), mark: undefined });
    const code = found.charCodeAt(0);
    const number = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
    pieces.push({ text: names[code] ?? number, mark: number });
    end = index + found.length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end), mark: undefined });
  return pieces;
}

/** The first `lengthMax` characters (UTF-16 units), never half of a surrogate pair. */
export function cut(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text;
  const last = text.charCodeAt(lengthMax - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? lengthMax - 1 : lengthMax);
}
