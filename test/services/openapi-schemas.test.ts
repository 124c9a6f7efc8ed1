/** Schemas from an OpenAPI document: whole, strict, and named as kubeconform looks for them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { objectSchemas, type OpenApi, type OpenApiSchema } from './openapi-schemas.ts';

const metadata = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const quantity = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
const to = (name: string): OpenApiSchema => ({ $ref: `#/definitions/${name}` });

const document: OpenApi = {
  definitions: {
    [metadata]: {
      type: 'object',
      properties: { name: { type: 'string' }, time: { type: 'string', format: 'date-time' } },
    },
    [quantity]: { type: 'string' },
    Thing: {
      type: 'object',
      properties: {
        apiVersion: { type: 'string' },
        kind: { type: 'string' },
        metadata: to(metadata),
        spec: to('ThingSpec'),
      },
      'x-kubernetes-group-version-kind': [
        { group: 'things.k8s.io', version: 'v1', kind: 'Thing' },
        { group: '', version: 'v1', kind: 'Thing' },
      ],
    },
    ThingSpec: {
      type: 'object',
      required: ['size'],
      properties: {
        size: to(quantity),
        count: { type: 'integer', format: 'int32' },
        labels: { type: 'object', additionalProperties: { type: 'string' } },
        parts: { type: 'array', items: to('ThingSpec') },
        free: { type: 'object' },
      },
    },
    Unrelated: { type: 'object', properties: {} },
    Options: { type: 'object', 'x-kubernetes-group-version-kind': [{ group: '', version: 'v1', kind: 'Options' }] },
  },
};

test('each kind with metadata is a schema of its own, under each of its groups', () => {
  const schemas = objectSchemas(document);
  assert.deepEqual([...schemas.keys()], ['thing-things-v1', 'thing-v1']);
  const schema = schemas.get('thing-things-v1');
  assert.deepEqual(schema?.['properties'], {
    apiVersion: { const: 'things.k8s.io/v1' },
    kind: { const: 'Thing' },
    metadata: { required: ['name'] },
  });
  assert.deepEqual(Object.keys(schema['definitions'] as object), ['Thing', metadata, 'ThingSpec', quantity]);
});

test('objects take the fields that they have, and no others; maps take any', () => {
  const definitions = objectSchemas(document).get('thing-v1')?.['definitions'] ?? {};
  assert.deepEqual((definitions as Record<string, unknown>)['ThingSpec'], {
    type: 'object',
    properties: {
      size: to(quantity),
      count: { type: 'integer', minimum: -2147483648, maximum: 2147483647 },
      labels: { type: 'object', additionalProperties: { type: 'string' } },
      parts: { type: 'array', items: to('ThingSpec') },
      free: { type: 'object' },
    },
    additionalProperties: false,
    required: ['size'],
  });
});

test('a document that lacks a definition it needs is refused', () => {
  const { ThingSpec, ...others } = document.definitions;
  assert.ok(ThingSpec);
  assert.throws(() => objectSchemas({ definitions: others }), /Thing needs ThingSpec/);
});
