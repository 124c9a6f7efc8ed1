import type { ComponentProps, ReactNode } from 'react';
import { Icon } from './icon.tsx';
import type { IconName } from './icon.tsx';

interface IconButtonProps extends Omit<ComponentProps<'button'>, 'children' | 'title'> {
  readonly icon: IconName;
  /** What it does: read aloud, and shown when pointed at. */
  readonly label: string;
  readonly size?: 'small' | 'normal';
  readonly look?: 'framed' | 'plain';
  readonly iconSize?: number;
}

export function IconButton({ icon, label, size = 'normal', look = 'plain', iconSize, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      className="icon-button"
      data-size={size}
      data-look={look}
      aria-label={label}
      title={label}
      {...rest}
    >
      <Icon name={icon} size={iconSize ?? (size === 'small' ? 14 : 16)} />
    </button>
  );
}

interface ButtonProps extends ComponentProps<'button'> {
  readonly look?: 'framed' | 'main' | 'plain';
  readonly icon?: IconName;
  readonly children: ReactNode;
}

export function Button({ look = 'framed', icon, children, ...rest }: ButtonProps) {
  return (
    <button type="button" className="button" data-look={look} {...rest}>
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

interface ChoicesProps<T extends string> {
  readonly label: string;
  readonly choices: readonly { readonly value: T; readonly text: string; readonly language?: string }[];
  readonly value: T;
  readonly onChoose: (value: T) => void;
}

/** One of a few, side by side. */
export function Choices<T extends string>({ label, choices, value, onChoose }: ChoicesProps<T>) {
  return (
    <div className="choices" role="group" aria-label={label}>
      {choices.map((choice) => (
        <button
          key={choice.value}
          type="button"
          className="choice"
          lang={choice.language}
          aria-pressed={choice.value === value}
          onClick={() => onChoose(choice.value)}
        >
          {choice.text}
        </button>
      ))}
    </div>
  );
}
