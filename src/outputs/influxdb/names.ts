/**
 * Names and values of the line protocol, escaped so that InfluxDB reads back what was there:
 *
 *   measurement[,tag=value …] field=value[,field=value …] time
 *
 * Source: InfluxDB 1.6 models/points.go, whose reader the later versions kept. A backslash stands for itself, unless what
 * follows is special there; at the end of a name and before a blank its readers of lines, of points and of series do not
 * agree on it, but for most values of tags. A `_` is put behind it then. No name can hold a line feed.
 */

/** A line feed ends the line wherever it stands outside of a quoted value; blanks of other kinds before a key are skipped. */
const controls: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\0': '\\0' };

function withoutControls(name: string): string {
  return /[\n\r\t\0]/.test(name) ? name.replaceAll(/[\n\r\t\0]/g, (char) => controls[char] as string) : name;
}

/** A measurement; a `#` at its beginning would make the line a comment. */
export function escapeMeasurement(name: string): string {
  const safe = withoutControls(name)
    .replaceAll(/\\(?=[ ,]|$)/g, String.raw`\_`)
    .replaceAll(/[ ,]/g, String.raw`\$&`);
  return safe.startsWith('#') ? `\\${safe}` : safe;
}

/** The value of a tag, in which readers agree on a backslash before a blank as long as `areTagsClear`. */
export function escapeTagValue(text: string): string {
  if (!/[ ,=\\\n\r\t\0]/.test(text)) return text;
  return withoutControls(text)
    .replace(/\\$/, String.raw`\_`)
    .replaceAll(/[ ,=]/g, String.raw`\$&`);
}

/**
 * Do all readers see the same in tags whose values are so escaped? That of lines takes fields to begin behind a backslash
 * and a blank, and then counts the commas and equal signs that have a backslash of their own before them.
 */
export function areTagsClear(written: string): boolean {
  return !/\\\\ /.test(written) || !/\\\\[,=]/.test(written);
}

/** The key or the value of a tag, for all readers. */
export function escapeTag(text: string): string {
  if (!/[ ,=\\\n\r\t\0]/.test(text)) return text;
  return withoutControls(text)
    .replaceAll(/\\(?= |$)/g, String.raw`\_`)
    .replaceAll(/[ ,=]/g, String.raw`\$&`);
}

/** The key of a field, in which more is special. */
export function escapeFieldKey(name: string): string {
  if (!/[ ,="\\\n\r\t\0]/.test(name)) return name;
  return withoutControls(name)
    .replaceAll(/\\(?=[ ,="]|$)/g, String.raw`\_`)
    .replaceAll(/[ ,="]/g, String.raw`\$&`);
}

/** A text as the value of a field. */
export function quoteText(text: string): string {
  return `"${/["\\]/.test(text) ? text.replaceAll(/["\\]/g, String.raw`\$&`) : text}"`;
}

/**
 * How Fluent Bit writes text: as JSON with everything beyond ASCII as `\u…`, before the line protocol's own escapes, which
 * double every backslash. InfluxDB therefore holds the escapes. Source: Fluent Bit 5.1 flb_utils_write_str, influxdb_bulk.c.
 */
export const fluentbitNames = {
  tag(text: string): string {
    return withoutControls(text)
      .replaceAll('\\', String.raw`\\`)
      .replace(/\\$/, String.raw`\_`)
      .replaceAll(/[\s,=]/g, String.raw`\$&`);
  },
  text(text: string): string {
    return JSON.stringify(text)
      .slice(1, -1)
      .replaceAll(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
  },
};
