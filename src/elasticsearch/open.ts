/** From the P2L_EXPLORER_* variables to something that can be asked. */
import { defaultBuffer } from '../config/model.ts';
import type { Settings } from '../config/env.ts';
import { ConfigError, errorText } from '../core/errors.ts';
import { realClock } from '../core/clock.ts';
import type { Clock } from '../core/clock.ts';
import { endpointSigning } from '../outputs/elasticsearch/aws.ts';
import type { Signing } from '../outputs/elasticsearch/cluster.ts';
import { openCluster } from '../outputs/elasticsearch/connection.ts';
import { parseHosts } from '../outputs/elasticsearch/hosts.ts';
import type { Host } from '../outputs/elasticsearch/hosts.ts';
import type { StoreQueries } from '../store/contract.ts';
import { IndexQueries } from './queries.ts';
import { IndexSession } from './session.ts';

/** Indices that can be searched. */
export interface OpenIndex {
  readonly queries: StoreQueries;
  /** Names and patterns of the indices. */
  readonly pattern: string;
  /** Where they are, without logins. */
  readonly place: string;
  close(): void;
}

/** Longer than any question may take, which ends them itself. */
const requestTimeoutMs = 90_000;
/** Questions under way at once: a page asks for four things, and a few people look. */
const connectionsMax = 16;
/** A server that failed is left alone for so long while others answer. */
const resurrectAfterMs = 10_000;

/** Undefined: no variable names a server. @throws ConfigError for variables that cannot stand so; OperatingError where a certificate cannot be read */
export async function openIndex(settings: Settings, clock: Clock = realClock): Promise<OpenIndex | undefined> {
  const { explorerUrl: url, explorerIndex: pattern } = settings;
  if (url === undefined || url.trim() === '') return undefined;
  const problems = problemsOf(settings);
  if (problems.length > 0) throw new ConfigError(problems.map((text) => ({ at: undefined, text })));
  const hosts = hostsOf(url, settings);
  const { explorerApiKey: apiKey } = settings;
  const cluster = await openCluster(
    {
      hosts,
      requestTimeoutMs,
      resurrectAfterMs,
      headers: { Accept: 'application/json', ...(apiKey !== undefined && { Authorization: `ApiKey ${apiKey}` }) },
      tls: {
        verifies: settings.explorerTlsVerify,
        ca: settings.explorerTlsCa,
        cert: settings.explorerTlsCert,
        key: settings.explorerTlsKey,
        passphrase: settings.explorerTlsKeyPassword,
        minVersion: 'TLSv1.2',
        maxVersion: 'TLSv1.3',
      },
    },
    { clock, buffer: { ...defaultBuffer, concurrency: connectionsMax } },
    signingOf(hosts, settings, clock),
  );
  const { explorerTimeField: timeField, explorerTagField: tagField } = settings;
  const session = new IndexSession({ cluster, pattern }, { timeField, tagField }, clock);
  return {
    queries: new IndexQueries(session, clock),
    pattern,
    place: hosts.map(({ shown }) => shown).join(', '),
    close: () => cluster.close(),
  };
}

function hostsOf(url: string, { explorerUser: user, explorerPassword: password = '' }: Settings): Host[] {
  const login = user === undefined ? undefined : `${user}:${password}`;
  try {
    return parseHosts(url, { port: 9200, isTls: false, base: '', login });
  } catch (error) {
    throw new ConfigError([{ at: undefined, text: `P2L_EXPLORER_URL: ${errorText(error)}` }]);
  }
}

function problemsOf(settings: Settings): string[] {
  const { explorerUser, explorerPassword, explorerApiKey, explorerAwsRegion } = settings;
  const problems: string[] = [];
  if (explorerPassword !== undefined && explorerUser === undefined)
    problems.push('P2L_EXPLORER_PASSWORD is set, but P2L_EXPLORER_USER is not; set it, too');
  const logins = [
    ...(explorerUser === undefined ? [] : ['P2L_EXPLORER_USER']),
    ...(explorerApiKey === undefined ? [] : ['P2L_EXPLORER_API_KEY']),
    ...(explorerAwsRegion === undefined ? [] : ['P2L_EXPLORER_AWS_REGION']),
  ];
  if (logins.length > 1)
    problems.push(`${logins.join(' and ')} are set; one of them says who searches, remove the others`);
  if ((settings.explorerTlsCert === undefined) !== (settings.explorerTlsKey === undefined))
    problems.push('P2L_EXPLORER_TLS_CERT and P2L_EXPLORER_TLS_KEY must be set together');
  return problems;
}

function signingOf(hosts: readonly Host[], settings: Settings, clock: Clock): Signing | undefined {
  const { explorerAwsRegion: region, explorerAwsService: awsServiceName, explorerAwsRole: assumeRoleArn } = settings;
  if (region === undefined) return undefined;
  const endpoint = {
    url: '',
    region,
    accessKeyId: '',
    secretAccessKey: '',
    assumeRoleArn,
    assumeRoleSessionName: 'post2log',
    assumeRoleWebIdentityTokenFile: undefined,
    stsCredentialsRegion: undefined,
    ecsContainerCredentialsRelativeUri: undefined,
    awsServiceName,
  };
  return endpointSigning(new Map(hosts.map((host) => [host, endpoint])), clock);
}
