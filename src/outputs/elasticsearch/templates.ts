/** Index templates, rollover aliases, lifecycle policies and data streams: made where they are not there. Source: fluent-plugin-elasticsearch 6.0, elasticsearch_index_template.rb. */
import { readFile } from 'node:fs/promises';
import { OperatingError, errorText } from '../../core/errors.ts';
import type { Cluster } from './cluster.ts';
import { elasticMajor } from './server.ts';
import type { Server } from './server.ts';
import { isObject, kubernetesMappings, translateTemplate } from './template-translation.ts';
import type { JsonObject } from './template-translation.ts';

export interface TemplateSettings {
  readonly overwrites: boolean;
  readonly isLegacy: boolean;
  readonly typeName: string;
}

/** What servers of an unknown version are taken for. */
const majorDefault = 7;
function majorOf(server: Server | undefined): number {
  return server ? elasticMajor(server) : majorDefault;
}

/** Reads a template's file, texts in it replaced. @throws OperatingError OUTPUT_UNREACHABLE: it may come to be right */
export async function readTemplate(path: string, replaced: Readonly<Record<string, string>>): Promise<JsonObject> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new OperatingError('OUTPUT_UNREACHABLE', `reading template_file ${path}: ${errorText(error)}`, {
      cause: error,
    });
  }
  for (const [from, to] of Object.entries(replaced)) text = text.replaceAll(from, to.toLowerCase());
  try {
    const value = JSON.parse(text) as JsonObject;
    if (isObject(value)) return value;
  } catch (error) {
    throw new OperatingError('OUTPUT_UNREACHABLE', `template_file ${path} is no JSON: ${errorText(error)}`, {
      cause: error,
    });
  }
  throw new OperatingError('OUTPUT_UNREACHABLE', `template_file ${path} is no JSON object`);
}

/** Makes a template. @throws OperatingError OUTPUT_UNREACHABLE */
export async function putTemplate(
  cluster: Cluster,
  server: Server | undefined,
  name: string,
  template: JsonObject,
  { overwrites, isLegacy, typeName }: TemplateSettings,
  signal: AbortSignal,
): Promise<void> {
  const path = `/${isLegacy ? '_template' : '_index_template'}/${encodeURIComponent(name)}`;
  if (!overwrites && (await cluster.exists(path, signal))) return;
  await cluster.json('PUT', path, signal, translateTemplate(template, { major: majorOf(server), isLegacy, typeName }));
}

/** The template for seeing what Kubernetes logs, for indices of these names. */
export function kubernetesTemplate(patterns: readonly string[]): JsonObject {
  return { index_patterns: [...patterns], order: 0, mappings: kubernetesMappings };
}

/** Puts lifecycle settings into a template, whose pattern becomes that of the indices behind the alias. */
export function withLifecycle(
  template: JsonObject,
  pattern: string,
  policy: string,
  alias: string,
  depth: number,
): JsonObject {
  const inner = isObject(template['template']) ? template['template'] : template;
  const settings = isObject(inner['settings']) ? inner['settings'] : {};
  const lifecycle = { ...settings, 'index.lifecycle.name': policy, 'index.lifecycle.rollover_alias': alias };
  const order = typeof template['order'] === 'number' ? template['order'] + depth + 1 : 51 + depth;
  const priority = typeof template['priority'] === 'number' ? template['priority'] + depth + 1 : 101 + depth;
  const rest = Object.fromEntries(Object.entries(template).filter(([key]) => key !== 'order' && key !== 'priority'));
  const isNew = isObject(template['template']);
  return {
    ...rest,
    index_patterns: [pattern],
    ...(isNew ? { template: { ...inner, settings: lifecycle }, priority } : { settings: lifecycle, order }),
  };
}

export interface RolloverNames {
  readonly alias: string;
  /** The first index, as date math: `<logs-default-{now/d}-000001>`. */
  readonly firstIndex: string;
}

/** Makes the alias and the first index behind it, where the alias is not there. @throws OperatingError OUTPUT_UNREACHABLE */
export async function putRolloverAlias(
  cluster: Cluster,
  { alias, firstIndex }: RolloverNames,
  signal: AbortSignal,
): Promise<void> {
  if (await cluster.exists(`/_alias/${encodeURIComponent(alias)}`, signal)) return;
  await putUnlessThere(cluster, `/${encodeURIComponent(firstIndex)}`, signal, {
    aliases: { [alias]: { is_write_index: true } },
  });
}

/** Fluentd's default policy, with an end where one is wanted. */
export function lifecyclePolicy(retentionMs: number | undefined): JsonObject {
  const hot: JsonObject = { actions: { rollover: { max_size: '50gb', max_age: '30d' } } };
  if (retentionMs === undefined) return { policy: { phases: { hot } } };
  const delete_: JsonObject = { min_age: ageText(retentionMs), actions: { delete: {} } };
  return { policy: { phases: { hot, delete: delete_ } } };
}

/** Makes a lifecycle policy of Elasticsearch. @throws OperatingError OUTPUT_UNREACHABLE */
export async function putLifecycle(
  cluster: Cluster,
  server: Server | undefined,
  name: string,
  policy: JsonObject,
  overwrites: boolean,
  signal: AbortSignal,
): Promise<void> {
  if (server?.kind === 'opensearch')
    throw new OperatingError(
      'OUTPUT_UNREACHABLE',
      'OpenSearch has no lifecycle policies of Elasticsearch: leave out enable_ilm, and write index_retention',
    );
  const path = `/_ilm/policy/${encodeURIComponent(name)}`;
  if (!overwrites && (await cluster.exists(path, signal))) return;
  await cluster.json('PUT', path, signal, policy);
}

export interface StateManagement {
  readonly pattern: string;
  /** Of its policy among those whose patterns match too. */
  readonly priority: number;
  readonly retentionMs: number;
}

/** OpenSearch's counterpart, which counts for streams made from now on. @throws OperatingError OUTPUT_UNREACHABLE */
export async function putStateManagement(
  cluster: Cluster,
  name: string,
  { pattern, priority, retentionMs }: StateManagement,
  signal: AbortSignal,
): Promise<void> {
  const path = `/_plugins/_ism/policies/${encodeURIComponent(name)}`;
  const there = await cluster.json('GET', path, signal);
  const version =
    typeof there === 'object' && there !== null && '_seq_no' in there && '_primary_term' in there
      ? `?if_seq_no=${String(there._seq_no)}&if_primary_term=${String(there._primary_term)}`
      : '';
  const age = ageText(retentionMs);
  await cluster.json('PUT', `${path}${version}`, signal, {
    policy: {
      description: `Indices of ${pattern} are deleted after ${age}.`,
      default_state: 'hot',
      ism_template: [{ index_patterns: [pattern], priority }],
      states: [
        {
          name: 'hot',
          actions: [{ rollover: { min_size: '50gb', min_index_age: '1d' } }],
          transitions: [{ state_name: 'delete', conditions: { min_index_age: age } }],
        },
        { name: 'delete', actions: [{ delete: {} }], transitions: [] },
      ],
    },
  });
}

function ageText(ms: number): string {
  return ms % 86_400_000 === 0 ? `${ms / 86_400_000}d` : `${Math.max(1, Math.round(ms / 3_600_000))}h`;
}

/** Makes a data stream where it is not there. @throws OperatingError OUTPUT_UNREACHABLE */
export async function putDataStream(cluster: Cluster, name: string, signal: AbortSignal): Promise<void> {
  const path = `/_data_stream/${encodeURIComponent(name)}`;
  if (await cluster.exists(path, signal)) return;
  await putUnlessThere(cluster, path, signal, undefined);
}

/** Another program may have made it in between. */
async function putUnlessThere(cluster: Cluster, path: string, signal: AbortSignal, body: unknown): Promise<void> {
  try {
    await cluster.json('PUT', path, signal, body);
  } catch (error) {
    if (!errorText(error).includes('resource_already_exists_exception')) throw error;
  }
}
