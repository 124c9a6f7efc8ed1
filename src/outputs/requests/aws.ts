/** Requests to services of AWS: signed, with keys that are fetched anew before they expire. */
import type { Clock } from '../../core/clock.ts';
import { AwsCredentials } from './aws-credentials.ts';
import type { AwsCredentialSettings } from './aws-credentials.ts';
import { signRequest } from './aws-signature.ts';
import type { AwsScope } from './aws-signature.ts';
import type { ClientAnswer, ClientRequestParts } from './client.ts';

export type AwsSettings = AwsScope & AwsCredentialSettings;

/** Signs the requests of one output. */
export class AwsSigner {
  readonly #scope: AwsScope;
  readonly #clock: Clock;
  readonly #credentials: AwsCredentials;

  constructor(settings: AwsSettings, clock: Clock, env: Readonly<Record<string, string | undefined>> = process.env) {
    this.#scope = settings;
    this.#clock = clock;
    this.#credentials = new AwsCredentials(settings, clock, env);
  }

  /** The request with its signature. @throws OperatingError OUTPUT_UNREACHABLE where there are no keys */
  async sign(parts: ClientRequestParts): Promise<ClientRequestParts> {
    return signRequest(parts, await this.#credentials.get(), this.#scope, this.#clock.nowMs());
  }
  /**
   * What an answer says against the keys or the signature, and what to do; undefined: it speaks of something else. The keys
   * are forgotten then, so that trying again helps where they had expired before their time.
   */
  problemOf({ status, text }: Pick<ClientAnswer, 'status' | 'text'>): string | undefined {
    if (status !== 400 && status !== 401 && status !== 403) return undefined;
    const found = problems.find(([pattern]) => pattern.test(text));
    if (found) this.#credentials.forget();
    return found?.[1];
  }
}

/** What AWS services answer when they do not take a request for whom it is from, and what to do. Source: IAM, "Common errors". */
const problems: readonly (readonly [RegExp, string])[] = [
  [
    /Signature expired|Signature not yet current|RequestExpired|RequestTimeTooSkewed/i,
    'check the clock of this machine: AWS takes signatures of the last minutes only',
  ],
  [/ExpiredToken|token included in the request is expired/i, 'the keys have expired: they are fetched anew'],
  [
    /InvalidClientTokenId|UnrecognizedClient|InvalidAccessKeyId|token included in the request is invalid/i,
    'AWS does not know the access key: check access_key_id, the environment or the role',
  ],
  [
    /SignatureDoesNotMatch|InvalidSignature|IncompleteSignature|Credential should be scoped/i,
    'check the secret access key, the region and the service name',
  ],
  [/MissingAuthenticationToken/i, 'check the region and the service name'],
  [
    /AccessDenied|not authorized to perform|no permissions for/i,
    'the role or user may not do this: check its policy and the access policy of the domain or collection',
  ],
];
