import { useMemo, useState } from 'react';
import { useFormats, useTexts } from '../i18n/use-texts.ts';
import type { JsonObject } from '../json/exact.ts';
import { prettyLines } from '../json/pretty.ts';
import type { Piece } from '../json/pretty.ts';
import { LongText } from '../ui/visible-text.tsx';

/** Lines at first, and how many more at a time. */
const shownStep = 1000;

/** Digits are as they were received, keys in their order. */
export function JsonView({ fields }: { readonly fields: JsonObject }) {
  const texts = useTexts();
  const formats = useFormats();
  const [shownMax, setShownMax] = useState(shownStep);
  const lines = useMemo(() => prettyLines(fields), [fields]);
  return (
    <div className="record-scroll" tabIndex={0} role="region" aria-label={texts.record.jsonTab}>
      <pre className="json mono">
        {lines.slice(0, shownMax).map((line, index) => (
          <div key={index} className="json-line" style={{ '--depth': line.depth }}>
            {line.pieces.map((piece, place) => (
              <span key={place} className={classOf(piece)}>
                <LongText text={piece.text} />
              </span>
            ))}
          </div>
        ))}
      </pre>
      {lines.length > shownMax && (
        <button type="button" className="text-button record-more" onClick={() => setShownMax(shownMax + shownStep)}>
          {texts.record.moreLines(formats.number(Math.min(shownStep, lines.length - shownMax)))}
        </button>
      )}
    </div>
  );
}

const classOf = ({ kind }: Piece): string => (kind === 'word' ? 'code-word-literal' : `code-${kind}`);
