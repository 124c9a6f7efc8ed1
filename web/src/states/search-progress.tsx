import { useFormats, useTexts } from '../i18n/use-texts.ts';
import type { Explorer } from '../state/use-explorer.ts';

interface ProgressProps {
  readonly explorer: Explorer;
}

/** Below the table while a search goes on: how far it is, and how to stop it. It moves no row. */
export function SearchProgress({ explorer }: ProgressProps) {
  const text = useProgressText(explorer);
  const { state } = explorer.goingOn;
  if (state === 'done') return null;
  return (
    <div className="progress" data-state={state}>
      {state === 'running' && <span className="spinner" aria-hidden="true" />}
      <p className="progress-text numeric">{text}</p>
      <ProgressButton explorer={explorer} />
    </div>
  );
}

/** Stops the search, or lets it go on. */
export function ProgressButton({ explorer }: ProgressProps) {
  const { progress } = useTexts();
  const { state, stop, goOn } = explorer.goingOn;
  return (
    <button type="button" className="text-button" onClick={state === 'running' ? stop : goOn}>
      {state === 'running' ? progress.stop : progress.goOn}
    </button>
  );
}

/** How far the search is, in words. */
export function useProgressText({ searched, goingOn, state, search }: Explorer): string {
  const { progress } = useTexts();
  const formats = useFormats();
  const { searchedToMs } = searched;
  if (goingOn.state === 'failed') return progress.failed(search.error?.message ?? '');
  if (searchedToMs === undefined) return goingOn.state === 'running' ? progress.searching : progress.stopped;
  const time = formats.moment(searchedToMs);
  const isNewest = state.order === 'newest';
  if (goingOn.state === 'running') return isNewest ? progress.back(time) : progress.upTo(time);
  return isNewest ? progress.stoppedBack(time) : progress.stoppedUpTo(time);
}
