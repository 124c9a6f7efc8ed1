/** `<security>` of sources for streams: which addresses may connect. Source: Fluentd 1.16 in_tcp.rb. */
import { lookup } from 'node:dns/promises';
import type { SectionModel } from '../../config/model.ts';
import { OperatingError, errorText } from '../../core/errors.ts';
import { text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';
import type { SectionSpec } from '../../core/plugin.ts';
import { AddressSet, parseAddress } from '../postback/client-address.ts';

/** Options of a `<client>`. */
export const clientOptions = {
  host: text('Address or host name.'),
  network: text('Network such as 10.0.0.0/8.'),
};
type ClientOptions = OptionValues<typeof clientOptions>;

export const securitySection: SectionSpec = {
  summary: 'Takes connections of the clients named in it only.',
  options: {},
  sections: {
    client: { summary: 'An address or network that may send.', isMany: true, isRequired: true, options: clientOptions },
  },
};

/** What is wrong with a `<client>`, or undefined. */
export function clientProblem({ host, network }: ClientOptions): string | undefined {
  if (host !== undefined && network !== undefined) return '<client>: write host or network, not both';
  if (host === undefined && network === undefined) return '<client>: host or network is missing';
  try {
    if (network !== undefined) AddressSet.check([network]);
  } catch (error) {
    return `<client>: network ${errorText(error)}`;
  }
  return undefined;
}

/** What is wrong with the `<client>` sections of a `<security>`, or undefined. */
export function securityProblem(section: SectionModel | undefined): string | undefined {
  for (const { options } of section?.sections?.['client'] ?? []) {
    const problem = clientProblem(options as ClientOptions);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** The addresses of a checked section; undefined where there is none. @throws OperatingError LISTEN_FAILED */
export async function allowedClients(section: SectionModel | undefined): Promise<AddressSet | undefined> {
  if (!section) return undefined;
  const clients = (section.sections?.['client'] ?? []).map(({ options }) => options as ClientOptions);
  return new AddressSet(
    await Promise.all(clients.map(async ({ host = '', network }) => network ?? (await clientAddress(host)))),
  );
}

/** The address of a client that is named by its host. @throws OperatingError LISTEN_FAILED */
export async function clientAddress(host: string): Promise<string> {
  if (parseAddress(host)) return host;
  try {
    return (await lookup(host)).address;
  } catch (error) {
    throw new OperatingError(
      'LISTEN_FAILED',
      `looking up <client> host ${host}: ${errorText(error)}; write its address, or mend the name`,
      { cause: error },
    );
  }
}
