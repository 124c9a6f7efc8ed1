/** Lines of syslog taken apart. Formats: RFC 3164 and RFC 5424, as read by Fluentd 1.16 parser_syslog.rb. */

/** The text of each part that is there; `time` and `at` (where the rest begins) come from the head of the line. */
export interface SyslogHead {
  readonly priority: number | undefined;
  readonly time: string;
  readonly at: number;
}
export interface SyslogBody {
  readonly host: string;
  readonly ident?: string | undefined;
  readonly pid?: string | undefined;
  readonly msgid?: string | undefined;
  readonly extradata?: string | undefined;
  readonly message?: string | undefined;
}
/** Undefined: the line has not this form. */
export type ReadHead = (text: string) => SyslogHead | undefined;
export type ReadBody = (text: string, at: number) => SyslogBody | undefined;

/** The head: a priority where one is wanted, matched by `priority`, and as many words of time as its format has. */
export function compileHead(priority: RegExp | undefined, timeFormat: string, isFixed: boolean): ReadHead {
  const words = timeFormat.split(/ +/).length;
  return (text) => {
    const found = priority?.exec(text);
    if (priority && !found) return undefined;
    const from = found ? found[0].length : 0;
    const end = isFixed ? fixedEnd(text, from) : wordsEnd(text, from, words);
    if (end < 0) return undefined;
    return {
      priority: found ? Number(found[1]) : undefined,
      time: text.slice(from, end).replaceAll(/ +/g, ' '),
      at: end + 1,
    };
  };
}

/** The space behind so many words, with any run of spaces before each. */
function wordsEnd(text: string, from: number, count: number): number {
  let at = from;
  for (let i = 0; i < count; i++) {
    while (text[at] === ' ') at++;
    at = text.indexOf(' ', at);
    if (at < 0) return -1;
    if (i < count - 1) at++;
  }
  return at;
}

/** The space behind `Mmm dd hh:mm:ss` or `Mmm dd hh:mm:ss.fraction`. */
function fixedEnd(text: string, from: number): number {
  const behind = text[from + 15];
  if (behind === ' ') return from + 15;
  return behind === '.' ? text.indexOf(' ', from + 15) : -1;
}

const pattern3164 = /([^ ]*) ([^ :[]*)(?:\[([0-9]+)\])?(?:[^:]*:)? *(.*)$/sy;

/** RFC 3164 behind the time, where the first colon ends the program's name. */
export function read3164ByPattern(text: string, at: number): SyslogBody | undefined {
  pattern3164.lastIndex = at;
  const found = pattern3164.exec(text);
  if (!found) return undefined;
  const [, host = '', ident, pid, message = ''] = found;
  return { host, ident, pid, message: chomp(message) };
}

/** RFC 3164 behind the time, where the first word is the program's name: with a colon, or without where that is allowed. */
export function read3164BySpaces(allowsColonless: boolean): ReadBody {
  return (text, from) => {
    const hostEnd = text.indexOf(' ', from);
    if (hostEnd < 0) return undefined;
    const host = text.slice(from, hostEnd);
    const rest = text.slice(hostEnd + 1);
    const space = rest.indexOf(' ');
    const word = space < 0 ? '' : rest.slice(0, space);
    const hasColon = word.endsWith(':');
    if (space < 0 || (!hasColon && !allowsColonless)) return { host, message: chomp(rest) };
    const name = hasColon ? word.slice(0, -1) : word;
    const bracket = name.endsWith(']') ? name.indexOf('[') : -1;
    return {
      host,
      ident: bracket < 0 ? name : name.slice(0, bracket),
      pid: bracket < 0 ? undefined : name.slice(bracket + 1, -1),
      message: chomp(rest.slice(space + 1)),
    };
  };
}

const pattern5424 = /([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) (-|(?:\[.*?(?<!\\)\])+)(?: (.+))?$/sy;

/** RFC 5424 behind the time. */
export function read5424ByPattern(text: string, at: number): SyslogBody | undefined {
  pattern5424.lastIndex = at;
  const found = pattern5424.exec(text);
  if (!found) return undefined;
  const [, host = '', ident, pid, msgid, extradata, message] = found;
  return { host, ident, pid, msgid, extradata, message: message === undefined ? undefined : chomp(message) };
}

/** RFC 5424 behind the time, taken apart at spaces; structured data ends at the first `] `, and loses its backslashes. */
export function read5424BySpaces(text: string, from: number): SyslogBody | undefined {
  let at = from;
  const words: string[] = [];
  while (words.length < 4) {
    const end = text.indexOf(' ', at);
    if (end < 0) return undefined;
    words.push(text.slice(at, end));
    at = end + 1;
  }
  const [host = '', ident, pid, msgid] = words;
  let end = at + 1;
  if (text[at] !== '-') {
    const close = text.indexOf('] ', at);
    end = close < 0 ? text.length : close + 1;
  }
  const extradata = text.slice(at, end).replaceAll('\\', '');
  const message = end < text.length ? chomp(text.slice(end + 1)) : undefined;
  return { host, ident, pid, msgid, extradata, message };
}

function chomp(text: string): string {
  return text.replace(/\r?\n$|\r$/, '');
}
