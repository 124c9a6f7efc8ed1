/**
 * `npm run test:kubernetes`: the chart and the manifests with the real tools. Helm, kubeconform and the schemas are got first
 * where they are missing; tests that need skaffold or the API server skip where those are not built yet, and say how they are.
 * Words choose test files, as with `npm test`.
 */
import { runTests, testFiles } from '../files.ts';
import { schemas } from '../services/kubernetes-schemas.ts';
import { helm, kubeconform } from '../services/kubernetes-tools.ts';

const startMs = performance.now();
for (const part of [kubeconform, helm, schemas]) await part.install();
console.log(`tools and schemas after ${Math.round((performance.now() - startMs) / 1000)} s`);
// Two files at a time, of which one mostly waits for a tool. A machine that is busy answers late; 10 minutes are far more than any file takes.
runTests(testFiles(['test/kubernetes/**/*.test.ts', 'test/helm/**/*.test.ts']), [
  '--test-concurrency=2',
  '--test-timeout=600000',
]);
