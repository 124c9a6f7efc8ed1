/**
 * ServiceMonitor of the Prometheus Operator, as far as the chart may write it: the operator's own definition is in no package.
 * Its names and forms are those of the operator's API reference (monitoring.coreos.com/v1); what is not here is refused.
 */
type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: 'string' };
const texts: Schema = { type: 'array', items: text };
const duration: Schema = {
  type: 'string',
  pattern: '^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$',
};

function object(properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema {
  return { type: 'object', properties, ...(required.length > 0 && { required }) };
}

const relabelings: Schema = {
  type: 'array',
  items: object({
    sourceLabels: texts,
    separator: text,
    targetLabel: text,
    regex: text,
    modulus: { type: 'integer' },
    replacement: text,
    action: text,
  }),
};

const spec: Schema = object(
  {
    jobLabel: text,
    targetLabels: texts,
    podTargetLabels: texts,
    namespaceSelector: object({ any: { type: 'boolean' }, matchNames: texts }),
    selector: object({ matchLabels: { type: 'object', additionalProperties: text } }),
    endpoints: {
      type: 'array',
      items: object({
        port: text,
        path: text,
        scheme: text,
        interval: duration,
        scrapeTimeout: duration,
        honorLabels: { type: 'boolean' },
        authorization: object({ type: text, credentials: object({ name: text, key: text }, ['key']) }),
        relabelings,
        metricRelabelings: relabelings,
      }),
    },
  },
  ['endpoints', 'selector'],
);

/** For a cluster. */
export const serviceMonitorDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'servicemonitors.monitoring.coreos.com' },
  spec: {
    group: 'monitoring.coreos.com',
    scope: 'Namespaced',
    names: {
      plural: 'servicemonitors',
      singular: 'servicemonitor',
      kind: 'ServiceMonitor',
      listKind: 'ServiceMonitorList',
    },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: object({ spec }, ['spec']) } }],
  },
} as const;

/** Objects with properties take no others. */
function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== 'object' || schema === null) return schema;
  const parts = Object.entries(schema).map(([name, value]) => [name, strict(value)] as const);
  return { ...Object.fromEntries(parts), ...('properties' in schema && { additionalProperties: false }) };
}

/** For kubeconform, as strict as the other schemas. */
export const serviceMonitorSchema = {
  type: 'object',
  required: ['apiVersion', 'kind', 'metadata', 'spec'],
  properties: {
    apiVersion: { const: 'monitoring.coreos.com/v1' },
    kind: { const: 'ServiceMonitor' },
    metadata: { type: 'object', required: ['name'] },
    spec: strict(spec),
  },
  additionalProperties: false,
};
