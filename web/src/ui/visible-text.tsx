import { Fragment, useMemo, useState } from 'react';
import { useFormats, useTexts } from '../i18n/use-texts.ts';
import { cut, visiblePieces } from '../text/visible.ts';

interface VisibleTextProps {
  readonly text: string;
  /** Line breaks and tabs are shown as marks. */
  readonly isOneLine?: boolean;
  /** A name: it may be broken behind its dots and underscores. */
  readonly isName?: boolean;
}

/** Text of outside hands: kept apart from its surroundings' direction, unseen characters shown as marks. */
export function VisibleText({ text, isOneLine = true, isName = false }: VisibleTextProps) {
  const pieces = useMemo(() => visiblePieces(text, isOneLine), [text, isOneLine]);
  return (
    <span className="isolated" dir="auto">
      {pieces.map((piece, index) =>
        piece.mark === undefined ? (
          isName ? (
            <BreakableName key={index} name={piece.text} />
          ) : (
            piece.text
          )
        ) : (
          <span key={index} className="sign" title={piece.mark}>
            {piece.text}
          </span>
        ),
      )}
    </span>
  );
}

function BreakableName({ name }: { readonly name: string }) {
  return name.split(/(?<=[._/])/).map((part, index) => (
    <Fragment key={index}>
      {index > 0 && <wbr />}
      {part}
    </Fragment>
  ));
}

/** Characters of a value before `Show all`: some screens; laying out a megabyte takes the browser a second. */
const shownLengthMax = 800;

/** A whole value, cut where it is long until somebody asks for the rest. */
export function LongText({ text }: { readonly text: string }) {
  const [isWhole, setWhole] = useState(false);
  const texts = useTexts();
  const formats = useFormats();
  if (text.length <= shownLengthMax) return <VisibleText text={text} isOneLine={false} />;
  return (
    <>
      <VisibleText text={isWhole ? text : `${cut(text, shownLengthMax)}…`} isOneLine={false} />{' '}
      <button type="button" className="text-button" onClick={() => setWhole(!isWhole)}>
        {isWhole ? texts.record.showLess : texts.record.showAll(formats.bytes(new Blob([text]).size))}
      </button>
    </>
  );
}
