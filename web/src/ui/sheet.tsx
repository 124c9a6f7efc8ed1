import { useEffect, useRef } from 'react';
import type { ReactNode } from 'react';

interface SheetProps {
  readonly label: string;
  readonly size?: 'side' | 'full' | 'dialog';
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/** A modal layer: the browser keeps the focus in it, Esc closes it, and so does a press beside it. */
export function Sheet({ label, size = 'side', onClose, children }: SheetProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className={size === 'dialog' ? 'dialog' : 'sheet'}
      data-size={size}
      data-modal
      aria-label={label}
      onCancel={(cancel) => {
        cancel.preventDefault();
        onClose();
      }}
      // A browser may close it without asking first. In development effects run twice: then it is open again by now.
      onClose={() => {
        if (!dialog.current?.open) onClose();
      }}
      onClick={(press) => {
        if (press.target === dialog.current) onClose();
      }}
    >
      {children}
    </dialog>
  );
}
