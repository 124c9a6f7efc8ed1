/** Requests to Amazon OpenSearch, signed; where its endpoints are and whose keys count for each. */
import type { SectionModel } from '../../config/model.ts';
import type { Clock } from '../../core/clock.ts';
import { boolean, choice, duration, secret, text } from '../../core/options.ts';
import type { OptionTable, OptionValues } from '../../core/options.ts';
import type { SectionTable } from '../../core/plugin.ts';
import { AwsSigner } from '../requests/aws.ts';
import type { AwsRole } from '../requests/aws-sts.ts';
import type { Signing } from './cluster.ts';
import { parseHosts } from './hosts.ts';
import type { Host } from './hosts.ts';

/** `<endpoint>`. Source: fluent-plugin-aws-elasticsearch-service 2.4; aws_service_name is this program's. */
export const endpointSection = {
  endpoint: {
    summary: 'A domain or collection to write to, and whose keys sign the requests; requests go to each in turn.',
    isMany: true,
    isRequired: true,
    options: {
      url: text('Its URL, without a slash at the end.', { required: true }),
      region: text('The region it is in.', { required: true }),
      accessKeyId: secret('An access key; with its secret nothing else is looked at for keys.', { default: '' }),
      secretAccessKey: secret('The secret of that key.', { default: '' }),
      assumeRoleArn: text('A role to assume.'),
      assumeRoleSessionName: text('What that session is called in the logs of AWS.', { default: 'fluentd' }),
      assumeRoleWebIdentityTokenFile: text('File with a token that the role trusts (IRSA).'),
      stsCredentialsRegion: text('Region of the token service; without it that of the domain.'),
      ecsContainerCredentialsRelativeUri: text('Path of keys at the credentials endpoint of ECS.'),
      awsServiceName: text('The name to sign for; without it aoss for collections of OpenSearch Serverless, else es.'),
    },
  },
} as const satisfies SectionTable;

/** The same of the opensearch outputs, which sign where it stands. Source: fluent-plugin-opensearch 1.1. */
export const opensearchEndpointSection = {
  endpoint: {
    summary:
      'A domain or collection of Amazon OpenSearch to write to in place of host and hosts, with signed requests.',
    options: {
      ...endpointSection.endpoint.options,
      url: text('The URL of the domain or collection.', { required: true }),
      awsServiceName: choice(['es', 'aoss'])('The service to sign for: a domain, or OpenSearch Serverless.', {
        default: 'es',
      }),
      refreshCredentialsInterval: duration('How often keys are fetched.', {
        default: 18_000_000,
        ignored: 'keys are fetched anew before they expire',
      }),
    },
  },
} as const satisfies SectionTable;

type Endpoint = OptionValues<(typeof endpointSection)['endpoint']['options']>;

/** Endpoints as servers, each with what is written for it; one plugin takes no URL with a slash at its end. @throws Error */
export function endpointsOf(
  sections: Readonly<Record<string, readonly SectionModel[]>>,
  refusesSlash = true,
): Map<Host, Endpoint> {
  const found = new Map<Host, Endpoint>();
  for (const { options } of sections['endpoint'] ?? []) {
    const endpoint = options as Endpoint;
    const { url } = endpoint;
    if (refusesSlash && url.endsWith('/')) throw new Error(`endpoint ${url} ends with a slash; leave it out`);
    if (!/^https?:\/\//i.test(url))
      throw new Error(`endpoint ${JSON.stringify(url)} is no URL such as https://search.example.com`);
    const [host] = parseHosts(url, { port: 443, isTls: true, base: '', login: undefined });
    if (host) found.set(host, endpoint);
  }
  return found;
}

/** Signs for each endpoint with its own keys. */
export function endpointSigning(endpoints: ReadonlyMap<Host, Endpoint>, clock: Clock): Signing {
  const signers = new Map([...endpoints].map(([host, endpoint]) => [host, signerOf(host, endpoint, clock)] as const));
  return signing((host) => signers.get(host));
}

function signerOf({ hostname }: Host, endpoint: Endpoint, clock: Clock): AwsSigner {
  const { region, accessKeyId, secretAccessKey, assumeRoleArn } = endpoint;
  const hasKeys = accessKeyId !== '' && secretAccessKey !== '';
  const service =
    endpoint.awsServiceName ?? (/\.aoss\.[^.]+\.(?:on\.)?aws|\.aoss\.amazonaws\./.test(hostname) ? 'aoss' : 'es');
  // Like the plugin: with keys that are written a role is not looked at.
  const role: AwsRole | undefined =
    hasKeys || assumeRoleArn === undefined
      ? undefined
      : {
          arn: assumeRoleArn,
          sessionName: endpoint.assumeRoleSessionName,
          tokenFile: endpoint.assumeRoleWebIdentityTokenFile,
        };
  return new AwsSigner(
    {
      service,
      region,
      keys: hasKeys ? { accessKeyId, secretAccessKey } : undefined,
      containerUri: hasKeys || role ? undefined : endpoint.ecsContainerCredentialsRelativeUri,
      role,
      stsRegion: endpoint.stsCredentialsRegion,
    },
    clock,
  );
}

/** How Fluent Bit's outputs say that requests are signed. Source: Fluent Bit 5.1 es.c, opensearch.c. */
export const fluentbitAwsOptions = {
  awsAuth: boolean('Signs requests for AWS.', { default: false }),
  awsRegion: text('The region they are signed for.'),
  awsServiceName: text('The service they are signed for: es, or aoss for OpenSearch Serverless.', { default: 'es' }),
  awsProfile: text('A profile of the shared files of AWS, whose keys sign.'),
  awsRoleArn: text('A role to assume.'),
  awsExternalId: text('The external id that the role asks for.'),
  awsStsEndpoint: text('URL or host of the token service; without it that of the region.'),
} as const satisfies OptionTable;

type FluentbitAws = OptionValues<typeof fluentbitAwsOptions>;

/** What is wrong with them; undefined: nothing. */
export function fluentbitAwsProblem({ awsAuth, awsRegion }: FluentbitAws): string | undefined {
  return awsAuth && (awsRegion ?? '') === '' ? 'AWS_Auth needs AWS_Region' : undefined;
}

/** The name under which Fluent Bit sends signed requests; it is signed too. */
export const fluentbitAgent = 'aws-fluent-bit-plugin';

/** Signing with what the options say; undefined: requests are not signed. */
export function fluentbitSigning(options: FluentbitAws, clock: Clock): Signing | undefined {
  const { awsAuth, awsRegion, awsServiceName: service, awsRoleArn: arn, awsExternalId: externalId } = options;
  if (!awsAuth || awsRegion === undefined) return undefined;
  const signer = new AwsSigner(
    {
      service,
      region: awsRegion,
      profile: options.awsProfile,
      stsEndpoint: options.awsStsEndpoint,
      role: arn === undefined ? undefined : { arn, sessionName: 'fluent-bit', externalId },
      signedHeaders: ['user-agent'],
    },
    clock,
  );
  return signing(() => signer);
}

function signing(signerOfHost: (host: Host) => AwsSigner | undefined): Signing {
  return {
    async sign(host, { method, path, headers, body }) {
      const signer = signerOfHost(host);
      if (!signer) return headers;
      const { isTls, hostname, port, shown } = host;
      const signed = await signer.sign({ address: { isTls, hostname, port, path, shown }, method, headers, body });
      return signed.headers;
    },
    problemOf: (host, answer) => signerOfHost(host)?.problemOf(answer),
  };
}
