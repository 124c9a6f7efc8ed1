/**
 * Names and values of the line protocol, escaped so that InfluxDB reads back what was there:
 *
 *   measurement[,tag=value …] field=value[,field=value …] time
 *
 * Source: InfluxDB 1.6 models/points.go, whose reader the later versions kept. A backslash stands for itself unless a
 * comma, blank or equals sign follows; so it cannot stand at the end of a name, nor can any name hold a line feed. What
 * cannot be written is written as the nearest that can.
 */

/** A line feed ends the line wherever it stands outside of a quoted value; blanks of other kinds before a key are skipped. */
const controls: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\0': '\\0' };

function withoutControls(name: string): string {
  return /[\n\r\t\0]/.test(name) ? name.replaceAll(/[\n\r\t\0]/g, (char) => controls[char] as string) : name;
}

/** A measurement; a `#` at its beginning would make the line a comment. */
export function escapeMeasurement(name: string): string {
  const safe = escaped(name, /[ ,]/g);
  return safe.startsWith('#') ? `\\${safe}` : safe;
}

/** The key or the value of a tag. */
export function escapeTag(text: string): string {
  return /[ ,=\\\n\r\t\0]/.test(text) ? escaped(text, /[ ,=]/g) : text;
}

/**
 * Behind a backslash what ends the name would be a part of it: a blank is put between them. Where lines are told apart, pairs
 * of a backslash and what follows are skipped, so that an odd number of them before a blank is made even.
 */
function escaped(name: string, special: RegExp): string {
  const text = withoutControls(name);
  return (text.endsWith('\\') ? `${text} ` : text)
    .replaceAll(/(\\+) /g, (run: string, slashes: string) => (slashes.length % 2 === 1 ? `${slashes}\\ ` : run))
    .replaceAll(special, String.raw`\$&`);
}

/**
 * The key of a field. Here pairs are skipped everywhere, so that an odd number of backslashes is made even before a comma,
 * an equals sign and a quote too.
 */
export function escapeFieldKey(name: string): string {
  if (!/[ ,="\\\n\r\t\0]/.test(name)) return name;
  const text = withoutControls(name);
  return (text.endsWith('\\') ? `${text} ` : text).replaceAll(
    /(\\*)([ ,="])/g,
    (_, run: string, char: string) => `${run}${run.length % 2 === 1 ? '\\' : ''}\\${char}`,
  );
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
    const doubled = withoutControls(text).replaceAll('\\', '\\\\');
    return (doubled.endsWith('\\') ? `${doubled} ` : doubled).replaceAll(/[\s,=]/g, String.raw`\$&`);
  },
  text(text: string): string {
    return JSON.stringify(text)
      .slice(1, -1)
      .replaceAll(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
  },
};
