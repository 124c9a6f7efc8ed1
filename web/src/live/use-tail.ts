/** The live tail's connection: opened while Live is on, gathered into few changes, opened again when it breaks. */
import { useCallback, useEffect, useReducer, useRef, useState } from 'react';
import { urlOf } from '../api/client.ts';
import { readRecords } from '../api/read-records.ts';
import type { FoundRecord, PlaceName } from '../api/types.ts';
import { changeLive, noLiveRecords } from './live-records.ts';
import type { LiveRecords } from './live-records.ts';

/** Rows are added so often at most: a person sees no difference, the browser does. */
const gatherMs = 200;
/** A browser gives up on a connection that was refused; then it is opened again after this time. */
const reopenMs = 2000;

export interface TailOptions {
  readonly isOn: boolean;
  readonly query: string;
  readonly place: PlaceName | undefined;
  /** New rows wait: the reader has scrolled, opened a record or paused. */
  readonly isHeld: boolean;
  /** A connection is there, the first or another one: what came before it must be searched for. */
  readonly onOpen: () => void;
}

export interface Tail {
  /** Stay after the tail has ended, until the search that follows has them too. */
  readonly records: LiveRecords;
  readonly isConnected: boolean;
  readonly release: () => void;
}

export function useTail({ isOn, query, place, isHeld, onOpen }: TailOptions): Tail {
  const [records, change] = useReducer(changeLive, noLiveRecords);
  const [isConnected, setConnected] = useState(false);
  const latest = useRef({ isHeld, onOpen });
  useEffect(() => {
    latest.current = { isHeld, onOpen };
  });
  const isBehind = useRef(false);
  const begin = useCallback(() => {
    isBehind.current = false;
    change({ kind: 'restart' });
    latest.current.onOpen();
  }, []);
  useEffect(() => {
    if (!isOn) return undefined;
    change({ kind: 'restart' });
    let wasOpen = false;
    const gathered: FoundRecord[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const arrived = (found: readonly FoundRecord[]): void => {
      gathered.push(...found);
      timer ??= setTimeout(() => {
        timer = undefined;
        change({ kind: 'arrived', records: gathered.splice(0), isHeld: latest.current.isHeld });
      }, gatherMs);
    };
    const close = openTail(urlOf('/api/tail', { query, in: place }), {
      opened: () => {
        setConnected(true);
        // Opened again while somebody reads: what was missed is searched for when they are back.
        if (wasOpen && latest.current.isHeld) isBehind.current = true;
        else begin();
        wasOpen = true;
      },
      lost: () => setConnected(false),
      arrived,
      skipped: (count) => change({ kind: 'skipped', count }),
    });
    return () => {
      close();
      clearTimeout(timer);
      setConnected(false);
    };
  }, [isOn, query, place, begin]);
  return { records, isConnected, release: () => (isBehind.current ? begin() : change({ kind: 'release' })) };
}

interface TailListener {
  readonly opened: () => void;
  readonly lost: () => void;
  readonly arrived: (records: readonly FoundRecord[]) => void;
  readonly skipped: (count: number) => void;
}

/** Returns what closes it. */
function openTail(url: string, listener: TailListener): () => void {
  let source: EventSource;
  let again: ReturnType<typeof setTimeout> | undefined;
  const open = (): void => {
    source = new EventSource(url);
    source.addEventListener('open', listener.opened);
    source.addEventListener('records', ({ data }: MessageEvent<string>) => listener.arrived(readRecords(data)));
    source.addEventListener('skipped', ({ data }: MessageEvent<string>) => listener.skipped(Number(data) || 0));
    source.addEventListener('error', () => {
      listener.lost();
      if (source.readyState === EventSource.CLOSED) again = setTimeout(open, reopenMs);
    });
  };
  open();
  return () => {
    source.close();
    clearTimeout(again);
  };
}
