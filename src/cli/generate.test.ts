import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { components, manifests, type Component, type GenerateOptions } from './generate.ts';

const ask: GenerateOptions = { components, namespace: 'logging', image: undefined, makesSecrets: true };

/** `kind/name` of all documents. */
async function named(options: Partial<GenerateOptions>): Promise<string[]> {
  const documents = parseAllDocuments(await manifests({ ...ask, ...options }));
  return documents.map((document) => {
    assert.deepEqual(document.errors, []);
    const { kind, metadata } = document.toJS() as { kind: string; metadata: { name: string } };
    return `${kind}/${metadata.name}`;
  });
}

test('any mix of components: each object once, each sends to the next', async () => {
  for (let mix = 1; mix < 2 ** components.length; mix++) {
    const chosen = components.filter((_, n) => mix & (1 << n));
    const names = await named({ components: chosen });
    assert.equal(new Set(names).size, names.length, chosen.join());
    const workloads = names.filter((name) => /^(?:StatefulSet|DaemonSet)\//.test(name));
    assert.equal(workloads.length, chosen.length, chosen.join());
  }
  const receiverOf = async (...others: Component[]): Promise<string | undefined> =>
    /^ +host (post2log-\w+)$/m.exec(await manifests({ ...ask, components: ['receiver', ...others] }))?.[1];
  assert.equal(await receiverOf(), undefined);
  assert.equal(await receiverOf('explorer'), 'post2log-explorer');
  assert.equal(await receiverOf('aggregator', 'collector'), 'post2log-aggregator');
});

test('namespace and image stand where they belong', async () => {
  const text = await manifests({ ...ask, namespace: 'shop', image: 'registry.example/post2log:9' });
  assert.doesNotMatch(text, /logging/);
  assert.match(text, /^ {2}name: shop:post2log-collector$/m);
  const images = [...text.matchAll(/^ *image: (.*)$/gm)].map(([, image]) => image);
  assert.deepEqual([...new Set(images)], ['registry.example/post2log:9']);
});

test('Secrets are new each time, only those that are needed, or none', async () => {
  assert.notEqual(await manifests(ask), await manifests(ask));
  const secrets = async (options: Partial<GenerateOptions>): Promise<string[]> =>
    (await named(options)).filter((name) => name.startsWith('Secret/'));
  assert.deepEqual(await secrets({ components: ['receiver'] }), ['Secret/post2log-admin']);
  assert.deepEqual(await secrets({}), ['Secret/post2log-admin', 'Secret/post2log-forward']);
  assert.deepEqual(await secrets({ makesSecrets: false }), []);
});
