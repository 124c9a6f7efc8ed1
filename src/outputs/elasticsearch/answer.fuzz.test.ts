/** Whatever a server answers is understood or named as a problem; whatever a record holds, its document is what it should be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { batchOf, chunkOf, configOf } from '../../../test/fixture.ts';
import { fuzzRuns } from '../../../test/fuzzing.ts';
import { defaultBuffer } from '../../config/model.ts';
import { ByteWriter } from '../../core/bytes.ts';
import { FakeClock } from '../../core/clock.ts';
import type { ChunkBatch } from '../../core/plugin.ts';
import { esOutput } from '../es.ts';
import { readBulkAnswer, verdictOf } from './answer.ts';
import { FieldConflicts } from './conflicts.ts';
import { datedNames } from './dated-names.ts';
import { FluentbitLines } from './fluentbit-lines.ts';
import { FluentdLines } from './fluentd-lines.ts';
import { elasticsearchOutput } from './index.ts';
import type { Lines } from './lines.ts';
import { readServer } from './server.ts';
import { documentSettings } from './settings.ts';
import type { WrittenDocuments } from './settings.ts';
import { translateTemplate } from './template-translation.ts';
import type { JsonObject } from './template-translation.ts';

const reason = fc.oneof(
  fc.string(),
  fc.constantFrom(
    'failed to parse field [a.b] of type [long] in document',
    'mapper [a] cannot be changed from type [text] to [long]',
    'object mapping for [a] tried to parse field [a] as object, but found a concrete value',
    'failed to parse [__proto__]',
  ),
);
const item = fc.oneof(
  fc.jsonValue(),
  fc.record({
    create: fc.record({
      status: fc.oneof(fc.constantFrom(200, 201, 400, 409, 429, 503), fc.jsonValue()),
      _index: fc.string(),
      error: fc.oneof(fc.jsonValue(), fc.record({ type: fc.string(), reason, caused_by: fc.record({ reason }) })),
    }),
  }),
);
const answer = fc.oneof(
  fc.string(),
  fc.json(),
  fc
    .record({ took: fc.nat(), errors: fc.boolean(), items: fc.array(item, { maxLength: 3 }) })
    .map((one) => JSON.stringify(one)),
);

test('answers: understood, or a problem that is named; no document is forgotten', () => {
  fc.assert(
    fc.property(answer, fc.integer({ min: 1, max: 3 }), (text, count) => {
      const read = readBulkAnswer(text, count);
      if (read === 'all') return;
      if ('problem' in read) return assert.ok(read.problem.length > 0);
      assert.equal(read.length, count);
      const conflicts = new FieldConflicts();
      const batch = batchOf('t', ['{"a":{"b":[1,{"c":"x"}]},"__proto__":1}']);
      for (const entry of read) {
        assert.ok(['delivered', 'exists', 'retry', 'refuse'].includes(verdictOf(entry, 'create')));
        conflicts.learn('i', entry, batch, 0);
      }
      conflicts.apply('i', batch.fields(0), batch, 0);
    }),
    fuzzRuns(500, 4),
  );
});

test('what answers GET / is a server or none', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string(), (value, number) => {
      for (const one of [value, { version: value }, { version: { number, distribution: value } }]) readServer(one);
    }),
    fuzzRuns(300, 4),
  );
});

/**
 * No key at any depth needs an escape: once V8 13.6 has seen one that is a backslash, its JSON.parse, which this test reads with,
 * takes other escapes in the same place for it.
 */
function hasPlainKeys(value: unknown): boolean {
  let isPlain = true;
  JSON.stringify(value, (name, inner: unknown) => {
    isPlain &&= JSON.stringify(name) === `"${name}"`;
    return inner;
  });
  return isPlain;
}
const key = fc.oneof(fc.constantFrom('@timestamp', 'tag', 'a', 'a.b', 'flb-key', '1', '/'), fc.string());
const fields = fc
  .dictionary(key, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 5, noNullPrototype: true })
  .filter(hasPlainKeys);
/** JSON as others may write it: blanks, and keys with escapes. */
const written = fc.tuple(fields, fc.constantFrom(0, 1, 2), fc.boolean()).map(([value, blanks, isEscaped]) => {
  const text = JSON.stringify(value, undefined, blanks).replaceAll('\n', ' ');
  return isEscaped ? text.replaceAll('@', '\\u0040') : text;
});

function documentOf(lines: Lines, one: ChunkBatch): unknown {
  lines.begin(chunkOf([one.batch], { tag: 'x' }), undefined);
  assert.ok(!('refused' in lines.place(one, 0)));
  const out = new ByteWriter();
  lines.write(out);
  const [first, document, end] = out.view().toString().split('\n');
  JSON.parse(first ?? '');
  assert.equal(end, '');
  return JSON.parse(document ?? '');
}

test('documents are the records with what is added to them, in one line each', () => {
  const fluentd = new FluentdLines(
    documentSettings(
      configOf(elasticsearchOutput, { logstashFormat: true, includeTagKey: true, timePrecision: 0 })
        .options as unknown as WrittenDocuments,
      { typeRule: 'elasticsearch', chunkIdKey: undefined },
    ),
    { clock: new FakeClock(), buffer: defaultBuffer, divert: undefined, badTime: () => undefined },
  );
  const values = configOf(esOutput, { includeTagKey: true }).options;
  const settings = values as unknown as ConstructorParameters<typeof FluentbitLines>[0];
  const fluentbit = new FluentbitLines(settings, 'es', new FakeClock(), undefined);
  fc.assert(
    fc.property(fc.array(written, { minLength: 1, maxLength: 3 }), (texts) => {
      for (const one of chunkOf([batchOf('x', texts)]).batches) {
        const record = JSON.parse(texts[0] as string) as Record<string, unknown>;
        const stamp = '2024-03-05T06:07:00';
        assert.deepEqual(documentOf(fluentd, one), { '@timestamp': `${stamp}+00:00`, ...record, tag: 'x' });
        assert.deepEqual(documentOf(fluentbit, one), { '@timestamp': `${stamp}.000Z`, 'flb-key': 'x', ...record });
      }
    }),
    fuzzRuns(1000, 4),
  );
});

test('templates and names of indices: whatever they are', () => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.constantFrom('mappings', 'template', 'settings', 'index_patterns', 'order', 'x'),
        fc.jsonValue(),
      ),
      fc.string(),
      (template, name) => {
        for (const major of [5, 6, 7, 8])
          for (const isLegacy of [true, false])
            translateTemplate(template as JsonObject, { major, isLegacy, typeName: 't' });
        datedNames('p-', '%Y.%m.%d').endOf(name);
        assert.equal(datedNames(name, '%Y').endOf(`${name}2024`), Date.UTC(2025, 0, 1) / 1000);
      },
    ),
    fuzzRuns(300, 4),
  );
});
