/** Everything that deploy/ has is what each version of Kubernetes takes, by its schemas. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { root, testFiles } from '../files.ts';
import { chartPath, helm } from '../helm/chart.ts';
import { kubernetesVersions } from '../services/kubernetes-schemas.ts';
import { examples } from './manifests.ts';
import { validate } from './validation.ts';

const all = examples();

test('helm lint finds nothing to say, whichever values', () => {
  const files = testFiles(['deploy/helm/post2log/examples/*.yaml']).map((path) => join(root, path));
  for (const values of [[], ...files.map((path) => ['-f', path])]) {
    const { status, stdout, stderr } = helm(['lint', '--strict', chartPath, ...values]);
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout, /0 chart\(s\) failed/);
    assert.doesNotMatch(stdout, /\[(?:WARNING|ERROR)\]/);
  }
});

for (const version of kubernetesVersions)
  test(`every example is valid for Kubernetes ${version}`, () => {
    for (const example of all) {
      const { validCount, problems } = validate(example.manifests(version, 'logging'), version);
      assert.deepEqual(problems, [], example.name);
      assert.ok(validCount > 0, `${example.name} has no object`);
    }
  });
