import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryDirectory } from '../../test/program.ts';
import { Registry } from '../core/registry.ts';
import { pluginTable } from '../plugin-table.ts';
import { readConfig } from './load.ts';
import { usesStore } from './store.ts';

const read = (path: string | undefined, env: Record<string, string>, hasStore: boolean) =>
  readConfig({ path, env, registry: new Registry(pluginTable), hasStore });

describe('an installation without the store’s packages', () => {
  test('the built-in configuration does without, and says nothing', async () => {
    const { loaded, problems } = await read(undefined, {}, false);
    assert.ok(loaded && !usesStore(loaded.model));
    assert.deepEqual(problems, []);
    const installed = await read(undefined, {}, true);
    assert.ok(installed.loaded && usesStore(installed.loaded.model));
  });
  test('P2L_STORE=on is a mistake', async () => {
    const { loaded, problems } = await read(undefined, { P2L_STORE: 'on' }, false);
    assert.equal(loaded, undefined);
    assert.match(problems[0]?.text ?? '', /^P2L_STORE=on: this installation has no store: .*-slim; .*P2L_STORE=off$/);
    assert.deepEqual((await read(undefined, { P2L_STORE: 'off' }, false)).problems, []);
  });
  test('an output store is one, with its place', async (t) => {
    const path = join(await temporaryDirectory(t), 'fluent.conf');
    writeFileSync(path, '<source>\n  @type stdin\n  tag a\n</source>\n<match **>\n  @type store\n</match>\n');
    const { loaded, problems } = await read(path, {}, false);
    assert.equal(loaded, undefined);
    assert.equal(problems.length, 1);
    assert.match(problems[0]?.text ?? '', /this installation has no store/);
    assert.equal(problems[0]?.at?.line, 5);
    assert.ok((await read(path, {}, true)).loaded);
  });
});
