import type { ReactNode } from 'react';
import { ApiError } from '../api/client.ts';
import { usePostbackUrl } from '../api/questions.ts';
import type { Place } from '../api/types.ts';
import { useFormats, useTexts } from '../i18n/use-texts.ts';
import { setQuery, setRange } from '../state/location.ts';
import type { Explorer } from '../state/use-explorer.ts';
import { rangeText } from '../time/time-picker.tsx';
import { wider } from '../time/range.ts';
import { Button } from '../ui/button.tsx';
import { CopyButton } from '../ui/copy-button.tsx';
import { Icon } from '../ui/icon.tsx';
import type { IconName } from '../ui/icon.tsx';
import { ProgressButton, useProgressText } from './search-progress.tsx';
import './states.css';

/** What stands in the table's place when there are no rows: why, and what to do. */
export function EmptyState({ explorer }: { readonly explorer: Explorer }) {
  const texts = useTexts();
  const { search, searched, goingOn, store } = explorer;
  const { error } = search;
  const isOff = store.data?.state === 'off';
  if (isOff)
    return (
      <State icon="power" title={texts.state.offTitle} text={texts.state.off}>
        <Command text="P2L_STORE=on npm start" />
      </State>
    );
  const isTrying = goingOn.state === 'running';
  if (error instanceof ApiError && (error.isPassing || !isTrying)) return <Failure explorer={explorer} error={error} />;
  if (error && !isTrying)
    return <State icon="warning" look="danger" title={texts.state.failedTitle} text={error.message} />;
  if (search.isPending) return <div className="state" aria-hidden="true" />;
  if (goingOn.state !== 'done') return <Searching explorer={explorer} />;
  if (searched.isCut) return <State icon="clock" title={texts.progress.notAll} text={texts.state.partial} />;
  if (store.data?.status?.records === 0) return <FirstRecord explorer={explorer} />;
  return <Nothing explorer={explorer} />;
}

function Failure({ explorer, error }: { readonly explorer: Explorer; readonly error: ApiError }) {
  const texts = useTexts();
  const { goingOn } = explorer;
  const isIndex = indexOf(explorer) !== undefined;
  if (error.status === 503 && isIndex)
    return (
      <State icon="plug" look="danger" title={texts.place.awayTitle} text={texts.place.away}>
        <p className="state-detail mono">{error.message}</p>
      </State>
    );
  if (error.status === 503)
    return (
      <State icon="clock" title={texts.state.startingTitle} text={texts.state.starting}>
        <p className="state-detail mono">{explorer.store.data?.lastError ?? error.message}</p>
      </State>
    );
  if (error.isPassing)
    return <State icon="plug" look="danger" title={texts.state.unreachableTitle} text={texts.state.unreachable} />;
  const isQuery = error.status === 400;
  return (
    <State
      icon="warning"
      look="danger"
      title={isQuery ? texts.state.queryTitle : texts.state.failedTitle}
      text={error.message}
    >
      {isQuery ? (
        <Button onClick={() => setQuery('')}>{texts.state.clearQuery}</Button>
      ) : (
        <Button icon="refresh" onClick={goingOn.state === 'failed' ? goingOn.goOn : explorer.refresh}>
          {texts.state.retry}
        </Button>
      )}
    </State>
  );
}

function Searching({ explorer }: { readonly explorer: Explorer }) {
  const texts = useTexts();
  const text = useProgressText(explorer);
  const isRunning = explorer.goingOn.state === 'running';
  return (
    <State icon="search" {...(isRunning ? { look: 'waiting' } : {})} title={texts.progress.nothingYet} text={text}>
      <ProgressButton explorer={explorer} />
    </State>
  );
}

/** The indices that are searched; undefined: it is the store. */
function indexOf({ store, state }: Explorer): Place | undefined {
  const places = store.data?.places ?? [];
  const place = places.find((one) => one.in === state.place) ?? places[0];
  return place?.in === 'index' ? place : undefined;
}

function FirstRecord({ explorer }: { readonly explorer: Explorer }) {
  const texts = useTexts();
  const url = usePostbackUrl();
  const index = indexOf(explorer);
  if (index)
    return (
      <State icon="inbox" look="waiting" title={texts.place.emptyTitle} text={texts.place.empty(index.pattern ?? '')} />
    );
  return (
    <State icon="inbox" look="waiting" title={texts.state.storeEmptyTitle} text={texts.state.storeEmpty}>
      {url !== undefined && <Command text={`curl -X POST "${url}?p1=v1&p2=v2"`} />}
    </State>
  );
}

function Nothing({ explorer }: { readonly explorer: Explorer }) {
  const texts = useTexts();
  const formats = useFormats();
  const { query, range } = explorer.state;
  const newestMs = explorer.store.data?.status?.newestMs;
  const next = wider(range);
  return (
    <State
      icon="search"
      title={texts.state.nothingTitle}
      text={query === '' ? texts.state.nothingInRange(rangeText(range, texts, formats)) : texts.state.nothingForQuery}
    >
      {query === '' && newestMs !== undefined && (
        <p className="soft">{texts.state.newestIs(formats.dateTime(newestMs))}</p>
      )}
      <div className="state-buttons">
        {query !== '' && <Button onClick={() => setQuery('')}>{texts.state.clearQuery}</Button>}
        {range.kind !== 'all' && (
          <Button onClick={() => setRange(next)}>{texts.state.widen(rangeText(next, texts, formats))}</Button>
        )}
        {range.kind !== 'all' && next.kind !== 'all' && (
          <Button onClick={() => setRange({ kind: 'all' })}>{texts.state.widen(texts.time.all)}</Button>
        )}
      </div>
    </State>
  );
}

function Command({ text }: { readonly text: string }) {
  const texts = useTexts();
  return (
    <div className="command">
      <code className="mono">{text}</code>
      <CopyButton icon="copy" label={texts.state.copyCommand} text={() => text} />
    </div>
  );
}

interface StateProps {
  readonly icon: IconName;
  readonly look?: 'danger' | 'waiting';
  readonly title: string;
  readonly text: string;
  readonly children?: ReactNode;
}

function State({ icon, look, title, text, children }: StateProps) {
  return (
    <div className="state" role={look === 'danger' ? 'alert' : 'status'}>
      <div className="state-box">
        <span className="state-icon" data-look={look}>
          <Icon name={icon} size={20} />
        </span>
        <h2 className="state-title">{title}</h2>
        <p className="state-text">{text}</p>
        {children}
      </div>
    </div>
  );
}
