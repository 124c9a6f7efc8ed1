/** `<extract>`: tag and time from the record. Source: Fluentd 1.16 plugin_helper/extract.rb. */
import type { SectionModel } from '../../config/model.ts';
import { compileReadTime, timeOptions } from '../../codecs/parse-time.ts';
import { rubyText } from '../../codecs/ruby.ts';
import type { Clock, Instant } from '../../core/clock.ts';
import { realClock } from '../../core/clock.ts';
import { boolean, choice, text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';
import type { SectionSpec } from '../../core/plugin.ts';
import { deleteField, getField } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';

const { timeFormat, localtime, utc, timezone } = timeOptions;
const options = {
  tagKey: text('The field that is the tag.'),
  keepTagKey: boolean('Leaves it in the record.', { default: false }),
  timeKey: text('The field that is the time, where the parser found none.'),
  keepTimeKey: boolean('Leaves it in the record.', { default: false }),
  timeType: choice(['float', 'unixtime', 'string'])('What that time is.', { default: 'float' }),
  timeFormat,
  localtime,
  utc,
  timezone,
};

export const extractSection: SectionSpec = { summary: 'Takes tag and time out of the record.', options };

/** Takes tag and time out of the record; undefined for what is not in it. `problem`: a time that is none. */
export type Extract = (
  fields: Fields,
  time: Instant | undefined,
) => { readonly tag: string | undefined; readonly time: Instant | undefined } | { readonly problem: string };

/** @throws Error where options do not go together */
export function compileExtract(section: SectionModel | undefined, clock: Clock = realClock): Extract {
  if (!section) return (_fields, time) => ({ tag: undefined, time });
  const { tagKey, timeKey, keepTagKey, keepTimeKey, ...reading } = section.options as OptionValues<typeof options>;
  const readTime = timeKey === undefined ? undefined : compileReadTime(reading, clock);
  return (fields, parsedTime) => {
    const tag = tagKey === undefined ? undefined : take(fields, tagKey, keepTagKey);
    if (parsedTime !== undefined || timeKey === undefined || !readTime)
      return { tag: tag === undefined ? undefined : rubyText(tag), time: parsedTime };
    const value = take(fields, timeKey, keepTimeKey);
    const time = value === undefined ? undefined : readTime(value);
    if (value !== undefined && !time) return { problem: `field ${timeKey} is no time of the form wanted` };
    return { tag: tag === undefined ? undefined : rubyText(tag), time };
  };
}

function take(fields: Fields, key: string, isKept: boolean): Value | undefined {
  const value = getField(fields, key);
  if (value !== undefined && !isKept) deleteField(fields, key);
  return value;
}
