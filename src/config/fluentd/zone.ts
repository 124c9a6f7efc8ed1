/** Time zones as Fluentd writes them: `+0900`, `+09:00`, `+09`, `Asia/Tokyo`, `UTC`. */

/** `+09:00` or an IANA name, or undefined for what is neither. */
export function normalZone(written: string): string | undefined {
  const offset = /^([-+])(\d\d):?(\d\d)?$/.exec(written);
  if (offset) {
    const [, sign, hours, minutes = '00'] = offset;
    return Number(hours) <= 14 && Number(minutes) <= 59 ? `${sign}${hours}:${minutes}` : undefined;
  }
  if (written === 'Z' || written === 'UTC') return '+00:00';
  try {
    return new Intl.DateTimeFormat('en', { timeZone: written }).resolvedOptions().timeZone === '' ? undefined : written;
  } catch {
    return undefined;
  }
}
