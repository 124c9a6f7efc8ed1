import { useEffect, useRef } from 'react';
import { TypeIcon } from '../fields/type-icon.tsx';
import { useFormats, useTexts } from '../i18n/use-texts.ts';
import { cut } from '../text/visible.ts';
import { VisibleText } from '../ui/visible-text.tsx';
import type { Completion } from './use-completion.ts';

/** Longer values are cut in the list; the whole one is taken over. */
const textLengthMax = 120;

export function Suggestions({ id, completion }: { readonly id: string; readonly completion: Completion }) {
  const texts = useTexts();
  const formats = useFormats();
  const list = useRef<HTMLDivElement>(null);
  const { active } = completion;
  useEffect(() => {
    if (active !== undefined) list.current?.children[active]?.scrollIntoView({ block: 'nearest' });
  }, [active]);
  return (
    <div
      ref={list}
      id={id}
      className="suggestions"
      role="listbox"
      aria-label={texts.search.suggestions}
      hidden={!completion.isOpen}
    >
      {completion.isOpen &&
        completion.suggestions.map((suggestion, index) => (
          <div
            key={suggestion.text}
            id={`${id}-${index}`}
            className="suggestion"
            role="option"
            aria-selected={index === active}
            tabIndex={-1}
            // Not on click: the input would lose the focus before.
            onMouseDown={(press) => {
              press.preventDefault();
              completion.choose(index);
            }}
          >
            {suggestion.field && <TypeIcon types={suggestion.field.types} />}
            <span className="suggestion-text mono">
              <VisibleText text={suggestion.text === '' ? texts.fields.empty : cut(suggestion.text, textLengthMax)} />
            </span>
            <span className="suggestion-count numeric">{formats.compact(suggestion.count)}</span>
          </div>
        ))}
    </div>
  );
}
