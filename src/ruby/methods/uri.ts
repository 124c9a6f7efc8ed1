/** `URI.parse` and what it gives. Source: Ruby 3.1 uri library (RFC 3986). */
import { RubyError } from '../failures.ts';
import type { MethodTable } from '../frame.ts';
import { inspect } from '../semantics.ts';
import { RubyUri } from '../values.ts';

const defaultPorts: Readonly<Record<string, number>> = {
  http: 80,
  https: 443,
  ftp: 21,
  ldap: 389,
  ldaps: 636,
  ws: 80,
  wss: 443,
};

/** @throws RubyError URI::InvalidURIError */
export function parseUri(text: string): RubyUri {
  const found =
    /^(?:([A-Za-z][\w+.-]*):)?(?:\/\/(?:([^@/?#]*)@)?(\[[\da-fA-F:.]+\]|[^:/?#@]*)(?::(\d*))?)?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/.exec(
      text,
    );
  if (!found || /[^\x21-\x7e]|["<>\\^`{|}]/.test(text))
    throw new RubyError('URI::InvalidURIError', `bad URI(is not URI?): ${inspect(text)}`);
  const [, scheme, userinfo, host, port, path = '', query, fragment] = found;
  const name = scheme?.toLowerCase() ?? null;
  return new RubyUri(text, {
    scheme: name,
    userinfo: userinfo ?? null,
    host: host ?? null,
    port: port === undefined || port === '' ? (name !== null && defaultPorts[name]) || null : Number(port),
    path,
    query: query ?? null,
    fragment: fragment ?? null,
  });
}

export const uriMethods: MethodTable<RubyUri> = {
  scheme: [0, 0, (self) => self.scheme],
  userinfo: [0, 0, (self) => self.userinfo],
  user: [0, 0, (self) => self.userinfo?.split(':')[0] ?? null],
  password: [0, 0, (self) => self.userinfo?.split(':')[1] ?? null],
  host: [0, 0, (self) => self.host],
  hostname: [0, 0, (self) => self.host?.replaceAll(/^\[|\]$/g, '') ?? null],
  port: [0, 0, (self) => self.port],
  path: [0, 0, (self) => self.path],
  query: [0, 0, (self) => self.query],
  fragment: [0, 0, (self) => self.fragment],
  request_uri: [0, 0, (self) => (self.path === '' ? '/' : self.path) + (self.query === null ? '' : `?${self.query}`)],
  'absolute?': [0, 0, (self) => self.scheme !== null],
  'relative?': [0, 0, (self) => self.scheme === null],
};
