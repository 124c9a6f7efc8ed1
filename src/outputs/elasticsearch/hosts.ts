/** Servers as configurations name them: host and port, lists, URLs, Elastic Cloud ids. Source: fluent-plugin-elasticsearch 6.0, get_connection_options. */
import { isIP } from 'node:net';

/** One server. */
export interface Host {
  readonly isTls: boolean;
  readonly hostname: string;
  readonly port: number;
  /** What stands before the path of each request; empty, or with a slash before and none behind. */
  readonly base: string;
  /** `user:password`, or undefined. */
  readonly login: string | undefined;
  /** For logs: without user and password. */
  readonly shown: string;
}

/** What counts for servers that do not say otherwise. */
export interface HostDefaults {
  readonly port: number;
  readonly isTls: boolean;
  readonly base: string;
  readonly login: string | undefined;
}

/** A list of servers. @throws Error naming the entry that is none */
export function parseHosts(written: string, defaults: HostDefaults): Host[] {
  const entries = written.split(',').map((entry) => entry.trim());
  return entries.filter((entry) => entry !== '').map((entry) => parseHost(entry, defaults));
}

function parseHost(entry: string, defaults: HostDefaults): Host {
  const { isTls, base, login } = defaults;
  if (isIP(entry) === 6) return host(isTls, entry, defaults.port, base, login);
  const plain = /^([^:/\s]+)(?::(\d{1,5}))?$/.exec(entry);
  if (plain?.[1] !== undefined)
    return host(isTls, plain[1], plain[2] === undefined ? defaults.port : Number(plain[2]), base, login);
  const url = URL.parse(escapedLogin(entry));
  if (!url || !/^https?:$/.test(url.protocol) || url.hostname === '')
    throw new Error(
      `${JSON.stringify(withoutLogin(entry))} is no server: host, host:port or a URL such as https://user:password@logs.example.com:9200 was expected`,
    );
  const own = url.username === '' ? login : `${decoded(url.username)}:${decoded(url.password)}`;
  const isUrlTls = url.protocol === 'https:';
  const port = url.port === '' ? (isUrlTls ? 443 : 80) : Number(url.port);
  const path = url.pathname.replace(/\/+$/, '');
  return host(isUrlTls, url.hostname.replace(/^\[(.*)\]$/, '$1'), port, path === '' ? base : path, own);
}

function host(isTls: boolean, hostname: string, port: number, base: string, login: string | undefined): Host {
  const shown = `${isTls ? 'https' : 'http'}://${isIP(hostname) === 6 ? `[${hostname}]` : hostname}:${port}${base}`;
  return { isTls, hostname, port, base, login, shown };
}

/** `path` as it stands before others. */
export function basePath(path: string | undefined): string {
  const bare = (path ?? '').replaceAll(/^\/+|\/+$/g, '');
  return bare === '' ? '' : `/${bare}`;
}

/** User names and passwords may hold what a URL cannot, between `%{` and `}`. */
export function unescapedLogin(text: string): string {
  return /%\{(.*)\}/s.exec(text)?.[1] ?? text;
}
function escapedLogin(entry: string): string {
  const found = /^(.*)%\{(.*)\}:%\{(.*)\}(@.*)$/s.exec(entry);
  if (!found) return entry;
  const [, scheme = '', user = '', password = '', rest = ''] = found;
  return `${scheme}${encodeURIComponent(user)}:${encodeURIComponent(password)}${rest}`;
}
function withoutLogin(entry: string): string {
  return entry.replace(/^([a-z][\w+.-]*:\/\/)?[^/]*@/i, '$1');
}
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Where an Elastic Cloud deployment is: `name:base64 of host[:port]$elasticsearch-id$…`. @throws Error */
export function cloudHost(cloudId: string, login: string | undefined): Host {
  const coded = cloudId.slice(cloudId.lastIndexOf(':') + 1);
  const [domain = '', id = ''] = Buffer.from(coded, 'base64').toString('latin1').split('$');
  const [, name = '', port] = /^([\w.-]+)(?::(\d{1,5}))?$/.exec(domain) ?? [];
  if (name === '' || !/^[\w.-]+(?::\d{1,5})?$/.test(id))
    throw new Error('cloud_id is none: take it from the page of the deployment, as name:letters');
  const [own = '', ownPort] = id.split(':');
  return host(true, `${own}.${name}`, Number(ownPort ?? port ?? 443), '', login);
}
