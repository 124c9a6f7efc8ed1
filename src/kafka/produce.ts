/** The Produce call with batches that are encoded already, and what brokers answer for each of them. */
import type { Connection } from '@platformatic/kafka';
import type { Cluster } from './cluster.ts';
import { responseOf } from './cluster.ts';

/** A sealed batch for a partition. */
export interface SealedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly bytes: Buffer;
}

/** What a broker said of one batch. */
export interface ProduceAnswer {
  /** Kafka's name; undefined: taken. */
  readonly error: string | undefined;
  readonly text: string | undefined;
  /** Records of the batch, by place, that are why it was refused. */
  readonly records: readonly { readonly place: number; readonly text: string | undefined }[];
}

export interface ProduceSettings {
  readonly acks: -1 | 0 | 1;
  readonly timeoutMs: number;
  readonly transactionalId?: string | undefined;
}

interface Response {
  readonly responses: readonly {
    readonly name: string;
    readonly partitionResponses: readonly {
      readonly index: number;
      readonly errorCode: number;
      readonly recordErrors?: readonly {
        readonly batchIndex: number;
        readonly batchIndexErrorMessage?: string | null | undefined;
      }[];
      readonly errorMessage?: string | null | undefined;
    }[];
  }[];
}

/** From version 9 on lengths are varints and tagged fields follow (KIP-482). */
const firstFlexible = 9;

/** Sends batches, one of a partition at most; gives an answer for each, in order. Rejects where the connection broke. */
export async function produce(
  cluster: Cluster,
  connection: Connection,
  batches: readonly SealedBatch[],
  settings: ProduceSettings,
): Promise<ProduceAnswer[]> {
  const { key, version } = await cluster.version('produce');
  const isFlexible = version >= firstFlexible;
  const parsers = cluster.library as unknown as Record<
    string,
    { parseResponse: typeof import('@platformatic/kafka').produceV11.parseResponse }
  >;
  const parse = parsers[`produceV${version}`]?.parseResponse;
  if (!parse) throw new Error(`there is no parser for Produce version ${version}`);
  const response = await new Promise<Response | undefined>((resolve, reject) => {
    connection.send(
      key,
      version,
      () => request(cluster, batches, settings, isFlexible),
      parse,
      isFlexible,
      isFlexible,
      (error, answer) => {
        // With a part that failed the whole answer comes inside of the error.
        const inside = responseOf(error) as Response | undefined;
        if (error && !inside) reject(error);
        else resolve(inside ?? (typeof answer === 'object' ? answer : undefined));
      },
    );
  });
  if (!response) return batches.map(() => taken);
  return batches.map(({ topic, partition }) => answerFor(cluster, response, topic, partition));
}

const taken: ProduceAnswer = { error: undefined, text: undefined, records: [] };

function answerFor(cluster: Cluster, response: Response, topic: string, partition: number): ProduceAnswer {
  const found = response.responses
    .find(({ name }) => name === topic)
    ?.partitionResponses.find(({ index }) => index === partition);
  if (!found) return { error: 'UNKNOWN_SERVER_ERROR', text: 'the answer says nothing of it', records: [] };
  if (found.errorCode === 0) return taken;
  return {
    error: cluster.errorName(found.errorCode),
    text: found.errorMessage ?? undefined,
    records: (found.recordErrors ?? []).map(({ batchIndex, batchIndexErrorMessage }) => ({
      place: batchIndex,
      text: batchIndexErrorMessage ?? undefined,
    })),
  };
}

function request(cluster: Cluster, batches: readonly SealedBatch[], settings: ProduceSettings, isFlexible: boolean) {
  const topics = new Map<string, SealedBatch[]>();
  for (const batch of batches) {
    const list = topics.get(batch.topic);
    if (list) list.push(batch);
    else topics.set(batch.topic, [batch]);
  }
  const writer = cluster.library.Writer.create()
    .appendString(settings.transactionalId ?? null, isFlexible)
    .appendInt16(settings.acks)
    .appendInt32(settings.timeoutMs)
    .appendArray(
      [...topics],
      (to, [topic, list]) => {
        to.appendString(topic, isFlexible).appendArray(
          list,
          (inner, { partition, bytes }) => {
            inner.appendInt32(partition);
            if (isFlexible) inner.appendUnsignedVarInt(bytes.length + 1);
            else inner.appendInt32(bytes.length);
            inner.append(bytes);
          },
          isFlexible,
          isFlexible,
        );
      },
      isFlexible,
      isFlexible,
    );
  if (isFlexible) writer.appendTaggedFields();
  if (settings.acks === 0) writer.context['noResponse'] = true;
  return writer;
}
