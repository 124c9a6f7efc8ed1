/** Fluentd's parsers as `[PARSER]` of Fluent Bit. */
import { apache2Source } from '../../codecs/apache2.ts';
import { webTimeFormat } from '../../codecs/known-formats.ts';
import type { PluginModel } from '../model.ts';
import { plainText } from './fluentbit-sections.ts';
import type { Complaints, FluentbitProperty } from './fluentbit-sections.ts';

/** What Fluentd calls types and Fluent Bit too. */
const types: Readonly<Record<string, string>> = { string: 'string', integer: 'integer', float: 'float', bool: 'bool' };

/** The properties of a parser that says the same; undefined after telling why there is none. */
export function parserProperties(complaints: Complaints, model: PluginModel): FluentbitProperty[] | undefined {
  const { type, options } = model;
  const refuse = (text: string) => complaints.refuse(model.at, `parser ${type}: ${text}`);
  if (type === 'fluentbit') return ownProperties(model) ?? refuse('its decoders were not converted');
  const expanded = expandedParser(complaints, model);
  if (expanded) return parserProperties(complaints, expanded);
  if (type !== 'json' && type !== 'regexp' && type !== 'ltsv' && type !== 'logfmt')
    return refuse('has no counterpart in Fluent Bit; write its expression with @type regexp');
  for (const name of ['nullValuePattern', 'timeFormatFallbacks', 'nullEmptyString', 'estimateCurrentEvent'] as const)
    if (isSet(name, options[name])) return refuse(`${name} has no counterpart in Fluent Bit`);
  const expression = options['expression'];
  const time = timeProperties(model);
  if (typeof time === 'string') return refuse(time);
  const written = typesText(options['types']);
  if (written === undefined) return refuse('types that Fluent Bit does not have (time, array)');
  return [
    ['format', type === 'regexp' ? 'regex' : type],
    ...(type === 'regexp' && typeof expression === 'string'
      ? [['regex', expression] as const, ['skip_empty_values', 'off'] as const]
      : []),
    ...time,
    ...(written === '' ? [] : [['types', written] as const]),
  ];
}

/** Fluentd's parsers that are an expression with a name, as `regexp`; undefined: it is none of them. */
function expandedParser(complaints: Complaints, model: PluginModel): PluginModel | undefined {
  const { type, options } = model;
  const as = (expression: string, more: Readonly<Record<string, unknown>>): PluginModel => ({
    ...model,
    type: 'regexp',
    options: { ...options, expression, ...more },
  });
  const { expression } = options;
  if ((type === 'nginx' || type === 'apache' || type === 'apache_error') && typeof expression === 'string')
    return as(expression, {});
  if (type === 'apache2') {
    complaints.warn(model.at, 'parser apache2: a - is null in Fluentd; Fluent Bit keeps it as text');
    return as(`/${apache2Source}/`, {
      timeKey: 'time',
      timeFormat: webTimeFormat,
      types: { code: 'integer', size: 'integer' },
    });
  }
  if (type === 'cri' && !model.parser)
    return as(String.raw`/^(?<time>[^ ]+) (?<stream>stdout|stderr) (?<logtag>[^ ]*) (?<message>.*)$/`, {});
  if (type === 'syslog' && options['messageFormat'] === 'rfc3164') {
    const priority = options['withPriority'] === true ? String.raw`<(?<pri>[0-9]+)>` : '';
    return as(
      String.raw`/^${priority}(?<time>[^ ]* {1,2}[^ ]* [^ ]*) (?<host>[^ ]*) (?<ident>[^ :\[]*)(?:\[(?<pid>[0-9]+)\])?(?:[^:]*:)? *(?<message>.*)$/`,
      {
        timeKey: 'time',
        timeFormat: options['timeFormat'] ?? '%b %d %H:%M:%S',
        ...(priority !== '' && { types: { pri: 'integer' } }),
      },
    );
  }
  return undefined;
}

function isSet(name: string, value: unknown): boolean {
  if (name === 'estimateCurrentEvent') return value === false;
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
}

/** `Time_Key` and its form; a text where Fluent Bit would read other times. */
function timeProperties({ type, options }: PluginModel): FluentbitProperty[] | string {
  const { timeKey, timeFormat, timeType, keepTimeKey, timezone, utc } = options;
  if (timeType !== undefined && timeType !== 'string') {
    if (timeFormat !== undefined) return 'time_type with time_format has no counterpart';
    const format = timeType === 'unixtime' ? '%s' : timeType === 'float' ? '%s.%L' : undefined;
    if (format === undefined) return `time_type ${plainText(timeType)} has no counterpart`;
    return times(timeKey, format, keepTimeKey, []);
  }
  if (typeof timeFormat !== 'string') {
    const hasTime = type !== 'regexp' || plainText(options['expression']).includes(`(?<${plainText(timeKey)}>`);
    if (!hasTime) return [];
    // Fluentd takes the time of a field by that name where there is one.
    if (type === 'regexp') return `the group ${plainText(timeKey)} needs a time_format in Fluent Bit`;
    return times(timeKey, '%s.%L', keepTimeKey, []);
  }
  const zone = typeof timezone === 'string' ? timezone : utc === true ? '+00:00' : undefined;
  if (zone !== undefined && /^[+-]\d\d:?\d\d$/.test(zone))
    return times(timeKey, timeFormat, keepTimeKey, [['time_offset', zone.replace(':', '')]]);
  if (zone !== undefined) return times(timeKey, timeFormat, keepTimeKey, [['time_zone', zone]]);
  return times(timeKey, timeFormat, keepTimeKey, [['time_system_timezone', 'on']]);
}

function times(key: unknown, format: string, keeps: unknown, zone: readonly FluentbitProperty[]): FluentbitProperty[] {
  return [
    ['time_key', typeof key === 'string' ? key : 'time'],
    // A fraction is %N in Ruby.
    ['time_format', format.replaceAll(/%[369]?N/g, '%L')],
    ...(keeps === true ? [['time_keep', 'on'] as const] : []),
    ...zone,
  ];
}

/** `a:integer b:bool`; undefined for types that there are not. */
function typesText(written: unknown): string | undefined {
  if (written === undefined) return '';
  if (typeof written !== 'object' || written === null) return undefined;
  const pairs = Object.entries(written).map(([key, type]) =>
    types[plainText(type)] ? `${key}:${plainText(type)}` : undefined,
  );
  return pairs.includes(undefined) ? undefined : pairs.join(' ');
}

function ownProperties({ options, sections }: PluginModel): FluentbitProperty[] | undefined {
  if (Object.values(sections).flat().length > 0) return undefined;
  const names: Readonly<Record<string, string>> = {
    format: 'format',
    regex: 'regex',
    timeKey: 'time_key',
    timeFormat: 'time_format',
    timeOffset: 'time_offset',
    timeZone: 'time_zone',
  };
  return Object.entries(names).flatMap(([name, key]) => {
    const value = options[name];
    return typeof value === 'string' ? [[key, value] as const] : [];
  });
}
