/** An entry of a record, as the Fluentd plugin makes it. Source: fluent-plugin-google-cloud 0.13 out_google_cloud.rb; LogEntry of the Logging API v2. */
import { isUtf8 } from 'node:buffer';
import type { Instant } from '../../core/clock.ts';
import { parseRecord, scanJson, stringifyJson } from '../../core/json.ts';
import {
  copyFields,
  deleteField,
  fieldEntries,
  fieldKeys,
  fieldsFromEntries,
  getField,
  isFields,
  setField,
} from '../../core/record.ts';
import type { ExactFields, Fields, PlainFields, Value } from '../../core/record.ts';
import { EntryRefused } from './entry-refused.ts';
import type { EntryInput } from './output.ts';
import {
  appEngineType,
  containerService,
  containerType,
  localResource,
  resourceLabelsOf,
  withoutMachine,
} from './resource.ts';
import type { Labels, Place } from './resource.ts';
import { severityOf } from './severity.ts';
import {
  httpRequestFields,
  operationFields,
  readLoosely,
  sourceLocationFields,
  takeSubfields,
  textOf,
} from './subfields.ts';
import { timeOf, writtenTime } from './time.ts';

export interface EntryOptions {
  readonly httpRequestKey: string;
  readonly insertIdKey: string;
  readonly labelsKey: string;
  readonly operationKey: string;
  readonly sourceLocationKey: string;
  readonly spanIdKey: string;
  readonly traceKey: string;
  readonly traceSampledKey: string;
  readonly detectJson: boolean;
  readonly requireValidTags: boolean;
  readonly labelMap: Labels | undefined;
  readonly coerceToUtf8: boolean;
  readonly nonUtf8ReplacementString: string;
  readonly adjustInvalidTimestamps: boolean;
  readonly autoformatStackdriverTrace: boolean;
}

interface OwnResource {
  readonly type: string;
  readonly labels: Record<string, string>;
}

const localResourceKey = 'logging.googleapis.com/local_resource_id';
const streamLabel = `${containerService}/stream`;

/** Fields beside the one text of a record that detect_json takes over. */
const preserved = ['time', 'timeNanos', 'timestamp', 'timestampNanos', 'timestampSeconds', 'severity'];

/** Makes entries for one place; `tagExpression` finds pod, namespace and container in tags of GKE. */
export class EntryMaker {
  readonly #options: EntryOptions;
  readonly #place: Place;
  readonly #tagExpression: { readonly expression: RegExp; readonly names: readonly string[] };
  readonly #preserved: ReadonlySet<string>;

  constructor(
    options: EntryOptions,
    place: Place,
    tagExpression: { readonly expression: RegExp; readonly names: readonly string[] },
  ) {
    this.#options = options;
    this.#place = place;
    this.#tagExpression = tagExpression;
    const { httpRequestKey, insertIdKey, labelsKey, operationKey, sourceLocationKey } = options;
    const { spanIdKey, traceKey, traceSampledKey } = options;
    const own = [httpRequestKey, insertIdKey, labelsKey, operationKey, sourceLocationKey];
    this.#preserved = new Set([...preserved, ...own, spanIdKey, traceKey, traceSampledKey]);
  }

  /** @throws EntryRefused */
  make({ fields, time, emissionId, nowMs, ...input }: EntryInput): ExactFields {
    const options = this.#options;
    if (options.requireValidTags && input.tag === '')
      throw new EntryRefused('the tag is empty, and require_valid_tags is on');
    const tag = input.tag === '' ? '_' : input.tag;
    let record = copyFields(this.#utf8(fields) as Fields);
    const { resource, labels } = this.#resource(tag, record);
    const parsed = options.detectJson ? this.#parsed(record) : undefined;
    if (parsed) record = parsed;
    const entry: ExactFields = new Map();
    const said = writtenTime(record, time);
    const timestamp = options.adjustInvalidTimestamps ? adjusted(said, nowMs) : said;
    const severity = this.#severity(record, resource.type, labels);
    this.#payloadLabels(record, labels);
    entry.set('logName', `projects/${this.#place.projectId}/logs/${encoded(logName(tag, resource))}`);
    const resourceFields: PlainFields = { type: resource.type };
    if (Object.keys(resource.labels).length > 0) resourceFields['labels'] = { ...resource.labels };
    entry.set('resource', resourceFields);
    if (timestamp) entry.set('timestamp', timeOf(timestamp));
    entry.set('severity', severity);
    if (labels.size > 0) entry.set('labels', labels);
    this.#special(record, entry, emissionId);
    setPayload(record, entry, resource.type, parsed !== undefined);
    return entry;
  }

  /** Resource and labels of the tag, then those that the record brings; takes them out of it. */
  #resource(tag: string, record: Fields): { resource: OwnResource; labels: ExactFields } {
    const place = this.#place;
    let resource: OwnResource = { type: place.resource.type, labels: { ...place.resource.labels } };
    let labels: ExactFields = new Map(Object.entries(place.labels));
    const local = getField(record, localResourceKey);
    deleteField(record, localResourceKey);
    const found = typeof local === 'string' ? localResource(local, place) : undefined;
    if (found) {
      resource = { type: found.type, labels: { ...found.labels } };
      labels = new Map(Object.entries(withoutMachine(place.labels)));
    } else if (resource.type === containerType) this.#ofContainerTag(tag, resource.labels, labels);
    if (resource.type === containerType) takeContainerLabels(record, resource.labels, labels);
    for (const [name, label] of Object.entries(this.#options.labelMap ?? {})) takeLabel(record, name, labels, label);
    const { service, names } = resourceLabelsOf[resource.type] ?? { service: '', names: [] };
    for (const name of names) {
      const value = labels.get(`${service}/${name}`);
      if (typeof value !== 'string') continue;
      resource.labels[name] = value;
      labels.delete(`${service}/${name}`);
    }
    return { resource, labels };
  }
  #ofContainerTag(tag: string, resourceLabels: Record<string, string>, labels: ExactFields): void {
    const { expression, names } = this.#tagExpression;
    const match = expression.exec(tag);
    if (!match) return;
    const group = (name: string): string | undefined => match[names.indexOf(name) + 1];
    const [pod, namespace, container] = ['pod_name', 'namespace_name', 'container_name'].map(group);
    if (container !== undefined) resourceLabels['container_name'] = container;
    if (namespace !== undefined) {
      resourceLabels['namespace_id'] = namespace;
      labels.set(`${containerService}/namespace_name`, namespace);
    }
    if (pod === undefined) return;
    resourceLabels['pod_id'] = pod;
    labels.set(`${containerService}/pod_name`, pod);
  }
  /** The record that the one text of a record holds as JSON; undefined: it holds none. */
  #parsed(record: Fields): Fields | undefined {
    const others = fieldKeys(record).filter((key) => !this.#preserved.has(key));
    if (others.length !== 1) return undefined;
    const text = ['log', 'message', 'msg'].map((key) => getField(record, key)).findLast((value) => value !== undefined);
    if (typeof text !== 'string' || !/^[\t\n\r ]*\{/.test(text)) return undefined;
    const found = parseObject(text);
    if (!found) return undefined;
    const made = copyFields(found);
    for (const [key, value] of fieldEntries(record))
      if (this.#preserved.has(key) && getField(made, key) === undefined) setField(made, key, value);
    return made;
  }
  #severity(record: Fields, type: string, labels: ExactFields): string {
    const value = getField(record, 'severity');
    if (value !== undefined) {
      deleteField(record, 'severity');
      return severityOf(textOf(value) ?? '') ?? 'DEFAULT';
    }
    if (type !== containerType) return 'DEFAULT';
    const stream = labels.get(streamLabel);
    return stream === 'stdout' ? 'INFO' : stream === 'stderr' ? 'ERROR' : 'DEFAULT';
  }
  /** Labels under labels_key; an object that does not hold text alone is left out of the labels and kept in the payload. */
  #payloadLabels(record: Fields, labels: ExactFields): void {
    const { labelsKey } = this.#options;
    const value = getField(record, labelsKey);
    if (value === undefined) return;
    if (value !== null && value !== false) {
      if (!isFields(value) || fieldEntries(value).some(([, one]) => typeof one !== 'string')) return;
      for (const [name, one] of fieldEntries(value)) labels.set(name, one);
    }
    deleteField(record, labelsKey);
  }
  #special(record: Fields, entry: ExactFields, emissionId: string): void {
    const { autoformatStackdriverTrace, ...keys } = this.#options;
    const insertId = take(record, keys.insertIdKey);
    entry.set('insertId', (insertId === undefined ? undefined : textOf(insertId)) ?? emissionId);
    const spanId = take(record, keys.spanIdKey);
    if (spanId !== undefined) entry.set('spanId', textOf(spanId) ?? stringifyJson(spanId));
    const trace = take(record, keys.traceKey);
    if (trace !== undefined) {
      const text = textOf(trace) ?? stringifyJson(trace);
      const isBare = autoformatStackdriverTrace && /^[0-9a-f]{32}$/i.test(text);
      entry.set('trace', isBare ? `projects/${this.#place.projectId}/traces/${text}` : text);
    }
    const sampled = getField(record, keys.traceSampledKey);
    deleteField(record, keys.traceSampledKey);
    if (sampled !== undefined && sampled !== null)
      entry.set('traceSampled', sampled === true || sampled === 'true' || sampled === 1);
    for (const [name, key, table] of [
      ['httpRequest', keys.httpRequestKey, httpRequestFields],
      ['operation', keys.operationKey, operationFields],
      ['sourceLocation', keys.sourceLocationKey, sourceLocationFields],
    ] as const) {
      if (getField(record, key) === null) deleteField(record, key);
      const taken = takeSubfields(record, key, table, readLoosely);
      if (taken) entry.set(name, taken);
    }
  }
  /** Bytes become text; those that are not UTF-8 are replaced, or the record is refused. */
  #utf8(value: Value): Value {
    if (value instanceof Uint8Array) {
      const text = Buffer.from(value.buffer, value.byteOffset, value.length).toString('utf8');
      if (isUtf8(value)) return text;
      if (!this.#options.coerceToUtf8)
        throw new EntryRefused('it holds bytes that are not UTF-8, and coerce_to_utf8 is off');
      return text.replaceAll('\ufffd', this.#options.nonUtf8ReplacementString);
    }
    if (Array.isArray(value)) return value.some(holdsBytes) ? value.map((one) => this.#utf8(one)) : value;
    if (!isFields(value) || !holdsBytes(value)) return value;
    return fieldsFromEntries(fieldEntries(value).map(([key, one]) => [key, this.#utf8(one)]));
  }
}

function holdsBytes(value: Value): boolean {
  if (value instanceof Uint8Array) return true;
  if (Array.isArray(value)) return value.some(holdsBytes);
  return isFields(value) && fieldEntries(value).some(([, one]) => holdsBytes(one));
}

/** Takes a field out; null and false count as absent, as in Ruby. */
function take(record: Fields, key: string): Value | undefined {
  const value = getField(record, key);
  deleteField(record, key);
  return value === null || value === false ? undefined : value;
}

/** Takes a field out as text; undefined: there is none. */
function takeText(from: Fields, name: string): string | undefined {
  const value = take(from, name);
  return value === undefined ? undefined : (textOf(value) ?? stringifyJson(value));
}
function takeLabel(from: Fields, name: string, labels: ExactFields, label: string): void {
  const value = takeText(from, name);
  if (value !== undefined) labels.set(label, value);
}

/** What the filter kubernetes_metadata and Docker's log driver put into a record, as labels. */
function takeContainerLabels(record: Fields, resourceLabels: Record<string, string>, labels: ExactFields): void {
  takeLabel(record, 'stream', labels, streamLabel);
  const written = getField(record, 'kubernetes');
  if (written === undefined) return;
  deleteField(record, 'kubernetes');
  deleteField(record, 'docker');
  if (!isFields(written)) return;
  const metadata = copyFields(written);
  for (const name of ['namespace_id', 'pod_id', 'container_name']) {
    const value = takeText(metadata, name);
    if (value !== undefined) resourceLabels[name] = value;
  }
  for (const name of ['namespace_name', 'pod_name']) takeLabel(metadata, name, labels, `${containerService}/${name}`);
  const podLabels = getField(metadata, 'labels');
  if (!isFields(podLabels)) return;
  const own = copyFields(podLabels);
  for (const key of fieldKeys(own)) takeLabel(own, key, labels, `label/${key}`);
}

/** The object that a text is as JSON; undefined: it is none. */
function parseObject(text: string): Fields | undefined {
  const { exact, tooDeep } = isJson(text) ? scanJson(Buffer.from(text)) : { exact: false, tooDeep: true };
  return tooDeep ? undefined : parseRecord(text, exact);
}
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function logName(tag: string, { type, labels }: { readonly type: string; readonly labels: Labels }): string {
  if (type === appEngineType) return `appengine.googleapis.com/${tag}`;
  return type === containerType ? (labels['container_name'] ?? tag) : tag;
}

/** All but unreserved characters as %XX. */
export function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function setPayload(record: Fields, entry: ExactFields, type: string, isParsed: boolean): void {
  const [key, other] = fieldKeys(record);
  const isText = other === undefined && (key === 'message' || (key === 'log' && type === containerType));
  const text = isText ? getField(record, key) : undefined;
  if (isParsed || text === undefined || text === null) entry.set('jsonPayload', record);
  else entry.set('textPayload', textOf(text) ?? stringifyJson(text));
}

const dayMs = 86_400_000;

/**
 * Times of the future: one of this year was written without its year, and is of the last; one beyond is no time, and the
 * service sets its own. A day ahead is let be.
 */
function adjusted(time: Instant, nowMs: number): Instant | undefined {
  const ms = time.seconds * 1000;
  if (ms < nowMs + dayMs) return time;
  const now = new Date(nowMs);
  if (ms >= new Date(now.getFullYear() + 1, 0, 1).getTime()) return undefined;
  const date = new Date(ms);
  date.setFullYear(date.getFullYear() - 1);
  return { seconds: Math.floor(date.getTime() / 1000), nanos: time.nanos };
}
