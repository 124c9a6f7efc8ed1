/** The explorer's state in the page's address: read by components, changed by what a person does. */
import { useSyncExternalStore } from 'react';
import type { PlaceName } from '../api/types.ts';
import { withFilter } from '../query/edit.ts';
import type { FilterTest } from '../query/edit.ts';
import type { TimeRange } from '../time/range.ts';
import { readState, writeState } from './url-state.ts';
import type { ExplorerState } from './url-state.ts';

const listeners = new Set<() => void>();
let search: string | undefined;
let state: ExplorerState;

function tell(): void {
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) window.addEventListener('popstate', tell);
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) window.removeEventListener('popstate', tell);
  };
}

function currentState(): ExplorerState {
  if (search !== window.location.search) {
    search = window.location.search;
    state = readState(search);
  }
  return state;
}

export function useExplorerState(): ExplorerState {
  return useSyncExternalStore(subscribe, currentState);
}

/** `push`: back returns to what was before. `replace`: a step nobody wants to go back through. */
export function changeState(change: Partial<ExplorerState>, how: 'push' | 'replace' = 'push'): void {
  const next = writeState({ ...currentState(), ...change });
  if (next === writeState(currentState())) return;
  const url = window.location.pathname + next;
  if (how === 'push') window.history.pushState(null, '', url);
  else window.history.replaceState(null, '', url);
  tell();
}

export function setQuery(query: string): void {
  changeState({ query: query.trim() });
}

/** Live shows what arrives now, so another range ends it. */
export function setRange(range: TimeRange): void {
  changeState({ range, ...(range.kind === 'between' ? { isLive: false } : {}) });
}

/** Another place has other records: the one that is open is not among them. */
export function setPlace(place: PlaceName | undefined): void {
  changeState({ place, record: undefined });
}

export function addFilter(field: string, test: FilterTest, isExcluded: boolean): void {
  changeState({ query: withFilter(currentState().query, field, test, isExcluded) });
}

export function toggleColumn(name: string): void {
  const { columns } = currentState();
  changeState({ columns: columns.includes(name) ? columns.filter((column) => column !== name) : [...columns, name] });
}

/** Moves a column to another place among the columns. */
export function moveColumn(name: string, to: number): void {
  const columns = currentState().columns.filter((column) => column !== name);
  changeState({ columns: columns.toSpliced(Math.max(0, to), 0, name) });
}

/** Opening adds a step to go back by; going from one record to the next does not. */
export function openRecord(id: string | undefined): void {
  const isOpen = currentState().record !== undefined;
  changeState({ record: id }, isOpen && id !== undefined ? 'replace' : 'push');
}

export function toggleLive(): void {
  const { isLive, range } = currentState();
  if (isLive) changeState({ isLive: false });
  else {
    const isFixed = range.kind === 'between';
    changeState({ isLive: true, order: 'newest', ...(isFixed ? { range: { kind: 'last', span: '15m' } } : {}) });
  }
}

/** A link that shows the same to somebody else later: a relative range becomes the one it was. */
export function linkTo(change: Partial<ExplorerState>): string {
  const { origin, pathname } = window.location;
  return origin + pathname + writeState({ ...currentState(), isLive: false, ...change });
}
