import { useEffect, useRef, useState } from 'react';
import type { RefObject } from 'react';
import { useRecord } from './api/questions.ts';
import type { Session } from './api/types.ts';
import { FieldList } from './fields/field-list.tsx';
import { Histogram } from './histogram/histogram.tsx';
import { ResultsHead } from './histogram/results-head.tsx';
import { useSettings, useTexts } from './i18n/use-texts.ts';
import { Help } from './page/help.tsx';
import { LiveBar } from './page/live-bar.tsx';
import { boundsOf } from './page/bounds.ts';
import { RecordPanel } from './page/record-panel.tsx';
import { TopBar } from './page/top-bar.tsx';
import { useKeys } from './page/use-keys.ts';
import { RecordTable } from './table/record-table.tsx';
import { EmptyState } from './states/empty-state.tsx';
import { Notices } from './states/notices.tsx';
import { SearchProgress } from './states/search-progress.tsx';
import { changeSettings } from './state/settings.ts';
import { useExplorer } from './state/use-explorer.ts';
import type { Explorer } from './state/use-explorer.ts';
import { narrow, useMedia } from './ui/use-media.ts';
import { Sheet } from './ui/sheet.tsx';
import './page/page.css';

export function ExplorerPage({ session }: { readonly session: Session }) {
  const texts = useTexts();
  const explorer = useExplorer();
  const isNarrow = useMedia(narrow);
  const [isHelp, setHelp] = useState(false);
  const fields = useFieldsShown(isNarrow);
  const input = useRef<HTMLInputElement>(null);
  const scroll = useRef<HTMLDivElement>(null);
  const [cursorId, setCursorId] = useState<string>();
  const { rows, state } = explorer;
  const currentId = state.record ?? cursorId;
  const found = currentId === undefined ? -1 : rows.findIndex((row) => row.id === currentId);
  const cursor = found < 0 ? undefined : found;
  const bounds = boundsOf(explorer);
  const showHelp = (): void => setHelp(true);
  const focus = { inputRef: input, scrollRef: scroll };
  useKeys({ explorer, bounds, cursor, setCursorId, ...focus, showFields: fields.toggle, showHelp });
  useTitle(state.query);
  const list = <FieldList question={explorer.question} columns={state.columns} />;
  return (
    <div className="page">
      <a className="skip-link" href="#records">
        {texts.app.skipToResults}
      </a>
      <TopBar explorer={explorer} session={session} bounds={bounds} inputRef={input} onHelp={showHelp} />
      <div className="page-body">
        {fields.isShown && !isNarrow && (
          <aside className="side" aria-label={texts.fields.label}>
            {list}
          </aside>
        )}
        <main className="results" id="records" tabIndex={-1}>
          <ResultsHead explorer={explorer} bounds={bounds} onFields={fields.toggle} hasFields={fields.isShown} />
          <Counts explorer={explorer} />
          <Notices explorer={explorer} />
          <Results explorer={explorer} cursor={cursor} onCursor={setCursorId} scrollRef={scroll} />
        </main>
        <Opened explorer={explorer} cursor={cursor} />
      </div>
      {fields.isShown && isNarrow && (
        <Sheet label={texts.fields.label} onClose={fields.toggle}>
          {list}
        </Sheet>
      )}
      {isHelp && <Help onClose={() => setHelp(false)} />}
    </div>
  );
}

/** Beside the table as it was left last time; on a phone only when asked for. */
function useFieldsShown(isNarrow: boolean): { readonly isShown: boolean; readonly toggle: () => void } {
  const { hasFields } = useSettings();
  const [isSheet, setSheet] = useState(false);
  return isNarrow
    ? { isShown: isSheet, toggle: () => setSheet(!isSheet) }
    : { isShown: hasFields, toggle: () => changeSettings({ hasFields: !hasFields }) };
}

function useTitle(query: string): void {
  const texts = useTexts();
  const { language } = useSettings();
  useEffect(() => {
    document.documentElement.lang = language;
    document.title = query === '' ? texts.app.name : `${query} · ${texts.app.name}`;
  }, [language, query, texts]);
}

function Counts({ explorer }: { readonly explorer: Explorer }) {
  const { hasHistogram } = useSettings();
  const { data, isPlaceholderData } = explorer.histogram;
  return hasHistogram && <Histogram counts={data} isStale={isPlaceholderData && explorer.isStale} />;
}

interface ResultsProps {
  readonly explorer: Explorer;
  readonly cursor: number | undefined;
  readonly onCursor: (id: string | undefined) => void;
  readonly scrollRef: RefObject<HTMLDivElement | null>;
}

function Results({ explorer, cursor, onCursor, scrollRef }: ResultsProps) {
  const { rows, search, goingOn, state, live, setAtTop } = explorer;
  const release = (): void => {
    live.release();
    scrollRef.current?.scrollTo({ top: 0 });
  };
  const { view } = explorer;
  const shownView = useRef(view);
  useEffect(() => {
    if (shownView.current !== view) scrollRef.current?.scrollTo({ top: 0 });
    shownView.current = view;
  }, [scrollRef, view]);
  if (rows.length === 0) return <EmptyState explorer={explorer} />;
  return (
    <div className="table-box">
      <LiveBar explorer={explorer} onRelease={release} />
      <RecordTable
        rows={rows}
        columns={state.columns}
        order={state.order}
        cursor={cursor}
        opened={state.record}
        isStale={explorer.isStale}
        hasMore={search.hasNextPage && goingOn.state === 'done' && !(state.isLive && live.records.isCut)}
        isPartial={goingOn.state !== 'done'}
        foot={<TableFoot explorer={explorer} />}
        onMore={() => {
          if (!search.isFetching) void search.fetchNextPage();
        }}
        onAtTop={setAtTop}
        onCursor={(index) => onCursor(rows[index]?.id)}
        scrollRef={scrollRef}
      />
      <SearchProgress explorer={explorer} />
    </div>
  );
}

function TableFoot({ explorer }: { readonly explorer: Explorer }) {
  const { table, live, progress } = useTexts();
  const { goingOn, searched, search } = explorer;
  if (explorer.state.isLive && explorer.live.records.isCut) return live.cut;
  if (goingOn.state === 'running') return progress.searching;
  if (goingOn.state !== 'done' || searched.isCut) return progress.notAll;
  if (search.hasNextPage) return table.loadingMore;
  return explorer.state.order === 'newest' ? table.end : table.endOldest;
}

/** The opened record: out of the rows, or looked for by its id. */
function Opened({ explorer, cursor }: { readonly explorer: Explorer; readonly cursor: number | undefined }) {
  const { rows, state, search } = explorer;
  const inRows = state.record === undefined ? undefined : rows.find((row) => row.id === state.record);
  const isMissing = state.record !== undefined && !inRows && !search.isPending;
  const looked = useRecord(isMissing ? state.record : undefined, state.place);
  if (state.record === undefined) return null;
  const record = inRows ?? looked.data ?? (looked.isError ? null : looked.data);
  return (
    <RecordPanel record={record} rows={rows} cursor={cursor} columns={state.columns} bounds={boundsOf(explorer)} />
  );
}
