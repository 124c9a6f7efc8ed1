import type { ReactNode } from 'react';
import { useFormats, useTexts } from '../i18n/use-texts.ts';
import type { Explorer } from '../state/use-explorer.ts';
import { ApiError } from '../api/client.ts';
import { Icon } from '../ui/icon.tsx';
import type { IconName } from '../ui/icon.tsx';

/** A backlog that deserves a word: below it the records are there before one has read about them. */
const waitingFrom = 1000;

/** What a reader should know about the answer below. */
export function Notices({ explorer }: { readonly explorer: Explorer }) {
  const texts = useTexts();
  const formats = useFormats();
  const { search, searched, histogram, store, live, rows } = explorer;
  const pages = search.data?.pages ?? [];
  const isCounted = histogram.data?.isComplete !== false;
  const notes = [...new Set([...pages.flatMap((page) => page.notes), ...(histogram.data?.notes ?? [])])];
  const setAside = store.data?.status?.setAside ?? [];
  const waiting = store.data?.waiting ?? 0;
  // With rows on the screen a failure is a line above them; without, it takes the table's place.
  const isAway = rows.length > 0 && search.error instanceof ApiError && search.error.isPassing;
  return (
    <div className="notices" aria-live="polite">
      {isAway && <Notice icon="plug" look="danger" text={texts.state.unreachableTitle} more={texts.state.retrying} />}
      {(searched.isCut || !isCounted) && (
        <Notice icon="clock" look="caution" text={searched.isCut ? texts.state.partial : texts.state.partialCounts}>
          {!isCounted && explorer.question.timeoutMs < 60_000 && (
            <button type="button" className="text-button" onClick={explorer.searchLonger}>
              {texts.state.searchLonger}
            </button>
          )}
        </Notice>
      )}
      {setAside.length > 0 && (
        <Notice
          icon="warning"
          look="caution"
          text={texts.state.setAside(formats.number(setAside.length), setAside.length)}
        >
          <details className="notice-details">
            <summary>{texts.state.details}</summary>
            <ul>
              {setAside.map(({ name, reason }) => (
                <li key={name} className="mono">
                  {name}: {reason}
                </li>
              ))}
            </ul>
          </details>
        </Notice>
      )}
      {setAside.length === 0 && notes.map((note) => <Notice key={note} icon="warning" look="caution" text={note} />)}
      {waiting >= waitingFrom && (
        <Notice icon="inbox" look="plain" text={texts.state.waiting(formats.number(waiting), waiting)} />
      )}
      {explorer.state.isLive && live.records.skipped > 0 && (
        <Notice icon="warning" look="caution" text={texts.live.skipped(formats.number(live.records.skipped))} />
      )}
    </div>
  );
}

interface NoticeProps {
  readonly icon: IconName;
  readonly look: 'plain' | 'caution' | 'danger';
  readonly text: string;
  readonly more?: string;
  readonly children?: ReactNode;
}

function Notice({ icon, look, text, more, children }: NoticeProps) {
  return (
    <div className="notice" data-look={look}>
      <Icon name={icon} size={14} />
      <p>{text}</p>
      {more && <p className="notice-more">{more}</p>}
      {children}
    </div>
  );
}
