/**
 * JSON read without losing anything: digits stay as received, keys keep their order and may repeat. `JSON.parse` would
 * round integers beyond 2^53, drop `.0`, move integer-like keys to the front and forget duplicates.
 */

/** A value kept as its JSON text: every number, and whatever is nested deeper than `depthMax`. */
export class JsonText {
  readonly text: string;
  readonly isNumber: boolean;
  constructor(text: string, isNumber: boolean) {
    this.text = text;
    this.isNumber = isNumber;
  }
}

/** Entries in their order; `source` is the object's text byte for byte. */
export class JsonObject {
  readonly entries: readonly (readonly [name: string, value: Json])[];
  readonly source: string;
  constructor(entries: readonly (readonly [string, Json])[], source: string) {
    this.entries = entries;
    this.source = source;
  }
  /** The first value under a name. */
  get(name: string): Json | undefined {
    return this.entries.find((entry) => entry[0] === name)?.[1];
  }
}

export type Json = string | boolean | null | JsonText | JsonObject | readonly Json[];

/** Deeper than anybody reads, far from the end of the browser's stack: hostile records nest without end. */
const depthMax = 200;

/** @throws SyntaxError where it is no JSON. */
export function parseExact(text: string): Json {
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

class Reader {
  private readonly text: string;
  private at = 0;
  constructor(text: string) {
    this.text = text;
  }

  value(depth: number): Json {
    this.space();
    const start = this.text[this.at];
    if (start === '"') return this.string();
    if (start === '{' || start === '[') {
      if (depth >= depthMax) return this.skipped();
      return start === '{' ? this.object(depth) : this.array(depth);
    }
    const word = /[-+.\w]+/y;
    word.lastIndex = this.at;
    const found = word.exec(this.text)?.[0];
    if (found === undefined) throw this.problem();
    this.at = word.lastIndex;
    if (found === 'true') return true;
    if (found === 'false') return false;
    if (found === 'null') return null;
    if (/^-?\d/.test(found)) return new JsonText(found, true);
    throw this.problem();
  }

  end(): void {
    this.space();
    if (this.at < this.text.length) throw this.problem();
  }

  private object(depth: number): JsonObject {
    const start = this.at++;
    const entries: (readonly [string, Json])[] = [];
    while (!this.closes('}', entries.length)) {
      this.space();
      const name = this.string();
      this.space();
      if (this.text[this.at++] !== ':') throw this.problem();
      entries.push([name, this.value(depth + 1)]);
    }
    return new JsonObject(entries, this.text.slice(start, this.at));
  }

  private array(depth: number): Json[] {
    this.at++;
    const values: Json[] = [];
    while (!this.closes(']', values.length)) values.push(this.value(depth + 1));
    return values;
  }

  /** Takes the closing bracket, or the comma in front of what follows. */
  private closes(bracket: string, count: number): boolean {
    this.space();
    const next = this.text[this.at];
    if (next === bracket) {
      this.at++;
      return true;
    }
    if (count === 0) return false;
    if (next !== ',') throw this.problem();
    this.at++;
    return false;
  }

  private string(): string {
    const start = this.at;
    if (this.text[start] !== '"') throw this.problem();
    let end = start + 1;
    let hasEscapes = false;
    for (;;) {
      const quote = this.text.indexOf('"', end);
      if (quote < 0) throw this.problem();
      let slashes = 0;
      while (this.text[quote - 1 - slashes] === '\\') slashes++;
      hasEscapes ||= slashes > 0;
      end = quote + 1;
      if (slashes % 2 === 0) break;
    }
    this.at = end;
    hasEscapes ||= this.text.slice(start, end).includes('\\');
    return hasEscapes ? (JSON.parse(this.text.slice(start, end)) as string) : this.text.slice(start + 1, end - 1);
  }

  private skipped(): JsonText {
    const start = this.at;
    let open = 0;
    do {
      const next = this.text[this.at];
      if (next === undefined) throw this.problem();
      if (next === '"') this.string();
      else {
        if (next === '{' || next === '[') open++;
        if (next === '}' || next === ']') open--;
        this.at++;
      }
    } while (open > 0);
    return new JsonText(this.text.slice(start, this.at), false);
  }

  private space(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
      this.at++;
    }
  }

  private problem(): SyntaxError {
    return new SyntaxError(`reading JSON: unexpected ${JSON.stringify(this.text[this.at] ?? 'end')} at ${this.at}`);
  }
}
