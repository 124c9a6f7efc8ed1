/** Answers to Fetch, versions 4 to 17, with the batches as they came: one that cannot be read must not cost the others. */
import type { Reader } from '@platformatic/kafka';

export interface FetchAnswer {
  /** 0: none. */
  readonly errorCode: number;
  readonly partitions: readonly FetchAnswerPartition[];
}
export interface FetchAnswerPartition {
  /** Name, or id from version 13 on. */
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly lastStableOffset: bigint;
  readonly aborted: readonly { readonly producerId: bigint; readonly firstOffset: bigint }[];
  readonly batches: Buffer;
}

/** Versions from which on a part is there. */
const since = { logStart: 5, errorCode: 7, preferredReplica: 11, compact: 12, topicIds: 13 } as const;

/** @throws RangeError and what else the reader throws at bytes that are no such answer */
export function readFetchAnswer(reader: Reader, version: number): FetchAnswer {
  const isCompact = version >= since.compact;
  // Throttle time.
  reader.skip(4);
  let errorCode = 0;
  if (version >= since.errorCode) {
    errorCode = reader.readInt16();
    // Session id.
    reader.skip(4);
  }
  const lists = reader.readNullableArray(
    (inner) => {
      const topic = version >= since.topicIds ? inner.readUUID() : inner.readString(isCompact);
      const found = inner.readNullableArray((one) => readPartition(one, topic, version), isCompact, isCompact);
      return found ?? [];
    },
    isCompact,
    isCompact,
  );
  return { errorCode, partitions: (lists ?? []).flat() };
}

function readPartition(reader: Reader, topic: string, version: number): FetchAnswerPartition {
  const isCompact = version >= since.compact;
  const partition = reader.readInt32();
  const errorCode = reader.readInt16();
  // High watermark.
  reader.skip(8);
  const lastStableOffset = reader.readInt64();
  if (version >= since.logStart) reader.skip(8);
  const aborted = reader.readNullableArray(
    (one) => ({ producerId: one.readInt64(), firstOffset: one.readInt64() }),
    isCompact,
    isCompact,
  );
  if (version >= since.preferredReplica) reader.skip(4);
  const batches = reader.readNullableBytes(isCompact) ?? Buffer.alloc(0);
  return { topic, partition, errorCode, lastStableOffset, aborted: aborted ?? [], batches };
}
