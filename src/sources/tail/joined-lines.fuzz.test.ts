/** Lines of containers that multiline parsers join: with the short way of whole lines, and without it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { configOf, contextOf } from '../../../test/fixture.ts';
import { fuzzRuns } from '../../../test/fuzzing.ts';
import { objectTexts } from '../../../test/record-texts.ts';
import { noneParser } from '../../codecs/none.ts';
import { realClock } from '../../core/clock.ts';
import { builtinDefinition } from '../../multiline/builtin.ts';
import type { MultilineDefinition } from '../../multiline/contract.ts';
import { AddedKeys } from './added-keys.ts';
import { JoinedLines } from './joined-lines.ts';
import { LineBatch } from './records.ts';
import type { LineRules } from './records.ts';

const time = fc.constantFrom('2026-01-01T12:00:00.123456789Z', '2026-01-01T12:00:00.5+09:00', '2026-01-01 12', 't');
const stream = fc.constantFrom('stdout', 'stderr');
const text = fc.constantFrom('a', '', 'é "x"\\', 'x\ty', '{"path":1}', 'y F z', 'x\\n');
const cri = fc
  .tuple(time, stream, fc.constantFrom('F', 'F', 'F', 'P'), text)
  .map((parts) => Buffer.from(parts.join(' ')));
const docker = fc
  .record({
    log: fc.tuple(text, fc.constantFrom('\n', '\n', '')).map((parts) => parts.join('')),
    stream: fc.oneof(stream, fc.constantFrom('other', 3)),
    time,
    attrs: fc.constantFrom({}, { path: 1 }),
  })
  .map((fields) => Buffer.from(JSON.stringify(fields)));
/** Fields of Docker behind or before others, which may have their names. */
const nearDocker = fc.tuple(objectTexts, docker, fc.boolean()).map(([text, line, isBefore]) => {
  const [more, own] = [text.trim().slice(1, -1), line.toString().slice(1, -1)];
  return Buffer.from(`{${(isBefore ? [more, own] : [own, more]).filter((part) => part.trim() !== '').join(',')}}`);
});
const other = fc.oneof(
  nearDocker,
  fc.constantFrom('plain', '', '{"log":"x\\n"}', 'panic: x', ' \tat y').map((line) => Buffer.from(line)),
  fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes.map((byte) => (byte === 10 ? 32 : byte)))),
);
const pieces = fc.array(
  fc.array(fc.oneof({ weight: 4, arbitrary: cri }, { weight: 4, arbitrary: docker }, other), { maxLength: 8 }),
  {
    maxLength: 4,
  },
);
const names = fc.constantFrom<readonly ('docker' | 'cri' | 'go')[]>(
  ['docker', 'cri'],
  ['cri'],
  ['docker'],
  ['cri', 'docker', 'go'],
);

if (noneParser.kind !== 'parser') throw new TypeError('no parser');
const none = noneParser.create(configOf(noneParser, {}), contextOf([]));
const common = {
  parser: none,
  decode: undefined,
  emitsUnmatched: false,
  unparsedKey: undefined,
  sayUnparsed: undefined,
  replacesKeys: true,
  skipsEmpty: true,
} as const;

/** What pieces of a file give: records with their lines, and where reading would go on after each piece. */
function joined(
  definitions: readonly MultilineDefinition[],
  given: readonly (readonly Buffer[])[],
  hasKeys: boolean,
  bytesMax: number,
) {
  const keys = { pathKey: hasKeys ? 'path' : undefined, offsetKey: hasKeys ? 'offset' : undefined };
  const joining = { definitions, joinedBytesMax: bytesMax, isParsed: false };
  const rules: LineRules = { ...common, ...keys, joining };
  const added = new Map(definitions.map(({ direct }) => [direct, direct && AddedKeys.for(rules, direct)]));
  const whole: LineRules = { ...rules, joining: { ...joining, ...(hasKeys && { added }) } };
  const lines = new JoinedLines(joining, undefined);
  const seen: unknown[] = [];
  let short = 0;
  let at = 0;
  for (const one of [...given, []]) {
    const batch = new LineBatch(whole, '/a.log', { seconds: 7, nanos: at });
    const piece = Buffer.concat(one.map((line) => Buffer.concat([line, Buffer.from('\n')])));
    let from = 0;
    for (const { length } of one) {
      const line = { piece, from, until: from + length, start: at + from, end: at + from + length + 1 };
      lines.add(line, batch, at);
      from += length + 1;
    }
    lines.end(batch, at);
    at += piece.length;
    if (one.length === 0) lines.flush(batch);
    batch.parse();
    const runs = batch.runs();
    for (const { records, ends, spans } of runs)
      records.payloads.forEach((payload, i) => {
        const bytes = Buffer.from(payload as string).toString('latin1');
        seen.push([records.codec, bytes, records.exact[i], records.seconds[i], records.nanos[i], ends[i], spans[i]]);
      });
    short += runs.filter(({ records }) => records.constructor.name === 'PackedRecords').length;
    seen.push([batch.lines, batch.refused, lines.behind([], at)]);
  }
  return { seen, short };
}

describe('lines of containers', () => {
  test('the short way gives what joining gives', () => {
    let short = 0;
    fc.assert(
      fc.property(names, pieces, fc.boolean(), fc.constantFrom(4, 1000), (chosen, given, hasKeys, bytesMax) => {
        const definitions = chosen.map((name) => builtinDefinition(name, realClock));
        const fast = joined(definitions, given, hasKeys, bytesMax);
        const without = definitions.map((one) => ({ ...one, direct: undefined }));
        short += fast.short;
        assert.deepEqual(fast.seen, joined(without, given, hasKeys, bytesMax).seen);
      }),
      fuzzRuns(400),
    );
    assert.ok(short > 0, 'nothing took the short way');
  });
});
