import { useEffect, useId, useMemo, useRef, useState } from 'react';
import type { FormEvent, KeyboardEvent, RefObject } from 'react';
import type { Question } from '../api/questions.ts';
import { useTexts } from '../i18n/use-texts.ts';
import { problemOf } from '../query/check.ts';
import type { QueryProblem } from '../query/check.ts';
import { setQuery } from '../state/location.ts';
import { IconButton } from '../ui/button.tsx';
import { Icon } from '../ui/icon.tsx';
import { narrow, useMedia } from '../ui/use-media.ts';
import { PaintedQuery } from './painted-query.tsx';
import { Suggestions } from './suggestions.tsx';
import { useCompletion } from './use-completion.ts';
import './search.css';

interface SearchBarProps {
  readonly question: Question;
  /** What is wrong with the query that was asked. */
  readonly problem: QueryProblem | undefined;
  readonly onAsk: () => void;
  readonly inputRef: RefObject<HTMLInputElement | null>;
}

export function SearchBar({ question, problem, onAsk, inputRef }: SearchBarProps) {
  const texts = useTexts();
  const listId = useId();
  const problemId = useId();
  const isNarrow = useMedia(narrow);
  const draft = useDraft(question.query, inputRef);
  const completion = useCompletion(draft, question);
  const { found, check } = useProblem(draft.text);
  const asked = draft.text.trim() === question.query ? problem : undefined;
  const shown = completion.isOpen ? undefined : (found ?? asked);
  const ask = (query: string): void => {
    completion.close();
    if (!check(query)) return;
    if (query.trim() === question.query) onAsk();
    else setQuery(query);
  };
  const onKeyDown = (key: KeyboardEvent): void => {
    if (completion.onKey(key.key)) key.preventDefault();
    else if (key.key === 'Escape') inputRef.current?.blur();
  };
  const clear = (): void => {
    draft.set('', 0);
    ask('');
    inputRef.current?.focus();
  };
  const active = completion.active === undefined ? undefined : `${listId}-${completion.active}`;
  return (
    <form
      className="search"
      role="search"
      data-wrong={shown !== undefined}
      onSubmit={(form: FormEvent) => (form.preventDefault(), ask(draft.text))}
      onBlur={(focus) => {
        if (!focus.currentTarget.contains(focus.relatedTarget)) completion.close();
      }}
    >
      <Icon name="search" />
      <div className="search-edit">
        <PaintedQuery text={draft.text} problem={shown?.at} inputRef={inputRef} />
        <input
          {...plainTyping}
          ref={inputRef}
          className="search-input"
          role="combobox"
          aria-label={texts.search.label}
          aria-expanded={completion.isOpen}
          aria-controls={listId}
          aria-autocomplete="list"
          aria-activedescendant={active}
          aria-invalid={shown !== undefined}
          aria-describedby={problemId}
          placeholder={isNarrow ? texts.search.placeholderShort : texts.search.placeholder}
          value={draft.text}
          onChange={({ target }) => {
            draft.set(target.value, target.selectionStart ?? target.value.length);
            completion.open();
          }}
          onSelect={(select) => draft.moveCaret(select.currentTarget.selectionStart ?? 0)}
          onKeyDown={onKeyDown}
        />
      </div>
      <ClearButton isEmpty={draft.text === ''} onClear={clear} />
      <Suggestions id={listId} completion={completion} />
      <p id={problemId} className="search-problem" role="status">
        {shown?.text}
      </p>
    </form>
  );
}

/** How long the typing has to rest before a fault is marked, in ms: what is half typed is no fault yet. */
const restMs = 900;

/** What is wrong with the text, once its typing rests or it is to be asked. */
function useProblem(text: string): {
  readonly found: QueryProblem | undefined;
  readonly check: (query: string) => boolean;
} {
  const [checked, setChecked] = useState<string>();
  useEffect(() => {
    const timer = setTimeout(() => setChecked(text), restMs);
    return () => clearTimeout(timer);
  }, [text]);
  return {
    found: useMemo(() => (checked === text ? problemOf(text) : undefined), [checked, text]),
    check(query) {
      setChecked(query);
      return problemOf(query) === undefined;
    },
  };
}

function ClearButton({ isEmpty, onClear }: { readonly isEmpty: boolean; readonly onClear: () => void }) {
  const texts = useTexts();
  if (!isEmpty) return <IconButton icon="close" size="small" label={texts.search.clear} onClick={onClear} />;
  return (
    <kbd className="kbd search-key" aria-hidden="true">
      /
    </kbd>
  );
}

/** A query is no prose: nothing is corrected or made upper case. */
const plainTyping = {
  enterKeyHint: 'search',
  autoCapitalize: 'none',
  autoComplete: 'off',
  autoCorrect: 'off',
  spellCheck: false,
} as const;

/** What stands in the bar: the address's query until somebody types. */
export interface Draft {
  readonly text: string;
  readonly caret: number;
  readonly set: (text: string, caret: number) => void;
  readonly moveCaret: (caret: number) => void;
}

function useDraft(query: string, inputRef: RefObject<HTMLInputElement | null>): Draft {
  const [draft, setDraft] = useState({ text: query, caret: query.length, query });
  const caretWanted = useRef<number>(undefined);
  if (draft.query !== query) setDraft({ text: query, caret: query.length, query });
  useEffect(() => {
    const caret = caretWanted.current;
    caretWanted.current = undefined;
    if (caret !== undefined) inputRef.current?.setSelectionRange(caret, caret);
  });
  return {
    text: draft.text,
    caret: draft.caret,
    set(text, caret) {
      caretWanted.current = caret;
      setDraft({ text, caret, query });
    },
    moveCaret: (caret) => {
      if (caret !== draft.caret) setDraft({ ...draft, caret });
    },
  };
}
