/** What Fluent Bit's configurations make of tcp, udp and syslog. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readConfig } from '../../config/load.ts';
import { Registry } from '../../core/registry.ts';
import { builtinPlugins } from '../../plugins.ts';

async function read(input: string) {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-sockets-'));
  try {
    const path = join(directory, 'a.conf');
    writeFileSync(join(directory, 'parsers.conf'), '[PARSER]\n    Name p\n    Format regex\n    Regex ^(?<a>.*)$\n');
    const service = '[SERVICE]\n    Parsers_File parsers.conf\n';
    writeFileSync(path, `${service}[INPUT]\n    Tag t\n${input}\n[OUTPUT]\n    Name null\n    Match *\n`);
    const { loaded, problems } = await readConfig({ path, env: {}, registry: new Registry(builtinPlugins) });
    return { plugin: loaded?.model.sources[0]?.plugin, problems: problems.map(({ text }) => text) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('tcp: JSON values by default, or texts up to a separator, with a parser or without', async () => {
  const json = await read('    Name tcp');
  assert.match(json.problems.join(), /listens on 127\.0\.0\.1 alone/);
  const { options: plain, parser } = json.plugin ?? {};
  assert.deepEqual([plain?.['bind'], plain?.['port'], plain?.['framing']], ['127.0.0.1', 5170, 'json']);
  assert.deepEqual(
    [parser?.type, parser?.options['format'], parser?.options['arrayKey']],
    ['fluentbit', 'json', 'msg'],
  );
  const texts = await read(
    '    Name tcp\n    Listen ::1\n    Format none\n    Separator \\n\\n\n    Source_Address_Key from',
  );
  assert.deepEqual(
    ['delimiter', 'skipEmptyMessages', 'sourceAddressKey', 'unparsedKey'].map((name) => texts.plugin?.options[name]),
    ['\n\n', true, 'from', undefined],
  );
  assert.deepEqual([texts.plugin?.parser?.type, texts.plugin?.parser?.options['messageKey']], ['none', 'log']);
  const parsed = await read('    Name tcp\n    Listen ::1\n    Format none\n    Parser p');
  assert.deepEqual([parsed.plugin?.options['unparsedKey'], parsed.plugin?.parser?.type], ['log', 'fluentbit']);
});

test('udp: the same, in each datagram', async () => {
  const { plugin, problems } = await read('    Name udp\n    Listen ::1\n    Format none');
  assert.deepEqual(problems, []);
  assert.deepEqual(
    ['port', 'framing', 'delimiter', 'removeNewline'].map((name) => plugin?.options[name]),
    [5170, 'delimiter', '\n', false],
  );
});

test('syslog: modes and framing; the tag stays as it is, and a parser is needed', async () => {
  const { plugin, problems } = await read(
    '    Name syslog\n    Mode tcp\n    Listen ::1\n    Parser p\n    Format octet_counting',
  );
  assert.deepEqual(problems, []);
  assert.deepEqual(
    ['plainTag', 'frameType', 'port'].map((name) => plugin?.options[name]),
    [true, 'octet_count', 5140],
  );
  assert.equal(plugin?.sections['transport']?.[0]?.argument, 'tcp');
  const unix = await read('    Name syslog\n    Mode unix_tcp\n    Parser p\n    Path /run/s\n    Unix_Perm 0660');
  assert.deepEqual([unix.plugin?.options['path'], unix.plugin?.options['pathMode']], ['/run/s', '0660']);
  const datagrams = await read('    Name syslog\n    Parser p');
  assert.match(datagrams.problems.join('\n'), /Mode unix_udp \(the default\): datagrams over Unix sockets/);
  assert.match((await read('    Name syslog\n    Mode udp')).problems.join('\n'), /syslog needs a Parser/);
});
