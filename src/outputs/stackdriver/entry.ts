/** An entry of a record, as Fluent Bit makes it. Source: Fluent Bit 5.1 out_stackdriver: stackdriver.c; LogEntry of the Logging API v2. */
import { copyFields, deleteField, fieldEntries, fieldKeys, getField, isFields } from '../../core/record.ts';
import type { ExactFields, Fields, Value } from '../../core/record.ts';
import { encoded } from '../google_cloud/entry.ts';
import type { EntryInput } from '../google_cloud/output.ts';
import { severities, severityOf } from '../google_cloud/severity.ts';
import {
  httpRequestFields,
  operationFields,
  readStrictly,
  sourceLocationFields,
  takeSubfields,
} from '../google_cloud/subfields.ts';
import { timeOf, writtenPair } from '../google_cloud/time.ts';
import { isKubernetes } from './resource.ts';

export interface EntryOptions {
  readonly resource: string;
  readonly severityKey: string;
  readonly traceKey: string;
  readonly spanIdKey: string;
  readonly traceSampledKey: string;
  readonly projectIdKey: string;
  readonly logNameKey: string;
  readonly httpRequestKey: string;
  readonly labelsKey: string;
  readonly textPayloadKey: string | undefined;
  readonly autoformatStackdriverTrace: boolean;
}

const google = (name: string): string => `logging.googleapis.com/${name}`;

/** Makes entries: `projectId` is that of traces, `exportTo` that of log names; `labels` are those of all entries. */
export class EntryMaker {
  readonly #options: EntryOptions;
  readonly #projectId: string;
  readonly #exportTo: string;
  readonly #labels: ReadonlyMap<string, string>;

  constructor(
    options: EntryOptions,
    { projectId, exportTo, labels }: { projectId: string; exportTo: string; labels: ReadonlyMap<string, string> },
  ) {
    this.#options = options;
    this.#projectId = projectId;
    this.#exportTo = exportTo;
    this.#labels = labels;
  }

  make({ tag, fields, time, emissionId }: EntryInput): ExactFields {
    const options = this.#options;
    const record = copyFields(fields);
    const entry: ExactFields = new Map();
    deleteField(record, google('monitored_resource'));
    deleteField(record, google('local_resource_id'));
    const timestamp = writtenPair(record) ?? time;
    this.#setTexts(record, entry, emissionId);
    for (const [name, key, table] of [
      ['operation', google('operation'), operationFields],
      ['sourceLocation', google('sourceLocation'), sourceLocationFields],
      ['httpRequest', options.httpRequestKey, httpRequestFields],
    ] as const) {
      const taken = takeSubfields(record, key, table, readStrictly);
      if (taken) entry.set(name, taken);
    }
    const labels = this.#labelsOf(record);
    if (labels.size > 0) entry.set('labels', labels);
    const stream = isKubernetes(options.resource) ? getField(record, 'stream') : undefined;
    const isKnown = stream === 'stdout' || stream === 'stderr';
    if (isKnown) deleteField(record, 'stream');
    const project = takeText(record, options.projectIdKey) ?? this.#exportTo;
    const name = takeText(record, options.logNameKey) ?? (isKnown ? stream : tag);
    this.#setPayload(record, entry);
    entry.set('logName', `projects/${project}/logs/${encoded(name)}`);
    entry.set('timestamp', timeOf(timestamp));
    return entry;
  }

  #setTexts(record: Fields, entry: ExactFields, emissionId: string): void {
    const options = this.#options;
    const severity = getField(record, options.severityKey);
    // A number is no severity to Fluent Bit.
    const level = typeof severity === 'string' && !/^\s*\d/.test(severity) ? severityOf(severity) : undefined;
    if (level !== undefined) {
      entry.set('severity', severities.indexOf(level) * 100);
      deleteField(record, options.severityKey);
    }
    const trace = takeText(record, options.traceKey);
    if (trace !== undefined)
      entry.set('trace', options.autoformatStackdriverTrace ? `projects/${this.#projectId}/traces/${trace}` : trace);
    const spanId = takeText(record, options.spanIdKey);
    if (spanId !== undefined) entry.set('spanId', spanId);
    const sampled = getField(record, options.traceSampledKey);
    if (typeof sampled === 'boolean') {
      entry.set('traceSampled', sampled);
      deleteField(record, options.traceSampledKey);
    }
    const insertId = getField(record, google('insertId'));
    entry.set('insertId', (insertId === '' ? undefined : takeText(record, google('insertId'))) ?? emissionId);
  }
  /** Those of the record, then those of the configuration. What are no texts stays in the payload. */
  #labelsOf(record: Fields): ExactFields {
    const labels: ExactFields = new Map();
    const { labelsKey } = this.#options;
    const own = getField(record, labelsKey);
    if (isFields(own) && fieldEntries(own).every(([, value]) => typeof value === 'string')) {
      for (const [name, value] of fieldEntries(own)) labels.set(name, value);
      deleteField(record, labelsKey);
    }
    for (const [name, value] of this.#labels) labels.set(name, value);
    return labels;
  }
  #setPayload(record: Fields, entry: ExactFields): void {
    const { textPayloadKey: key } = this.#options;
    const text: Value | undefined = key === undefined ? undefined : getField(record, key);
    if (typeof text === 'string' && fieldKeys(record).length === 1) entry.set('textPayload', text);
    else entry.set('jsonPayload', record);
  }
}

/** Takes a text out of a record; undefined: there is none under the key, and what is there stays. */
function takeText(record: Fields, key: string): string | undefined {
  const value = getField(record, key);
  if (typeof value !== 'string') return undefined;
  deleteField(record, key);
  return value;
}
