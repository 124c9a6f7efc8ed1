/**
 * Fluentd's tag patterns as sources of regular expressions: `*` is any text within one part, `**` any parts, `{a,b}`
 * alternatives (nesting), `\` takes the next character as it is. A dot is held back until it is known what follows, since
 * `a.**` matches `a` too. Source: Fluentd 1.16 match.rb.
 */

/** The source of one pattern; it has to match the whole tag. */
export function fluentdPatternSource(pattern: string): string {
  return new Glob(pattern).source();
}

class Glob {
  readonly #pattern: string;
  #at = 0;
  #dot = false;
  constructor(pattern: string) {
    this.#pattern = pattern;
  }
  source(): string {
    return this.#sequence(0);
  }
  #sequence(depth: number): string {
    let source = '';
    while (this.#at < this.#pattern.length) {
      if (this.#pattern.startsWith('**', this.#at)) {
        source += this.#anyParts();
        continue;
      }
      if (this.#dot) source += '\\.';
      this.#dot = false;
      const char = this.#pattern[this.#at] as string;
      if (depth > 0 && (char === ',' || char === '}')) return source;
      this.#at++;
      if (char === '\\') source += escapedTag(this.#pattern[this.#at++] ?? '');
      else if (char === '.') this.#dot = true;
      else if (char === '*') source += '[^.]*';
      else if (char === '{') source += this.#alternatives(depth + 1);
      else source += escapedTag(char);
    }
    return source;
  }
  #anyParts(): string {
    let source = '';
    if (this.#dot) source = '(?![^.])';
    this.#dot = false;
    this.#at += 2;
    if (this.#pattern[this.#at] !== '.') return `${source}[^\\n]*`;
    this.#at++;
    return `${source}(?:[^\\n]*\\.|^)`;
  }
  #alternatives(depth: number): string {
    const sources = [this.#sequence(depth)];
    while (this.#pattern[this.#at] === ',') {
      this.#at++;
      sources.push(this.#sequence(depth));
    }
    // A brace that is never closed ends with the pattern, as in Fluentd.
    this.#at++;
    return `(?:${sources.join('|')})`;
  }
}

/** Text that stands for itself. */
export function escapedTag(char: string): string {
  return char.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
