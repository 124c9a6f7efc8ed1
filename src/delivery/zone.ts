/** Time zones, as far as cutting chunks by time needs them: how far local time is ahead of UTC at a moment. */

/** Every zone's offset changes on a quarter of an hour, UTC, so one answer serves that long. */
const quarterSeconds = 900;

/** Seconds that `zone` (`+09:00`, an IANA name, or undefined for the system's) is ahead of UTC at a time in seconds since 1970. */
export function zoneOffset(zone: string | undefined): (seconds: number) => number {
  const fixed = zone === undefined ? null : /^([+-])(\d\d):?(\d\d)$/.exec(zone);
  if (fixed) {
    const size = Number(fixed[2]) * 3600 + Number(fixed[3]) * 60;
    const offset = fixed[1] === '-' ? -size : size;
    return () => offset;
  }
  const look = zone === undefined ? systemOffset : namedOffset(zone);
  let quarter = Number.NaN;
  let offset = 0;
  return (seconds) => {
    const at = Math.floor(seconds / quarterSeconds);
    if (at !== quarter) {
      quarter = at;
      offset = look(at * quarterSeconds);
    }
    return offset;
  };
}

function systemOffset(seconds: number): number {
  return -new Date(seconds * 1000).getTimezoneOffset() * 60;
}

function namedOffset(zone: string): (seconds: number) => number {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
  return (seconds) => {
    // `GMT`, `GMT+09:00`, and for historical local mean times `GMT+08:27:52`.
    const name = format.formatToParts(seconds * 1000).find((part) => part.type === 'timeZoneName')?.value ?? 'GMT';
    const match = /([+-])(\d\d):(\d\d)(?::(\d\d))?/.exec(name);
    if (!match) return 0;
    const size = Number(match[2]) * 3600 + Number(match[3]) * 60 + Number(match[4] ?? 0);
    return match[1] === '-' ? -size : size;
  };
}
