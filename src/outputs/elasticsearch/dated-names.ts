/** Names of indices that hold a date: read back strictly, so that no other index is taken for one of ours. */
import { compileStrftime } from '../../codecs/strftime.ts';
import { civilSeconds } from '../../codecs/civil.ts';

/** Digits of each part of a date; the names are those of the groups. */
const directives: Readonly<Record<string, string>> = {
  Y: '(?<year>\\d{4})',
  m: '(?<month>\\d\\d)',
  d: '(?<day>\\d\\d)',
  H: '(?<hour>\\d\\d)',
  M: '(?<minute>\\d\\d)',
  F: '(?<year>\\d{4})-(?<month>\\d\\d)-(?<day>\\d\\d)',
};

export interface DatedNames {
  /** When the time ends that the index of a name is for, in seconds since 1970; undefined: it is no such name. */
  endOf(name: string): number | undefined;
}

/** `format`: the date behind the prefix. @throws Error for a format whose dates cannot be read back */
export function datedNames(prefix: string, format: string): DatedNames {
  const parts = format.split(/(%.)/);
  const pattern = parts
    .map((part) => {
      if (!part.startsWith('%')) return escaped(part);
      const digits = directives[part.slice(1)];
      if (digits === undefined) throw new Error(`the date ${JSON.stringify(format)} cannot be read back: ${part}`);
      return digits;
    })
    .join('');
  if (!pattern.includes('<year>')) throw new Error(`the date ${JSON.stringify(format)} has no year (%Y)`);
  if (pattern.includes('<day>') && !pattern.includes('<month>'))
    throw new Error(`the date ${JSON.stringify(format)} has a day but no month (%m)`);
  const name = new RegExp(`^${escaped(prefix)}${pattern}$`);
  const text = compileStrftime(format, { kind: 'utc' });
  return {
    endOf(written) {
      const found = name.exec(written)?.groups;
      if (!found) return undefined;
      const number = (part: string, other: number): number => (found[part] === undefined ? other : Number(found[part]));
      const [year, month, day] = [number('year', 0), number('month', 1), number('day', 1)];
      const start = civilSeconds(year, month, day, number('hour', 0), number('minute', 0), 0);
      if (start === undefined || `${prefix}${text(start, 0)}` !== written) return undefined;
      if (found['minute'] !== undefined) return start + 60;
      if (found['hour'] !== undefined) return start + 3600;
      if (found['day'] !== undefined) return start + 86_400;
      const isMonth = found['month'] !== undefined;
      return civilSeconds(isMonth && month < 12 ? year : year + 1, isMonth ? (month % 12) + 1 : 1, 1, 0, 0, 0);
    },
  };
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
