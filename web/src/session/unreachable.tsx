import type { ApiError } from '../api/client.ts';
import { useTexts } from '../i18n/use-texts.ts';
import { Mark } from '../ui/icon.tsx';
import './session.css';

/** Before anything was answered: the page tries on by itself. */
export function Unreachable({ error }: { readonly error: ApiError }) {
  const { state } = useTexts();
  return (
    <main className="gate">
      <div className="gate-card" role="status">
        <header className="gate-head">
          <Mark size={32} />
          <h1>{state.unreachableTitle}</h1>
        </header>
        <p className="soft">{state.unreachable}</p>
        <p className="mono faint">{error.message}</p>
      </div>
    </main>
  );
}
