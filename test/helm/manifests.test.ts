/** deploy/manifests and `post2log generate k8s` are what the chart says. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { plain, renderComponents } from '../../deploy/helm/manifests.ts';
import { components, manifests } from '../../src/cli/generate.ts';
import { root } from '../files.ts';
import { helmPath } from './chart.ts';

process.env['HELM'] = helmPath;

test('deploy/manifests is fresh', { timeout: 120_000 }, () => {
  execFileSync(process.execPath, [join(root, 'deploy/helm/manifests.ts'), '--check'], { stdio: 'pipe' });
});

for (const chosen of [components, ['receiver', 'explorer'], ['collector', 'aggregator']] as const)
  test(`generate k8s gives what helm gives: ${chosen.join(', ')}`, async () => {
    const ask = { components: chosen, namespace: 'shop-1', image: undefined, makesSecrets: false };
    const printed = (await manifests(ask)).split(/^---\n/m).map((document) => document.trimEnd());
    const rendered = plain(renderComponents(chosen, 'shop-1'));
    assert.deepEqual(printed.filter((document) => document !== '').toSorted(), rendered.toSorted());
  });
