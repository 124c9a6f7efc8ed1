import { useState } from 'react';
import type { FoundRecord } from '../api/types.ts';
import { useFormats, useTexts } from '../i18n/use-texts.ts';
import { linkTo, openRecord } from '../state/location.ts';
import type { Bounds } from '../time/range.ts';
import { between } from '../time/range.ts';
import { prettyText } from '../json/pretty.ts';
import { Choices, IconButton } from '../ui/button.tsx';
import { CopyButton } from '../ui/copy-button.tsx';
import { VisibleText } from '../ui/visible-text.tsx';
import { FieldTable } from './field-table.tsx';
import { JsonView } from './json-view.tsx';
import './record.css';

type Tab = 'fields' | 'json';

interface RecordViewProps {
  /** Undefined while it is looked for, null when it is not there. */
  readonly record: FoundRecord | null | undefined;
  readonly columns: readonly string[];
  /** What is shown now: a link must find the record after a relative range has moved on. */
  readonly bounds: Bounds | undefined;
  readonly onPrevious: (() => void) | undefined;
  readonly onNext: (() => void) | undefined;
}

export function RecordView({ record, columns, bounds, onPrevious, onNext }: RecordViewProps) {
  const texts = useTexts();
  const [tab, setTab] = useState<Tab>('fields');
  return (
    <section className="record" aria-label={texts.record.label}>
      <header className="record-head">
        {record && <RecordTitle record={record} />}
        <span className="grow" />
        <IconButton icon="up" label={texts.record.previous} disabled={!onPrevious} onClick={onPrevious} />
        <IconButton icon="down" label={texts.record.next} disabled={!onNext} onClick={onNext} />
        <IconButton icon="close" label={texts.record.close} onClick={() => openRecord(undefined)} />
      </header>
      {record ? (
        <>
          <div className="record-tools">
            <Choices
              label={texts.record.label}
              value={tab}
              onChoose={setTab}
              choices={[
                { value: 'fields', text: texts.record.fieldsTab },
                { value: 'json', text: texts.record.jsonTab },
              ]}
            />
            <span className="grow" />
            <CopyButton icon="link" label={texts.record.copyLink} text={() => linkOf(record, bounds)} />
            <CopyButton icon="copy" label={texts.record.copyJson} text={() => prettyText(record.fields)} />
          </div>
          {tab === 'fields' ? (
            <FieldTable key={record.id} record={record} columns={columns} />
          ) : (
            <JsonView key={record.id} fields={record.fields} />
          )}
        </>
      ) : (
        <p className="record-none soft" role="status">
          {record === null ? texts.record.notFound : texts.record.loading}
        </p>
      )}
    </section>
  );
}

function RecordTitle({ record }: { readonly record: FoundRecord }) {
  const formats = useFormats();
  return (
    <div className="record-title">
      <h2 className="record-time numeric">
        <time dateTime={record.time}>
          {formats.day(record.timeMs)} {formats.clock(record.timeMs)}
        </time>
      </h2>
      <p className="record-tag mono">
        <VisibleText text={record.tag} />
      </p>
    </div>
  );
}

function linkOf(record: FoundRecord, bounds: Bounds | undefined): string {
  const isInside = bounds && record.timeMs >= bounds.fromMs && record.timeMs < bounds.toMs;
  return linkTo({ record: record.id, ...(isInside ? { range: between(bounds.fromMs, bounds.toMs) } : {}) });
}
