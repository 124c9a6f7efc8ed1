import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsed } from '../../test/parsing.ts';
import { syslogParser } from './syslog.ts';

const parse = (text: string, options: Record<string, unknown> = {}) =>
  parsed(syslogParser, text, { timeFormat: '%Y %b %d %H:%M:%S %z', ...options });
const at = '2024 Mar  5 06:07:08 +0000';
const time = '1709618828.000000000';

test('RFC 3164', () => {
  assert.equal(parse(`${at} h sshd[12]: a: b`), `{"host":"h","ident":"sshd","pid":"12","message":"a: b"} ${time}`);
  assert.equal(
    parse(`<13>${at} h app[x]: m`, { withPriority: true, keepTimeKey: true }),
    `{"pri":13,"time":"2024 Mar 5 06:07:08 +0000","host":"h","ident":"app","message":"m"} ${time}`,
  );
  assert.equal(
    parse(`${at} h two words\nand a line`),
    `{"host":"h","ident":"two","message":"words\\nand a line"} ${time}`,
  );
  assert.match(parse(`<13>${at} h a: m`), /^invalid: no time of the form wanted/);
  assert.match(parse(`${at} h a: m`, { withPriority: true }), /^mismatch/);
  assert.match(parse('short'), /^mismatch/);
  assert.match(parse(`${at} `), /^mismatch: .* from character 28 on/);
  assert.match(parsed(syslogParser, 'Mar  5 06:07:08 h a: m'), /"message":"m"\} \d+\.000/);
});

test('RFC 3164 by words', () => {
  const words = (text: string, more: Record<string, unknown> = {}) =>
    parse(text, { parserEngine: 'string', withPriority: true, ...more });
  assert.equal(words(`<6>${at} h a[1]: m m`), `{"pri":6,"host":"h","ident":"a","pid":"1","message":"m m"} ${time}`);
  assert.equal(words(`<6>${at} h a[b] m`), `{"pri":6,"host":"h","ident":"a","pid":"b","message":"m"} ${time}`);
  assert.equal(words(`<6>${at} h a m`), `{"pri":6,"host":"h","ident":"a","message":"m"} ${time}`);
  assert.equal(words(`<6>${at} h one`), `{"pri":6,"host":"h","message":"one"} ${time}`);
  assert.equal(
    words(`<6>${at} h a m`, { supportColonlessIdent: false }),
    `{"pri":6,"host":"h","message":"a m"} ${time}`,
  );
  assert.match(words(`<6>${at} h`), /^mismatch/);
  // The usual form has its places.
  const usual = (text: string) => parsed(syslogParser, text, { parserEngine: 'string' });
  assert.match(usual('Mar  5 06:07:08 h a: m'), /^\{"host":"h","ident":"a","message":"m"\}/);
  assert.match(usual('Mar 5 06:07:08 h a: m'), /^mismatch/);
  assert.match(
    parsed(syslogParser, 'Mar  5 06:07:08.25 h a: m', { parserEngine: 'string', timeFormat: '%b %d %H:%M:%S.%N' }),
    /\.250000000$/,
  );
});

const newLine = '<165>1 2024-03-05T06:07:08.25Z host app 7 ID [a x="1\\"]"][b y="2"] text';

test('RFC 5424', () => {
  const options = { messageFormat: 'rfc5424', withPriority: true, timeFormat: undefined };
  assert.equal(
    parse(newLine, options),
    '{"pri":165,"host":"host","ident":"app","pid":"7","msgid":"ID","extradata":"[a x=\\"1\\\\\\"]\\"][b y=\\"2\\"]","message":"text"} 1709618828.250000000',
  );
  assert.equal(
    parse('<165>1 2024-03-05T06:07:08Z h a - - -', options),
    `{"pri":165,"host":"h","ident":"a","pid":"-","msgid":"-","extradata":"-"} ${time}`,
  );
  assert.match(parse('<165>1 - h a - - - m', options), /^invalid/);
  assert.match(parse('<165>1 2024-03-05T06:07:08Z h a - - x', options), /^mismatch/);
  assert.match(
    parse(newLine.slice(7), { ...options, withPriority: false, keepTimeKey: true }),
    /"time":"2024-03-05T06:07:08.25Z"/,
  );
});

test('RFC 5424 by words', () => {
  const options = { messageFormat: 'rfc5424', withPriority: true, timeFormat: undefined, parserEngine: 'string' };
  assert.match(parse(newLine, options), /"extradata":"\[a x=\\"1\\"\]\\"\]\[b y=\\"2\\"\]","message":"text"/);
  assert.match(parse('<165>1 2024-03-05T06:07:08Z h a - - [x]', options), /"extradata":"\[x\]"\}/);
  assert.match(parse('<165>1 2024-03-05T06:07:08Z h a - - - m', options), /"extradata":"-","message":"m"/);
  assert.match(parse('<165>1 2024-03-05T06:07:08Z h a', options), /^mismatch/);
});

test('auto tells them apart', () => {
  const options = { messageFormat: 'auto', withPriority: true, timeFormat: '%b %d %Y %H:%M:%S %z' };
  assert.match(parse(newLine, options), /"msgid":"ID"/);
  assert.match(parse('<13>Mar  5 2024 06:07:08 +0000 h a: m', options), /"ident":"a"/);
});
