/**
 * Where the keys that requests are signed with come from: written ones, a container's endpoint, the environment with all
 * that the AWS SDKs look at (variables, shared files, web identity, containers, instance metadata), or a role that is
 * assumed with one of these or with a token file. They are fetched anew before they expire.
 */
import { readFile } from 'node:fs/promises';
import type { Clock } from '../../core/clock.ts';
import { OperatingError, errorText } from '../../core/errors.ts';
import type { AwsKeys } from './aws-signature.ts';
import { assumeRole } from './aws-sts.ts';
import type { AwsRole } from './aws-sts.ts';

export interface AwsCredentialSettings {
  readonly region: string;
  /** Written keys: nothing else is looked at for them. */
  readonly keys?: AwsKeys | undefined;
  /** A profile of the shared files in place of AWS_PROFILE. */
  readonly profile?: string | undefined;
  /** Path at a container's credentials endpoint, or its whole URL. */
  readonly containerUri?: string | undefined;
  /** A role to assume; with a token file by that alone, else with the keys found. */
  readonly role?: AwsRole | undefined;
  /** The region of the token service, and its URL or host; without them the request's region, and what is of that region. */
  readonly stsRegion?: string | undefined;
  readonly stsEndpoint?: string | undefined;
}

/** Keys with less time left are fetched anew, as the AWS SDKs do; until that succeeds they serve on. */
const refreshBeforeMs = 5 * 60_000;
/** Wait between two tries to fetch while old keys serve: the token service limits how often it is asked. */
const refreshPauseMs = 30_000;
/** Keys with less time left than a request may take on its way are as good as expired. */
const expiredBeforeMs = 5_000;

type Env = Readonly<Record<string, string | undefined>>;

/** The keys of one output, remembered while they serve. */
export class AwsCredentials {
  readonly #settings: AwsCredentialSettings;
  readonly #clock: Clock;
  readonly #env: Env;
  #known: AwsKeys | undefined;
  #fetching: Promise<AwsKeys> | undefined;
  #notBeforeMs = 0;

  constructor(settings: AwsCredentialSettings, clock: Clock, env: Env) {
    this.#settings = settings;
    this.#clock = clock;
    this.#env = env;
  }
  /** Keys that serve now. @throws OperatingError OUTPUT_UNREACHABLE */
  async get(): Promise<AwsKeys> {
    const known = this.#known;
    const nowMs = this.#clock.nowMs();
    const leftMs = known?.expiration ? known.expiration.getTime() - nowMs : Infinity;
    const serves = known !== undefined && leftMs > expiredBeforeMs;
    if (serves && (leftMs > refreshBeforeMs || nowMs < this.#notBeforeMs)) return known;
    this.#notBeforeMs = nowMs + refreshPauseMs;
    this.#fetching ??= this.#fetch().finally(() => (this.#fetching = undefined));
    try {
      this.#known = await this.#fetching;
      return this.#known;
    } catch (error) {
      if (serves) return known;
      throw new OperatingError('OUTPUT_UNREACHABLE', `getting AWS credentials: ${errorText(error)}${this.#advice()}`, {
        cause: error,
      });
    }
  }
  /** Asks anew the next time, whatever is known. */
  forget(): void {
    this.#known = undefined;
  }

  async #fetch(): Promise<AwsKeys> {
    const { role, region, stsRegion, stsEndpoint } = this.#settings;
    if (!role) return this.#base();
    const token = role.tokenFile === undefined ? undefined : await tokenOf(role.tokenFile);
    return assumeRole({
      role,
      with: token === undefined ? { keys: await this.#base() } : { token },
      region: stsRegion ?? region,
      endpoint: stsEndpoint ?? this.#env['AWS_ENDPOINT_URL_STS'],
      nowMs: this.#clock.nowMs(),
    });
  }
  async #base(): Promise<AwsKeys> {
    const { keys, containerUri, profile, region, stsRegion, stsEndpoint } = this.#settings;
    if (keys) return keys;
    if (containerUri !== undefined) {
      const { fromHttp } = await import('@aws-sdk/credential-provider-http');
      const isWhole = /^https?:/i.test(containerUri);
      return fromHttp(
        isWhole
          ? { awsContainerCredentialsFullUri: containerUri }
          : { awsContainerCredentialsRelativeUri: containerUri },
      )();
    }
    const { defaultProvider } = await import('@aws-sdk/credential-provider-node');
    const clientConfig = {
      region: stsRegion ?? region,
      ...(stsEndpoint !== undefined && { endpoint: stsEndpoint }),
    };
    // Files are read again: a mounted secret may have been replaced.
    return defaultProvider({ clientConfig, ignoreCache: true, ...(profile !== undefined && { profile }) })();
  }
  #advice(): string {
    const { keys, role, containerUri } = this.#settings;
    if (role) return `; check that role ${role.arn} exists and trusts whom this program runs as`;
    if (containerUri !== undefined) return '; check the path of the container credentials';
    if (keys) return '';
    return '; write an access key, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the pod or machine a role';
  }
}

async function tokenOf(path: string): Promise<string> {
  try {
    return (await readFile(path, 'ascii')).trim();
  } catch (error) {
    throw new Error(`reading the web identity token file ${path}: ${errorText(error)}`, { cause: error });
  }
}
