/**
 * Who sends: nobody in particular, or a producer that brokers know, with a number for each record of a partition, so that
 * they take a batch once however often it is sent (KIP-98).
 */
import type { Cluster } from '../../kafka/cluster.ts';
import { unreachable } from '../../kafka/failures.ts';
import type { Producer } from '../../kafka/record-batch.ts';

/** Sequence numbers wrap around at 2^31. */
const sequenceMax = 0x7fff_ffff;

export interface ProducerState {
  readonly transactionalId: string | undefined;
  /** For a batch of `count` records, which is sent as often as need be, in the order of these calls. */
  next(
    topic: string,
    partition: number,
    count: number,
  ): (Producer & { readonly sequence: number; readonly isTransactional: boolean }) | undefined;
}

/** Batches without a producer: one that is sent again may be taken twice. */
export const anybody: ProducerState = { transactionalId: undefined, next: () => undefined };

/** Numbers the batches of one producer. */
export class NumberedProducer implements ProducerState {
  readonly transactionalId: string | undefined;
  readonly #producer: Producer;
  readonly #next = new Map<string, number>();

  constructor(producer: Producer, transactionalId?: string) {
    this.#producer = producer;
    this.transactionalId = transactionalId;
  }
  next(topic: string, partition: number, count: number) {
    const place = `${topic} ${partition}`;
    const sequence = this.#next.get(place) ?? 0;
    this.#next.set(place, (sequence + count) % (sequenceMax + 1));
    return { ...this.#producer, sequence, isTransactional: this.transactionalId !== undefined };
  }
}

/** A new producer without transactions. @throws OperatingError OUTPUT_UNREACHABLE */
export async function newProducer(cluster: Cluster): Promise<NumberedProducer> {
  const api = await cluster.version('initProducerId');
  try {
    const { producerId, producerEpoch } = await api.async(await cluster.any(), null, 0, -1n, -1);
    return new NumberedProducer({ id: producerId, epoch: producerEpoch });
  } catch (error) {
    throw unreachable(`asking Kafka at ${cluster.shown} for a producer id`, error);
  }
}
