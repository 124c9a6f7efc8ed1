/** Tells by its content which program's configuration a text is. */

export type Dialect = 'fluentd' | 'fluentbit-classic' | 'fluentbit-yaml';

/** The dialect of a configuration text. Text that looks like nothing in particular counts as Fluentd's. */
export function dialectOf(text: string): Dialect {
  for (const line of text.split(/\r\n|\r|\n/)) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    if (/^<\/?[a-zA-Z]/.test(trimmed) || /^@include\s/.test(trimmed)) return 'fluentd';
    if (/^\[[A-Za-z_]+\]$/.test(trimmed) || /^@(?:INCLUDE|SET)\s/.test(trimmed)) return 'fluentbit-classic';
    if (
      trimmed === '---' ||
      /^(?:service|pipeline|parsers|multiline_parsers|includes|env|upstream_servers|plugins|stream_processor|customs|extensions)\s*:/.test(
        line,
      )
    )
      return 'fluentbit-yaml';
  }
  return 'fluentd';
}
