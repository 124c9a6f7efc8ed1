import { useRef } from 'react';
import type { KeyboardEvent, PointerEvent } from 'react';
import type { FoundRecord } from '../api/types.ts';
import { useSettings, useTexts } from '../i18n/use-texts.ts';
import { RecordView } from '../record/record-view.tsx';
import { openRecord } from '../state/location.ts';
import { changeSettings } from '../state/settings.ts';
import type { Bounds } from '../time/range.ts';
import { Sheet } from '../ui/sheet.tsx';
import { medium, useMedia } from '../ui/use-media.ts';

interface RecordPanelProps {
  readonly record: FoundRecord | null | undefined;
  readonly rows: readonly FoundRecord[];
  readonly cursor: number | undefined;
  readonly columns: readonly string[];
  readonly bounds: Bounds | undefined;
}

/** Beside the table where there is room, over everything where there is none. */
export function RecordPanel({ record, rows, cursor, columns, bounds }: RecordPanelProps) {
  const texts = useTexts();
  const { panelWidth } = useSettings();
  const isSheet = useMedia(medium);
  const to = (index: number | undefined): (() => void) | undefined => {
    const row = index === undefined ? undefined : rows[index];
    return row && (() => openRecord(row.id));
  };
  const view = (
    <RecordView
      record={record}
      columns={columns}
      bounds={bounds}
      onPrevious={to(cursor === undefined ? undefined : cursor - 1)}
      onNext={to(cursor === undefined ? undefined : cursor + 1)}
    />
  );
  if (isSheet)
    return (
      <Sheet label={texts.record.label} size="full" onClose={() => openRecord(undefined)}>
        {view}
      </Sheet>
    );
  return (
    <aside className="record-side" style={{ '--panel-width': `${panelWidth}px` }} aria-label={texts.record.label}>
      <PanelHandle width={panelWidth} label={texts.table.width(texts.record.label)} />
      {view}
    </aside>
  );
}

const widthMin = 320;
const widthMax = 1200;
/** Pixels an arrow key moves the edge. */
const keyStep = 24;

function PanelHandle({ width, label }: { readonly width: number; readonly label: string }) {
  const drag = useRef<{ fromX: number; width: number }>(undefined);
  const resize = (to: number): void =>
    changeSettings({ panelWidth: Math.min(Math.max(Math.round(to), widthMin), widthMax) });
  const onKeyDown = (key: KeyboardEvent): void => {
    if (key.key !== 'ArrowLeft' && key.key !== 'ArrowRight') return;
    key.preventDefault();
    resize(width + (key.key === 'ArrowLeft' ? keyStep : -keyStep));
  };
  return (
    <div
      className="panel-handle"
      role="separator"
      tabIndex={0}
      data-arrows
      aria-label={label}
      aria-orientation="vertical"
      aria-valuenow={width}
      aria-valuemin={widthMin}
      aria-valuemax={widthMax}
      onKeyDown={onKeyDown}
      onPointerDown={(pointer: PointerEvent) => {
        pointer.currentTarget.setPointerCapture(pointer.pointerId);
        drag.current = { fromX: pointer.clientX, width };
      }}
      onPointerMove={(pointer) => {
        if (drag.current) resize(drag.current.width - pointer.clientX + drag.current.fromX);
      }}
      onPointerUp={() => (drag.current = undefined)}
      onPointerCancel={() => (drag.current = undefined)}
    />
  );
}
