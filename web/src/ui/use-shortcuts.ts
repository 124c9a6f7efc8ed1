import { useEffect, useRef } from 'react';

/** By the key's name, as `KeyboardEvent.key` has it. */
export type Shortcuts = Readonly<Record<string, () => void>>;

/** Keys that also work while the table or nothing in particular has the focus; never while somebody types or a dialog is open. */
export function useShortcuts(shortcuts: Shortcuts): void {
  const latest = useRef(shortcuts);
  useEffect(() => {
    latest.current = shortcuts;
  });
  useEffect(() => {
    const onKey = (key: KeyboardEvent): void => {
      if (key.defaultPrevented || key.ctrlKey || key.metaKey || key.altKey) return;
      const action = Object.hasOwn(latest.current, key.key) ? latest.current[key.key] : undefined;
      if (!action || isTaken(key)) return;
      key.preventDefault();
      action();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
}

/** True where the key means something to what has the focus. */
function isTaken({ key, target }: KeyboardEvent): boolean {
  if (!(target instanceof HTMLElement)) return false;
  // These close by themselves; behind them nothing moves.
  if (target.closest('[popover], dialog')) return true;
  if (target instanceof HTMLInputElement || target.isContentEditable) return true;
  const isPressing = key === 'Enter' || key === ' ';
  if (isPressing) return target.closest('button, a, [role="separator"]') !== null;
  return key.startsWith('Arrow') && target.closest('[data-arrows]') !== null;
}
