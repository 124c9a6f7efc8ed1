import { useId, useRef } from 'react';
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
  const button = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const place = (): void => {
    if (!button.current || !panel.current) return;
    const at = button.current.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = panel.current;
    const left = align === 'end' ? at.right - width : at.left;
    const below = at.bottom + gap;
    const top = below + height > window.innerHeight - gap ? Math.max(gap, at.top - gap - height) : below;
    panel.current.style.setProperty(
      '--popover-left',
      `${Math.max(gap, Math.min(left, window.innerWidth - width - gap))}px`,
    );
    panel.current.style.setProperty('--popover-top', `${top}px`);
  };
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
        onToggle={(change) => {
          if (change.newState !== 'open') return;
          place();
          panel.current?.querySelector<HTMLElement>('[data-first], button, a, input')?.focus();
        }}
      >
        {children(() => document.getElementById(id)?.hidePopover())}
      </div>
    </>
  );
}
