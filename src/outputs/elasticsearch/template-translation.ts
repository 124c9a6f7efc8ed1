/**
 * Index templates as the server's version takes them: type names, `not_analyzed` and `dateOptionalTime` were given up,
 * patterns were renamed, and templates of the new kind hold their contents one level deeper. Sources: breaking changes of
 * Elasticsearch 5.0, 6.0, 7.0, 7.8 and 8.0; OpenSearch 1.0 is Elasticsearch 7.10.
 */

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

export interface TemplateTarget {
  /** Of Elasticsearch, or what corresponds to it. */
  readonly major: number;
  /** `_template`; otherwise `_index_template`. */
  readonly isLegacy: boolean;
  /** The type of documents where the server has types. */
  readonly typeName: string;
}

/** A template as it is put to the server. */
export function translateTemplate(template: JsonObject, { major, isLegacy, typeName }: TemplateTarget): JsonObject {
  const inner = isObject(template['template']) ? template['template'] : template;
  const { mappings, settings, aliases } = inner;
  const contents: JsonObject = {};
  if (isObject(settings)) contents['settings'] = settings;
  if (isObject(mappings)) contents['mappings'] = translateMappings(mappings, major, typeName);
  if (isObject(aliases)) contents['aliases'] = aliases;
  const patterns = patternsOf(template);
  const named: JsonObject = major < 6 ? { template: patterns[0] ?? '*' } : { index_patterns: patterns };
  const rest = Object.fromEntries(Object.entries(template).filter(([key]) => !handled.has(key)));
  const { order, priority } = template;
  if (isLegacy) {
    const rank = order ?? priority;
    return { ...rest, ...named, ...(rank !== undefined && { order: rank }), ...contents };
  }
  const rank = priority ?? order;
  return { ...rest, ...named, ...(rank !== undefined && { priority: rank }), template: contents };
}

const handled: ReadonlySet<string> = new Set([
  'template',
  'index_patterns',
  'mappings',
  'settings',
  'aliases',
  'order',
  'priority',
]);

function patternsOf({ index_patterns: patterns, template }: JsonObject): string[] {
  if (Array.isArray(patterns)) return patterns.filter((pattern) => typeof pattern === 'string');
  if (typeof patterns === 'string') return [patterns];
  return typeof template === 'string' ? [template] : [];
}

/** What stands at the top of mappings that name no type. */
const mappingKeys: ReadonlySet<string> = new Set([
  'properties',
  'dynamic',
  'dynamic_templates',
  'date_detection',
  'numeric_detection',
  'dynamic_date_formats',
  'runtime',
  'subobjects',
  '_source',
  '_routing',
  '_meta',
  '_all',
  '_field_names',
  '_size',
  '_data_stream_timestamp',
]);

function translateMappings(mappings: JsonObject, major: number, typeName: string): JsonObject {
  const types = Object.entries(mappings).filter(
    (entry): entry is [string, JsonObject] => !mappingKeys.has(entry[0]) && isObject(entry[1]),
  );
  const isTyped = types.length > 0 && Object.keys(mappings).every((key) => !mappingKeys.has(key));
  if (!isTyped) {
    const translated = translateMapping(mappings, major);
    return major >= 7 ? translated : { [typeName]: translated };
  }
  if (major >= 7) {
    // `_default_` held for all types; of these there is one now.
    const order = types.toSorted(([a], [b]) => Number(b === '_default_') - Number(a === '_default_'));
    return translateMapping(Object.assign({}, ...order.map(([, mapping]) => mapping)) as JsonObject, major);
  }
  return Object.fromEntries(types.map(([name, mapping]) => [name, translateMapping(mapping, major)]));
}

function translateMapping(mapping: JsonObject, major: number): JsonObject {
  const translated: JsonObject = {};
  for (const [key, value] of Object.entries(mapping)) {
    if (key === '_all' && major >= 6) continue;
    // Only saved a little, and is an error since.
    if (key === '_field_names' && major >= 8) continue;
    if (key === 'properties' && isObject(value)) translated[key] = eachField(value, major);
    else if (key === 'dynamic_templates' && Array.isArray(value))
      translated[key] = value.map((entry) => dynamicTemplate(entry, major));
    else if (key === 'dynamic_date_formats' && Array.isArray(value))
      translated[key] = value.map((one) => (typeof one === 'string' ? translateFormat(one) : one));
    else translated[key] = value;
  }
  return translated;
}

function eachField(properties: JsonObject, major: number): JsonObject {
  return Object.fromEntries(
    Object.entries(properties).map(([name, field]) => [name, isObject(field) ? translateField(field, major) : field]),
  );
}
function dynamicTemplate(entry: Json, major: number): Json {
  if (!isObject(entry)) return entry;
  return Object.fromEntries(
    Object.entries(entry).map(([name, rule]) => {
      const isRule = isObject(rule) && isObject(rule['mapping']);
      return [name, isRule ? { ...rule, mapping: translateField(rule['mapping'] as JsonObject, major) } : rule];
    }),
  );
}

/** Names of date formats with capitals, such as `dateOptionalTime`: given up in 8, while names in snake_case hold for all. */
const capitalFormat = /^(?:strict|basic|date|hour|ordinal|tTime|time|weekyear|week|year|epoch)(?:[A-Z][a-z]*)+$/;
function translateFormat(format: string): string {
  return format
    .split('||')
    .map((one) =>
      capitalFormat.test(one.trim()) ? one.trim().replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) : one,
    )
    .join('||');
}

/** A field as it has been written since version 5. */
function translateField(field: JsonObject, major: number): JsonObject {
  const translated: JsonObject = {};
  const { index, type } = field;
  for (const [key, value] of Object.entries(field)) {
    if (key === 'properties' || key === 'fields') translated[key] = isObject(value) ? eachField(value, major) : value;
    else if (key === 'format' && typeof value === 'string') translated[key] = translateFormat(value);
    else if (key === 'index') translated[key] = value !== 'no' && value !== false;
    else if (key === 'omit_norms') translated['norms'] = value !== true;
    else if (key === 'norms' && isObject(value)) translated[key] = value['enabled'] !== false;
    else if (key === 'fielddata' && isObject(value)) continue;
    else if (key !== 'include_in_all') translated[key] = value;
  }
  // A text that is found as a whole is of a type of its own.
  if (type === 'string' || (type === 'text' && index === 'not_analyzed'))
    translated['type'] = index === 'not_analyzed' ? 'keyword' : 'text';
  // Found is what is meant where nothing else is said.
  if (translated['index'] === true) delete translated['index'];
  return translated;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const exact: JsonObject = { type: 'keyword' };
function exactly(...names: readonly string[]): JsonObject {
  return Object.fromEntries(names.map((name) => [name, exact]));
}

/** Names of Kubernetes are found exactly, words of `log` one by one. */
export const kubernetesMappings: JsonObject = {
  properties: {
    kubernetes: {
      properties: {
        ...exactly('container_name', 'docker_id', 'host', 'namespace_name', 'pod_id', 'pod_name'),
        labels: { properties: exactly('app', 'application', 'component', 'release_group') },
      },
    },
    log: { type: 'text' },
  },
};
