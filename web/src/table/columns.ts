/** How wide the table's columns are, in pixels. */

const timeWidth = 176;
/** A character of the table's font, and the space on both sides of a cell. */
const characterWidth = 7.3;
const cellSpace = 26;
const tagWidthMin = 88;
const tagWidthMax = 220;
/** So many records say how long tags are here. */
const tagsSeen = 200;
const columnWidth = 200;
export const columnWidthMin = 64;
/** Wider than any screen; a stored width beyond it comes of no drag. */
const columnWidthMax = 2000;
/** What a record's summary needs to say anything. */
const summaryWidthMin = 240;

/** As wide as the longest of the first tags, within reason. */
export function tagWidthOf(rows: readonly { readonly tag: string }[]): number {
  const longest = rows.slice(0, tagsSeen).reduce((length, { tag }) => Math.max(length, tag.length), 0);
  return Math.round(Math.min(Math.max(longest * characterWidth + cellSpace, tagWidthMin), tagWidthMax));
}

/** Every chosen column's width; the last one takes what is left. */
export function widthsOf(columns: readonly string[], stored: Readonly<Record<string, number>>): number[] {
  return columns.map((name) => {
    const width = Object.hasOwn(stored, name) ? stored[name] : undefined;
    return Math.min(Math.max(width ?? columnWidth, columnWidthMin), columnWidthMax);
  });
}

/** CSS grid of a row: time, tag, then the columns or the record's summary; `minWidth`: below it the table scrolls sideways. */
export function gridOf(
  tagWidth: number,
  widths: readonly number[],
): { readonly grid: string; readonly minWidth: number } {
  const rest = widths.map((width, index) => (index === widths.length - 1 ? `minmax(${width}px, 1fr)` : `${width}px`));
  const last = rest.length > 0 ? rest : [`minmax(${summaryWidthMin}px, 1fr)`];
  const restWidth = widths.length > 0 ? widths.reduce((sum, width) => sum + width, 0) : summaryWidthMin;
  return { grid: [`${timeWidth}px`, `${tagWidth}px`, ...last].join(' '), minWidth: timeWidth + tagWidth + restWidth };
}
