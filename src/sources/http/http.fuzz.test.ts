/** Bodies and queries from outside: whatever comes, they become records or a Refusal. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fuzzRuns } from '../../../test/fuzzing.ts';
import { codecs } from '../../core/batch.ts';
import { realClock } from '../../core/clock.ts';
import { scanJson } from '../../core/json.ts';
import { decodeMsgpack, encodeMsgpack } from '../../core/msgpack.ts';
import { isFields } from '../../core/record.ts';
import type { Value } from '../../core/record.ts';
import { Refusal } from '../requests/refusal.ts';
import { httpConfig } from './harness.test.ts';
import { RequestReader } from './reader.ts';
import { tagOfPath } from './tag.ts';

/** Runs, and lets only refusals that say something pass. */
function refusing<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof Refusal && error.message !== '') return undefined;
    throw error;
  }
}

const words =
  '{ } [ ] : , "a" "time" "__proto__" "1" null true 1 1.0 -1e9 1e400 12345678901234567890 \n " \\u12 json= ndjson= msgpack= %81%A1a%04 & %7B%7D time= = --x\r\n \r\n\r\n'.split(
    ' ',
  );
const packed = [{ a: 1 }, [{ a: 1 }, {}], null, 5, 'x', { time: 1.5 }].map((value) => encodeMsgpack(value));
const piece = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...words).map((word) => Buffer.from(word)) },
  { weight: 2, arbitrary: fc.constantFrom(...packed) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 5 }) },
  { weight: 1, arbitrary: fc.constant(Buffer.from('Content-Disposition: form-data; name="json"')) },
  { weight: 1, arbitrary: fc.json().map((text) => Buffer.from(text)) },
);
const objects = fc.array(fc.dictionary(fc.constantFrom('a', 'time', '1', '__proto__'), fc.jsonValue()), {
  maxLength: 4,
});
const bodies = fc.oneof(
  fc.array(piece, { maxLength: 12 }).map((parts) => Buffer.concat(parts)),
  objects.map((list) => Buffer.from(JSON.stringify(list, null, 1))),
  objects.map((list) => Buffer.from(list.map((one) => JSON.stringify(one)).join('\n'))),
  objects.map((list) => encodeMsgpack(list as Value)),
  objects.map((list) => Buffer.from(`time=3&json=${encodeURIComponent(JSON.stringify(list))}`)),
);
const types = fc.constantFrom(
  undefined,
  'application/json',
  'application/x-ndjson',
  'application/msgpack',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
);
const queries = fc.array(fc.constantFrom('time=', '5', '-1.5e3', '1e300', '&', 'json=', '{}', '%FF', '%', 'b=c'), {
  maxLength: 6,
});

test('requests become records that the journal takes, or are refused', () => {
  const options = { addHttpHeaders: true, addQueryParams: true, addRemoteAddr: true, recordsLimit: 20 };
  const whole = new RequestReader(httpConfig({}).options, undefined, undefined, realClock);
  const adding = new RequestReader(httpConfig({ options }).options, undefined, undefined, realClock);
  let taken = 0;
  fc.assert(
    fc.property(bodies, types, queries, fc.boolean(), (body, type, query, isAdding) => {
      const req = {
        headers: type === undefined ? {} : { 'content-type': type },
        rawHeaders: ['X-A', '\xff', 'X-A', 'b'],
        socket: { remoteAddress: '127.0.0.1' },
      };
      const read = refusing(() => (isAdding ? adding : whole).read(req as never, query.join(''), body));
      for (const { codec, payload, exact, time } of read?.records ?? []) {
        taken++;
        assert.equal(codec, read?.codec);
        if (time) assert.ok(Number.isSafeInteger(time.seconds) && time.nanos >= 0 && time.nanos < 1e9);
        if (codec === codecs.msgpack) assert.ok(isFields(decodeMsgpack(payload as Uint8Array)));
        else {
          assert.ok(!payload.includes('\n' as never), 'one line');
          assert.ok(isFields(JSON.parse(payload.toString()) as never));
          if (scanJson(Buffer.from(payload)).exact) assert.ok(exact);
        }
      }
    }),
    fuzzRuns(2000, 2),
  );
  assert.ok(taken > 50, `only ${taken} records came of it`);
});

test('paths become tags', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.webPath()), (path) => {
      const tag = refusing(() => tagOfPath(path));
      if (tag !== undefined) assert.match(tag, /^[\x21-\x7e]*$/);
    }),
    fuzzRuns(500, 2),
  );
});
