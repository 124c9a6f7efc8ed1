import type { RefObject } from 'react';
import { openRecord, setRange, toggleLive } from '../state/location.ts';
import type { Explorer } from '../state/use-explorer.ts';
import { shifted, zoomed } from '../time/range.ts';
import type { Bounds } from '../time/range.ts';
import { useShortcuts } from '../ui/use-shortcuts.ts';

interface KeysOptions {
  readonly explorer: Explorer;
  readonly bounds: Bounds | undefined;
  readonly cursor: number | undefined;
  readonly setCursorId: (id: string | undefined) => void;
  readonly inputRef: RefObject<HTMLInputElement | null>;
  readonly scrollRef: RefObject<HTMLDivElement | null>;
  readonly showFields: () => void;
  readonly showHelp: () => void;
}

/** The page's keys, as its help lists them. */
export function useKeys(options: KeysOptions): void {
  const { explorer, bounds, cursor, setCursorId, inputRef, scrollRef } = options;
  const { rows, state, refresh } = explorer;
  const goTo = (index: number): void => {
    const row = rows[Math.min(Math.max(index, 0), rows.length - 1)];
    if (!row) return;
    setCursorId(row.id);
    if (state.record === undefined) scrollRef.current?.focus({ preventScroll: true });
    else openRecord(row.id);
  };
  const down = (): void => goTo(cursor === undefined ? 0 : cursor + 1);
  const up = (): void => goTo(cursor === undefined ? 0 : cursor - 1);
  const zoom = (factor: number) => (): void => {
    if (bounds) setRange(zoomed(bounds, factor));
  };
  const shift = (part: number) => (): void => {
    if (bounds) setRange(shifted(bounds, part));
  };
  useShortcuts({
    '/': () => {
      inputRef.current?.focus();
      inputRef.current?.select();
    },
    ArrowDown: down,
    j: down,
    ArrowUp: up,
    k: up,
    Home: () => goTo(0),
    Enter: () => {
      const row = cursor === undefined ? undefined : rows[cursor];
      if (row) openRecord(row.id);
    },
    Escape: () => {
      if (state.record === undefined) return;
      setCursorId(state.record);
      openRecord(undefined);
      scrollRef.current?.focus({ preventScroll: true });
    },
    l: toggleLive,
    r: refresh,
    f: options.showFields,
    '?': options.showHelp,
    '+': zoom(0.5),
    '=': zoom(0.5),
    '-': zoom(2),
    ',': shift(-0.5),
    '.': shift(0.5),
  });
}
