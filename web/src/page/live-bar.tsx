import { useFormats, useTexts } from '../i18n/use-texts.ts';
import type { Explorer } from '../state/use-explorer.ts';
import { Icon } from '../ui/icon.tsx';

interface LiveBarProps {
  readonly explorer: Explorer;
  /** Shows what was held, from the top. */
  readonly onRelease: () => void;
}

/** Over the table while Live runs: what it does, and the records that wait for the reader. */
export function LiveBar({ explorer, onRelease }: LiveBarProps) {
  const texts = useTexts();
  const formats = useFormats();
  const { live, state } = explorer;
  if (!state.isLive) return null;
  const held = live.records.held.length;
  const { isPaused } = live;
  const status = !live.isConnected ? texts.live.connecting : isPaused ? texts.live.paused : texts.live.running;
  return (
    <div className="live-bar">
      <div className="live-pill" data-state={!live.isConnected ? 'lost' : isPaused ? 'paused' : 'on'}>
        <span className="live-dot" />
        <span role="status">{status}</span>
        <button type="button" className="live-pause" onClick={() => (isPaused ? onRelease() : live.pause(true))}>
          <Icon name={isPaused ? 'play' : 'pause'} size={12} />
          {isPaused ? texts.live.resume : texts.live.pause}
        </button>
      </div>
      {held > 0 && (
        <button type="button" className="live-new" onClick={onRelease}>
          <Icon name="arrowUp" size={12} />
          <span className="numeric">{texts.live.arrived(formats.number(held), held)}</span>
        </button>
      )}
    </div>
  );
}
