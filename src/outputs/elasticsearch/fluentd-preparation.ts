/** What the options of the Fluentd plugins ask to be made on the server. */
import type { FluentdOptions } from './fluentd.ts';
import { datedNames } from './dated-names.ts';
import { streamNameProblem } from './preparation.ts';
import type { DataStreamSettings, LifecycleSettings, PreparationSettings, RolloverSettings } from './preparation.ts';
import type { DocumentSettings } from './settings.ts';
import { isObject } from './template-translation.ts';
import type { JsonObject } from './template-translation.ts';

/** @throws Error saying what is wrong and what to do */
export function preparationOf(options: FluentdOptions, documents: DocumentSettings): PreparationSettings {
  const { templateName, templateFile, customizeTemplate, dataStreamName } = options;
  const isStream = documents.dataStream !== undefined;
  const name = isStream ? (options.dataStreamTemplateName ?? `${dataStreamName}_template`) : templateName;
  const template =
    name !== undefined && templateFile !== undefined
      ? { name, file: templateFile, replaced: customizeTemplate ?? {} }
      : undefined;
  const rollover = isStream ? undefined : rolloverOf(options);
  if (rollover && !template) throw new Error('rollover_index and enable_ilm need template_name and template_file');
  return {
    templates: {
      overwrites: options.templateOverwrite,
      isLegacy: options.useLegacyTemplate && !isStream,
      typeName: options.typeName ?? '_doc',
    },
    template,
    others: options.templates ?? {},
    kubernetes: options.kubernetesTemplate && !isStream ? indexPrefix(options) : undefined,
    rollover,
    dataStream: isStream ? dataStreamOf(options, documents) : undefined,
    retention: isStream ? undefined : retentionOf(options),
    forgetsAfterMs: options.truncateCachesInterval,
  };
}

/** What the names of the indices written begin with. */
function indexPrefix({ logstashFormat, logstashPrefix, logstashPrefixSeparator, indexName }: FluentdOptions): string {
  return logstashFormat ? `${logstashPrefix}${logstashPrefixSeparator}` : indexName.replace(/%.*$/s, '');
}

function rolloverOf(options: FluentdOptions): RolloverSettings | undefined {
  const { rolloverIndex = 'false', enableIlm = false, deflectorAlias, indexName, logstashFormat } = options;
  const isRolled = !/^(?:|false|no)$/i.test(rolloverIndex);
  if (!isRolled && !enableIlm) return undefined;
  if (enableIlm && deflectorAlias !== undefined) throw new Error('deflector_alias cannot be used with enable_ilm');
  if (logstashFormat)
    throw new Error(
      'rollover_index and enable_ilm roll over one index: leave out logstash_format, and write index_name',
    );
  return {
    alias: deflectorAlias ?? indexName,
    index: indexName,
    separator: options.indexSeparator,
    datePattern: options.indexDatePattern,
    application: options.applicationName,
    lifecycle: enableIlm ? lifecycleOf(options) : undefined,
  };
}

function lifecycleOf(options: FluentdOptions): LifecycleSettings {
  const { ilmPolicyId = 'logstash-policy', ilmPolicy, ilmPolicies, ilmPolicyOverwrite = false } = options;
  if (ilmPolicy !== undefined && ilmPolicies !== undefined)
    throw new Error('ilm_policy and ilm_policies cannot be given together');
  if (ilmPolicyOverwrite && ilmPolicy === undefined && ilmPolicies === undefined)
    throw new Error('ilm_policy_overwrite needs ilm_policy');
  const policies =
    ilmPolicy === undefined
      ? jsonOption('ilm_policies', ilmPolicies ?? '{}')
      : { [ilmPolicyId]: jsonOption('ilm_policy', ilmPolicy) };
  return { name: ilmPolicyId, policies, overwrites: ilmPolicyOverwrite };
}

function jsonOption(name: string, written: string): JsonObject {
  try {
    const value = JSON.parse(written) as JsonObject;
    if (isObject(value)) return value;
  } catch {
    // Told below.
  }
  throw new Error(`${name} is no JSON object`);
}

function dataStreamOf(options: FluentdOptions, documents: DocumentSettings): DataStreamSettings {
  const { dataStreamName: name = '', dataStreamIlmPolicy: policy } = options;
  const problem = name.includes('${') ? undefined : streamNameProblem(name.replaceAll(/%./g, '0'));
  if (problem !== undefined) throw new Error(`data_stream_name ${problem}`);
  return {
    kind: documents.typeRule,
    name,
    templateName: options.dataStreamTemplateName ?? `${name}_template`,
    policyName: options.dataStreamIlmName ?? `${name}_policy`,
    policy: policy === undefined ? undefined : jsonOption('data_stream_ilm_policy', policy),
    policyOverwrites: options.dataStreamIlmPolicyOverwrite ?? false,
    isWildcard: options.dataStreamTemplateUseIndexPatternsWildcard ?? true,
    hasKubernetes: options.kubernetesTemplate,
    retentionMs: options.indexRetention,
  };
}

function retentionOf(options: FluentdOptions): PreparationSettings['retention'] {
  const { indexRetention, logstashFormat, logstashPrefix, logstashPrefixSeparator, logstashDateformat } = options;
  if (indexRetention === undefined) return undefined;
  const dated = /^(.*?)((?:%.).*)$/s.exec(options.indexName);
  const isTimed = logstashFormat || dated !== null;
  if (!isTimed)
    throw new Error('index_retention needs names with a date: logstash_format, or an index_name such as app-%Y.%m.%d');
  const prefix = logstashFormat ? `${logstashPrefix}${logstashPrefixSeparator}` : (dated?.[1] ?? '');
  const dateformat = logstashFormat ? logstashDateformat : (dated?.[2] ?? '');
  if (prefix === '') throw new Error('index_retention needs names that begin with more than a date');
  if (dateformat.includes('${')) throw new Error('index_retention needs names that end with the date');
  datedNames(prefix, dateformat);
  return { retentionMs: indexRetention, prefix, dateformat, isUtc: !logstashFormat || options.utcIndex };
}
