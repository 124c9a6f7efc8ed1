/**
 * Reads the line protocol as InfluxDB does, for tests: written from the description of its reader (models/points.go of 1.6:
 * scanLine, scanMeasurement, scanTags, scanFields, FieldIterator), and sharing nothing with what writes.
 */
import assert from 'node:assert/strict';

export interface ReadPoint {
  readonly measurement: string;
  readonly tags: Readonly<Record<string, string>>;
  /** A bigint is an integer, a number a float. */
  readonly fields: Readonly<Record<string, string | boolean | number | bigint>>;
  readonly time: string | undefined;
}

/** Lines of a text: a line feed inside of a quoted value ends none. */
function splitLines(text: string): string[] {
  const lines: string[] = [];
  let start = 0;
  let isQuoted = false;
  let isInFields = false;
  let equals = 0;
  let commas = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === '\\' && i + 2 < text.length) i++;
    else if (char === '\n' && !isQuoted) {
      lines.push(text.slice(start, i));
      start = i + 1;
      isInFields = false;
      equals = 0;
      commas = 0;
    } else if (char === ' ') isInFields = true;
    else if (isInFields && !isQuoted && char === '=') equals++;
    else if (isInFields && !isQuoted && char === ',') commas++;
    else if (isInFields && char === '"' && equals > commas) isQuoted = !isQuoted;
  }
  lines.push(text.slice(start));
  return lines.filter((line) => line.trim() !== '' && !line.startsWith('#'));
}

/** Where one of the characters stands that no backslash is before. */
function endOf(line: string, from: number, stops: string): number {
  let at = from;
  while (at < line.length && !(stops.includes(line[at] as string) && line[at - 1] !== '\\')) at++;
  return at;
}

const unescaped = (text: string, chars: string): string => text.replaceAll(new RegExp(`\\\\([${chars}])`, 'g'), '$1');

export function readLines(text: string): ReadPoint[] {
  return splitLines(text).map(readLine);
}

function readLine(line: string): ReadPoint {
  let at = endOf(line, 1, ', ');
  const measurement = unescaped(line.slice(0, at), ', ');
  const tags: Record<string, string> = {};
  while (line[at] === ',') {
    const equals = endOf(line, at + 2, '= ,');
    assert.equal(line[equals], '=', `a tag without a value: ${line}`);
    const end = endOf(line, equals + 1, ', =');
    assert.ok(end > equals + 1 && line[end] !== '=', `a tag value that is none: ${line}`);
    const key = unescaped(line.slice(at + 1, equals), ', =');
    assert.ok(!Object.hasOwn(tags, key), `tag ${key} twice: ${line}`);
    tags[key] = unescaped(line.slice(equals + 1, end), ', =');
    at = end;
  }
  while (/[ \t\0]/.test(line[at] ?? '')) at++;
  const end = fieldsEnd(line, at);
  const time = line.slice(end).trim();
  return { measurement, tags, fields: readFields(line.slice(at, end)), time: time === '' ? undefined : time };
}

function fieldsEnd(line: string, from: number): number {
  let isQuoted = false;
  let equals = 0;
  let commas = 0;
  let at = from;
  for (; at < line.length; at++) {
    const char = line[at];
    if (char === '\\' && at + 1 < line.length) at++;
    else if (char === '"' && equals > commas) isQuoted = !isQuoted;
    else if (char === '=' && !isQuoted) equals++;
    else if (char === ',' && !isQuoted) commas++;
    else if (char === ' ' && !isQuoted) break;
  }
  assert.ok(!isQuoted, `a quote that is never closed: ${line}`);
  assert.equal(commas, equals - 1, `fields without values: ${line}`);
  return at;
}

function readFields(text: string): ReadPoint['fields'] {
  const fields: Record<string, string | boolean | number | bigint> = {};
  for (let at = 0; at < text.length;) {
    const equals = endOf(text, at, '=');
    const end = valueEnd(text, equals + 1);
    const key = text.slice(at, equals).replaceAll(/\\([, "=])/g, '$1');
    assert.ok(key !== '' && key !== 'time', `a field without a name, or called time: ${text}`);
    fields[key] = readValue(text.slice(equals + 1, end));
    at = end + 1;
  }
  return fields;
}

function valueEnd(text: string, from: number): number {
  let isQuoted = false;
  let at = from;
  for (; at < text.length; at++) {
    if (text[at] === '\\' && /["\\]/.test(text[at + 1] ?? '')) at++;
    else if (text[at] === '"') isQuoted = !isQuoted;
    else if (text[at] === ',' && !isQuoted) break;
  }
  return at;
}

function readValue(text: string): string | boolean | number | bigint {
  if (text.startsWith('"')) return text.slice(1, -1).replaceAll(/\\(["\\])/g, '$1');
  if (/^-?\d+i$/.test(text)) return BigInt(text.slice(0, -1));
  if (/^(?:t|T|true|True|TRUE|f|F|false|False|FALSE)$/.test(text)) return /^t/i.test(text);
  assert.match(text, /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/, 'a value of no type');
  return Number(text);
}
