/**
 * Access tokens for Cloud Logging: of a credentials file (service account, workload identity federation, user, impersonation)
 * by google-auth-library, or of the metadata service. Where files are looked for: googleauth 1.8 (Ruby) as the Fluentd
 * plugin uses it; Fluent Bit 5.1 stackdriver_conf.c.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuthClient } from 'google-auth-library';
import type { Clock } from '../../core/clock.ts';
import { OperatingError, errorText } from '../../core/errors.ts';
import type { Metadata } from './metadata.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface TokenSettings {
  /** A file that is written in the configuration; goes before those of the environment. */
  readonly credentialsFile?: string | undefined;
  /** A service account; without its key the metadata service gives its tokens. */
  readonly account?: { readonly email: string; readonly privateKey?: string | undefined } | undefined;
  readonly env: Env;
  readonly metadata: Metadata;
  readonly clock: Clock;
}

const loggingScope = 'https://www.googleapis.com/auth/logging.write';
/** Where the library sends assertions, whatever token_uri of the file says. */
const libraryTokenUrl = 'https://oauth2.googleapis.com/token';
/** A token with less time left is not sent any more: a request must not expire on its way. */
const renewBeforeMs = 60_000;

/** Tokens of one output, remembered while they serve. */
export class TokenSource {
  readonly #settings: TokenSettings;
  #client: Promise<AuthClient | undefined> | undefined;
  #known: { readonly token: string; readonly untilMs: number } | undefined;
  #asking: Promise<string> | undefined;

  constructor(settings: TokenSettings) {
    this.#settings = settings;
  }
  /** A token that serves now. @throws OperatingError OUTPUT_UNREACHABLE */
  get(): Promise<string> {
    this.#asking ??= this.#get().finally(() => (this.#asking = undefined));
    return this.#asking;
  }
  /** Asks anew the next time: the service took the last one for no token. */
  forget(): void {
    this.#client = undefined;
    this.#known = undefined;
  }
  /** The project of the credentials, where they say one. @throws OperatingError OUTPUT_UNREACHABLE */
  async projectId(): Promise<string | undefined> {
    const found = await this.#credentials();
    const { project_id: written, client_email: email, client_id: client } = found?.json ?? {};
    if (typeof written === 'string') return written;
    const fromEmail = /^.*@(.+)\.iam\.gserviceaccount\.com/.exec(typeof email === 'string' ? email : '')?.[1];
    return fromEmail ?? /^(\d+)-/.exec(typeof client === 'string' ? client : '')?.[1];
  }

  async #get(): Promise<string> {
    try {
      const client = await (this.#client ??= this.#load());
      return client ? await tokenOf(client) : await this.#ofMachine();
    } catch (error) {
      this.#client = undefined;
      if (error instanceof OperatingError) throw error;
      throw new OperatingError(
        'OUTPUT_UNREACHABLE',
        `getting an access token for Cloud Logging: ${errorText(error)}; check the credentials file and the clock of this machine`,
        { cause: error },
      );
    }
  }
  async #ofMachine(): Promise<string> {
    const { metadata, account, clock } = this.#settings;
    if (this.#known && this.#known.untilMs - clock.nowMs() > renewBeforeMs) return this.#known.token;
    const { token, lifeSeconds } = await metadata.token(account?.email ?? 'default');
    this.#known = { token, untilMs: clock.nowMs() + lifeSeconds * 1000 };
    return token;
  }
  async #load(): Promise<AuthClient | undefined> {
    const found = await this.#credentials();
    if (!found) return undefined;
    const { GoogleAuth, JWT } = await import('google-auth-library');
    const { json, path } = found;
    // What application default credentials are read with; the library's other ways say on standard error that they are old.
    const client =
      path === undefined
        ? new JWT({ email: String(json['client_email']), key: String(json['private_key']), scopes: loggingScope })
        : await new GoogleAuth({ scopes: loggingScope })._getApplicationCredentialsFromFilePath(path);
    const { token_uri: tokenUrl } = json;
    if (typeof tokenUrl === 'string' && tokenUrl !== libraryTokenUrl)
      client.transporter.interceptors.request.add({
        resolved: (request) => {
          if (request.url.href === libraryTokenUrl) request.url = new URL(tokenUrl);
          return Promise.resolve(request);
        },
      });
    return client;
  }
  async #credentials(): Promise<Credentials | undefined> {
    const { credentialsFile, account, env } = this.#settings;
    const path =
      credentialsFile ?? set(env['GOOGLE_APPLICATION_CREDENTIALS']) ?? set(env['GOOGLE_SERVICE_CREDENTIALS']);
    if (path !== undefined) return { path, json: await jsonOf(path) };
    const own = account?.privateKey === undefined ? environmentAccount(env) : account;
    if (own?.privateKey !== undefined)
      // In a variable or option its line breaks are written as two characters.
      return { json: { client_email: own.email, private_key: own.privateKey.replaceAll('\\n', '\n') } };
    if (account) return undefined;
    const known = wellKnownFiles(env).find((file) => existsSync(file));
    return known === undefined ? undefined : { path: known, json: await jsonOf(known) };
  }
}

interface Credentials {
  /** Undefined: they stand in no file. */
  readonly path?: string;
  readonly json: Readonly<Record<string, unknown>>;
}

async function tokenOf(client: AuthClient): Promise<string> {
  const { token } = await client.getAccessToken();
  if (typeof token !== 'string' || token === '') throw new Error('the token service gave no token');
  return token;
}

function environmentAccount(env: Env): { readonly email: string; readonly privateKey: string } | undefined {
  const email = set(env['GOOGLE_CLIENT_EMAIL']) ?? set(env['SERVICE_ACCOUNT_EMAIL']);
  const privateKey = set(env['GOOGLE_PRIVATE_KEY']) ?? set(env['SERVICE_ACCOUNT_SECRET']);
  return email !== undefined && privateKey !== undefined ? { email, privateKey } : undefined;
}

function wellKnownFiles(env: Env): string[] {
  const name = 'application_default_credentials.json';
  const home = set(env['HOME']);
  return [...(home === undefined ? [] : [join(home, '.config/gcloud', name)]), join('/etc/google/auth', name)];
}

function set(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

async function jsonOf(path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const parsed: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof parsed !== 'object' || parsed === null) throw new Error('it holds no JSON object');
    return parsed as Readonly<Record<string, unknown>>;
  } catch (error) {
    // Not what the parser found: it shows a piece of the text, in which there is a key.
    const what = error instanceof SyntaxError ? 'it holds no JSON' : errorText(error);
    throw new OperatingError('OUTPUT_UNREACHABLE', `reading the credentials file ${path}: ${what}`);
  }
}
