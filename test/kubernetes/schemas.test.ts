/** The schemas of all versions tell right manifests from wrong ones; without that, what passes them says nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kubernetesVersions } from '../services/kubernetes-schemas.ts';
import { validate } from './validation.ts';

const right = `
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: a }
spec:
  serviceName: a
  selector: { matchLabels: { a: b } }
  template:
    metadata: { labels: { a: b } }
    spec:
      containers:
        - name: a
          image: a
          ports: [{ containerPort: 8000, name: http }]
          livenessProbe: { httpGet: { port: http, path: / } }
          readinessProbe: { httpGet: { port: 8000, path: / } }
          resources: { limits: { cpu: 1, memory: 1.5Gi }, requests: { cpu: 100m } }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: a, labels: { a: b } }
data: { a: "1" }
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: a }
spec: { rules: [{ http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: a, port: { number: 80 } } } }] } }] }
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: a }
spec: { maxReplicas: 2, scaleTargetRef: { kind: StatefulSet, name: a } }
`;

/** Each wrong in one place. */
const wrong: readonly { readonly what: string; readonly manifest: string; readonly says: RegExp }[] = [
  {
    what: 'an unknown field',
    manifest: '{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {selectors: {}, ports: [{port: 80}]}}',
    says: /'selectors' not allowed/,
  },
  {
    what: 'an unknown field deep inside',
    manifest:
      '{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, image: a, securityContext: {runAsRoot: false}}]}}',
    says: /\/spec\/containers\/0\/securityContext.*'runAsRoot' not allowed/,
  },
  {
    what: 'a value that was lost',
    manifest: '{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {a: }}',
    says: /got null, want string/,
  },
  {
    what: 'a number where text belongs',
    manifest: '{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {a: 1}}',
    says: /\/data\/a.*got number, want string/,
  },
  {
    what: 'text where a number belongs',
    manifest: '{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: "80"}]}}',
    says: /\/spec\/ports\/0\/port.*got string, want integer/,
  },
  {
    what: 'no quantity',
    manifest:
      '{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a}, spec: {resources: {requests: {storage: 4 Gi}}}}',
    says: /\/spec\/resources\/requests\/storage/,
  },
  {
    what: 'a required field that is missing',
    manifest: '{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{image: a}]}}',
    says: /missing property 'name'/,
  },
  { what: 'no name', manifest: '{apiVersion: v1, kind: Secret, metadata: {}}', says: /missing property 'name'/ },
  {
    what: 'a version of the API that is gone',
    manifest: '{apiVersion: policy/v1beta1, kind: PodDisruptionBudget, metadata: {name: a}}',
    says: /could not find schema/,
  },
  {
    what: 'a key that stands twice',
    manifest: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  a: b\n  a: c\n',
    says: /already set/,
  },
];

for (const version of kubernetesVersions)
  test(`Kubernetes ${version}: right manifests pass, wrong ones do not`, () => {
    assert.deepEqual(validate(right, version), { validCount: 4, problems: [] });
    for (const { what, manifest, says } of wrong) {
      const { validCount, problems } = validate(manifest, version);
      assert.equal(validCount, 0, what);
      assert.match(problems.join('\n'), says, what);
    }
  });
