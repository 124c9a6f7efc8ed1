/** Where a chunk is sent and with which headers: endpoint and header options, filled from its keys. */
import { compileChunkText } from '../../codecs/chunk-placeholders.ts';
import type { BufferModel } from '../../config/model.ts';
import type { Chunk } from '../../core/plugin.ts';
import type { Address } from '../requests/client.ts';
import { headerBytes, headerProblem } from '../requests/headers.ts';

/** What is wrong with an endpoint, whatever its placeholders come to; undefined: nothing. */
export function endpointProblem(endpoint: string): string | undefined {
  const url = URL.parse(endpoint.replaceAll(/\$\{[^}]*\}/g, '0'));
  if (url && /^https?:$/.test(url.protocol) && url.hostname !== '') return undefined;
  return `endpoint ${JSON.stringify(withoutUser(endpoint))} is no URL such as https://logs.example.com/in`;
}

/** An endpoint as logs show it: without user, password and query, in which keys may stand. */
export function shownEndpoint(endpoint: string): string {
  return withoutUser(endpoint).replace(/\?.*$/s, '');
}
function withoutUser(endpoint: string): string {
  return endpoint.replace(/^([a-z][\w+.-]*:\/\/)[^/?#]*@/i, '$1');
}

/** The address for a chunk, or why there is none. */
export type ExpandEndpoint = (chunk: Chunk) => Address | { readonly reason: string };

/**
 * Compiles an endpoint. A value that a placeholder is filled with can change neither the host, unless the placeholder
 * stands there, nor lead out of the path. `allowedHosts`: what hosts placeholders may come to; undefined: any.
 */
export function compileEndpoint(
  endpoint: string,
  allowedHosts: readonly string[] | undefined,
  buffer: BufferModel,
): ExpandEndpoint {
  const [, scheme = '', authority = '', rest = ''] = /^(https?):\/\/([^/?#]*)([^#]*)/i.exec(endpoint) ?? [];
  const isTls = scheme.toLowerCase() === 'https';
  const expandAuthority = compileChunkText(authority.replace(/^.*@/s, ''), buffer);
  const expandRest = compileChunkText(rest, buffer, urlValue);
  const hasFixedHost = !authority.includes('${');
  return (chunk) => {
    const host = expandAuthority(chunk).text;
    const { dated, text } = expandRest(chunk);
    const url = /[\s/?#@\\]/.test(host) ? null : URL.parse(`${scheme}://${host}`);
    if (!url) return { reason: `${JSON.stringify(host)} is no host` };
    if (!hasFixedHost && allowedHosts && !allowedHosts.includes(url.hostname))
      return { reason: `${JSON.stringify(url.hostname)} is none of allowed_hosts` };
    if (climbs(text) > climbs(dated))
      return { reason: `${JSON.stringify(text)} leads out of the path of the endpoint` };
    const path = text.startsWith('/') ? text : `/${text}`;
    return {
      isTls,
      hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port === '' ? (isTls ? 443 : 80) : Number(url.port),
      path: path.replaceAll(/[^\x21-\x7e]+/g, encodeURIComponent),
      shown: `${scheme}://${url.host}${path.replace(/\?.*$/s, '')}`,
    };
  };
}

/** What a URL cannot hold, and what would begin its query or end it, is percent-encoded; escapes that are one stay. */
function urlValue(value: string): string {
  return value.toWellFormed().replaceAll(/%(?![0-9a-fA-F]{2})|[^\w\-.~!$&'()*+,;=:@/%]+/g, encodeURIComponent);
}
function climbs(path: string): number {
  const parts = (path.split('?', 1)[0] ?? '').split('/');
  return parts.filter((part) => /^(?:\.|%2e){1,2}$/i.test(part)).length;
}

/** Headers for a chunk, or why one of them cannot be sent. */
export type ExpandHeaders = (
  chunk: Chunk,
) => { readonly headers: Record<string, string> } | { readonly reason: string };

export function compileHeaders(
  fixed: Readonly<Record<string, string>>,
  templates: Readonly<Record<string, string>>,
  buffer: BufferModel,
): ExpandHeaders {
  const start = Object.entries(fixed).map(([name, value]) => [name, headerBytes(value)] as const);
  const filled = Object.entries(templates).map(
    ([name, template]) => [name, compileChunkText(template, buffer)] as const,
  );
  return (chunk) => {
    // Names differ by case alone: the later one counts.
    const headers = new Map<string, readonly [string, string]>();
    for (const [name, value] of start) headers.set(name.toLowerCase(), [name, value]);
    for (const [name, expand] of filled) {
      const value = expand(chunk).text;
      const problem = headerProblem(name, value);
      if (problem !== undefined) return { reason: problem };
      headers.set(name.toLowerCase(), [name, headerBytes(value)]);
    }
    return { headers: Object.fromEntries(headers.values()) };
  };
}
