import { useEffect, useState } from 'react';
import { useTexts } from '../i18n/use-texts.ts';
import { IconButton } from './button.tsx';
import type { IconName } from './icon.tsx';

interface CopyButtonProps {
  readonly icon: IconName;
  readonly label: string;
  readonly size?: 'small' | 'normal';
  /** Made when it is asked for. */
  readonly text: () => string;
}

/** How long the button says what came of it, in ms. */
const toldMs = 1600;

export function CopyButton({ icon, label, size = 'normal', text }: CopyButtonProps) {
  const { record } = useTexts();
  const [outcome, setOutcome] = useState<'copied' | 'failed'>();
  useEffect(() => {
    if (!outcome) return undefined;
    const timer = setTimeout(() => setOutcome(undefined), toldMs);
    return () => clearTimeout(timer);
  }, [outcome]);
  const copy = (): void => {
    void copyText(text()).then((isCopied) => setOutcome(isCopied ? 'copied' : 'failed'));
  };
  const told = outcome === 'copied' ? record.copied : record.copyFailed;
  const shown = outcome === 'copied' ? 'exists' : outcome === 'failed' ? 'warning' : icon;
  return (
    <>
      <IconButton icon={shown} size={size} label={outcome ? told : label} onClick={copy} />
      <span className="hidden-text" role="status">
        {outcome && told}
      </span>
    </>
  );
}

/** Over plain HTTP beyond loopback browsers have no clipboard for scripts; then the old way is tried. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'hidden-text';
    const before = document.activeElement;
    (document.querySelector('dialog[open]') ?? document.body).append(area);
    area.select();
    // The only way left there; browsers keep it.
    const isCopied = document.execCommand('copy');
    area.remove();
    if (before instanceof HTMLElement) before.focus();
    return isCopied;
  }
}
