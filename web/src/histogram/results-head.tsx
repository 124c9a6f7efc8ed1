import type { Explorer } from '../state/use-explorer.ts';
import { ExportMenu } from '../export/export-menu.tsx';
import { useFormats, useSettings, useTexts } from '../i18n/use-texts.ts';
import { setRange } from '../state/location.ts';
import { changeSettings } from '../state/settings.ts';
import { shifted, zoomed } from '../time/range.ts';
import type { Bounds } from '../time/range.ts';
import { IconButton } from '../ui/button.tsx';

interface ResultsHeadProps {
  readonly explorer: Explorer;
  readonly bounds: Bounds | undefined;
  readonly onFields: () => void;
  readonly hasFields: boolean;
}

/** The line above the histogram: how many, of when, how long it took, and where to go from there. */
export function ResultsHead({ explorer, bounds, onFields, hasFields }: ResultsHeadProps) {
  const texts = useTexts();
  const formats = useFormats();
  const { hasHistogram } = useSettings();
  const { histogram, search, searched, goingOn } = explorer;
  const total = histogram.data?.total;
  const isAsking = search.isFetching && !search.isFetchingNextPage;
  const tookMs = search.data && goingOn.state === 'done' ? searched.tookMs : undefined;
  return (
    <div className="results-head">
      <IconButton
        icon="fields"
        label={hasFields ? texts.fields.hide : texts.fields.show}
        aria-pressed={hasFields}
        onClick={onFields}
      />
      <p className="results-count" aria-live="polite">
        {total !== undefined && (
          <strong className="numeric">
            {texts.histogram.records(formats.number(total), total)}
            {histogram.data?.isComplete === false && '+'}
          </strong>
        )}
        {isAsking && (search.isPlaceholderData || search.isPending) ? (
          <span className="spinner" role="img" aria-label={texts.app.loading} />
        ) : (
          tookMs !== undefined && (
            <span className="faint numeric results-took">
              {texts.histogram.took(formats.number(Math.round(tookMs)))}
            </span>
          )
        )}
      </p>
      <span className="grow" />
      <div className="results-tools" role="group" aria-label={texts.histogram.label}>
        <IconButton
          icon="left"
          label={texts.histogram.earlier}
          disabled={!bounds}
          onClick={() => bounds && setRange(shifted(bounds, -0.5))}
        />
        <IconButton
          icon="zoomOut"
          label={texts.histogram.zoomOut}
          disabled={!bounds}
          onClick={() => bounds && setRange(zoomed(bounds, 2))}
        />
        <IconButton
          icon="zoomIn"
          label={texts.histogram.zoomIn}
          disabled={!bounds}
          onClick={() => bounds && setRange(zoomed(bounds, 0.5))}
        />
        <IconButton
          icon="right"
          label={texts.histogram.later}
          disabled={!bounds}
          onClick={() => bounds && setRange(shifted(bounds, 0.5))}
        />
        <IconButton
          icon="chart"
          label={hasHistogram ? texts.histogram.hide : texts.histogram.show}
          aria-pressed={hasHistogram}
          onClick={() => changeSettings({ hasHistogram: !hasHistogram })}
        />
      </div>
      <ExportMenu explorer={explorer} total={total} />
    </div>
  );
}
