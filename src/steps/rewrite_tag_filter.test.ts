import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { batchOf, configOf, contextOf, section, texts } from '../../test/fixture.ts';
import { rewriteTagFilterStep } from './rewrite_tag_filter.ts';

interface Emitted {
  readonly tag: string;
  readonly label: string | undefined;
  readonly records: string[];
}

function retag(
  tag: string,
  records: string[],
  rules: Record<string, unknown>[],
  options: Record<string, unknown> = {},
): Emitted[] {
  const plugin = rewriteTagFilterStep;
  if (plugin.kind !== 'step' || !plugin.create) throw new TypeError('not a step');
  const config = configOf(plugin, options, { sections: { rule: rules.map((rule) => section(rule)) } });
  plugin.check?.(config);
  const emitted: Emitted[] = [];
  plugin.create(config, contextOf([])).retag(
    batchOf(tag, records),
    (batch, label) => emitted.push({ tag: batch.tag, label, records: texts(batch) }),
    () => assert.fail('nothing is rejected'),
  );
  return emitted;
}

test('the postback rules, as recorded', () => {
  const records = [
    '/postback/test',
    '/postback/other',
    '/postback/a.b/c',
    '/else',
    '',
    '/postback/',
    '/x\n/postback/multi',
    '/postback/日本',
  ]
    .map((path) => JSON.stringify({ _path: path }))
    .concat('{"v":5}', '{"_path":null}', '{"_path":12}');
  const emitted = retag('post2log', records, [{ key: '_path', pattern: '^/postback/(.+)$', tag: '$1' }]);
  assert.deepEqual(
    emitted.map(({ tag }) => tag),
    ['test', 'other', 'a.b/c', 'multi', '日本'],
  );
});

test('inversion, labels and unchanged tags, as recorded', () => {
  const records = [
    '{"level":"INFO","msg":"a"}',
    '{"level":"debug"}',
    '{"level":"error","msg":"dropped: tag unchanged"}',
    '{"level":"x","meta":{"host":"web12-eu"},"msg":"b"}',
    '{"level":"warn"}',
    '{"level":"warn","msg":"m"}',
    '{"msg":"no level"}',
    '{"n":1}',
  ];
  const emitted = retag('app', records, [
    { key: 'level', pattern: '/^(debug|info)$/i', tag: 'low.$1' },
    { key: 'level', pattern: '/^error$/', tag: 'app' },
    { key: '$.meta.host', pattern: '/^web(\\d+)-(\\w+)$/', tag: 'web.$2.$1', label: '@WEB' },
    { key: 'msg', pattern: '/./', invert: true, tag: 'nomsg.${tag}' },
    { key: 'level', pattern: '/.+/', tag: 'rest' },
  ]);
  assert.deepEqual(emitted, [
    { tag: 'low.INFO', label: undefined, records: [records[0]] },
    { tag: 'low.debug', label: undefined, records: [records[1]] },
    { tag: 'nomsg.app', label: undefined, records: [records[4], records[7]] },
    { tag: 'rest', label: undefined, records: [records[5]] },
    { tag: 'web.eu.12', label: '@WEB', records: [records[3]] },
  ]);
  assert.deepEqual(
    retag('app', ['{"k":"v"}'], [{ key: 'k', pattern: '/v/', tag: 'app', label: '@X' }]).map(({ label }) => label),
    ['@X'],
  );
});

test('placeholders, as recorded', () => {
  const records = ['{"k":"one fish blue"}', '{"k":"two"}', '{"k":"one fish"}', '{"k":"three"}', '{"k":"none"}'];
  const rules = [
    { key: 'k', pattern: '/^one (\\w+)(?: (\\w+))?/', tag: 'r.${tag_parts[0]}.__TAG_PARTS[1]__.$1.$2.$3' },
    { key: 'k', pattern: '/^two/', tag: '${tag}.__TAG__.two' },
    { key: 'k', pattern: '/^three/', tag: '${tag_parts[7]}.three' },
  ];
  const tags = (options: Record<string, unknown>) => retag('pre.web.eu', records, rules, options).map(({ tag }) => tag);
  const wanted = ['r.web.__TAG_PARTS[1]__.fish.blue.', 'web.eu.web.eu.two', 'r.web.__TAG_PARTS[1]__.fish..', '.three'];
  assert.deepEqual(tags({ removeTagPrefix: 'pre' }), wanted);
  assert.deepEqual(tags({ removeTagRegexp: '/^p..\\./' }), wanted);
  assert.deepEqual(
    tags({ removeTagPrefix: 'pre', capitalizeRegexBackreference: true })[0],
    'r.web.__TAG_PARTS[1]__.Fish.Blue.',
  );
  const [host] = retag(
    't',
    ['{"k":"v"}'],
    [{ key: 'k', pattern: 'v', tag: '${hostname}/__HOSTNAME__/${nosuch}/__NO__' }],
  );
  assert.equal(host?.tag, `${hostname()}/${hostname()}//`);
  const [kept] = retag('t', ['{"n":1}'], [{ key: 'k', pattern: 'v', tag: 'no.$1', invert: true }]);
  assert.equal(kept?.tag, 'no.$1');
});

test('the old spelling', () => {
  const options = { rewriterule1: 'k ^(a.*)$ first.$1', rewriterule2: 'k !"b" not_b', rewriterule10: 'k .+ rest' };
  const records = ['{"k":"ab"}', '{"k":"c"}', '{"k":"b"}'];
  assert.deepEqual(
    retag('t', records, [], options).map(({ tag }) => tag),
    ['first.ab', 'not_b', 'rest'],
  );
  assert.throws(() => retag('t', [], [], { rewriterule1: 'k' }), /rewriterule1 k: expected/);
});

test('records leave by tag, or each in its place', () => {
  const records = ['{"k":"a","n":1}', '{"k":"b","n":2}', '{"k":"a","n":3}', '{"k":"a","n":4}'];
  const rules = [{ key: 'k', pattern: '/(.)/', tag: 'x.$1' }];
  const tags = (options: Record<string, unknown>) =>
    retag('t', records, rules, options).map(({ tag, records: rows }) => `${tag} ${rows.length}`);
  assert.deepEqual(tags({}), ['x.a 3', 'x.b 1']);
  assert.deepEqual(tags({ emitMode: 'record' }), ['x.a 1', 'x.b 1', 'x.a 2']);
});

test('the host name without a command', () => {
  const tag = (hostnameCommand: string) =>
    retag('t', ['{"k":"v"}'], [{ key: 'k', pattern: 'v', tag: '${hostname}' }], { hostnameCommand })[0]?.tag;
  assert.equal(tag('hostname'), hostname());
  assert.equal(tag('hostname -s'), hostname().split('.')[0]);
  assert.throws(() => tag('cat /etc/passwd'), /commands are not run; write hostname or hostname -s/);
});

test('what is wrong in a config is named', () => {
  const rule = { key: 'k', pattern: '/a/', tag: 'x' };
  assert.throws(() => retag('t', [], []), /no <rule>/);
  assert.throws(() => retag('t', [], [rule, rule]), /two rules have key k/);
  assert.throws(() => retag('t', [], [{ ...rule, tag: '${tag_parts[0..1]}' }]), /not a range/);
  assert.throws(() => retag('t', [], [rule], { removeTagPrefix: 'a', removeTagRegexp: '/b/' }), /exclusive/);
});
