import { useMemo, useState } from 'react';
import type { FoundRecord } from '../api/types.ts';
import { TypeIcon } from '../fields/type-icon.tsx';
import { useFormats, useTexts } from '../i18n/use-texts.ts';
import { flatten, kindOf, textOf } from '../json/fields.ts';
import type { FieldRow } from '../json/fields.ts';
import { filterLengthMax } from '../query/edit.ts';
import { addFilter, toggleColumn } from '../state/location.ts';
import { cut } from '../text/visible.ts';
import { IconButton } from '../ui/button.tsx';
import { CopyButton } from '../ui/copy-button.tsx';
import { FilterInput } from '../ui/filter-input.tsx';
import { LongText, VisibleText } from '../ui/visible-text.tsx';

/** Fields at first, and how many more at a time: a record may have ten thousand. */
const shownStep = 200;
/** From here on a filter is worth its place. */
const filterFrom = 8;

interface FieldTableProps {
  readonly record: FoundRecord;
  readonly columns: readonly string[];
}

export function FieldTable({ record, columns }: FieldTableProps) {
  const texts = useTexts();
  const formats = useFormats();
  const [filter, setFilter] = useState('');
  const [shownMax, setShownMax] = useState(shownStep);
  const all = useMemo(() => flatten(record.fields), [record]);
  const wanted = filter.toLowerCase();
  const rows = all.filter(
    ({ name, value }) => name.toLowerCase().includes(wanted) || textOf(value).toLowerCase().includes(wanted),
  );
  return (
    <div className="record-scroll">
      {all.length > filterFrom && (
        <div className="record-filter">
          <FilterInput label={texts.record.filter} value={filter} onChange={setFilter} />
        </div>
      )}
      <dl className="record-fields">
        {rows.slice(0, shownMax).map((row, index) => (
          <Field key={`${index} ${row.name}`} row={row} isColumn={columns.includes(row.name)} />
        ))}
      </dl>
      {rows.length === 0 && <p className="record-none faint">{texts.record.noFields}</p>}
      {rows.length > shownMax && (
        <button type="button" className="text-button record-more" onClick={() => setShownMax(shownMax + 5 * shownStep)}>
          {texts.record.moreFields(formats.number(Math.min(5 * shownStep, rows.length - shownMax)))}
        </button>
      )}
      <OwnFields record={record} />
    </div>
  );
}

function Field({ row, isColumn }: { readonly row: FieldRow; readonly isColumn: boolean }) {
  const texts = useTexts();
  const { name, value } = row;
  const kind = kindOf(value);
  const text = textOf(value);
  const short = cut(text, 80);
  // A list or an object is compared as JSON, which depends on how it was written.
  const canFilter = text.length <= filterLengthMax && kind !== 'null' && kind !== 'array' && kind !== 'object';
  const label = (filterText: string): string => (text.length > filterLengthMax ? texts.fields.tooLong : filterText);
  return (
    // On a touch screen the field that was touched shows its actions.
    <div className="record-field" tabIndex={-1}>
      <dt className="record-name mono">
        <TypeIcon types={[kind]} />
        <span>
          <VisibleText text={name} isName />
        </span>
      </dt>
      <dd className="record-value mono">
        <span className={`value-${kind}`}>
          {text === '' ? <span className="faint">{texts.fields.empty}</span> : <LongText text={text} />}
        </span>
        <span className="record-actions" role="group" aria-label={texts.record.actions(name)}>
          <IconButton
            icon="filterFor"
            size="small"
            label={label(texts.fields.filterFor(name, short))}
            disabled={!canFilter}
            onClick={() => addFilter(name, { kind: 'is', value: text }, false)}
          />
          <IconButton
            icon="filterOut"
            size="small"
            label={label(texts.fields.filterOut(name, short))}
            disabled={!canFilter}
            onClick={() => addFilter(name, { kind: 'is', value: text }, true)}
          />
          <IconButton
            icon={isColumn ? 'columnOut' : 'column'}
            size="small"
            label={isColumn ? texts.fields.removeColumn : texts.fields.addColumn}
            aria-pressed={isColumn}
            onClick={() => toggleColumn(name)}
          />
          <CopyButton icon="copy" size="small" label={texts.record.copyValue(name)} text={() => text} />
        </span>
      </dd>
    </div>
  );
}

/** What the program knows of the record besides its fields. */
function OwnFields({ record }: { readonly record: FoundRecord }) {
  const texts = useTexts();
  const formats = useFormats();
  const [nowMs] = useState(() => Date.now());
  return (
    <dl className="record-own">
      <OwnField name={texts.table.time} value={record.time} />
      <OwnField
        name={texts.record.appended}
        value={`${formats.dateTime(record.appendMs)} · ${formats.ago(record.appendMs, nowMs)}`}
      />
      <OwnField name={texts.table.tag} value={record.tag} />
      <OwnField name={texts.record.source} value={record.source} />
      <OwnField name={texts.record.id} value={record.id} />
    </dl>
  );
}

function OwnField({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div className="record-own-row">
      <dt>{name}</dt>
      <dd className="mono numeric">
        <VisibleText text={value} />
      </dd>
    </div>
  );
}
