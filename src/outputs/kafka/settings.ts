/** What a Kafka output does, whichever plugin and dialect it was configured with. */
import type { BufferModel, PluginModel } from '../../config/model.ts';
import type { Accessor } from '../../core/accessor.ts';
import type { Batch } from '../../core/batch.ts';
import type { Chunk } from '../../core/plugin.ts';
import type { Compression } from '../../kafka/compression.ts';
import type { ClusterSettings } from '../../kafka/connect.ts';
import type { PartitionerName } from '../../kafka/partitioners.ts';

export interface KafkaSettings {
  readonly cluster: ClusterSettings;
  readonly topic: TopicSettings;
  /** Field names; undefined: not looked for. */
  readonly keyField: string | undefined;
  readonly partitionKeyField: string | undefined;
  readonly partitionField: string | undefined;
  readonly defaultKey: string | undefined;
  readonly defaultPartitionKey: string | undefined;
  readonly defaultPartition: number | undefined;
  readonly partitioner: PartitionerName;
  /** Fields that are left out of what is sent, by name. */
  readonly excludedKeys: readonly string[];
  /** More of them, found once headers are read. */
  readonly excludedFields: readonly Accessor[];
  readonly headers: Readonly<Record<string, string>>;
  readonly headersFromRecord: Readonly<Record<string, string>>;
  /** Sends this value alone, in the format. */
  readonly recordKey: Accessor | undefined;
  /** Sends the text of this field alone, as it is. */
  readonly rawField: string | undefined;
  /** By name: with its defaults. Undefined: JSON without a line end. */
  readonly formatter: PluginModel | string | undefined;
  /** Adds fields before anything else looks at a record. */
  readonly inject: (batch: Batch) => Batch;
  readonly usesRecordTime: boolean;
  /** Largest value of a record; undefined: as the brokers say. */
  readonly recordBytesMax: number | undefined;
  readonly batchBytesMax: number;
  readonly acks: -1 | 0 | 1;
  readonly ackTimeoutMs: number;
  readonly compression: Compression;
  /** How often a send is tried again before the chunk waits for its next turn. */
  readonly sendRetries: number;
  /** Refuses what could not be sent then, in place of waiting. */
  readonly refusesUndelivered: boolean;
  readonly isIdempotent: boolean;
  readonly isExactlyOnce: boolean;
  readonly cursorTopic: string;
  /** Sends with each record which one it is (core/origin.ts). */
  readonly sendsOrigin: boolean;
}

/** Where a topic comes from; the first that gives one counts. */
export interface TopicSettings {
  /** May hold placeholders of the chunk keys. */
  readonly template: string | undefined;
  /** Undefined: records have no say. */
  readonly field: string | undefined;
  readonly fallback: string | undefined;
  /** A topic that the brokers do not know is replaced by the fallback. */
  readonly replacesUnknown: boolean;
  /** Topics that a record may name, others become the fallback; undefined: any. */
  readonly allowed: readonly string[] | undefined;
}

/** A batch of 1 MB less what surrounds it: brokers take 1,048,588 bytes unless told otherwise (message.max.bytes). */
export const batchBytesDefault = 1_000_000;

/** Expands a chunk's topic; undefined where there is no template. */
export type ChunkTopic = (chunk: Chunk) => string | undefined;

/** True where the plugin's chunks know the value of a field: it is one of their keys, or they have none at all. */
export function knowsField(buffer: BufferModel, field: string): boolean {
  return buffer.chunkKeys.length === 0 || buffer.chunkKeys.includes(field);
}
