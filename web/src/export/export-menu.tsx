import { urlOf } from '../api/client.ts';
import { useFormats, useTexts } from '../i18n/use-texts.ts';
import type { Explorer } from '../state/use-explorer.ts';
import { rangeParams } from '../time/range.ts';
import { Icon } from '../ui/icon.tsx';
import { Popover } from '../ui/popover.tsx';

/** Links that the browser saves as they stream: the page holds nothing of it. */
export function ExportMenu({ explorer, total }: { readonly explorer: Explorer; readonly total: number | undefined }) {
  const texts = useTexts();
  const formats = useFormats();
  const { query, range, order, columns, place } = explorer.state;
  const params = { query, ...rangeParams(range), in: place, order };
  const ndjson = urlOf('/api/export', { ...params, format: 'ndjson' });
  const csv = urlOf('/api/export', { ...params, format: 'csv', columns: columns.map(columnOf).join(',') });
  return (
    <Popover
      label={texts.menu.export}
      buttonClass="button export-button"
      icon="download"
      text={<span className="wide-only">{texts.menu.export}</span>}
      align="end"
      className="export-panel"
    >
      {(close) => (
        <>
          <ExportLink
            href={ndjson}
            name={texts.menu.exportNdjson}
            hint={texts.menu.exportNdjsonHint}
            onChosen={close}
          />
          <ExportLink
            href={csv}
            name={texts.menu.exportCsv}
            hint={columns.length > 0 ? texts.menu.exportCsvHint : texts.menu.exportCsvHintNone}
            onChosen={close}
          />
          {total !== undefined && (
            <>
              <div className="menu-line" />
              <p className="menu-heading">{texts.menu.exportAll(formats.number(total))}</p>
            </>
          )}
        </>
      )}
    </Popover>
  );
}

/** A name with a comma or a quote in it goes into the list as CSV has it. */
function columnOf(name: string): string {
  return /[",]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
}

interface ExportLinkProps {
  readonly href: string;
  readonly name: string;
  readonly hint: string;
  readonly onChosen: () => void;
}

function ExportLink({ href, name, hint, onChosen }: ExportLinkProps) {
  return (
    <a className="menu-row" href={href} download onClick={onChosen}>
      <Icon name="download" />
      <span>
        {name}
        <span className="menu-hint">{hint}</span>
      </span>
    </a>
  );
}
