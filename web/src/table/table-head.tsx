import { useRef, useState } from 'react';
import type { DragEvent, KeyboardEvent, PointerEvent } from 'react';
import { useTexts } from '../i18n/use-texts.ts';
import { changeState, moveColumn, toggleColumn } from '../state/location.ts';
import { changeSettings, currentSettings } from '../state/settings.ts';
import { Icon } from '../ui/icon.tsx';
import { Popover } from '../ui/popover.tsx';
import { VisibleText } from '../ui/visible-text.tsx';
import { columnWidthMin } from './columns.ts';

interface TableHeadProps {
  readonly columns: readonly string[];
  readonly widths: readonly number[];
  readonly order: 'newest' | 'oldest';
}

export function TableHead({ columns, widths, order }: TableHeadProps) {
  const texts = useTexts();
  const isNewest = order === 'newest';
  return (
    <div className="table-head" role="rowgroup">
      <div className="head-row" role="row" aria-rowindex={1}>
        <div className="head-cell" role="columnheader" aria-sort={isNewest ? 'descending' : 'ascending'}>
          <button
            type="button"
            className="head-button"
            title={isNewest ? texts.time.newestFirst : texts.time.oldestFirst}
            onClick={() => changeState({ order: isNewest ? 'oldest' : 'newest', isLive: false })}
          >
            {texts.table.time}
            <Icon name={isNewest ? 'arrowDown' : 'arrowUp'} size={12} />
          </button>
        </div>
        <div className="head-cell" role="columnheader">
          <span className="head-text">{texts.table.tag}</span>
        </div>
        {columns.length === 0 && (
          <div className="head-cell" role="columnheader">
            <span className="head-text">{texts.table.record}</span>
          </div>
        )}
        {columns.map((name, index) => (
          <ColumnHead key={name} name={name} index={index} count={columns.length} width={widths[index] ?? 0} />
        ))}
      </div>
    </div>
  );
}

interface ColumnHeadProps {
  readonly name: string;
  readonly index: number;
  readonly count: number;
  readonly width: number;
}

/** What is dragged, for other columns to take. */
const dragType = 'application/x-post2log-column';

function ColumnHead({ name, index, count, width }: ColumnHeadProps) {
  const texts = useTexts();
  const [isTarget, setTarget] = useState(false);
  const drop = (drag: DragEvent): void => {
    drag.preventDefault();
    setTarget(false);
    moveColumn(drag.dataTransfer.getData(dragType), index);
  };
  const allow = (drag: DragEvent): void => {
    if (!drag.dataTransfer.types.includes(dragType)) return;
    drag.preventDefault();
    setTarget(true);
  };
  return (
    <div
      className="head-cell"
      role="columnheader"
      draggable
      data-target={isTarget}
      onDragStart={(drag) => drag.dataTransfer.setData(dragType, name)}
      onDragOver={allow}
      onDragLeave={() => setTarget(false)}
      onDrop={drop}
    >
      <Popover
        label={texts.table.columnMenu(name)}
        buttonClass="head-button mono"
        text={
          <span className="head-name">
            <VisibleText text={name} />
          </span>
        }
        hasArrow
        className="column-panel"
      >
        {(close) => (
          <>
            {index > 0 && (
              <button type="button" className="menu-row" onClick={() => (close(), moveColumn(name, index - 1))}>
                <Icon name="left" />
                {texts.table.moveLeft(name)}
              </button>
            )}
            {index < count - 1 && (
              <button type="button" className="menu-row" onClick={() => (close(), moveColumn(name, index + 1))}>
                <Icon name="right" />
                {texts.table.moveRight(name)}
              </button>
            )}
            <button type="button" className="menu-row" onClick={() => (close(), toggleColumn(name))}>
              <Icon name="close" />
              {texts.table.remove(name)}
            </button>
          </>
        )}
      </Popover>
      <WidthHandle label={texts.table.width(name)} name={name} width={width} />
    </div>
  );
}

/** Pixels an arrow key moves the edge. */
const keyStep = 16;

function WidthHandle({
  label,
  name,
  width,
}: {
  readonly label: string;
  readonly name: string;
  readonly width: number;
}) {
  const drag = useRef<{ fromX: number; width: number }>(undefined);
  const resize = (to: number): void => {
    const columnWidths = { ...currentSettings().columnWidths, [name]: Math.max(columnWidthMin, Math.round(to)) };
    changeSettings({ columnWidths });
  };
  const onKeyDown = (key: KeyboardEvent): void => {
    if (key.key !== 'ArrowLeft' && key.key !== 'ArrowRight') return;
    key.preventDefault();
    resize(width + (key.key === 'ArrowLeft' ? -keyStep : keyStep));
  };
  const onPointerDown = (pointer: PointerEvent): void => {
    pointer.preventDefault();
    pointer.currentTarget.setPointerCapture(pointer.pointerId);
    drag.current = { fromX: pointer.clientX, width };
  };
  return (
    <div
      className="width-handle"
      role="separator"
      tabIndex={0}
      draggable
      data-arrows
      aria-label={label}
      aria-orientation="vertical"
      aria-valuenow={width}
      aria-valuemin={columnWidthMin}
      onDragStart={(drag) => {
        drag.preventDefault();
        drag.stopPropagation();
      }}
      onKeyDown={onKeyDown}
      onPointerDown={onPointerDown}
      onPointerMove={(pointer) => {
        if (drag.current) resize(drag.current.width + pointer.clientX - drag.current.fromX);
      }}
      onPointerUp={() => (drag.current = undefined)}
      onPointerCancel={() => (drag.current = undefined)}
    />
  );
}
