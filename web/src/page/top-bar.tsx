import type { RefObject } from 'react';
import { ApiError } from '../api/client.ts';
import { signOut } from '../api/questions.ts';
import type { Session } from '../api/types.ts';
import { useSettings, useTexts } from '../i18n/use-texts.ts';
import { SearchBar } from '../search/search-bar.tsx';
import { toggleLive } from '../state/location.ts';
import { changeSettings, refreshChoices } from '../state/settings.ts';
import type { Explorer } from '../state/use-explorer.ts';
import { TimePicker } from '../time/time-picker.tsx';
import type { Bounds } from '../time/range.ts';
import { PlacePicker } from './place-picker.tsx';
import { Choices, IconButton } from '../ui/button.tsx';
import { Icon, Mark } from '../ui/icon.tsx';
import { Popover } from '../ui/popover.tsx';

interface TopBarProps {
  readonly explorer: Explorer;
  readonly session: Session;
  readonly bounds: Bounds | undefined;
  readonly inputRef: RefObject<HTMLInputElement | null>;
  readonly onHelp: () => void;
}

export function TopBar({ explorer, session, bounds, inputRef, onHelp }: TopBarProps) {
  const texts = useTexts();
  const { state, question, refresh } = explorer;
  const { error } = explorer.search;
  const problem = error instanceof ApiError && error.status === 400 ? { text: error.message, at: error.at } : undefined;
  return (
    <header className="top-bar">
      <a className="brand" href="/" aria-label={texts.app.name}>
        <Mark />
        <span className="brand-name">{texts.app.name}</span>
      </a>
      <PlacePicker explorer={explorer} />
      <div className="top-search">
        <SearchBar question={question} problem={problem} onAsk={refresh} inputRef={inputRef} />
      </div>
      <div className="top-time">
        <TimePicker range={state.range} bounds={bounds} />
        <RefreshButton explorer={explorer} />
      </div>
      <LiveButton explorer={explorer} />
      <MainMenu session={session} onHelp={onHelp} />
    </header>
  );
}

function RefreshButton({ explorer }: { readonly explorer: Explorer }) {
  const texts = useTexts();
  const { refreshSeconds } = useSettings();
  return (
    <div className="refresh" role="group" aria-label={texts.refresh.now}>
      <IconButton
        icon="refresh"
        look="framed"
        label={texts.refresh.now}
        data-busy={explorer.search.isFetching && !explorer.search.isFetchingNextPage}
        onClick={explorer.refresh}
      />
      <Popover
        label={texts.refresh.auto}
        buttonClass="button refresh-auto"
        text={
          refreshSeconds > 0 && (
            <span className="numeric">{refreshSeconds < 60 ? `${refreshSeconds}s` : `${refreshSeconds / 60}m`}</span>
          )
        }
        hasArrow
        align="end"
        className="refresh-panel"
      >
        {(close) => (
          <>
            <p className="menu-heading">{texts.refresh.auto}</p>
            {refreshChoices.map((seconds) => (
              <button
                key={seconds}
                type="button"
                className="menu-row"
                aria-pressed={seconds === refreshSeconds}
                onClick={() => {
                  changeSettings({ refreshSeconds: seconds });
                  close();
                }}
              >
                {seconds === 0 ? texts.refresh.off : texts.refresh.every(seconds)}
              </button>
            ))}
          </>
        )}
      </Popover>
    </div>
  );
}

function LiveButton({ explorer }: { readonly explorer: Explorer }) {
  const { live } = useTexts();
  const { isLive } = explorer.state;
  const look = !isLive ? 'off' : explorer.live.isConnected ? 'on' : 'lost';
  return (
    <button
      type="button"
      className="button live-button"
      aria-pressed={isLive}
      data-state={look}
      title={isLive ? live.stop : live.start}
      onClick={toggleLive}
    >
      <span className="live-dot" />
      {live.label}
    </button>
  );
}

function MainMenu({ session, onHelp }: { readonly session: Session; readonly onHelp: () => void }) {
  const texts = useTexts();
  const { theme, language } = useSettings();
  return (
    <Popover
      label={texts.menu.label}
      buttonClass="icon-button main-menu"
      icon="more"
      align="end"
      className="main-panel"
    >
      {(close) => (
        <>
          <p className="menu-heading">{texts.menu.theme}</p>
          <Choices
            label={texts.menu.theme}
            value={theme}
            onChoose={(chosen) => changeSettings({ theme: chosen })}
            choices={(['system', 'light', 'dark'] as const).map((value) => ({ value, text: texts.menu.themes[value] }))}
          />
          <p className="menu-heading">{texts.menu.language}</p>
          <Choices
            label={texts.menu.language}
            value={language}
            onChoose={(chosen) => changeSettings({ language: chosen })}
            choices={[
              { value: 'en', text: 'English', language: 'en' },
              { value: 'ko', text: '한국어', language: 'ko' },
            ]}
          />
          <div className="menu-line" />
          <button
            type="button"
            className="menu-row"
            onClick={() => {
              close();
              onHelp();
            }}
          >
            <Icon name="help" />
            <span className="grow">{texts.menu.shortcuts}</span>
            <kbd className="kbd">?</kbd>
          </button>
          <a className="menu-row" href="/docs" target="_blank" rel="noreferrer">
            <Icon name="book" />
            {texts.menu.apiDocs}
          </a>
          {!session.isOpen && (
            <button type="button" className="menu-row" onClick={() => void signOut()}>
              <Icon name="signOut" />
              {texts.menu.signOut(session.user)}
            </button>
          )}
        </>
      )}
    </Popover>
  );
}
