/** Sends batches to the leaders of their partitions, and says of each what became of it. */
import { sleep } from '../../core/clock.ts';
import type { Clock } from '../../core/clock.ts';
import { OperatingError } from '../../core/errors.ts';
import type { Cluster } from '../../kafka/cluster.ts';
import { failureText, isRefusing } from '../../kafka/failures.ts';
import { produce } from '../../kafka/produce.ts';
import type { ProduceAnswer, SealedBatch } from '../../kafka/produce.ts';
import type { OutgoingBatch } from './assemble.ts';
import { anybody } from './producer-state.ts';
import type { ProducerState } from './producer-state.ts';
import type { KafkaSettings } from './settings.ts';

/** Wait before a send is tried again within one write; ruby-kafka waits a second, most elections are over sooner. */
const retryMs = 250;
/** Bytes of one request: a few batches, so that one connection serves many partitions without long waits for memory. */
const requestBytesMax = 8 * 1024 * 1024;

/** What became of a batch: `delivered`, `refused` (all its rows, or those named), `split` (too large as a whole), `later`. */
export interface Outcome {
  readonly batch: OutgoingBatch;
  readonly kind: 'delivered' | 'refused' | 'split' | 'later';
  readonly reason: string;
  /** Kafka's name of what happened. */
  readonly error?: string | undefined;
  /** For `refused`: rows of the chunk that are why; the others of the batch may be sent again. Undefined: all. */
  readonly rows?: readonly { readonly row: number; readonly reason: string }[];
}

interface Sending {
  readonly batch: OutgoingBatch;
  readonly sealed: SealedBatch;
}
interface Later {
  readonly sending: Sending;
  readonly reason: string;
  readonly error?: string | undefined;
  /** Not in this write: a batch before it, whose number the broker waits for, will not come. */
  readonly isOver?: boolean;
}

/** Errors after which the leaders are asked for again. */
const staleErrors: ReadonlySet<string> = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_OR_FOLLOWER',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'KAFKA_STORAGE_ERROR',
]);

export class Sender {
  readonly #cluster: Cluster;
  readonly #settings: KafkaSettings;
  readonly #clock: Clock;

  constructor(cluster: Cluster, settings: KafkaSettings, clock: Clock) {
    this.#cluster = cluster;
    this.#settings = settings;
    this.#clock = clock;
  }
  /** Sends batches; of one partition they go in order. Each has an outcome. */
  async send(batches: readonly OutgoingBatch[], state: ProducerState, signal: AbortSignal): Promise<Outcome[]> {
    const { compression } = this.#settings;
    let left: Sending[] = [];
    for (const batch of batches) {
      const { topic, partition, writer, rows } = batch;
      const producer = state.next(topic.name, partition, rows.length);
      const bytes = await writer.seal(this.#cluster.library, compression, producer);
      left.push({ batch, sealed: { topic: topic.name, partition, bytes } });
    }
    const outcomes: Outcome[] = [];
    for (let tries = 0; left.length > 0; tries++) {
      if (signal.aborted) throw new OperatingError('OUTPUT_UNREACHABLE', 'sending to Kafka was stopped');
      const round = await this.#sendRound(left, state);
      outcomes.push(...round.outcomes);
      const isLast = tries >= this.#settings.sendRetries;
      left = [];
      for (const { sending, reason, error, isOver } of round.later)
        if (isLast || isOver === true) outcomes.push({ batch: sending.batch, kind: 'later', reason, error });
        else left.push(sending);
      if (left.length === 0) break;
      await sleep(this.#clock, retryMs * (tries + 1));
      await this.#refresh(left);
    }
    return outcomes;
  }
  async #refresh(left: readonly Sending[]): Promise<void> {
    const names = [...new Set(left.map(({ sealed }) => sealed.topic))];
    // What this cannot find out the next send will say.
    await this.#cluster.topics(names, { isFresh: true }).catch(() => undefined);
  }
  /** Sends each once, unless one before it in its partition fails. */
  async #sendRound(all: readonly Sending[], state: ProducerState) {
    const outcomes: Outcome[] = [];
    const later: Later[] = [];
    const byLeader = new Map<number, Sending[]>();
    for (const sending of all) {
      const { topic, partition } = sending.sealed;
      const leader = this.#cluster.known(topic)?.leaders[partition] ?? sending.batch.topic.leaders[partition] ?? -1;
      if (leader < 0) {
        later.push({ sending, reason: `partition ${partition} of topic ${topic} has no leader` });
        continue;
      }
      const list = byLeader.get(leader);
      if (list) list.push(sending);
      else byLeader.set(leader, [sending]);
    }
    await Promise.all(
      [...byLeader].map(async ([leader, list]) => {
        /** Partitions in which a batch was not taken; true: it never will be. */
        const stopped = new Map<string, boolean>();
        for (const request of requestsOf(list)) {
          const sent = request.filter(({ sealed }) => !stopped.has(placeOf(sealed)));
          for (const one of request)
            if (!sent.includes(one)) {
              const isOver = stopped.get(placeOf(one.sealed)) === true && state !== anybody;
              later.push({ sending: one, reason: 'a batch before it was not taken', isOver });
            }
          const answers = sent.length === 0 ? [] : await this.#ask(leader, sent, state);
          for (const [i, answer] of answers.entries()) {
            const sending = sent[i] as Sending;
            const outcome = this.#outcomeOf(sending.batch, answer);
            if (outcome) outcomes.push(outcome);
            else later.push({ sending, reason: reasonOf(sending.sealed, answer), error: answer.error });
            if (outcome?.kind !== 'delivered') stopped.set(placeOf(sending.sealed), outcome !== undefined);
          }
        }
      }),
    );
    return { outcomes, later };
  }
  /** One request; where it cannot be sent or its answer is lost, each batch gets that for an answer. */
  async #ask(leader: number, sent: readonly Sending[], state: ProducerState): Promise<ProduceAnswer[]> {
    const { acks, ackTimeoutMs } = this.#settings;
    try {
      const connection = await this.#cluster.node(leader);
      const settings = { acks, timeoutMs: ackTimeoutMs, transactionalId: state.transactionalId };
      return await produce(
        this.#cluster,
        connection,
        sent.map(({ sealed }) => sealed),
        settings,
      );
    } catch (error) {
      const text = error instanceof OperatingError ? error.message : failureText(error);
      for (const { sealed } of sent) this.#cluster.forget(sealed.topic);
      return sent.map(() => ({ error: 'NETWORK', text, records: [] }));
    }
  }
  /** Undefined: it may be tried again as it is. */
  #outcomeOf(batch: OutgoingBatch, answer: ProduceAnswer): Outcome | undefined {
    const { error } = answer;
    // What the broker has from an earlier try whose answer was lost.
    if (error === undefined || error === 'DUPLICATE_SEQUENCE_NUMBER') return { batch, kind: 'delivered', reason: '' };
    if (staleErrors.has(error)) this.#cluster.forget(batch.topic.name);
    if (!isRefusing(error)) return undefined;
    const reason = `OUTPUT_REFUSED: ${reasonOf({ topic: batch.topic.name, partition: batch.partition }, answer)}`;
    if (answer.records.length > 0) {
      const rows = answer.records.flatMap(({ place, text }) => {
        const row = batch.rows[place];
        return row === undefined ? [] : [{ row, reason: text === undefined ? reason : `${reason}: ${text}` }];
      });
      return { batch, kind: 'refused', reason, rows };
    }
    return { batch, kind: batch.rows.length > 1 ? 'split' : 'refused', reason };
  }
}

const placeOf = ({ topic, partition }: { readonly topic: string; readonly partition: number }): string =>
  `${topic} ${partition}`;

/** What is sent together: of each partition one batch. */
function requestsOf(list: readonly Sending[]): Sending[][] {
  const requests: { readonly places: Set<string>; readonly sent: Sending[]; bytes: number }[] = [];
  const next = new Map<string, number>();
  for (const sending of list) {
    const place = placeOf(sending.sealed);
    let at = next.get(place) ?? 0;
    while (at < requests.length && (requests[at]?.bytes ?? 0) + sending.sealed.bytes.length > requestBytesMax) at++;
    let request = requests[at];
    if (!request) requests.push((request = { places: new Set(), sent: [], bytes: 0 }));
    request.sent.push(sending);
    request.bytes += sending.sealed.bytes.length;
    next.set(place, requests.indexOf(request) + 1);
  }
  return requests.map(({ sent }) => sent);
}

function reasonOf(
  { topic, partition }: { readonly topic: string; readonly partition: number },
  answer: ProduceAnswer,
): string {
  const { error = '', text } = answer;
  if (error === 'NETWORK') return text ?? 'the connection broke';
  const said = failureText(Object.assign(new Error(text ?? 'the broker does not say more'), { apiId: error }));
  return `partition ${partition} of topic ${topic}: ${said}`;
}
