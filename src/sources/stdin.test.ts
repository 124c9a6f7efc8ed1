import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { jsonLineParser } from '../codecs/json.ts';
import { multilineParser } from '../codecs/multiline.ts';
import { codecs } from '../core/batch.ts';
import { OperatingError } from '../core/errors.ts';
import { configOf, contextOf, modelOf, sourceContextOf } from '../../test/fixture.ts';
import { decodeMsgpack } from '../core/msgpack.ts';
import { builtinPlugins } from '../plugins.ts';
import { stdinSourceOver } from './stdin.ts';

function begin(options: Record<string, unknown> = {}, parser?: ReturnType<typeof modelOf>) {
  const input = new PassThrough();
  const plugin = stdinSourceOver(() => input);
  if (plugin.kind !== 'source') throw new TypeError('not a source');
  const context = contextOf(builtinPlugins);
  const source = sourceContextOf(context);
  const made = plugin.create(configOf(plugin, options, { parser }), source);
  return { input, context, source, made };
}
const payloads = (source: ReturnType<typeof begin>['source']) =>
  source.appended.flatMap(({ records }) =>
    records.payloads.map((payload) => Buffer.from(payload as Uint8Array).toString()),
  );

test('lines become records; CRLF, blank and unfinished lines too', async () => {
  const { input, source, made } = begin({ exitOnEof: true, tag: 'lines' });
  await made.start();
  for (const part of ['one\r\ntw', 'o\n\nü', '\nlast']) input.write(part);
  input.end();
  await made.ended;
  assert.deepEqual(
    payloads(source),
    ['one', 'two', '', 'ü', 'last'].map((message) => JSON.stringify({ message })),
  );
  assert.ok(source.appended.every(({ tag }) => tag === 'lines'));
  await made.stop();
});

test('JSON lines keep digits and give their time; others are refused with their bytes', async () => {
  const parser = modelOf(jsonLineParser, { timeFormat: '%Y-%m-%dT%H:%M:%S%z' });
  const { input, source, made } = begin({ exitOnEof: true }, parser);
  await made.start();
  input.end(
    '{"n":1.0,"big":12345678901234567890}\n{"time":"2024-03-05T06:07:00+00:00","a":1}\nnot json\n[1]\n{"time":"x"}\n',
  );
  await made.ended;
  assert.deepEqual(payloads(source), ['{"n":1.0,"big":12345678901234567890}', '{"a":1}']);
  assert.deepEqual(source.appended[0]?.records.exact, [true, false]);
  assert.equal(source.appended[0]?.records.seconds[1], 1_709_618_820);
  assert.deepEqual(source.refusals, [
    { reason: 'parse_failed', raw: 'not json' },
    { reason: 'parse_failed', raw: '[1]' },
    { reason: 'parse_failed', raw: '{"time":"x"}' },
  ]);
});

test('lines that a multiline parser wants together are joined, also the last ones', async () => {
  const parser = modelOf(multilineParser, { formatFirstline: '/^\\d/', format1: '/^(?<n>\\d) (?<text>.*)/' });
  const { input, source, made } = begin({ exitOnEof: true }, parser);
  await made.start();
  for (const part of ['stray\n1 a\n', '  b\n2 ', 'c\n  d']) input.write(part);
  input.end();
  await made.ended;
  assert.deepEqual(payloads(source), ['{"n":"1","text":"a\\n  b"}', '{"n":"2","text":"c\\n  d"}']);
  assert.deepEqual(source.refusals, [{ reason: 'no_first_line', raw: 'stray' }]);
});

test('bytes that are not UTF-8 are kept', async () => {
  const { input, source, made } = begin({ exitOnEof: true });
  await made.start();
  input.end(Buffer.from([0x61, 0xff, 0x0a, 0x62]));
  await made.ended;
  assert.deepEqual(
    source.appended.map(({ records }) => records.codec),
    [codecs.msgpack, codecs.json],
  );
  const value = decodeMsgpack(source.appended[0]?.records.payloads[0] as Uint8Array);
  assert.deepEqual(value, new Map([['message', new Uint8Array([0x61, 0xff])]]));
});

test('a line that is too long is refused, the next one taken', async () => {
  const { input, source, made } = begin({ exitOnEof: true, maxLineSize: 10 });
  await made.start();
  input.write('01234567');
  input.write('89abc');
  input.end('def\nnext\n');
  await made.ended;
  assert.deepEqual(source.refusals, [{ reason: 'line_too_long', raw: '0123456789' }]);
  assert.deepEqual(payloads(source), ['{"message":"next"}']);
});

test('a full journal is waited for', async () => {
  const { input, source, made, context } = begin({ exitOnEof: true });
  let failures = 3;
  source.gate = () => {
    if (failures-- <= 0) return Promise.resolve();
    setImmediate(() => context.clock.advance(1000));
    return Promise.reject(new OperatingError('JOURNAL_FULL', 'full'));
  };
  await made.start();
  input.end('a\n');
  await made.ended;
  assert.deepEqual(payloads(source), ['{"message":"a"}']);
});

test('without exit_on_eof nothing says that the input has ended; stop is clean at any time', async () => {
  const { input, made } = begin();
  assert.equal(made.ended, undefined);
  await made.start();
  input.write('half');
  await made.stop();
});
