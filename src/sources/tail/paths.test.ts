import assert from 'node:assert/strict';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { temporaryDirectory } from '../../../test/program.ts';
import { FakeClock } from '../../core/clock.ts';
import { glob, globRoot } from './glob.ts';
import { PathList, pathAsTag } from './paths.ts';

const files = [
  'a.log',
  'b.log',
  '.hidden.log',
  'ab.log',
  '[x].log',
  'sub/a.log',
  'sub/deep/c.log',
  '.dot/d.log',
  '20231114.log',
];

async function tree(t: TestContext): Promise<string> {
  const directory = await temporaryDirectory(t);
  for (const file of files) {
    await mkdir(dirname(join(directory, file)), { recursive: true });
    await writeFile(join(directory, file), '');
  }
  return directory;
}

test('globs find what Ruby finds', async (t) => {
  const directory = await tree(t);
  const found = async (pattern: string) =>
    (await glob(`${directory}/${pattern}`, () => undefined)).map((path) => path.slice(directory.length + 1));
  assert.deepEqual(await found('?.log'), ['a.log', 'b.log']);
  assert.deepEqual(await found('a*.log'), ['a.log', 'ab.log']);
  assert.deepEqual(await found('.*.log'), ['.hidden.log']);
  assert.deepEqual(await found('{b,sub/deep/{c,x}}*.log'), ['b.log', 'sub/deep/c.log']);
  assert.deepEqual(await found('**/*.log'), [
    '20231114.log',
    '[x].log',
    'a.log',
    'ab.log',
    'b.log',
    'sub/a.log',
    'sub/deep/c.log',
  ]);
  assert.deepEqual(await found('sub/**/c.log'), ['sub/deep/c.log']);
  assert.deepEqual(await found('[^b].log'), ['a.log']);
  assert.deepEqual(await found('[a-b].log'), ['a.log', 'b.log']);
  assert.deepEqual(await found('\\[x\\].*'), ['[x].log']);
  assert.deepEqual(await found('none/*.log'), []);
  assert.deepEqual(await found('a.log/*'), []);
  assert.equal(globRoot('/var/log/{a,b}*.log'), '/var/log/');
  assert.equal(globRoot('x*.log'), '');
});

function pathList(clock: FakeClock, options: Partial<ConstructorParameters<typeof PathList>[0]>): PathList {
  const excludePath: string[] = [];
  const defaults = { pathDelimiter: ',', excludePath, globPolicy: 'backward_compatible' as const };
  const all = { ...defaults, path: '', pathTimezone: undefined, limitRecentlyModified: undefined, ...options };
  return new PathList(all, clock, () => undefined);
}

test('paths: several, dates, exclusions, age, and which characters make a glob', async (t) => {
  const directory = await tree(t);
  const clock = new FakeClock(Date.UTC(2023, 10, 14, 23, 30));
  const found = async (options: Parameters<typeof pathList>[1]) => {
    const inside = (path: string) => path.replaceAll('@', directory);
    const excludePath = options.excludePath?.map(inside) ?? [];
    const list = pathList(clock, { ...options, path: inside(options.path ?? ''), excludePath });
    return (await list.expand()).map(({ path }) => path.slice(directory.length + 1));
  };
  assert.deepEqual(await found({ path: '@/a.log, @/b*.log ,@/a.log,@/new.log' }), ['a.log', 'b.log', 'new.log']);
  assert.deepEqual(await found({ path: '@/?.log' }), ['?.log']);
  assert.deepEqual(await found({ path: '@/?.log', globPolicy: 'extended' }), ['a.log', 'b.log']);
  assert.deepEqual(await found({ path: '@/{a,b}.log|@/x', globPolicy: 'always', pathDelimiter: '|' }), [
    'a.log',
    'b.log',
    'x',
  ]);
  assert.deepEqual(await found({ path: '@/%Y%m%d.log', pathTimezone: 'UTC' }), ['20231114.log']);
  assert.deepEqual(await found({ path: '@/%Y%m%d.log', pathTimezone: 'Asia/Seoul' }), ['20231115.log']);
  assert.deepEqual(await found({ path: '@/*.log', excludePath: ['@/a*.log', '@/[x].log', '@/2023*'] }), ['b.log']);
  await utimes(join(directory, 'a.log'), 0, 0);
  assert.ok(!(await found({ path: '@/a*.log', limitRecentlyModified: 3_600_000 })).includes('a.log'));
  assert.ok((await found({ path: '@/b*.log', limitRecentlyModified: 3_600_000 })).includes('b.log'));
});

test('a path in a tag has dots for slashes', () => {
  assert.equal(pathAsTag('/var//log/a.b_c.log'), 'var.log.a.b_c.log');
  assert.equal(pathAsTag('x/y'), 'x.y');
});
