/** Records as events of Splunk's HTTP Event Collector. Source: Fluent Bit 5.1 out_splunk/splunk.c. */
import { stringifyJson } from '../core/json.ts';
import type { Formatter } from '../core/plugin.ts';
import type { Fields } from '../core/record.ts';
import { compileFluentbitAccessor, compileFluentbitTemplate } from './fluentbit-accessor.ts';
import type { TemplateSource } from './fluentbit-accessor.ts';
import { epochDouble } from './fluentbit-dates.ts';
import { fluentbitJson } from './fluentbit-text.ts';
import { rowFormatter, writeJson } from './rows.ts';

export interface SplunkRowOptions {
  /** Texts with accessors in them; undefined or empty for a record: the event has no such key. */
  readonly eventKey?: string | undefined;
  readonly eventHost?: string | undefined;
  readonly eventSource?: string | undefined;
  readonly eventSourcetypeKey?: string | undefined;
  readonly eventIndexKey?: string | undefined;
  /** Where the key's text is empty. */
  readonly eventSourcetype?: string | undefined;
  readonly eventIndex?: string | undefined;
  /** Name and accessor of each of `fields`. */
  readonly eventFields: Readonly<Record<string, string>>;
  /** Events without anything around them, one a line. */
  readonly isRaw: boolean;
  /** False: Splunk takes the time from the event. */
  readonly hasTime: boolean;
}

type Text = (source: TemplateSource) => string;

/** @throws Error for an accessor that cannot be read */
export function splunkFormatter(options: SplunkRowOptions): Formatter {
  const text = (template: string | undefined): Text | undefined =>
    template === undefined ? undefined : compileFluentbitTemplate(template);
  const envelope = [
    ['host', text(options.eventHost)],
    ['source', text(options.eventSource)],
    ['sourcetype', orElse(text(options.eventSourcetypeKey), options.eventSourcetype)],
    ['index', orElse(text(options.eventIndexKey), options.eventIndex)],
  ] as const;
  const event = text(options.eventKey);
  const fields = fieldsWriter(options.eventFields);
  return rowFormatter('application/json', (batch, row, out) => {
    const needsFields = event !== undefined || fields !== undefined || envelope.some(([, value]) => value);
    const source = { tag: batch.tag, fields: needsFields ? batch.fields(row) : {}, captures: [] };
    const only = event?.(source) ?? '';
    if (!options.isRaw) {
      const time = options.hasTime ? [`"time":${epochDouble(batch.seconds(row), batch.nanos(row))}`] : [];
      const named = envelope.flatMap(([key, value]) => {
        const found = value?.(source) ?? '';
        return found === '' ? [] : [`"${key}":${stringifyJson(found)}`];
      });
      out.text(`{${[...time, ...named, ...(fields ? [fields(source.fields)] : []), '"event":'].join(',')}`);
    }
    if (only === '') writeJson(batch, row, out);
    else out.text(fluentbitJson(only));
    out.text(options.isRaw ? '\n' : '}');
  });
}

function orElse(text: Text | undefined, fixed: string | undefined): Text | undefined {
  if (!text && fixed === undefined) return undefined;
  return (source) => text?.(source) || (fixed ?? '');
}

function fieldsWriter(named: Readonly<Record<string, string>>): ((fields: Fields) => string) | undefined {
  const accessors = Object.entries(named).map(
    ([name, accessor]) => [name, compileFluentbitAccessor(accessor)] as const,
  );
  if (accessors.length === 0) return undefined;
  return (fields) => {
    const pairs = accessors.flatMap(([name, accessor]) => {
      const value = accessor.get(fields);
      return value === undefined ? [] : [`${stringifyJson(name)}:${stringifyJson(value)}`];
    });
    return `"fields":{${pairs.join(',')}}`;
  };
}
