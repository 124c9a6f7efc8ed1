/** The postback source: HTTP requests from outside become records, answered once they are durable. */
import { definePlugin } from '../../core/plugin.ts';
import { AddressSet } from './client-address.ts';
import { guardProblem, inheritGuard } from './guards.ts';
import { postbackOptions, postbackSections } from './options.ts';
import type { GuardOptions, PostbackConfig } from './options.ts';
import { PostbackSource } from './source.ts';

/** Methods that P2L_METHODS can name: those with which postback senders hand something over. */
const methodsAllowed = ['POST', 'GET', 'PUT'];

export const postback = definePlugin({
  kind: 'source',
  name: 'postback',
  summary: 'Receives HTTP postbacks and answers each one once its records are on disk',
  isReplicated: true,
  options: postbackOptions,
  sections: postbackSections,
  example: `<source>
  @type postback
  host 127.0.0.1
  port 8080
  endpoints /postback,/postback/*
</source>`,
  check(config) {
    const problem = pathProblem(config) ?? limitProblem(config) ?? guardsProblem(config);
    if (problem !== undefined) throw new Error(problem);
  },
  differences: [
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Has no such plugin; `in_http` answers 200 to invalid JSON, an empty array or a wrong method and drops it. Here that is an error to the sender, and 200 is said after fsync.',
    },
  ],
  create: (config, context) => new PostbackSource(config, context),
});

function pathProblem({ options }: PostbackConfig): string | undefined {
  if (options.endpoints.length === 0) return 'endpoints is empty: name at least one path such as /postback';
  for (const path of options.endpoints) {
    if (!path.startsWith('/')) return `endpoint ${JSON.stringify(path)} must begin with "/"`;
    if (/[?#\s]/.test(path) || path.replace(/\/\*$/, '').includes('*'))
      return `endpoint ${JSON.stringify(path)} must be a path; "*" may stand only as its last part, as in /postback/*`;
  }
  if (options.methods.length === 0) return 'methods is empty: name at least POST';
  const unknown = options.methods.find((method) => !methodsAllowed.includes(method.toUpperCase()));
  return unknown === undefined
    ? undefined
    : `method ${JSON.stringify(unknown)} is not one of ${methodsAllowed.join(', ')}`;
}

function limitProblem({ options }: PostbackConfig): string | undefined {
  if (!options.tlsCert !== !options.tlsKey) return 'tls_cert and tls_key must be given together';
  if (options.headersTimeout === 0 || options.requestTimeout === 0)
    return 'headers_timeout and request_timeout must be above 0: without them half-sent requests stay forever';
  if (options.headersTimeout > options.requestTimeout) return 'headers_timeout must not be above request_timeout';
  if (options.bodyLimit > options.memoryLimit) return 'body_limit must not be above memory_limit';
  return undefined;
}

function guardsProblem({ options, sections }: PostbackConfig): string | undefined {
  try {
    AddressSet.check(options.trustedProxies ?? []);
  } catch (error) {
    return `trusted_proxies: ${(error as Error).message}`;
  }
  const base = guardProblem(options);
  if (base !== undefined) return base;
  for (const { options: own } of sections['guard'] ?? []) {
    const path = String(own['path']);
    if (!path.startsWith('/')) return `<guard>: path ${JSON.stringify(path)} must begin with "/"`;
    const isServed = options.endpoints.some(
      (endpoint) =>
        endpoint === path ||
        (endpoint.endsWith('/*') && path.startsWith(endpoint.slice(0, -1))) ||
        (path.endsWith('/*') && endpoint.startsWith(path.slice(0, -1))),
    );
    if (!isServed) return `<guard>: path ${path} is none of the endpoints ${options.endpoints.join(', ')}`;
    const problem = guardProblem(inheritGuard(options, own as GuardOptions));
    if (problem !== undefined) return `<guard> of ${path}: ${problem}`;
  }
  return undefined;
}
