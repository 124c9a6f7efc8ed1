/** Joiners over bytes of any kind: nothing is thrown, and every byte of a line is in one record. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzzing.ts';
import { multilineNames } from '../codecs/fluentbit_multiline.ts';
import { realClock } from '../core/clock.ts';
import { builtinDefinition } from './builtin.ts';
import type { JoinerState } from './contract.ts';
import { createJoiner } from './joiner.ts';

const words = fc.constantFrom(
  '2024-03-01T10:00:00.1Z stdout P ',
  '2024-03-01T10:00:00.1Z stderr F ',
  't stdout F',
  '{"log":"x","stream":"stdout"}',
  '{"log":"x\\n","stream":1}',
  '{"log":{},"time":"',
  'a.Exception: ',
  '\tat ',
  'Traceback (most recent call last):',
  '  File ',
  'panic: ',
  'goroutine 1 [running]:',
  'x.rb:1:in y',
  ' ',
  '\r',
  '\u0000',
);
const line = fc
  .array(
    fc.oneof(
      words.map((word) => Buffer.from(word)),
      fc.uint8Array({ maxLength: 5 }),
    ),
    { maxLength: 4 },
  )
  .map((parts) => Buffer.concat(parts));
const names = fc.subarray([...multilineNames], { minLength: 1 });

test('lines of any bytes, through parsers in any number: each line is in one record at most, and no other', () => {
  fc.assert(
    fc.property(names, fc.array(line, { maxLength: 30 }), fc.integer({ min: 1, max: 200 }), (chosen, lines, max) => {
      const places: number[] = [];
      const definitions = chosen.map((name) => builtinDefinition(name, realClock));
      const rules = {
        definitions,
        joinedBytesMax: max,
        take: (record: { places: readonly number[] }) => places.push(...record.places),
      };
      let joiner = createJoiner<number>(rules);
      for (const [place, text] of lines.entries()) {
        joiner.addLines([{ text, place }], undefined, place);
        if (place % 7 === 0)
          joiner = createJoiner<number>(rules, JSON.parse(JSON.stringify(joiner.save())) as JoinerState);
      }
      joiner.flush();
      assert.deepEqual(joiner.held(), []);
      const sorted = places.toSorted((a, b) => a - b);
      const wanted = [...lines.keys()].filter((place) => (lines[place]?.length ?? 0) > 0 || places.includes(place));
      assert.deepEqual(sorted, wanted);
    }),
    fuzzRuns(300),
  );
});
