import { useState } from 'react';
import type { FormEvent } from 'react';
import { useFormats, useTexts } from '../i18n/use-texts.ts';
import type { Texts } from '../i18n/en.ts';
import type { Formats } from '../i18n/format.ts';
import { setRange } from '../state/location.ts';
import { Button } from '../ui/button.tsx';
import { textIn } from '../ui/form-text.ts';
import { Popover } from '../ui/popover.tsx';
import { between, fromLocalInput, spans, spanNames, toLocalInput } from './range.ts';
import type { Bounds, TimeRange } from './range.ts';
import './time.css';

/** The range in words. */
export function rangeText(range: TimeRange, texts: Texts, formats: Formats): string {
  if (range.kind === 'all') return texts.time.all;
  return range.kind === 'last' ? texts.time.spans[range.span] : formats.between(range.fromMs, range.toMs);
}

/** `bounds`: what is shown now, offered as the start of an absolute range. */
export function TimePicker({ range, bounds }: { readonly range: TimeRange; readonly bounds: Bounds | undefined }) {
  const texts = useTexts();
  const formats = useFormats();
  return (
    <Popover
      label={`${texts.time.label}: ${rangeText(range, texts, formats)}`}
      buttonClass="button time-button"
      icon="clock"
      text={<span className="time-text numeric">{rangeText(range, texts, formats)}</span>}
      hasArrow
      align="end"
      className="time-panel"
    >
      {(close) => {
        const choose = (chosen: TimeRange): void => {
          setRange(chosen);
          close();
        };
        return (
          <>
            <Relative range={range} onChoose={choose} />
            <Absolute range={range} bounds={bounds} onChoose={choose} />
          </>
        );
      }}
    </Popover>
  );
}

interface PartProps {
  readonly range: TimeRange;
  readonly onChoose: (range: TimeRange) => void;
}

function Relative({ range, onChoose }: PartProps) {
  const texts = useTexts();
  const choices: readonly TimeRange[] = [
    ...spanNames.map((span) => ({ kind: 'last', span }) as const),
    { kind: 'all' },
  ];
  return (
    <div className="time-relative" role="group" aria-label={texts.time.relative}>
      {choices.map((choice) => {
        const isChosen = JSON.stringify(choice) === JSON.stringify(range);
        return (
          <button
            key={choice.kind === 'last' ? choice.span : 'all'}
            type="button"
            className="menu-row"
            aria-pressed={isChosen}
            data-first={isChosen || undefined}
            onClick={() => onChoose(choice)}
          >
            {choice.kind === 'last' ? texts.time.spans[choice.span] : texts.time.all}
          </button>
        );
      })}
    </div>
  );
}

function Absolute({ range, bounds, onChoose }: PartProps & { readonly bounds: Bounds | undefined }) {
  const { time } = useTexts();
  const [problem, setProblem] = useState(false);
  const submit = (form: FormEvent<HTMLFormElement>): void => {
    form.preventDefault();
    const fields = new FormData(form.currentTarget);
    const fromMs = fromLocalInput(textIn(fields, 'from'));
    const toMs = fromLocalInput(textIn(fields, 'to'));
    const isRange = fromMs !== undefined && toMs !== undefined && fromMs < toMs;
    setProblem(!isRange);
    if (isRange) onChoose(between(fromMs, toMs));
  };
  const [nowMs] = useState(() => Date.now());
  const first = range.kind === 'between' ? range : (bounds ?? { fromMs: nowMs - spans['1h'], toMs: nowMs });
  return (
    <form className="time-absolute" onSubmit={submit} noValidate>
      <fieldset>
        <legend className="menu-heading">{time.absolute}</legend>
        <TimeField label={time.from} name="from" ms={first.fromMs} />
        <TimeField label={time.to} name="to" ms={first.toMs} />
      </fieldset>
      <p className="time-problem" role="alert">
        {problem && time.invalid}
      </p>
      <Button type="submit" look="main">
        {time.apply}
      </Button>
      <p className="menu-hint">{time.zone(zoneName())}</p>
    </form>
  );
}

/** `Asia/Seoul, GMT+9` */
function zoneName(): string {
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  const parts = new Intl.DateTimeFormat('en', { timeZoneName: 'shortOffset' }).formatToParts(new Date());
  return [timeZone, parts.find((part) => part.type === 'timeZoneName')?.value].filter(Boolean).join(', ');
}

/** One end of a range, in local time to the second. */
function TimeField({ label, name, ms }: { readonly label: string; readonly name: string; readonly ms: number }) {
  return (
    <label className="time-field">
      <span className="label">{label}</span>
      <input
        className="text-input numeric"
        type="datetime-local"
        step="1"
        name={name}
        defaultValue={toLocalInput(ms)}
      />
    </label>
  );
}
