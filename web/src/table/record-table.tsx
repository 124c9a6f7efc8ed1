import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useEffectEvent } from 'react';
import type { ReactNode, RefObject } from 'react';
import type { FoundRecord } from '../api/types.ts';
import { useSettings, useTexts } from '../i18n/use-texts.ts';
import { openRecord } from '../state/location.ts';
import { narrow, useMedia } from '../ui/use-media.ts';
import { gridOf, tagWidthOf, widthsOf } from './columns.ts';
import { RecordRow } from './record-row.tsx';
import { TableHead } from './table-head.tsx';
import './table.css';

/** Rows drawn beyond both edges: what a fast wheel turns before the next frame. */
const overscan = 12;
/** So many rows before the end the next page is asked for. */
const aheadRows = 60;
const headHeight = 30;
/** The list's end, in words. */
const footHeight = 44;

export interface RecordTableProps {
  readonly rows: readonly FoundRecord[];
  readonly columns: readonly string[];
  readonly order: 'newest' | 'oldest';
  /** Where the keyboard is. */
  readonly cursor: number | undefined;
  readonly opened: string | undefined;
  readonly isStale: boolean;
  readonly hasMore: boolean;
  /** More rows may come by themselves. */
  readonly isPartial: boolean;
  readonly foot: ReactNode;
  readonly onMore: () => void;
  readonly onAtTop: (isAtTop: boolean) => void;
  readonly onCursor: (index: number) => void;
  readonly scrollRef: RefObject<HTMLDivElement | null>;
}

export function RecordTable(props: RecordTableProps) {
  const { rows, columns, cursor, scrollRef } = props;
  const texts = useTexts();
  const isNarrow = useMedia(narrow);
  const { columnWidths } = useSettings();
  const widths = widthsOf(columns, columnWidths);
  const rowHeight = useRowHeight(isNarrow);
  const headSpace = isNarrow ? 0 : headHeight;
  const virtual = useRows(props, rowHeight, headSpace);
  const { grid, minWidth } = gridOf(tagWidthOf(rows), widths);
  return (
    <div
      ref={scrollRef}
      className="table"
      role="grid"
      tabIndex={0}
      aria-label={texts.table.label}
      aria-rowcount={props.hasMore || props.isPartial ? -1 : rows.length + 1}
      aria-activedescendant={cursor === undefined ? undefined : `row-${cursor}`}
      data-stale={props.isStale}
      data-narrow={isNarrow}
      style={{ '--grid': grid, '--min-width': `${minWidth}px` }}
      onScroll={(scroll) => props.onAtTop(scroll.currentTarget.scrollTop < rowHeight / 2)}
    >
      {!isNarrow && <TableHead columns={columns} widths={widths} order={props.order} />}
      <div className="table-body" role="rowgroup" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, key, start }) => {
          const record = rows[index];
          return (
            record && (
              <RecordRow
                key={key}
                record={record}
                index={index}
                top={start - headSpace}
                columns={columns}
                isNarrow={isNarrow}
                isCursor={index === cursor}
                isOpen={record.id === props.opened}
                onPress={() => {
                  props.onCursor(index);
                  openRecord(record.id === props.opened ? undefined : record.id);
                }}
              />
            )
          );
        })}
        <div className="table-foot" role="row" aria-rowindex={rows.length + 2}>
          <div role="gridcell">{props.foot}</div>
        </div>
      </div>
    </div>
  );
}

/** Which rows are drawn; follows the keyboard, and asks for more near the end. */
function useRows(props: RecordTableProps, rowHeight: number, headSpace: number) {
  const { rows, cursor, scrollRef } = props;
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scrollRef.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan,
    scrollMargin: headSpace,
    scrollPaddingStart: headSpace,
    paddingEnd: footHeight,
  });
  useEffect(() => virtual.measure(), [virtual, rowHeight, headSpace]);
  useEffect(() => {
    if (cursor !== undefined) virtual.scrollToIndex(cursor, { align: 'auto' });
  }, [virtual, cursor]);
  const onMore = useEffectEvent(props.onMore);
  const last = virtual.getVirtualItems().at(-1)?.index ?? 0;
  const wantedFrom = props.hasMore && last >= rows.length - aheadRows ? rows.length : undefined;
  useEffect(() => {
    if (wantedFrom !== undefined) onMore();
  }, [wantedFrom]);
  return virtual;
}

/** As the style has it: higher for fingers, two lines on phones. */
function useRowHeight(isNarrow: boolean): number {
  const isCoarse = useMedia('(pointer: coarse)');
  return isNarrow ? 56 : isCoarse ? 36 : 28;
}
