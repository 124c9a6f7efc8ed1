/**
 * The metadata service of a machine: what it is, where it runs, and tokens of its service accounts. Source: "About VM
 * metadata" (Compute Engine); Amazon's "Instance identity documents" and IMDSv2 for the Fluentd plugin's logs from EC2.
 */
import { OperatingError, errorText } from '../../core/errors.ts';

export type Platform = 'gce' | 'ec2' | 'other';

/** It answers within milliseconds where there is one; elsewhere its address often swallows what is sent. */
const answerMsMax = 3000;

export class Metadata {
  readonly #base: string;
  #platform: Platform | undefined;
  #document: Readonly<Record<string, unknown>> | undefined;
  readonly #known = new Map<string, string>();

  /** `base`: URL or host of the service. */
  constructor(base: string) {
    this.#base = (/^https?:\/\//i.test(base) ? base : `http://${base}`).replace(/\/+$/, '');
  }
  /** Asked once; a service that does not answer is asked again the next time. */
  async platform(): Promise<Platform> {
    if (this.#platform) return this.#platform;
    try {
      const answer = await fetch(this.#base, { signal: AbortSignal.timeout(answerMsMax) });
      await answer.body?.cancel();
      if (answer.headers.get('metadata-flavor') === 'Google') this.#platform = 'gce';
      else if (answer.headers.get('server') === 'EC2ws') this.#platform = 'ec2';
      else this.#platform = 'other';
      return this.#platform;
    } catch {
      return 'other';
    }
  }
  /** A value below computeMetadata/v1, asked once. @throws OperatingError OUTPUT_UNREACHABLE */
  async value(path: string): Promise<string> {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const value = (await this.#get(path)).trim();
    this.#known.set(path, value);
    return value;
  }
  /** An access token of a service account of the machine (or of the pod, with workload identity). @throws OperatingError OUTPUT_UNREACHABLE */
  async token(account: string): Promise<{ readonly token: string; readonly lifeSeconds: number }> {
    const text = await this.#get(`instance/service-accounts/${encodeURIComponent(account)}/token`);
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch {
      parsed = undefined;
    }
    const { access_token: token, expires_in: lifeSeconds } = (parsed ?? {}) as Record<string, unknown>;
    if (typeof token !== 'string' || typeof lifeSeconds !== 'number')
      throw new OperatingError('OUTPUT_UNREACHABLE', `the metadata service at ${this.#base} answered without a token`);
    return { token, lifeSeconds };
  }
  /** What Amazon says of an EC2 machine. @throws OperatingError OUTPUT_UNREACHABLE */
  async ec2Document(): Promise<Readonly<Record<string, unknown>>> {
    if (this.#document) return this.#document;
    const lifetime = { 'X-aws-ec2-metadata-token-ttl-seconds': '60' };
    const token = await this.#fetch('latest/api/token', { method: 'PUT', headers: lifetime }).catch(() => undefined);
    const headers: Record<string, string> = token === undefined ? {} : { 'X-aws-ec2-metadata-token': token };
    const text = await this.#fetch('latest/dynamic/instance-identity/document', { headers });
    this.#document = JSON.parse(text) as Readonly<Record<string, unknown>>;
    return this.#document;
  }

  #get(path: string): Promise<string> {
    return this.#fetch(`computeMetadata/v1/${path}`, { headers: { 'Metadata-Flavor': 'Google' } });
  }
  async #fetch(path: string, request: RequestInit): Promise<string> {
    const url = `${this.#base}/${path}`;
    try {
      const answer = await fetch(url, { ...request, signal: AbortSignal.timeout(answerMsMax) });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${answer.status} ${text.trim().slice(0, 200)}`);
      return text;
    } catch (error) {
      const { cause } = error as { cause?: unknown };
      const why = cause === undefined ? '' : ` (${errorText(cause)})`;
      throw new OperatingError('OUTPUT_UNREACHABLE', `asking the metadata service ${url}: ${errorText(error)}${why}`, {
        cause: error,
      });
    }
  }
}
