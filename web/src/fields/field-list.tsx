import { useId, useState } from 'react';
import { useFields } from '../api/questions.ts';
import type { Question } from '../api/questions.ts';
import type { FieldCount } from '../api/types.ts';
import { useFormats, useTexts } from '../i18n/use-texts.ts';
import { ranked } from '../query/complete.ts';
import { toggleColumn } from '../state/location.ts';
import { IconButton } from '../ui/button.tsx';
import { FilterInput } from '../ui/filter-input.tsx';
import { VisibleText } from '../ui/visible-text.tsx';
import { FieldValues } from './field-values.tsx';
import { TypeIcon } from './type-icon.tsx';
import './fields.css';

/** Rows at first, and how many more at a time: the browser lays out so many without a pause. */
const shownStep = 200;

interface FieldListProps {
  readonly question: Question;
  readonly columns: readonly string[];
}

export function FieldList({ question, columns }: FieldListProps) {
  const texts = useTexts();
  const formats = useFormats();
  const fields = useFields(question, true);
  const [filter, setFilter] = useState('');
  const [opened, setOpened] = useState<string>();
  const [shownMax, setShownMax] = useState(shownStep);
  // Every record has its own fields, such as _tag; where there is no record they say nothing.
  const all = (fields.data?.fields ?? []).filter(({ count }) => count > 0);
  const byName = new Map(all.map((field) => [field.name, field]));
  const chosen = columns.map((name): FieldCount => byName.get(name) ?? { name, types: ['string'], count: 0 });
  const matching = ranked(all, filter, ({ name }) => name, all.length).filter(({ name }) => !columns.includes(name));
  const sampled = fields.data?.sampled ?? 0;
  const row = (field: FieldCount, place: string) => {
    const key = `${place} ${field.name}`;
    return (
      <FieldRow
        key={key}
        field={field}
        share={sampled === 0 ? 0 : field.count / sampled}
        isColumn={columns.includes(field.name)}
        isOpen={opened === key}
        question={question}
        onOpen={() => setOpened(opened === key ? undefined : key)}
      />
    );
  };
  return (
    <div className="fields">
      <div className="fields-filter">
        <FilterInput
          label={texts.fields.filter}
          value={filter}
          onChange={(value) => {
            setFilter(value);
            setShownMax(shownStep);
          }}
        />
      </div>
      <div className="fields-scroll" tabIndex={-1}>
        {chosen.length > 0 && (
          <section aria-label={texts.fields.chosen}>
            <h2 className="fields-heading">{texts.fields.chosen}</h2>
            <ul>{chosen.map((field) => row(field, 'column'))}</ul>
          </section>
        )}
        <section aria-label={texts.fields.available}>
          {chosen.length > 0 && <h2 className="fields-heading">{texts.fields.available}</h2>}
          <ul>{matching.slice(0, shownMax).map((field) => row(field, 'field'))}</ul>
          {fields.isSuccess && matching.length === 0 && (
            <p className="fields-none">{all.length === 0 ? texts.fields.none : texts.fields.noMatch}</p>
          )}
          {matching.length > shownMax && (
            <button type="button" className="text-button fields-more" onClick={() => setShownMax(shownMax + shownStep)}>
              {texts.fields.more(formats.number(Math.min(shownStep, matching.length - shownMax)))}
            </button>
          )}
        </section>
        {sampled > 0 && (
          <p className="fields-note">
            {texts.fields.sampled(formats.number(sampled))}
            {fields.data?.hasMore && `. ${texts.fields.hasMore}`}
          </p>
        )}
      </div>
    </div>
  );
}

interface FieldRowProps {
  readonly field: FieldCount;
  readonly share: number;
  readonly isColumn: boolean;
  readonly isOpen: boolean;
  readonly question: Question;
  readonly onOpen: () => void;
}

function FieldRow({ field, share, isColumn, isOpen, question, onOpen }: FieldRowProps) {
  const texts = useTexts();
  const formats = useFormats();
  const panel = useId();
  return (
    <li className="field" data-open={isOpen}>
      <div className="field-row">
        <button type="button" className="field-name" aria-expanded={isOpen} aria-controls={panel} onClick={onOpen}>
          <TypeIcon types={field.types} />
          <span className="field-text">
            <VisibleText text={field.name} />
          </span>
          <span className="field-count numeric" title={texts.fields.present(formats.percent(share))}>
            {formats.compact(field.count)}
          </span>
        </button>
        <IconButton
          icon={isColumn ? 'minus' : 'plus'}
          size="small"
          label={`${isColumn ? texts.fields.removeColumn : texts.fields.addColumn}: ${field.name}`}
          onClick={() => toggleColumn(field.name)}
        />
      </div>
      <div id={panel} hidden={!isOpen}>
        {isOpen && <FieldValues question={question} field={field.name} isColumn={isColumn} />}
      </div>
    </li>
  );
}
