/** What the options of the Fluentd plugins come to, whichever of them is configured. */
import { compileAccessor } from '../../core/accessor.ts';
import type { Accessor } from '../../core/accessor.ts';

/** What elasticsearch_dynamic may say anew for each record. */
export interface Meaning {
  readonly logstashFormat: boolean;
  readonly includeTimestamp: boolean;
  readonly utcIndex: boolean;
  readonly timeKey: string | undefined;
  readonly includeTagKey: boolean;
  readonly tagKey: string;
  readonly idKey: Accessor | undefined;
  readonly parentKey: Accessor | undefined;
  readonly routingKey: Accessor | undefined;
  readonly writeOperation: string;
}

export interface DocumentSettings extends Meaning {
  readonly indexName: string;
  readonly logstashPrefix: string;
  readonly logstashPrefixSeparator: string;
  readonly logstashDateformat: string;
  readonly targetIndexKey: readonly string[] | undefined;
  readonly targetTypeKey: readonly string[] | undefined;
  readonly timeKeyFormat: string | undefined;
  readonly timeKeyExcludeTimestamp: boolean;
  readonly timePrecision: number;
  readonly removeKeys: readonly string[];
  readonly removeKeysOnUpdate: readonly string[];
  readonly removeKeysOnUpdateKey: string | undefined;
  readonly flattenHashes: boolean;
  readonly flattenHashesSeparator: string;
  readonly typeName: string;
  readonly suppressTypeName: boolean;
  readonly suppressDocWrap: boolean;
  /** Empty: none. */
  readonly pipeline: string;
  readonly includeIndexInUrl: boolean;
  readonly targetIndexAffinity: boolean;
  readonly chunkIdKey: string | undefined;
  readonly exactlyOnce: boolean;
  /** Whose rules say when there is a `_type`. */
  readonly typeRule: 'elasticsearch' | 'opensearch';
  /** The version taken for granted where the server was not asked. */
  readonly defaultMajor: number;
  /** Records go into a data stream, whose rules for @timestamp are those of one plugin or the other. */
  readonly dataStream: 'elasticsearch' | 'opensearch' | undefined;
  readonly dataStreamName: string;
}

/** Options as both plugins have them; one's own are undefined for the other. */
export interface WrittenDocuments {
  readonly indexName: string;
  readonly logstashFormat: boolean;
  readonly logstashPrefix: string;
  readonly logstashPrefixSeparator: string;
  readonly logstashDateformat: string;
  readonly utcIndex: boolean;
  readonly targetIndexKey: string | undefined;
  readonly targetTypeKey?: string | undefined;
  readonly includeTimestamp: boolean;
  readonly timeKey: string | undefined;
  readonly timeKeyFormat: string | undefined;
  readonly timeKeyExcludeTimestamp: boolean;
  readonly timePrecision: number;
  readonly includeTagKey: boolean;
  readonly tagKey: string;
  readonly idKey: string | undefined;
  readonly parentKey: string | undefined;
  readonly routingKey: string | undefined;
  readonly removeKeys: string | undefined;
  readonly removeKeysOnUpdate: string;
  readonly removeKeysOnUpdateKey: string | undefined;
  readonly flattenHashes: boolean;
  readonly flattenHashesSeparator: string;
  readonly typeName?: string;
  readonly suppressTypeName: boolean;
  readonly writeOperation: string;
  readonly suppressDocWrap: boolean;
  readonly pipeline: string | undefined;
  readonly includeIndexInUrl: boolean;
  readonly targetIndexAffinity: boolean;
  readonly exactlyOnce: boolean;
  readonly defaultElasticsearchVersion?: number;
}

export interface DocumentKind {
  readonly typeRule: DocumentSettings['typeRule'];
  readonly dataStreamName?: string | undefined;
  readonly chunkIdKey: string | undefined;
  /** Options hold expressions that are evaluated for each record, and mean what these come to. */
  readonly isDynamic?: boolean;
}

export const writeOperations = ['index', 'create', 'update', 'upsert'];

/** @throws Error for an option that is none */
export function documentSettings(written: WrittenDocuments, kind: DocumentKind): DocumentSettings {
  const { typeRule, dataStreamName, chunkIdKey, isDynamic = false } = kind;
  const isDataStream = dataStreamName !== undefined;
  if (!writeOperations.includes(written.writeOperation) && !isDynamic)
    throw new Error(
      `write_operation ${JSON.stringify(written.writeOperation)} is none; expected one of ${writeOperations.join(', ')}`,
    );
  const isFixed = !isDataStream && !isDynamic;
  const accessor = isDynamic ? () => undefined : accessorOf;
  return {
    ...written,
    logstashFormat: written.logstashFormat && !isDataStream,
    includeTimestamp: written.includeTimestamp || isDataStream,
    timeKey: typeRule === 'elasticsearch' && isDataStream ? undefined : written.timeKey,
    targetIndexKey: isFixed ? written.targetIndexKey?.split('.') : undefined,
    targetTypeKey: isFixed ? written.targetTypeKey?.split('.') : undefined,
    idKey: typeRule === 'opensearch' && isDataStream ? undefined : accessor(written.idKey),
    parentKey: isDataStream ? undefined : accessor(written.parentKey),
    routingKey: isDataStream ? undefined : accessor(written.routingKey),
    removeKeys: splitKeys(written.removeKeys ?? ''),
    removeKeysOnUpdate: splitKeys(written.removeKeysOnUpdate),
    typeName: written.typeName ?? '_doc',
    pipeline: written.pipeline ?? '',
    chunkIdKey,
    exactlyOnce: written.exactlyOnce && hasFreeIds(written),
    typeRule,
    defaultMajor: typeRule === 'opensearch' ? 7 : (written.defaultElasticsearchVersion ?? 7),
    dataStream: isDataStream ? typeRule : undefined,
    dataStreamName: dataStreamName ?? '',
  };
}

/** Whether ids of documents are free to be made: the configuration says nothing about them. */
function hasFreeIds({ idKey, writeOperation }: Pick<WrittenDocuments, 'idKey' | 'writeOperation'>): boolean {
  return idKey === undefined && (writeOperation === 'index' || writeOperation === 'create');
}

function splitKeys(written: string): string[] {
  return written.split(/\s*,\s*/).filter((key) => key !== '');
}

/** A key with dots in it is a path, also without `$.` before it. */
export function accessorOf(key: string | undefined): Accessor | undefined {
  if (key === undefined) return undefined;
  return compileAccessor(key.includes('.') && !key.startsWith('$[') && !key.startsWith('$.') ? `$.${key}` : key);
}
