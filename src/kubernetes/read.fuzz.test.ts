/** What comes from outside in Kubernetes' room: whatever answers in place of the API, and the program's own file. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzzing.ts';
import { stringifyJson } from '../core/json.ts';
import { wishesOf } from '../filters/kubernetes/annotations.ts';
import { podObject } from './api-fake.ts';
import { readKept } from './keep.ts';
import { isName, readNamespace, readPod, readPodList } from './read.ts';

/** A pod with anything in place of some of its parts. */
const spoiled = fc
  .array(
    fc.tuple(fc.constantFrom('metadata', 'spec', 'status', 'items', 'containerStatuses', 'labels'), fc.jsonValue()),
  )
  .map((parts) => {
    const pod: Record<string, unknown> = podObject('shop', 'web-1', 'u1', { containers: { web: 'aa' } });
    for (const [key, value] of parts)
      if (key === 'containerStatuses') pod['status'] = { containerStatuses: value };
      else if (key === 'labels')
        pod['metadata'] = { name: 'web-1', namespace: 'shop', labels: value, annotations: value };
      else pod[key] = value;
    return pod;
  });

test('any answer is a pod, a namespace, a list, or none', () => {
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), spoiled), (answer) => {
      const pod = readPod(answer);
      if (pod) stringifyJson(new Map([['labels', pod.labels ?? null]]));
      readNamespace(answer);
      readPodList(answer);
    }),
    fuzzRuns(2000),
  );
});

test('any text is a file of known pods, or is said to be none', () => {
  const near = fc
    .array(fc.record({ pod: spoiled, goneAtMs: fc.jsonValue() }))
    .map((pods) => JSON.stringify({ version: 1, pods }));
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), near), (text) => {
      try {
        readKept(text);
      } catch (error) {
        assert.ok(error instanceof SyntaxError, String(error));
      }
    }),
    fuzzRuns(1000),
  );
});

test('any annotations are wishes, or are said to be none; any text is a name, or none', () => {
  const key = fc.tuple(
    fc.constantFrom('parser', 'exclude', ''),
    fc.constantFrom('', '_stdout', '_x', '-', '-web'),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.string())), fc.string(), (entries, name) => {
      const annotations = new Map(entries.map(([parts, value]) => [`fluentbit.io/${parts.join('')}`, value]));
      const said: string[] = [];
      const rules = {
        takesParser: true,
        takesExclude: true,
        hasParser: () => true,
        warn: (text: string) => void said.push(text),
      };
      wishesOf(annotations, 'web', rules);
      if (isName(name)) assert.equal(encodeURIComponent(name), name);
    }),
    fuzzRuns(1000),
  );
});
