import assert from 'node:assert/strict';
import { test } from 'node:test';
import { optionsWith } from './harness.test.ts';
import { postbackPaths } from './openapi.ts';

interface Operation {
  readonly responses: Record<string, unknown>;
  readonly parameters: readonly { readonly name: string }[];
  readonly requestBody?: unknown;
}
interface PathEntry {
  readonly servers?: readonly { readonly url: string }[];
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly post: Operation;
  readonly get?: Operation;
}
const postOf = (described: Record<string, PathEntry>): Operation => {
  const post = described['/postback']?.post;
  assert.ok(post);
  return post;
};
const paths = (changes: Parameters<typeof optionsWith>[0]) =>
  postbackPaths(optionsWith(changes)) as Record<string, PathEntry>;

test('OpenAPI: each endpoint with its methods, answers and key header', () => {
  const described = paths({ endpoints: ['/postback', '/ads/*'], methods: ['POST', 'GET'] });
  assert.deepEqual(Object.keys(described), ['/postback', '/ads/{rest}']);
  assert.equal(described['/ads/{rest}']?.parameters?.[0]?.in, 'path');
  const post = postOf(described);
  assert.ok(post.requestBody);
  assert.equal(described['/postback']?.get?.requestBody, undefined);
  assert.deepEqual(Object.keys(post.responses), ['200', '400', '404', '405', '413', '415', '503']);
  assert.equal(post.parameters[0]?.name, 'Idempotency-Key');
});

test('OpenAPI: says where it listens', () => {
  const urlWith = (changes: Parameters<typeof optionsWith>[0]) => paths(changes)['/postback']?.servers?.[0]?.url;
  assert.equal(urlWith({ host: '127.0.0.1', port: 8080 }), 'http://127.0.0.1:8080');
  assert.equal(urlWith({ host: '::', port: 80 }), 'http://localhost:80');
  assert.equal(urlWith({ host: '::1', port: 443, tlsCert: 'a.pem', tlsKey: 'b.pem' }), 'https://[::1]:443');
  assert.equal(urlWith({ host: '127.0.0.1', port: 0 }), undefined);
});

test('OpenAPI: guards add their answers', () => {
  const guarded = paths({ bearerToken: 'x', allowFrom: ['10.0.0.0/8'], rateLimit: 5, idempotencyHeader: '' });
  const { responses, parameters } = postOf(guarded);
  for (const status of ['401', '403', '429']) assert.ok(responses[status], status);
  assert.deepEqual(parameters, []);
  assert.ok(postOf(paths({ signature: 'github' })).responses['401']);
});
