import { useCallback, useSyncExternalStore } from 'react';

/** Whether a media query holds, now and after changes. */
export function useMedia(query: string): boolean {
  const subscribe = useCallback(
    (listener: () => void) => {
      const list = window.matchMedia(query);
      list.addEventListener('change', listener);
      return () => list.removeEventListener('change', listener);
    },
    [query],
  );
  return useSyncExternalStore(subscribe, () => window.matchMedia(query).matches);
}

/** Phones: rows on two lines, fields and records in sheets. */
export const narrow = '(max-width: 760px)';
/** No room for a record beside the table. */
export const medium = '(max-width: 1080px)';
