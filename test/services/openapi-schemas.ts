/**
 * JSON schemas of Kubernetes' objects from its OpenAPI 2 document, one for each kind, whole in itself and strict: a field that
 * the version does not know is refused, as is null, which the server takes for a field that is not there: in a manifest from a
 * template it is a value that was lost.
 */
export interface OpenApi {
  readonly definitions: Readonly<Record<string, OpenApiSchema>>;
}

export interface OpenApiSchema {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, OpenApiSchema>>;
  readonly required?: readonly string[];
  readonly items?: OpenApiSchema;
  readonly additionalProperties?: OpenApiSchema;
  readonly 'x-kubernetes-group-version-kind'?: readonly GroupVersionKind[];
}

interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

type JsonSchema = Readonly<Record<string, unknown>>;

const prefix = '#/definitions/';
const metadataName = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

/** Definitions whose JSON is not what the document says of them: the server reads them in code of their own. */
const written: Readonly<Record<string, JsonSchema>> = {
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': { type: ['string', 'integer'] },
  // 100m, 1.5Gi, 1e3: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
  'io.k8s.apimachinery.pkg.api.resource.Quantity': {
    anyOf: [
      { type: 'number' },
      { type: 'string', pattern: '^[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$' },
    ],
  },
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON': {},
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray': {},
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool': {},
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray': {},
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1': { type: 'object' },
  'io.k8s.apimachinery.pkg.runtime.RawExtension': { type: 'object' },
};

const integerLimits: Readonly<Record<string, JsonSchema>> = {
  int32: { minimum: -(2 ** 31), maximum: 2 ** 31 - 1 },
};

const formats: Readonly<Record<string, JsonSchema>> = {
  'date-time': { format: 'date-time' },
  byte: { pattern: '^[A-Za-z0-9+/]*={0,2}$' },
};

function convert(schema: OpenApiSchema): JsonSchema {
  if (schema.$ref !== undefined) return { $ref: schema.$ref };
  const { type, format = '', properties, required, items, additionalProperties } = schema;
  if (type === undefined && properties === undefined) return {};
  const limits = type === 'integer' ? integerLimits[format] : formats[format];
  return {
    type: type ?? 'object',
    ...limits,
    ...(properties && { properties: convertAll(properties), additionalProperties: false }),
    ...(required && { required }),
    ...(items && { items: convert(items) }),
    ...(additionalProperties && { additionalProperties: convert(additionalProperties) }),
  };
}

const convertAll = (schemas: Readonly<Record<string, OpenApiSchema>>): Record<string, JsonSchema> =>
  Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, convert(schema)]));

/** Names of all definitions that one needs, itself among them. */
function reach(definitions: OpenApi['definitions'], start: string): Set<string> {
  const found = new Set([start]);
  const look = (schema: OpenApiSchema | undefined): void => {
    if (schema === undefined) return;
    const name = schema.$ref?.slice(prefix.length);
    if (name !== undefined) found.add(name);
    for (const property of Object.values(schema.properties ?? {})) look(property);
    look(schema.items);
    look(schema.additionalProperties);
  };
  // A set is walked to its end, also that which comes while it is walked.
  for (const name of found) if (!Object.hasOwn(written, name)) look(definitions[name]);
  return found;
}

/** Where kubeconform looks for a kind: `statefulset-apps-v1`, `pod-v1`. */
function fileName({ group, version, kind }: GroupVersionKind): string {
  const first = group.split('.')[0] ?? '';
  return [kind.toLowerCase(), ...(first === '' ? [] : [first]), version].join('-');
}

/** Schemas by the file name that kubeconform gives to `{{.ResourceKind}}{{.KindSuffix}}`, of all kinds that have metadata of their own. */
export function objectSchemas({ definitions }: OpenApi): Map<string, JsonSchema> {
  const schemas = new Map<string, JsonSchema>();
  for (const [name, definition] of Object.entries(definitions)) {
    const kinds = definition['x-kubernetes-group-version-kind'] ?? [];
    if (definition.properties?.['metadata']?.$ref !== `${prefix}${metadataName}`) continue;
    const needed = [...reach(definitions, name)].map((each) => {
      const schema = definitions[each];
      if (schema === undefined) throw new Error(`${name} needs ${each}, which the document does not define`);
      return [each, written[each] ?? convert(schema)] as const;
    });
    for (const kind of kinds) {
      const apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
      schemas.set(fileName(kind), {
        $schema: 'http://json-schema.org/draft-07/schema#',
        allOf: [{ $ref: `${prefix}${name}` }],
        properties: { apiVersion: { const: apiVersion }, kind: { const: kind.kind }, metadata: { required: ['name'] } },
        required: ['apiVersion', 'kind', 'metadata'],
        definitions: Object.fromEntries(needed),
      });
    }
  }
  return schemas;
}
