/** What the page shows, as its address: a link shows somebody else the same, and back and forward work. */
import type { PlaceName } from '../api/types.ts';
import { between, isSpan } from '../time/range.ts';
import type { TimeRange } from '../time/range.ts';

export interface ExplorerState {
  readonly query: string;
  readonly range: TimeRange;
  readonly columns: readonly string[];
  readonly order: 'newest' | 'oldest';
  /** `_id` of the record that is open. */
  readonly record: string | undefined;
  readonly isLive: boolean;
  /** Where records are looked for; undefined: where the program does by itself. */
  readonly place: PlaceName | undefined;
}

/** The first visit. Exported for tests. */
export const initialState: ExplorerState = {
  query: '',
  range: { kind: 'last', span: '24h' },
  columns: [],
  order: 'newest',
  record: undefined,
  isLive: false,
  place: undefined,
};

/** More columns than anybody reads; a longer address than servers take comes of no click. */
const columnsMax = 50;

/** What an address asks for; what it does not say, or says wrongly, is as on the first visit. */
export function readState(search: string): ExplorerState {
  const params = new URLSearchParams(search);
  return {
    query: params.get('q') ?? '',
    range: readRange(params),
    columns: [...new Set(params.getAll('col').filter((name) => name !== ''))].slice(0, columnsMax),
    order: params.get('order') === 'oldest' ? 'oldest' : 'newest',
    record: params.get('record') ?? undefined,
    isLive: params.get('live') === '1',
    place: readPlace(params.get('in')),
  };
}

/** `?…`, or '' for the first visit's state. */
export function writeState(state: ExplorerState): string {
  const params = new URLSearchParams();
  if (state.query !== '') params.set('q', state.query);
  const { range } = state;
  if (range.kind === 'between') {
    params.set('from', new Date(range.fromMs).toISOString());
    params.set('to', new Date(range.toMs).toISOString());
  } else if (range.kind === 'all') params.set('last', 'all');
  else if (initialState.range.kind !== 'last' || range.span !== initialState.range.span) params.set('last', range.span);
  for (const name of state.columns) params.append('col', name);
  if (state.order === 'oldest') params.set('order', 'oldest');
  if (state.place !== undefined) params.set('in', state.place);
  if (state.isLive) params.set('live', '1');
  if (state.record !== undefined) params.set('record', state.record);
  const text = params.toString();
  return text === '' ? '' : `?${text}`;
}

function readPlace(text: string | null): PlaceName | undefined {
  return text === 'store' || text === 'index' ? text : undefined;
}

function readRange(params: URLSearchParams): TimeRange {
  const fromMs = Date.parse(params.get('from') ?? '');
  const toMs = Date.parse(params.get('to') ?? '');
  if (!Number.isNaN(fromMs) && !Number.isNaN(toMs)) return between(fromMs, toMs);
  const last = params.get('last') ?? '';
  if (last === 'all') return { kind: 'all' };
  return isSpan(last) ? { kind: 'last', span: last } : initialState.range;
}
