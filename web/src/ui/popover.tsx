import { useId, useLayoutEffect, useRef, useState } from 'react';
import type { ReactNode } from 'react';
import { Icon } from './icon.tsx';
import type { IconName } from './icon.tsx';

interface PopoverProps {
  readonly label: string;
  /** The button's class, and what stands in it. */
  readonly buttonClass: string;
  readonly icon?: IconName;
  readonly text?: ReactNode;
  readonly hasArrow?: boolean;
  readonly align?: 'start' | 'end';
  readonly className?: string;
  readonly children: (close: () => void) => ReactNode;
}

/** Space between a popover and its button, and the window's edge. */
const gap = 6;

/** A button and what it opens: the browser's own popover, so Esc, a click elsewhere and focus work as people know them. */
export function Popover({
  label,
  buttonClass,
  icon,
  text,
  hasArrow,
  align = 'start',
  className,
  children,
}: PopoverProps) {
  const id = useId();
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  // Drawn when it opens, so that it begins with what is so now; seen when it has its place.
  useLayoutEffect(() => {
    if (!isOpen || !button.current || !panel.current) return;
    place(panel.current, button.current.getBoundingClientRect(), align);
    panel.current.querySelector<HTMLElement>('[data-first], button, a, input')?.focus();
  }, [isOpen, align]);
  return (
    <>
      <button
        ref={button}
        type="button"
        className={buttonClass}
        popoverTarget={id}
        aria-haspopup="dialog"
        aria-label={label}
        title={label}
      >
        {icon && <Icon name={icon} />}
        {text}
        {hasArrow && <Icon name="down" size={12} />}
      </button>
      <div
        ref={panel}
        id={id}
        popover="auto"
        role="dialog"
        aria-label={label}
        className={`popover ${className ?? ''}`}
        data-placed={isOpen}
        onToggle={(change) => setOpen(change.newState === 'open')}
      >
        {isOpen && children(() => document.getElementById(id)?.hidePopover())}
      </div>
    </>
  );
}

function place(panel: HTMLElement, at: DOMRect, align: 'start' | 'end'): void {
  const { offsetWidth: width, offsetHeight: height } = panel;
  const left = align === 'end' ? at.right - width : at.left;
  const below = at.bottom + gap;
  const top = below + height > window.innerHeight - gap ? Math.max(gap, at.top - gap - height) : below;
  panel.style.setProperty('--popover-left', `${Math.max(gap, Math.min(left, window.innerWidth - width - gap))}px`);
  panel.style.setProperty('--popover-top', `${top}px`);
}
