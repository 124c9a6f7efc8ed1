import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf, contextOf, texts } from '../../test/fixture.ts';
import { filterModel, filterProblems } from '../../test/fluentbit-fixture.ts';
import { builtinPlugins } from '../plugins.ts';
import { rewriteTagStep } from './rewrite_tag.ts';

const records = [
  '{"tool":"fluent","sub":{"s":"bit"},"n":1.5}',
  '{"tool":"other"}',
  '{"log":"x"}',
  '{"tool":"fluentd","n":7,"b":true,"z":null,"m":{"a":1},"l":[1]}',
];

/** What goes out under which tag, and what goes on. */
async function rewritten(...rules: string[]): Promise<{ out: Record<string, number[]>; on: number[] }> {
  const model = await filterModel(rewriteTagStep, [...rules]);
  assert.ok(rewriteTagStep.kind === 'step' && rewriteTagStep.create);
  const step = rewriteTagStep.create(model, contextOf(builtinPlugins));
  const batch = batchOf('app.web', records);
  const out: Record<string, number[]> = {};
  const rows = (one: typeof batch) => texts(one).map((text) => records.indexOf(text));
  const on = step.retag(
    batch,
    (one) => (out[one.tag] = rows(one)),
    () => assert.fail('nothing is rejected'),
  );
  return { out, on: on ? rows(on) : [] };
}

test('the first rule that matches gives the tag; others go on as they are', async () => {
  assert.deepEqual(await rewritten('Rule $tool ^fl one false', 'Rule $tool .* two false'), {
    out: { one: [0, 3], two: [1] },
    on: [2],
  });
  assert.deepEqual((await rewritten('Rule $tool ^fl one true')).on, [0, 1, 2, 3]);
});

test('tags are made of tag, parts of it, captures and fields', async () => {
  const tags = async (tag: string) => Object.keys((await rewritten(`Rule $tool ^(fluent)(d?)$ ${tag} false`)).out);
  assert.deepEqual(await tags("new.$TAG[1].$tool.$1.$sub['s'].$TAG"), [
    'new.web.fluent.fluent.bit.app.web',
    'new.web.fluentd.fluent..app.web',
  ]);
  assert.deepEqual(await tags('$0.$2.$TAG[7]x'), ['fluent..x', 'fluentd.d.x']);
  assert.deepEqual(await tags('$n.$b.$z.$m.$l.x'), ['1.500000.....x', '7.true.null.{"a":1}..x']);
});

test('without a group in the expression there is no $0', async () => {
  assert.deepEqual(Object.keys((await rewritten('Rule $tool ^fluentd$ a.$0.b false')).out), ['a..b']);
});

test('a word for false that is none counts as false, and no rule gives no tag', async () => {
  assert.deepEqual((await rewritten('Rule $tool ^other$ one maybe')).on, [0, 2, 3]);
  assert.deepEqual(await rewritten(), { out: {}, on: [0, 1, 2, 3] });
});

test('mistakes are told', async () => {
  const problems = async (...rules: string[]) => String(await filterProblems(rewriteTagStep, [...rules]));
  assert.match(await problems('Rule $tool a b'), /expected a key, a regular expression, a tag, and true or false/);
  assert.match(await problems('Rule $tool (a b false'), /regular expression/);
  assert.match(await problems('Rule $tool a $b[ false'), /record accessor \$b\[/);
});
