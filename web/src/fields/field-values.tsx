import { useValues } from '../api/questions.ts';
import type { Question } from '../api/questions.ts';
import { useFormats, useTexts } from '../i18n/use-texts.ts';
import { filterLengthMax } from '../query/edit.ts';
import { addFilter, toggleColumn } from '../state/location.ts';
import { cut } from '../text/visible.ts';
import { Button, IconButton } from '../ui/button.tsx';
import { VisibleText } from '../ui/visible-text.tsx';

const valuesWished = 10;
/** A value's beginning in the list. */
const shownLengthMax = 120;

interface FieldValuesProps {
  readonly question: Question;
  readonly field: string;
  readonly isColumn: boolean;
}

/** A field's most frequent values, each with its share and filters for and against it. */
export function FieldValues({ question, field, isColumn }: FieldValuesProps) {
  const texts = useTexts();
  const formats = useFormats();
  const { data, isPending, error } = useValues(question, field, valuesWished, true);
  return (
    <div className="field-panel">
      {isPending && <span className="spinner" role="img" aria-label={texts.app.loading} />}
      {error && <p className="fields-none">{error.message}</p>}
      {data && (
        <>
          <ul className="values" aria-label={texts.fields.topValues(field)}>
            {data.values.map(({ value, count }) => (
              <ValueRow
                key={value}
                field={field}
                value={value}
                count={count}
                share={data.present === 0 ? 0 : count / data.present}
              />
            ))}
          </ul>
          <Rest
            present={data.present}
            total={data.total}
            shown={data.values.reduce((sum, { count }) => sum + count, 0)}
          />
        </>
      )}
      <div className="field-actions">
        <Button look="plain" icon={isColumn ? 'columnOut' : 'column'} onClick={() => toggleColumn(field)}>
          {isColumn ? texts.fields.removeColumn : texts.fields.addColumn}
        </Button>
        <IconButton
          icon="exists"
          label={texts.fields.exists}
          onClick={() => addFilter(field, { kind: 'exists' }, false)}
        />
      </div>
      <span className="hidden-text">
        {data && texts.fields.present(formats.percent(data.present / Math.max(1, data.total)))}
      </span>
    </div>
  );
}

function Rest({ present, total, shown }: { readonly present: number; readonly total: number; readonly shown: number }) {
  const texts = useTexts();
  const formats = useFormats();
  const rest = present - shown;
  return (
    <p className="values-rest numeric">
      {rest > 0 && `${texts.fields.otherValues(formats.number(rest))} · `}
      {texts.fields.present(formats.percent(present / Math.max(1, total)))}
    </p>
  );
}

interface ValueRowProps {
  readonly field: string;
  readonly value: string;
  readonly count: number;
  readonly share: number;
}

function ValueRow({ field, value, count, share }: ValueRowProps) {
  const texts = useTexts();
  const formats = useFormats();
  const short = cut(value, shownLengthMax);
  const isLong = value.length > filterLengthMax;
  const label = (text: string): string => (isLong ? texts.fields.tooLong : text);
  return (
    <li className="value">
      <div className="value-line">
        <span className="value-text mono" title={short}>
          {value === '' ? <span className="faint">{texts.fields.empty}</span> : <VisibleText text={short} />}
        </span>
        <span className="value-share numeric" title={formats.number(count)}>
          {formats.percent(share)}
        </span>
        <span className="value-actions">
          <IconButton
            icon="filterFor"
            size="small"
            disabled={isLong}
            label={label(texts.fields.filterFor(field, short))}
            onClick={() => addFilter(field, { kind: 'is', value }, false)}
          />
          <IconButton
            icon="filterOut"
            size="small"
            disabled={isLong}
            label={label(texts.fields.filterOut(field, short))}
            onClick={() => addFilter(field, { kind: 'is', value }, true)}
          />
        </span>
      </div>
      <span className="value-bar" style={{ '--share': `${share * 100}%` }} />
    </li>
  );
}
