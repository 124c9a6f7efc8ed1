/** Lines of all kinds: long, strange, of several lines, in other encodings. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelOf } from '../../../test/fixture.ts';
import { until } from '../../../test/program.ts';
import { jsonLineParser } from '../../codecs/json.ts';
import { OperatingError } from '../../core/errors.ts';
import { builtinPlugins } from '../../plugins.ts';
import { Tailing } from './tail-fixture.ts';

function parser(name: string, options: Record<string, unknown>) {
  const plugin = builtinPlugins.find((one) => one.kind === 'parser' && one.name === name);
  assert.ok(plugin);
  return modelOf(plugin, options);
}

test('bytes that are not UTF-8 are kept, in few appends, and JSON numbers beside them', async (t) => {
  const tail = await Tailing.make(t);
  const lines = Array.from({ length: 100 }, (_, n) =>
    n % 2 ? Buffer.from(`ok ${n}\n`) : Buffer.from([0xff, 48 + (n % 10), 10]),
  );
  await tail.write('in.log', Buffer.concat(lines));
  await tail.start();
  await tail.count(100);
  await tail.stop();
  assert.deepEqual(tail.messages[1], 'ok 1');
  assert.deepEqual(Buffer.from(tail.messages[2] as Uint8Array), Buffer.from([0xff, 50]));
  assert.equal(tail.appended.filter(({ records }) => records.payloads.length > 0).length, 1);
});

test('a line that is not UTF-8 behind one that is goes with it', async (t) => {
  const tail = await Tailing.make(t);
  await tail.write('in.log', Buffer.concat([Buffer.from('ok é\n'), Buffer.from([0xff, 10])]));
  await tail.start();
  await tail.count(2);
  await tail.stop();
  assert.equal(tail.messages[0], 'ok é');
  assert.deepEqual(Buffer.from(tail.messages[1] as Uint8Array), Buffer.from([0xff]));
  assert.equal(tail.appended.filter(({ records }) => records.payloads.length > 0).length, 1);
});

test('a line longer than what is taken at once comes in parts, whose characters are whole', async (t) => {
  const tail = await Tailing.make(t);
  const long = 'ü'.repeat(2_500_000);
  await tail.write('in.log', `a\n${long}\nb\n`);
  await tail.start();
  await tail.count(5);
  await tail.stop();
  const parts = tail.records.slice(1, 4) as { message: string; line_part?: number }[];
  assert.deepEqual(
    parts.map(({ line_part: part }) => part),
    [1, 2, 3],
  );
  assert.equal(parts.map(({ message }) => message).join(''), long);
  assert.deepEqual(tail.records[4], { message: 'b' });
});

test('max_line_size refuses what is longer, with its size; the next lines are taken', async (t) => {
  const tail = await Tailing.make(t, { maxLineSize: 10 });
  const huge = 'x'.repeat(700_000);
  await tail.write('in.log', `0123456789\n012345678\n${huge}\nnext\n${huge}`);
  await tail.start();
  await tail.count(2);
  await tail.append('in.log', 'x\nlast\n');
  await tail.count(3);
  await tail.stop();
  assert.deepEqual(tail.messages, ['012345678', 'next', 'last']);
  assert.deepEqual(
    tail.refusals.map(({ reason }) => reason),
    ['line_too_long', 'line_too_long', 'line_too_long'],
  );
  assert.ok(tail.said.some((text) => text.includes('a line of 11 bytes; max_line_size is 10')));
});

test('cut_long_lines takes the start of longer ones, in whole characters, with their length', async (t) => {
  const tail = await Tailing.make(t, { maxLineSize: 10, cutLongLines: true });
  await tail.write('in.log', `short\na${'ü'.repeat(20)}\n${'x'.repeat(700_000)}\nlast\n`);
  await tail.start();
  await tail.count(4);
  await tail.stop();
  assert.deepEqual(tail.records, [
    { message: 'short' },
    { message: 'aüüüü', line_bytes: 42 },
    { message: 'x'.repeat(10), line_bytes: 700_001 },
    { message: 'last' },
  ]);
});

test('lines that do not parse are refused with their bytes, or become records where that is asked for', async (t) => {
  const refusing = await Tailing.make(t, { pathKey: 'path' }, modelOf(jsonLineParser));
  await refusing.write('in.log', '{"a":1,"path":null}\nnot json\n{"a":2,"path":"own"}\n');
  await refusing.start();
  await refusing.count(2);
  await refusing.stop();
  assert.deepEqual(refusing.records, [
    { a: 1, path: refusing.file('in.log') },
    { a: 2, path: 'own' },
  ]);
  assert.deepEqual(refusing.refusals, [{ reason: 'parse_failed', raw: 'not json' }]);
  const emitting = await Tailing.make(t, { emitUnmatchedLines: true, pathKey: 'path' }, modelOf(jsonLineParser));
  await emitting.write('in.log', 'not json\n');
  await emitting.start();
  await emitting.count(1);
  await emitting.stop();
  assert.deepEqual(emitting.records, [{ unmatched_line: 'not json', path: emitting.file('in.log') }]);
});

test('lines of one record are joined; the position stays before what is not complete', async (t) => {
  const multiline = parser('multiline', { formatFirstline: '/^> /', format1: '/^> (?<m>.*)/' });
  const tail = await Tailing.make(t, {}, multiline);
  await tail.write('in.log', 'stray\n> a\n more\n> b\n');
  await tail.start();
  await tail.count(1);
  tail.kill();
  await tail.start();
  await tail.append('in.log', ' b more\n> c\n');
  await tail.count(2);
  // The last one is taken at a stop, since it parses.
  await tail.stop();
  assert.deepEqual(tail.records, [{ m: 'a\n more' }, { m: 'b\n b more' }, { m: 'c' }]);
  assert.deepEqual(tail.refusals.at(-1) ?? { reason: 'no_first_line', raw: 'stray' }, {
    reason: 'no_first_line',
    raw: 'stray',
  });
  await tail.start();
  await tail.append('in.log', '> d\n');
  await tail.stop();
  assert.deepEqual(tail.records.slice(3), [{ m: 'd' }]);
});

test('a carriage return stays within a record of several lines', async (t) => {
  const multiline = parser('multiline', { formatFirstline: '/^> /', format1: '/^> (?<m>.*)/' });
  const tail = await Tailing.make(t, {}, multiline);
  await tail.write('in.log', '> a\r\n\r\n more\r\n> b\r\n');
  await tail.start();
  await tail.count(1);
  await tail.stop();
  assert.deepEqual(tail.records, [{ m: 'a\r\n\r\n more' }, { m: 'b' }]);
});

test('multiline_flush_interval completes the last record; without format_firstline what parses is complete', async (t) => {
  const flushing = await Tailing.make(
    t,
    { multilineFlushInterval: 10 },
    parser('multiline', { formatFirstline: '/^> /', format1: '/^> (?<m>.*)/' }),
  );
  await flushing.write('in.log', '> a\n more\n');
  await flushing.start();
  await flushing.count(1);
  assert.deepEqual(flushing.records, [{ m: 'a\n more' }]);
  const closing = await Tailing.make(t, {}, parser('multiline', { format1: '/^begin\\n(?<m>.*)\\nend$/' }));
  await closing.write('in.log', 'begin\na\nend\nbegin\nb\nend\n');
  await closing.start();
  await closing.count(2);
  assert.deepEqual(closing.records, [{ m: 'a' }, { m: 'b' }]);
});

test('other encodings become UTF-8, line ends of two bytes too', async (t) => {
  const japanese = await Tailing.make(t, { fromEncoding: 'Shift_JIS', encoding: 'UTF-8' });
  await japanese.write('in.log', Buffer.from([0x83, 0x65, 0x83, 0x58, 0x83, 0x67, 10]));
  await japanese.start();
  await japanese.count(1);
  assert.deepEqual(japanese.messages, ['テスト']);
  const wide = await Tailing.make(t, { fromEncoding: 'UTF-16LE', encoding: 'UTF-8' });
  await wide.write('in.log', Buffer.from('eins\r\nĊ zwei\npar', 'utf16le'));
  await wide.start();
  await wide.count(2);
  await wide.stop();
  assert.deepEqual(wide.messages, ['eins', 'Ċ zwei']);
});

test('while the journal is full reading waits; what it does not take alone is refused', async (t) => {
  const tail = await Tailing.make(t);
  let isFull = true;
  tail.beforeAppend = ({ records }) => {
    if (isFull && records.payloads.length > 0) return Promise.reject(new OperatingError('JOURNAL_FULL', 'full'));
    const isTooLarge = records.payloads.some((payload) => Buffer.from(payload as Uint8Array).includes('large'));
    return isTooLarge ? Promise.reject(new OperatingError('RECORD_TOO_LARGE', 'too large')) : Promise.resolve();
  };
  await tail.write('in.log', 'a\nb\nlarge\nc\n');
  await tail.start();
  await until('the word', () => tail.said.some((text) => text.includes('reading waits')));
  assert.deepEqual(tail.messages, []);
  isFull = false;
  await tail.count(3);
  await tail.stop();
  assert.deepEqual(tail.messages, ['a', 'b', 'c']);
  assert.deepEqual(tail.refusals, [{ reason: 'record_too_large', raw: '{"message":"large"}' }]);
});
