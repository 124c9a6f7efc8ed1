/** Cuts valid JSON text into its parts without decoding them, so that what is not looked at stays as it was written. */

/** A member of an object: `key` decoded, its text [keyStart, keyEnd) with the quotes, its value [start, end). */
interface Member {
  readonly key: string;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly start: number;
  readonly end: number;
}

/** Members of the object that begins at `at`. @throws SyntaxError where there is none. */
export function* membersOf(text: string, at = 0): Generator<Member> {
  let next = expect(text, skipSpace(text, at), '{');
  for (;;) {
    const keyStart = skipSpace(text, next);
    if (text[keyStart] === '}') return;
    const keyEnd = stringEnd(text, expect(text, keyStart, '"'));
    const start = skipSpace(text, expect(text, skipSpace(text, keyEnd), ':'));
    const end = valueEnd(text, start);
    yield { key: stringAt(text, keyStart, keyEnd), keyStart, keyEnd, start, end };
    next = afterPart(text, end, '}');
    if (next < 0) return;
  }
}

/** Elements [start, end) of the array that begins at `at`. @throws SyntaxError where there is none. */
export function* elementsOf(text: string, at = 0): Generator<{ readonly start: number; readonly end: number }> {
  let next = expect(text, skipSpace(text, at), '[');
  for (;;) {
    const start = skipSpace(text, next);
    if (text[start] === ']') return;
    const end = valueEnd(text, start);
    yield { start, end };
    next = afterPart(text, end, ']');
    if (next < 0) return;
  }
}

/** Behind the comma at `at`, or -1 at the closing bracket. */
function afterPart(text: string, at: number, closing: string): number {
  const end = skipSpace(text, at);
  return text[end] === closing ? -1 : expect(text, end, ',');
}

function expect(text: string, at: number, char: string): number {
  if (text[at] !== char) throw new SyntaxError(`expected ${char} at offset ${at}`);
  return at + 1;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) <= 32) at++;
  return at;
}

function stringAt(text: string, start: number, end: number): string {
  const inner = text.slice(start + 1, end - 1);
  return inner.includes('\\') ? (JSON.parse(`"${inner}"`) as string) : inner;
}

/** `from` is behind the opening quote; the result behind the closing one. */
function stringEnd(text: string, from: number): number {
  for (let at = from; ;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) throw new SyntaxError(`unterminated string at offset ${from}`);
    let backslashes = 0;
    while (text[quote - 1 - backslashes] === '\\' && quote - 1 - backslashes >= from) backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

function valueEnd(text: string, start: number): number {
  let depth = 0;
  let at = start;
  do {
    const char = text[at];
    if (char === undefined) throw new SyntaxError(`unexpected end of JSON text`);
    if (char === '"') at = stringEnd(text, at + 1);
    else {
      if (char === '{' || char === '[') depth++;
      else if (char === '}' || char === ']') depth--;
      else if (depth === 0) return wordEnd(text, at);
      at++;
    }
  } while (depth > 0);
  return at;
}

/** End of a number, true, false or null. */
function wordEnd(text: string, start: number): number {
  const word = /[-+.\w]+/y;
  word.lastIndex = start;
  if (!word.test(text)) throw new SyntaxError(`unexpected character at offset ${start}`);
  return word.lastIndex;
}
