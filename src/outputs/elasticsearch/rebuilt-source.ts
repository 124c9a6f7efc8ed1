/**
 * Documents of indices that keep no source but build it anew from their fields (`index.mode` logsdb and time_series, or
 * `index.mapping.source.mode` synthetic, Elasticsearch since 8.4): times come back in UTC and in ms, decimals as the field
 * holds them, keys with dots as objects, arrays sorted or as single values, nulls and empty objects not at all.
 */

/** Whether the settings of an index say so, as `GET /<index>/_settings?flat_settings=true` gives them. */
export function isRebuilt(settings: unknown): boolean {
  const { 'index.mode': mode, 'index.mapping.source.mode': source } = (settings ?? {}) as Record<string, unknown>;
  return source === 'synthetic' || (source !== 'stored' && (mode === 'logsdb' || mode === 'time_series'));
}

/** Whether `found` can be what such an index makes of `sent`. */
export function isSameRebuilt(sent: unknown, found: unknown): boolean {
  const [a, b] = [leavesOf(sent), leavesOf(found)];
  if (a.size !== b.size) return false;
  for (const [path, values] of a) {
    const others = b.get(path);
    if (!others || others.size !== values.size) return false;
    for (const value of values) if (!others.has(value)) return false;
  }
  return true;
}

/** Values by their path with dots, as they compare. */
function leavesOf(document: unknown): Map<string, Set<string>> {
  const leaves = new Map<string, Set<string>>();
  const add = (value: unknown, path: string): void => {
    if (value === null || value === undefined) return;
    if (Array.isArray(value)) {
      for (const one of value) add(one, path);
      return;
    }
    if (typeof value === 'object') {
      for (const [key, inner] of Object.entries(value)) add(inner, path === '' ? key : `${path}.${key}`);
      return;
    }
    const values = leaves.get(path) ?? new Set();
    leaves.set(path, values.add(leafText(typeof value === 'string' ? value : JSON.stringify(value))));
  };
  add(document, '');
  return leaves;
}

const date = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d+)?(?:Z|[+-]\d{2}:?\d{2})?$/;
const decimal = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function leafText(text: string): string {
  if (date.test(text)) {
    const isZoned = /(?:Z|[+-]\d{2}:?\d{2})$/.test(text);
    const ms = Date.parse(isZoned ? text.replace(',', '.') : `${text.replace(',', '.')}Z`);
    return Number.isNaN(ms) ? text : new Date(ms).toISOString();
  }
  if (!decimal.test(text) || /^-?\d+$/.test(text)) return text;
  // Fields that the server found by itself hold decimals as 32 bits.
  return String(Math.fround(Number(text)));
}
