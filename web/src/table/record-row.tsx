import { memo } from 'react';
import type { FoundRecord } from '../api/types.ts';
import { useFormats, useTexts } from '../i18n/use-texts.ts';
import { kindOf, textOf, valueAt } from '../json/fields.ts';
import { cut } from '../text/visible.ts';
import { VisibleText } from '../ui/visible-text.tsx';
import { levelOf, summaryOf } from './summary.ts';
import type { SummaryPair } from './summary.ts';

/** A cell's beginning: what the widest column shows. */
const cellLengthMax = 300;

interface RecordRowProps {
  readonly record: FoundRecord;
  readonly index: number;
  /** Pixels from the first row. */
  readonly top: number;
  readonly columns: readonly string[];
  readonly isNarrow: boolean;
  readonly isCursor: boolean;
  readonly isOpen: boolean;
  readonly onPress: () => void;
}

export const RecordRow = memo(Row, (before, after) =>
  (Object.keys(after) as (keyof RecordRowProps)[]).every((name) => name === 'onPress' || before[name] === after[name]),
);

function Row({ record, index, top, columns, isNarrow, isCursor, isOpen, onPress }: RecordRowProps) {
  const formats = useFormats();
  return (
    // The keyboard goes through the grid, which holds the focus.
    <div
      id={`row-${index}`}
      className="row"
      role="row"
      aria-rowindex={index + 2}
      aria-selected={isOpen}
      data-cursor={isCursor}
      data-level={levelOf(record.fields)}
      style={{ translate: `0 ${top}px` }}
      onClick={onPress}
    >
      <div className="cell cell-time mono numeric" role="gridcell">
        <span className="cell-day">{formats.day(record.timeMs)}</span> {formats.clock(record.timeMs)}
      </div>
      <div className="cell cell-tag mono" role="gridcell">
        <VisibleText text={cut(record.tag, cellLengthMax)} />
      </div>
      {columns.length === 0 || isNarrow ? (
        <div className="cell cell-summary mono" role="gridcell">
          <SummaryLine record={record} columns={columns} />
        </div>
      ) : (
        columns.map((name) => (
          <div key={name} className="cell mono" role="gridcell">
            <FieldCell record={record} name={name} />
          </div>
        ))
      )}
    </div>
  );
}

function FieldCell({ record, name }: { readonly record: FoundRecord; readonly name: string }) {
  const texts = useTexts();
  const text = ownText(record, name);
  if (text !== undefined) return <VisibleText text={text} />;
  const value = valueAt(record.fields, name);
  if (value === undefined)
    return (
      <span className="absent">
        <span aria-hidden="true">–</span>
        <span className="hidden-text">{texts.table.absent}</span>
      </span>
    );
  return (
    <span className={`value-${kindOf(value)}`}>
      <VisibleText text={cut(textOf(value), cellLengthMax)} />
    </span>
  );
}

/** The record's own values, which are none of its fields. */
function ownText(record: FoundRecord, name: string): string | undefined {
  if (name === '_tag') return record.tag;
  if (name === '_source') return record.source;
  if (name === '_id') return record.id;
  return name === '_time' ? record.time : undefined;
}

/** `columns`: on phones chosen columns stand in the line, as there is no room beside each other. */
function SummaryLine({ record, columns }: { readonly record: FoundRecord; readonly columns: readonly string[] }) {
  const { lead, pairs } = summaryOf(record.fields);
  const chosen = columns.flatMap((name): SummaryPair[] => {
    const value = valueAt(record.fields, name);
    return value === undefined ? [] : [{ name, text: cut(textOf(value), cellLengthMax), kind: kindOf(value) }];
  });
  const shown = columns.length > 0 ? chosen : pairs;
  return (
    <>
      {lead !== undefined && columns.length === 0 && (
        <span className="summary-lead">
          <VisibleText text={lead} />
        </span>
      )}
      {shown.map(({ name, text, kind }, index) => (
        <span key={index} className="pair">
          <span className="pair-name">
            <VisibleText text={name} />=
          </span>
          <span className={`pair-value value-${kind}`}>
            <VisibleText text={text} />
          </span>
        </span>
      ))}
    </>
  );
}
