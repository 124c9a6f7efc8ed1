/** What a Kafka source does, whichever plugin and dialect it was configured with. */
import type { PluginModel } from '../../config/model.ts';
import type { ClusterSettings } from '../../kafka/connect.ts';

export interface KafkaSourceSettings {
  readonly cluster: ClusterSettings;
  readonly reads: GroupReading | FixedReading;
  /** A partition without any note begins there. */
  readonly begins: 'earliest' | 'latest';
  readonly fetch: {
    readonly waitMs: number;
    readonly bytesMin: number;
    readonly partitionBytesMax: number;
  };
  readonly records: RecordSettings;
}

/** As a member of a consumer group. Topics are names, or patterns between slashes. */
export interface GroupReading {
  readonly kind: 'group';
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
}
/** Partitions that are named. */
export interface FixedReading {
  readonly kind: 'fixed';
  /** `offset`: where to begin the first time; -1: behind the newest record, -2: at the oldest. */
  readonly entries: readonly { readonly topic: string; readonly partition: number; readonly offset: number }[];
}

export interface RecordSettings {
  /** How a value becomes a record: a parser, by name with its defaults, or one of these. `whole`: Fluent Bit's record around the value. */
  readonly format: 'json' | 'text' | 'msgpack' | 'whole' | 'whole-json' | { readonly parser: PluginModel | string };
  /** Field of a text. */
  readonly textKey: string;
  readonly tagPrefix: string | undefined;
  readonly tagSuffix: string | undefined;
  /** Field that gives the tag in place of the topic. */
  readonly tagField: string | undefined;
  /** The tag of all records, whatever their topic. */
  readonly fixedTag: string | undefined;
  readonly time: 'now' | 'kafka' | 'record';
  readonly timeField: string;
  readonly timeFormat: string | undefined;
  /** Field for the record's key. */
  readonly keyField: string | undefined;
  readonly addsHeaders: boolean;
  readonly addsOffset: boolean;
}
