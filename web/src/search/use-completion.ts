/** What the search bar offers while a query is typed, and what its keys do. */
import { useState } from 'react';
import { useFields, useValues } from '../api/questions.ts';
import type { Question } from '../api/questions.ts';
import type { FieldCount } from '../api/types.ts';
import { completeField, completeValue, placeAt, ranked } from '../query/complete.ts';
import type { Completed, CompletionPlace } from '../query/complete.ts';
import type { Draft } from './search-bar.tsx';

/** Suggestions at a time: what fits below the bar without scrolling far. */
const shownMax = 12;
/** Values fetched of a field, to be narrowed down by what is typed. */
const valuesWished = 50;

export interface Suggestion {
  readonly text: string;
  readonly count: number;
  readonly field: FieldCount | undefined;
}

export interface Completion {
  readonly isOpen: boolean;
  readonly isLoading: boolean;
  readonly place: CompletionPlace | undefined;
  readonly suggestions: readonly Suggestion[];
  readonly active: number | undefined;
  readonly open: () => void;
  readonly close: () => void;
  readonly choose: (index: number) => void;
  /** True when the key was for the list. */
  readonly onKey: (key: string) => boolean;
}

export function useCompletion(draft: Draft, question: Question): Completion {
  const [list, setList] = useState({ isOpen: false, active: undefined as number | undefined });
  const place = list.isOpen ? placeAt(draft.text, draft.caret) : undefined;
  // Names and values come from the whole range, not from what the query leaves of it.
  const whole: Question = { ...question, query: '' };
  const fields = useFields(whole, place?.kind === 'field');
  const values = useValues(whole, place?.kind === 'value' ? place.field : '', valuesWished, place?.kind === 'value');
  const suggestions: Suggestion[] =
    place?.kind === 'value'
      ? ranked(values.data?.values ?? [], place.typed, (entry) => entry.value, shownMax)
          .filter((entry) => entry.value !== place.typed)
          .map(({ value, count }) => ({ text: value, count, field: undefined }))
      : ranked(fields.data?.fields ?? [], place?.typed ?? '', (entry) => entry.name, shownMax).map((field) => ({
          text: field.name,
          count: field.count,
          field,
        }));
  const isOpen = place !== undefined && suggestions.length > 0;
  const active = list.active !== undefined && list.active < suggestions.length ? list.active : undefined;
  const choose = (index: number): void => {
    const suggestion = suggestions[index];
    if (!suggestion || !place) return;
    const completed = complete(draft.text, place, suggestion.text);
    draft.set(completed.query, completed.caret);
    setList({ isOpen: place.kind === 'field', active: undefined });
  };
  const move = (by: number): void => {
    const count = suggestions.length + 1;
    const next = ((active ?? -1) + by + 1 + count) % count;
    setList({ isOpen: true, active: next === 0 ? undefined : next - 1 });
  };
  return {
    isOpen,
    isLoading: place?.kind === 'value' && values.isPending,
    place,
    suggestions,
    active,
    open: () => setList({ isOpen: true, active: undefined }),
    close: () => setList({ isOpen: false, active: undefined }),
    choose,
    onKey(key) {
      if (key === 'ArrowDown' || key === 'ArrowUp') {
        if (isOpen) move(key === 'ArrowDown' ? 1 : -1);
        else setList({ isOpen: true, active: undefined });
        return true;
      }
      if (key === 'Escape' && isOpen) {
        setList({ isOpen: false, active: undefined });
        return true;
      }
      if ((key === 'Enter' || key === 'Tab') && isOpen && active !== undefined) {
        choose(active);
        return true;
      }
      return false;
    },
  };
}

function complete(query: string, place: CompletionPlace, text: string): Completed {
  return place.kind === 'field' ? completeField(query, place, text) : completeValue(query, place, text);
}
