/** How wide the table's columns are. */

const timeWidth = 172;
const tagWidth = 156;
const columnWidth = 200;
export const columnWidthMin = 64;
/** Wider than any screen; a stored width beyond it comes of no drag. */
const columnWidthMax = 2000;

/** Every chosen column's width; the last one takes what is left. */
export function widthsOf(columns: readonly string[], stored: Readonly<Record<string, number>>): number[] {
  return columns.map((name) => {
    const width = Object.hasOwn(stored, name) ? stored[name] : undefined;
    return Math.min(Math.max(width ?? columnWidth, columnWidthMin), columnWidthMax);
  });
}

/** CSS grid of a row: time, tag, then the columns or the record's summary. */
export function gridOf(widths: readonly number[]): string {
  const rest = widths.map((width, index) => (index === widths.length - 1 ? `minmax(${width}px, 1fr)` : `${width}px`));
  return [`${timeWidth}px`, `${tagWidth}px`, ...(rest.length > 0 ? rest : ['minmax(240px, 1fr)'])].join(' ');
}

/** Below this the table scrolls sideways. */
export function minWidthOf(widths: readonly number[]): number {
  return timeWidth + tagWidth + (widths.length > 0 ? widths.reduce((sum, width) => sum + width, 0) : 240);
}
