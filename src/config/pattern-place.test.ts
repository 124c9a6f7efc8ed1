import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../../test/program.ts';
import { ConfigError, PatternError, formatProblem } from '../core/errors.ts';
import { Registry } from '../core/registry.ts';
import { builtinPlugins } from '../plugins.ts';
import { loadConfig } from './load.ts';
import { patternPlace } from './pattern-place.ts';

const at = (line: number) => ({ file: 'f', line, column: 1 });

test('the value that is the pattern goes before one that ends with it, and that before one that holds it', () => {
  const values = ['a(b', 'key (', '/(/i', '('].map((text, index) => ({ text, at: at(index) }));
  const place = (from: readonly number[], pattern = '(') =>
    patternPlace(
      new PatternError(pattern, 'is none'),
      from.map((index) => values[index] as (typeof values)[number]),
    )?.line;
  assert.deepEqual(
    [place([0, 1, 2]), place([0, 1, 3]), place([0, 1]), place([0]), place([0], 'x')],
    [2, 3, 1, 0, undefined],
  );
  assert.equal(patternPlace(new Error('another'), values), undefined);
});

for (const [name, text, place] of [
  [
    'a.conf',
    '<filter **>\n  @type grep\n  <exclude>\n    key a\n    pattern /a(?:b)/\n  </exclude>\n  <regexp>\n    key b\n    pattern /(?:/\n  </regexp>\n</filter>\n<match **>\n  @type stdout\n</match>\n',
    '9:13: filter grep',
  ],
  [
    'a.conf',
    '<filter **>\n  @type parser\n  key_name a\n  <parse>\n    @type regexp\n    expression /a(?<b>/\n  </parse>\n</filter>\n<match **>\n  @type stdout\n</match>\n',
    '6:16: parser regexp',
  ],
  [
    'b.conf',
    '[INPUT]\n    Name dummy\n[FILTER]\n    Name  grep\n    Match *\n    Regex a a(?:b)\n    Regex b (?:\n[OUTPUT]\n    Name stdout\n',
    '7:11: filter grep',
  ],
] as const)
  test(`a pattern that is none is said where it is written: ${place}`, async (context) => {
    const directory = await temporaryDirectory(context);
    const path = join(directory, name);
    await writeFile(path, text);
    await assert.rejects(loadConfig({ path, env: {}, registry: new Registry(builtinPlugins) }), (error) => {
      assert.ok(error instanceof ConfigError);
      const said = error.problems.map((problem) => formatProblem(problem).replace(`${path}:`, ''));
      assert.deepEqual(
        said.filter((one) => one.includes('regular expression')).map((one) => one.split(': regular')[0]),
        [place],
      );
      return true;
    });
  });
