import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configOf, contextOf, modelOf } from '../../test/fixture.ts';
import { parsed, shown } from '../../test/parsing.ts';
import { criParser } from './cri.ts';
import { builtinPlugins } from '../plugins.ts';

const line = '2020-10-10T00:10:00.333333333Z stdout F Hello Fluentd';

test('a line has a time, a stream, a tag and a text', () => {
  assert.equal(
    parsed(criParser, line),
    '{"stream":"stdout","logtag":"F","message":"Hello Fluentd","time":"2020-10-10T00:10:00.333333333Z"} 1602288600.333333333',
  );
  assert.equal(
    parsed(criParser, line.replace('F Hello Fluentd', 'P  '), { keepTimeKey: false }),
    '{"stream":"stdout","logtag":"P","message":" "} 1602288600.333333333',
  );
  assert.match(parsed(criParser, '2020-10-10T00:10:00.333333333+09:00 stderr F '), /"message":"".* 1602256200\.3/);
});

test('lines of another form, and other times, are problems', () => {
  assert.match(parsed(criParser, '2020-10-10T00:10:00.333333333Z stdout F'), /^mismatch: a time, a stream/);
  assert.match(parsed(criParser, ''), /^mismatch/);
  assert.match(parsed(criParser, 'yesterday stdout F x'), /^invalid: field time is no time/);
});

test('bytes that are not UTF-8 are kept, and so is a time key that looks like a number', () => {
  const bytes = Buffer.concat([Buffer.from(line), Buffer.of(255)]);
  if (criParser.kind !== 'parser') throw new TypeError('no parser');
  const found = criParser.create(configOf(criParser, { timeKey: '7' }), contextOf([])).parse(bytes);
  assert(!('problem' in found) && found.fields instanceof Map);
  assert.deepEqual(
    found.fields.get('message'),
    new Uint8Array(Buffer.concat([Buffer.from('Hello Fluentd'), Buffer.of(255)])),
  );
  assert.equal(found.fields.get('7'), '2020-10-10T00:10:00.333333333Z');
});

test('what the text holds is parsed again, and gets the stream and the tag unless told otherwise', () => {
  const parse = (text: string, mergeCriFields: boolean) => {
    const context = contextOf(builtinPlugins);
    const inner = builtinPlugins.find(({ kind, name }) => kind === 'parser' && name === 'json');
    if (!inner) throw new TypeError('no json');
    const config = configOf(criParser, { mergeCriFields }, { parser: modelOf(inner) });
    if (criParser.kind !== 'parser') throw new TypeError('no parser');
    return shown(criParser.create(config, context).parse(text));
  };
  const json = line.replace('Hello Fluentd', '{"a":1,"stream":"own"}');
  assert.equal(parse(json, true), '{"a":1,"stream":"stdout","logtag":"F"}');
  assert.equal(parse(json, false), '{"a":1,"stream":"own"}');
  assert.match(parse(line, true), /^mismatch/);
});
