/** What this browser's user prefers, kept in its storage; the address holds what is shown. `public/theme.js` reads `theme`. */
import type { Language } from '../i18n/format.ts';

export interface Settings {
  readonly theme: 'system' | 'light' | 'dark';
  readonly language: Language;
  /** Seconds; 0: off. */
  readonly refreshSeconds: number;
  readonly hasFields: boolean;
  readonly hasHistogram: boolean;
  /** Pixels by column name. */
  readonly columnWidths: Readonly<Record<string, number>>;
  /** Pixels of the record view beside the table. */
  readonly panelWidth: number;
}

export const refreshChoices: readonly number[] = [0, 5, 10, 30, 60];
const storageKey = 'post2log.settings';

/** Settings out of stored text; what is missing or wrong in it is as on the first visit. Exported for tests. */
export function readSettings(stored: string | null, languages: readonly string[]): Settings {
  const first: Settings = {
    theme: 'system',
    language: languages[0]?.toLowerCase().startsWith('ko') ? 'ko' : 'en',
    refreshSeconds: 0,
    hasFields: true,
    hasHistogram: true,
    columnWidths: {},
    panelWidth: 480,
  };
  let found: Partial<Record<keyof Settings, unknown>> = {};
  try {
    const value: unknown = JSON.parse(stored ?? '{}');
    if (typeof value === 'object' && value !== null) found = value;
  } catch {
    return first;
  }
  const { theme, language, refreshSeconds, hasFields, hasHistogram, columnWidths, panelWidth } = found;
  const isRefresh = typeof refreshSeconds === 'number' && refreshChoices.includes(refreshSeconds);
  return {
    theme: theme === 'light' || theme === 'dark' ? theme : 'system',
    language: language === 'ko' || language === 'en' ? language : first.language,
    refreshSeconds: isRefresh ? refreshSeconds : 0,
    hasFields: hasFields !== false,
    hasHistogram: hasHistogram !== false,
    columnWidths: widthsOf(columnWidths),
    panelWidth: typeof panelWidth === 'number' && panelWidth > 0 ? panelWidth : first.panelWidth,
  };
}

function widthsOf(value: unknown): Record<string, number> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, number] => typeof entry[1] === 'number' && entry[1] > 0),
  );
}

let current: Settings | undefined;
const listeners = new Set<() => void>();

export function currentSettings(): Settings {
  current ??= readSettings(stored(), navigator.languages);
  return current;
}

/** Keeps them and tells the page. Without a storage (private windows) they hold until the page is closed. */
export function changeSettings(change: Partial<Settings>): void {
  current = { ...currentSettings(), ...change };
  try {
    localStorage.setItem(storageKey, JSON.stringify(current));
  } catch {
    // Full or forbidden: this page still goes by them.
  }
  applyTheme(current.theme);
  for (const listener of listeners) listener();
}

export function onSettings(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function applyTheme(theme: Settings['theme']): void {
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
}

function stored(): string | null {
  try {
    return localStorage.getItem(storageKey);
  } catch {
    return null;
  }
}
