import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signatureProblem } from './signature-check.ts';

// The suite that AWS publishes for signature version 4: these keys, this date, and "get-vanilla" and others of it.
const keys = new Map([['AKIDEXAMPLE', { secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }]]);
const nowMs = Date.UTC(2015, 7, 30, 12, 36, 0);
const expected = { keys, region: 'us-east-1', service: 'service', nowMs };

function problemOf(method: string, url: string, signature: string): string | undefined {
  const authorization = `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=${signature}`;
  const rawHeaders = [
    'Host',
    'example.amazonaws.com',
    'X-Amz-Date',
    '20150830T123600Z',
    'Authorization',
    authorization,
  ];
  return signatureProblem({ method, url, rawHeaders, body: Buffer.alloc(0) }, expected);
}

test('the checker of signatures agrees with the signatures that AWS publishes', () => {
  const published: [string, string, string][] = [
    ['GET', '/', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    ['POST', '/', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
    ['GET', '/?Param2=value2&Param1=value1', 'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500'],
    ['GET', '/example/..', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
  ];
  for (const [method, url, signature] of published) assert.equal(problemOf(method, url, signature), undefined, url);
});

test('the checker of signatures finds what is wrong', () => {
  const right = '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31';
  assert.match(problemOf('GET', '/x', right) ?? '', /SignatureDoesNotMatch/);
  assert.match(problemOf('GET', '/', right.replace('5', '6')) ?? '', /SignatureDoesNotMatch/);
  assert.match(problemOf('GET', '/', 'short') ?? '', /IncompleteSignature/);
});
