import assert from 'node:assert/strict';
import { test } from 'node:test';
import { postbackUrl } from './postback-url.ts';

const servers = [{ url: 'http://localhost:8080' }];

test('the first endpoint that takes a POST, by the host that the reader uses', () => {
  const paths = {
    '/api/x': { post: {} },
    '/a/{rest}': { post: {}, servers },
    '/b': { get: {}, servers },
    '/c': { post: {}, servers },
  };
  assert.equal(postbackUrl({ paths }, 'logs.example'), 'http://logs.example:8080/c');
  assert.equal(
    postbackUrl({ paths: { '/c': { post: {}, servers: [{ url: 'https://10.0.0.1:81' }] } } }, 'x'),
    'https://10.0.0.1:81/c',
  );
});

test('none', () => {
  assert.equal(postbackUrl({}, 'x'), undefined);
  assert.equal(postbackUrl({ paths: { '/api/x': { post: {} } } }, 'x'), undefined);
});
