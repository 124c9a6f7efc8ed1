/** Records as syslog messages of RFC 5424 or RFC 3164. Source: Fluent Bit 5.1 out_syslog/syslog.c. */
import { fieldEntries, isFields } from '../core/record.ts';
import type { Fields } from '../core/record.ts';
import { fluentbitScalar } from './fluentbit-text.ts';

/** From which field each part comes, and what it is where a record has none. */
export interface SyslogTextOptions {
  readonly format: 'rfc5424' | 'rfc3164';
  readonly severityKey?: string | undefined;
  readonly severityPreset: number;
  readonly facilityKey?: string | undefined;
  readonly facilityPreset: number;
  readonly hostnameKey?: string | undefined;
  readonly hostnamePreset?: string | undefined;
  readonly appnameKey?: string | undefined;
  readonly appnamePreset?: string | undefined;
  readonly procidKey?: string | undefined;
  readonly procidPreset?: string | undefined;
  readonly msgidKey?: string | undefined;
  readonly msgidPreset?: string | undefined;
  readonly messageKey?: string | undefined;
  /** Fields whose maps are structured data. */
  readonly sdKeys: readonly string[];
  /** Whether names in structured data may be longer than the 32 characters of RFC 5424. */
  readonly allowsLongerIds: boolean;
  /** A message that is longer is cut. */
  readonly bytesMax: number;
}

interface Parts {
  severity?: number;
  facility?: number;
  hostname?: string;
  appname?: string;
  procid?: string;
  msgid?: string;
  message?: string;
  data?: string;
}

const severities = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'];
const facilities = `kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp security console - local0
  local1 local2 local3 local4 local5 local6 local7`.split(/\s+/);
const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** A record's message, without a line end. */
export type WriteSyslogText = (fields: Fields, seconds: number, nanos: number) => Buffer;

export function compileSyslogText(options: SyslogTextOptions): WriteSyslogText {
  const write = options.format === 'rfc3164' ? rfc3164 : rfc5424;
  const roles = rolesOf(options);
  return (fields, seconds, nanos) => {
    const parts: Parts = {};
    for (const [key, value] of fieldEntries(fields))
      if (isFields(value)) {
        if (options.sdKeys.includes(key)) parts.data = (parts.data ?? '') + structured(key, value, options);
      } else {
        const found = fluentbitScalar(value);
        const role = found === undefined ? undefined : roles.get(key);
        if (found !== undefined && role) role(parts, found);
      }
    const { severity = options.severityPreset, facility = options.facilityPreset, message = '' } = parts;
    // A message that has its header already goes as it is.
    const text = message.startsWith('<')
      ? message
      : write(facility * 8 + severity, { ...presetsOf(options), ...parts }, seconds, nanos);
    return Buffer.from(cut(text, options.bytesMax));
  };
}

/** What each field of a record is to the message; of two roles the first counts. */
function rolesOf(options: SyslogTextOptions): Map<string, (parts: Parts, value: string) => void> {
  const roles = new Map<string, (parts: Parts, value: string) => void>();
  const add = (key: string | undefined, role: (parts: Parts, value: string) => void) => {
    if (key !== undefined && !roles.has(key)) roles.set(key, role);
  };
  add(options.severityKey, (parts, value) => {
    const severity = /^[0-7]$/.test(value) ? Number(value) : severities.indexOf(value.toLowerCase());
    if (severity >= 0) parts.severity = severity;
  });
  add(options.facilityKey, (parts, value) => {
    const facility = /^\d{1,2}$/.test(value) ? Number(value) : facilities.indexOf(value.toLowerCase());
    if (facility >= 0 && facility <= 23 && value !== '-') parts.facility = facility;
  });
  for (const name of ['hostname', 'appname', 'procid', 'msgid', 'message'] as const)
    add(options[`${name}Key`], (parts, value) => void (parts[name] = value));
  return roles;
}

function presetsOf({ hostnamePreset, appnamePreset, procidPreset, msgidPreset }: SyslogTextOptions): Parts {
  return {
    ...(hostnamePreset !== undefined && { hostname: hostnamePreset }),
    ...(appnamePreset !== undefined && { appname: appnamePreset }),
    ...(procidPreset !== undefined && { procid: procidPreset }),
    ...(msgidPreset !== undefined && { msgid: msgidPreset }),
  };
}

/** RFC 5424, 6. The limits of its parts are those of its grammar; the mark says that the text is UTF-8. */
function rfc5424(priority: number, parts: Parts, seconds: number, nanos: number): string {
  const part = (value: string | undefined, bytesMax: number) => (value === undefined ? '-' : cut(value, bytesMax));
  const micros = String(Math.floor(nanos / 1000)).padStart(6, '0');
  const time = `${new Date(seconds * 1000).toISOString().slice(0, -5)}.${micros}Z`;
  const header = [part(parts.hostname, 255), part(parts.appname, 48), part(parts.procid, 128), part(parts.msgid, 32)];
  const message = parts.message === undefined ? '' : ` \u{feff}${parts.message}`;
  return `<${priority}>1 ${time} ${header.join(' ')} ${parts.data ?? '-'}${message}`;
}

/** RFC 3164, 4.1. */
function rfc3164(priority: number, { hostname, appname, procid, message = '' }: Parts, seconds: number): string {
  const date = new Date(seconds * 1000);
  const time = `${months[date.getUTCMonth()]} ${String(date.getUTCDate()).padStart(2)} ${date.toISOString().slice(11, 19)}`;
  const host = hostname === undefined ? '' : `${hostname} `;
  const tag = appname === undefined ? '' : `${appname}${procid === undefined ? '' : `[${procid}]`}: `;
  return `<${priority}>${time} ${host}${tag}${message}`;
}

/** RFC 5424, 6.3: `[id name="value"]`. */
function structured(key: string, fields: Fields, options: SyslogTextOptions): string {
  const pairs = fieldEntries(fields).flatMap(([name, value]) => {
    const text = fluentbitScalar(value);
    return text === undefined ? [] : [` ${sdName(name, options)}="${text.replaceAll(/["\\\]]/g, '\\$&')}"`];
  });
  return `[${sdName(key, options)}${pairs.join('')}]`;
}

/** Printable ASCII without `=`, `]`, quotation marks and blanks; each other byte becomes a `_`. */
function sdName(name: string, { allowsLongerIds }: SyslogTextOptions): string {
  const bytes = Buffer.from(name);
  const kept = allowsLongerIds ? bytes : bytes.subarray(0, 32);
  return kept.toString('latin1').replaceAll(/[^!-~]|[="\]]/g, '_');
}

/** The beginning of a text that fits into so many bytes; no character is cut in two. */
function cut(text: string, bytesMax: number): string {
  if (text.length * 3 <= bytesMax) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= bytesMax) return text;
  let end = bytesMax;
  while (end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}
