/** What the library and brokers say went wrong, in our words: may it work later, and what is a person to do? */
import { OperatingError, errorText, systemCode } from '../core/errors.ts';

/** The names of Kafka's errors (`NOT_LEADER_OR_FOLLOWER`) anywhere in what was thrown. */
export function kafkaErrors(error: unknown): string[] {
  return leaves(error).flatMap((one) => ('apiId' in one && typeof one.apiId === 'string' ? [one.apiId] : []));
}

/** Errors that only another record, or another configuration, mends: a record that gets one is refused. */
const refusing: ReadonlySet<string> = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
  'CORRUPT_MESSAGE',
  'INVALID_TOPIC_EXCEPTION',
  'UNSUPPORTED_FOR_MESSAGE_FORMAT',
]);
/** Errors of a topic: they stop everything for a topic that the configuration names, and refuse for one that a record named. */
const ofTopic: ReadonlySet<string> = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'TOPIC_AUTHORIZATION_FAILED']);
/** Whoever gets one has been replaced by another with the same transactional id. */
const fencing: ReadonlySet<string> = new Set(['PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH']);

export const isRefusing = (name: string): boolean => refusing.has(name);
export const isOfTopic = (name: string): boolean => ofTopic.has(name);
export const isFencing = (error: unknown): boolean => kafkaErrors(error).some((name) => fencing.has(name));

/** What to do about an error of Kafka, or about one of the system, for the end of a sentence. */
const advice: Readonly<Record<string, string>> = {
  UNKNOWN_TOPIC_OR_PARTITION: 'create the topic, or have the brokers create it (auto.create.topics.enable)',
  TOPIC_AUTHORIZATION_FAILED: 'give this user the right to it (kafka-acls)',
  GROUP_AUTHORIZATION_FAILED: 'give this user the right to read with this consumer group (kafka-acls)',
  CLUSTER_AUTHORIZATION_FAILED: 'give this user the right IdempotentWrite on the cluster (kafka-acls)',
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    'give this user the right to transactional ids that begin with post2log- (kafka-acls)',
  SASL_AUTHENTICATION_FAILED: 'check username, password and scram_mechanism',
  UNSUPPORTED_SASL_MECHANISM: 'check scram_mechanism against sasl.enabled.mechanisms of the brokers',
  ILLEGAL_SASL_STATE: 'these brokers ask for no login at this port: check brokers',
  MESSAGE_TOO_LARGE: 'max.message.bytes of the topic is the limit',
  NOT_ENOUGH_REPLICAS: 'fewer replicas are in sync than min.insync.replicas asks for',
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 'fewer replicas are in sync than min.insync.replicas asks for',
  INVALID_TOPIC_EXCEPTION: 'a topic is up to 249 letters, digits, dots, underscores and hyphens',
  ECONNREFUSED: 'nothing listens there: check brokers, and that they run',
  ENOTFOUND: 'no such host: check brokers, and advertised.listeners of the brokers',
  EAI_AGAIN: 'the name server does not answer',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'name its issuer in ssl_ca_cert',
  SELF_SIGNED_CERT_IN_CHAIN: 'name its issuer in ssl_ca_cert',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'name its issuer in ssl_ca_cert',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'name its issuer in ssl_ca_cert',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another name: check brokers, or set ssl_verify_hostname false',
  CERT_HAS_EXPIRED: 'its certificate has expired',
};
/** By words in a text, where there is no code. */
const adviceByText: readonly (readonly [RegExp, string])[] = [
  [/requires TLS/, 'this port speaks TLS: set ssl_ca_cert or ssl_ca_certs_from_system'],
  [/TLS handshake failed|wrong version number|packet length too long/, 'this port does not speak TLS: check brokers'],
  [/alert (?:number 116|certificate required)|certificate required/, 'it wants a certificate: set ssl_client_cert'],
  [/timed out/, 'it does not answer: check brokers, firewalls, and whether the port wants TLS or a login'],
];

/** `what happened; what to do`. */
export function failureText(error: unknown): string {
  const all = leaves(error);
  const names = kafkaErrors(error);
  const codes = all.map(systemCode).filter((code) => code !== undefined);
  const known = [...names, ...codes].find((code) => advice[code] !== undefined);
  const texts = [...new Set(all.map(shownText))];
  const said = texts.join(': ');
  const hint = known === undefined ? adviceByText.find(([pattern]) => pattern.test(said))?.[1] : advice[known];
  return hint === undefined ? said : `${said}; ${hint}`;
}

/** An error to try again after: the target cannot be reached, or says later. `doing`: what was done to what. */
export function unreachable(doing: string, error: unknown): OperatingError {
  if (error instanceof OperatingError) return error;
  return new OperatingError('OUTPUT_UNREACHABLE', `${doing}: ${failureText(error)}`, { cause: error });
}

function shownText(error: Error): string {
  const { apiId, serverErrorMessage } = error as { apiId?: unknown; serverErrorMessage?: unknown };
  const text = typeof serverErrorMessage === 'string' && serverErrorMessage !== '' ? serverErrorMessage : error.message;
  return typeof apiId === 'string' ? `${apiId}, ${text.replace(/\.$/, '')}` : text.replace(/\.$/, '');
}

/** The errors that say something: those at the ends of causes and lists. */
function leaves(error: unknown, depth = 0): Error[] {
  if (!(error instanceof Error)) return [new Error(errorText(error))];
  // The library nests three or four levels; a cycle must not hang us.
  if (depth > 8) return [error];
  const inner = [...(error instanceof AggregateError ? (error.errors as unknown[]) : []), error.cause].filter(
    (one) => one !== undefined && one !== null,
  );
  if (inner.length === 0) return [error];
  const below = inner.flatMap((one) => leaves(one, depth + 1));
  // `Connection to HOST:PORT failed` says where, which its cause does not.
  return error.message.startsWith('Connection to ') ? [error, ...below] : below;
}
