/**
 * Makes README.md and values.schema.json of the chart from its values.yaml: `node deploy/helm/values.ts`; with `--check` it
 * only says whether they are fresh. A comment `# -- …` above a key says what the value is; `# @schema …` above it what it
 * may be: the name of one of the definitions below, or JSON that is added to what follows from the default.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, isScalar, parseDocument } from 'yaml';
import type { Pair, YAMLMap } from 'yaml';

type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: 'string' };
/** What a value that is passed on as text may also be. */
const scalar: Schema = { type: ['string', 'number', 'boolean'] };

/** A map with these keys and no others; `required` must be there. */
function known(keys: string, required = ''): Schema {
  return {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(keys.split(' ').map((key) => [key, {}])),
    ...(required === '' ? {} : { required: required.split(' ') }),
  };
}

function listOf(items: Schema): Schema {
  return { type: 'array', items };
}

/** Forms that several values have. Numbers and truth values may be text: variables of the environment become values as they are. */
const definitions: Readonly<Record<string, Schema>> = {
  name: { type: 'string', pattern: '^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$' },
  port: { type: ['integer', 'string'], pattern: '^[0-9]{1,5}$', minimum: 1, maximum: 65_535 },
  portOrNone: { type: ['integer', 'string'], pattern: '^([0-9]{1,5})?$', minimum: 1, maximum: 65_535 },
  count: { type: ['integer', 'string'], pattern: '^[1-9][0-9]{0,3}$', minimum: 1, maximum: 1024 },
  number: { type: ['integer', 'string'], pattern: '^[0-9]{1,6}$', minimum: 0, maximum: 999_999 },
  truth: {
    type: ['boolean', 'string', 'integer'],
    enum: [true, false, 0, 1, 'true', 'false', 'True', 'False', '1', '0'],
  },
  quantity: {
    type: ['string', 'number'],
    pattern: '^[0-9]+(\\.[0-9]+)?(k|K|M|G|T|Ki|Mi|Gi|Ti)?$',
    exclusiveMinimum: 0,
  },
  duration: { type: ['string', 'integer'], pattern: '^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)?$', minimum: 0 },
  // A list of paths as text, without what would end the line of a configuration.
  endpoints: { type: 'string', pattern: '^/[^\\s"\'#,]*(,\\s*/[^\\s"\'#,]*)*$' },
  logLevel: {
    type: 'string',
    enum: ['trace', 'debug', 'info', 'warn', 'warning', 'error', 'fatal', 'critical', 'silent'],
  },
  texts: { type: 'object', additionalProperties: scalar },
  textsOrYaml: {
    anyOf: [
      { type: 'string' },
      { type: 'object', additionalProperties: scalar },
      { type: 'array', items: { type: 'object', additionalProperties: scalar } },
    ],
  },
  paths: { type: 'array', items: { type: 'string', pattern: '^/' } },
  objects: { type: 'array', items: { type: 'object' } },
  // Parts of Kubernetes objects that are passed on: what they may have is known, what that is need not be here.
  tolerations: listOf(known('key operator value effect tolerationSeconds')),
  hostAliases: listOf(known('ip hostnames', 'ip hostnames')),
  env: listOf({ ...known('name', 'name'), properties: { name: text, value: text, valueFrom: { type: 'object' } } }),
  envFrom: listOf(known('prefix configMapRef secretRef')),
  containerPorts: listOf(known('name containerPort protocol hostPort hostIP', 'containerPort')),
  servicePorts: listOf(known('name port targetPort nodePort protocol appProtocol', 'port')),
  volumes: listOf({ type: 'object', required: ['name'] }),
  volumeMounts: listOf(
    known('name mountPath subPath subPathExpr readOnly recursiveReadOnly mountPropagation', 'name mountPath'),
  ),
  containers: listOf({ type: 'object', required: ['name'] }),
  spread: listOf(
    known(
      'maxSkew topologyKey whenUnsatisfiable labelSelector minDomains nodeAffinityPolicy nodeTaintsPolicy matchLabelKeys',
      'maxSkew topologyKey whenUnsatisfiable',
    ),
  ),
  affinity: known('nodeAffinity podAffinity podAntiAffinity'),
  dnsConfig: known('nameservers searches options'),
  resources: known('limits requests claims'),
  lifecycle: known('preStop postStart stopSignal'),
  strategy: known('type rollingUpdate'),
  scaling: known('scaleUp scaleDown'),
  podSecurity: known(
    'appArmorProfile fsGroup fsGroupChangePolicy runAsGroup runAsNonRoot runAsUser seLinuxChangePolicy seLinuxOptions seccompProfile supplementalGroups supplementalGroupsPolicy sysctls windowsOptions',
  ),
  containerSecurity: known(
    'allowPrivilegeEscalation appArmorProfile capabilities privileged procMount readOnlyRootFilesystem runAsGroup runAsNonRoot runAsUser seLinuxOptions seccompProfile windowsOptions',
  ),
  ingressTls: listOf(known('hosts secretName')),
  peers: listOf(known('podSelector namespaceSelector ipBlock')),
  egress: listOf(known('to ports')),
  probe: {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries([
      ...['initialDelaySeconds', 'periodSeconds', 'timeoutSeconds', 'failureThreshold', 'successThreshold'].map(
        (name) => [name, { type: 'integer', minimum: 0 }],
      ),
      ['terminationGracePeriodSeconds', { type: 'integer', minimum: 1 }],
      ...['httpGet', 'tcpSocket', 'exec', 'grpc'].map((name) => [name, { type: 'object' }]),
    ]),
  },
};

interface Value {
  readonly path: string;
  readonly summary: string;
  readonly fallback: unknown;
  readonly schema: Schema;
}

/** Walks the values; gives the schema of a map, and appends each value to `values`. */
function walk(map: YAMLMap, path: string, values: Value[]): Schema {
  const properties: Record<string, Schema> = {};
  for (const [index, pair] of map.items.entries()) {
    if (!isScalar(pair.key)) throw new Error(`${path}: a key that is no text`);
    const name = String(pair.key.value);
    const here = path === '' ? name : `${path}.${name}`;
    // The comment above the first key of a map is the map's.
    const comment = `${index === 0 ? (map.commentBefore ?? '') : ''}\n${pair.key.commentBefore ?? ''}`;
    properties[name] = oneOf(
      pair,
      here,
      comment.split('\n').map((line) => line.trim()),
      values,
    );
  }
  return { type: 'object', additionalProperties: false, properties };
}

function oneOf(pair: Pair, path: string, lines: readonly string[], values: Value[]): Schema {
  const summary = lines.find((line) => line.startsWith('-- '))?.slice(3);
  const asked = lines.find((line) => line.startsWith('@schema '))?.slice(8);
  if (isMap(pair.value) && pair.value.items.length > 0 && summary === undefined) return walk(pair.value, path, values);
  if (summary === undefined) throw new Error(`${path}: no comment that begins with "# -- " says what it is`);
  const fallback: unknown =
    isMap(pair.value) || !isScalar(pair.value) ? (pair.value as YAMLMap).toJSON() : pair.value.value;
  const schema = { ...schemaOf(fallback, asked, path), description: summary };
  values.push({ path, summary, fallback, schema });
  return schema;
}

function schemaOf(fallback: unknown, asked: string | undefined, path: string): Schema {
  if (asked !== undefined && !asked.startsWith('{')) {
    if (!Object.hasOwn(definitions, asked)) throw new Error(`${path}: no definition is called ${asked}`);
    return { allOf: [{ $ref: `#/definitions/${asked}` }] };
  }
  return { ...inferred(fallback), ...(asked === undefined ? {} : (JSON.parse(asked) as Schema)) };
}

function inferred(fallback: unknown): Schema {
  if (typeof fallback === 'boolean') return { type: 'boolean' };
  if (typeof fallback === 'number') return { type: 'integer', minimum: 0 };
  if (typeof fallback === 'string') return text;
  return { type: Array.isArray(fallback) ? 'array' : 'object' };
}

function form({ schema, fallback }: Value): string {
  const named = (schema['allOf'] as readonly { $ref: string }[] | undefined)?.[0]?.$ref.slice('#/definitions/'.length);
  const forms: Readonly<Record<string, string>> = {
    name: 'name',
    port: 'port',
    portOrNone: 'port or empty',
    count: 'number, from 1',
    number: 'number',
    truth: 'true or false',
    quantity: 'size (4Gi)',
    duration: 'duration (10s)',
    endpoints: 'paths, by commas',
    logLevel: 'level',
    texts: 'map of texts',
    textsOrYaml: 'map, or YAML text',
    paths: 'list of paths',
  };
  if (named !== undefined) return forms[named] ?? (definitions[named]?.['type'] === 'array' ? 'list' : 'map');
  const choices = schema['enum'] as readonly string[] | undefined;
  if (choices) return choices.map((choice) => (choice === '' ? 'empty' : `\`${choice}\``)).join(', ');
  if (typeof fallback === 'boolean') return 'true or false';
  if (typeof fallback === 'number') return 'number';
  if (typeof fallback === 'string') return 'text';
  return Array.isArray(fallback) ? 'list' : 'map';
}

function table(values: readonly Value[]): string {
  const cell = (one: string): string => one.replaceAll('|', '\\|');
  const rows = values.map((value) => {
    const shown = value.fallback === '' ? '' : `\`${JSON.stringify(value.fallback)}\``;
    return `| \`${value.path}\` | ${cell(form(value))} | ${cell(shown)} | ${cell(value.summary)} |`;
  });
  return ['| value | form | default | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

const parts: Readonly<Record<string, string>> = {
  receiver: 'Receiver',
  collector: 'Collector',
  aggregator: 'Aggregator',
  explorer: 'Explorer',
};

function tables(values: readonly Value[]): string {
  const partOf = ({ path }: Value): string =>
    Object.hasOwn(parts, path.split('.')[0] ?? '') ? (path.split('.')[0] ?? '') : '';
  const sections = ['', ...Object.keys(parts)].map((part) => {
    const title = part === '' ? 'The release, and what the receiver has from before' : parts[part];
    return `### ${title}\n\n${table(values.filter((value) => partOf(value) === part))}`;
  });
  return sections.join('\n\n');
}

const chart = join(import.meta.dirname, 'post2log');
const begin = '<!-- Made by `node deploy/helm/values.ts` from values.yaml; change that. -->';

/** The two files as they should be, by path. */
function files(): Map<string, string> {
  const document = parseDocument(readFileSync(join(chart, 'values.yaml'), 'utf8'));
  const [problem] = document.errors;
  if (problem) throw problem;
  const values: Value[] = [];
  const root = walk(document.contents as YAMLMap, '', values);
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Values of the chart post2log',
    ...root,
    properties: { ...(root['properties'] as Schema), global: { type: 'object' } },
    definitions,
  };
  const readme = join(chart, 'README.md');
  const [written = ''] = readFileSync(readme, 'utf8').split(begin);
  return new Map([
    [join(chart, 'values.schema.json'), `${JSON.stringify(schema, undefined, 2)}\n`],
    [readme, `${written}${begin}\n\n${tables(values)}\n`],
  ]);
}

const isCheck = process.argv.includes('--check');
for (const [path, fresh] of files()) {
  if (readFileSync(path, { encoding: 'utf8', flag: 'a+' }) === fresh) continue;
  if (isCheck) {
    console.error(`${path} is not what values.yaml says: run node deploy/helm/values.ts`);
    process.exitCode = 1;
  } else writeFileSync(path, fresh);
}
