import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultBuffer } from '../../config/model.ts';
import type { BufferModel } from '../../config/model.ts';
import { chunkOf } from '../../../test/fixture.ts';
import { checkPlaceholders, checkTime, compilePath, pathTemplate } from './path.ts';
import type { PathOptions } from './path.ts';

const options = (path: string, rest: Partial<PathOptions> = {}): PathOptions => ({
  path,
  addPathSuffix: true,
  pathSuffix: '.log',
  append: false,
  compress: 'text',
  ...rest,
});
const byTime = (timekeySeconds: number, rest: Partial<BufferModel> = {}): BufferModel => ({
  ...defaultBuffer,
  chunkKeys: ['time'],
  timekeySeconds,
  ...rest,
});

test('names as Fluentd gives them', () => {
  const day = byTime(86_400);
  const cases: [PathOptions, BufferModel, string][] = [
    [options('/o/out'), day, '/o/out.%Y%m%d_**.log'],
    [options('/o/out', { append: true }), day, '/o/out.%Y%m%d.log'],
    [options('/o/out', { append: true }), byTime(3600), '/o/out.%Y%m%d%H.log'],
    [options('/o/out', { append: true }), byTime(60), '/o/out.%Y%m%d%H%M.log'],
    [options('/o/out', { append: true }), byTime(10), '/o/out.%Y%m%d%H%M%S.log'],
    [options('/o/%Y%m%d%H%M'), day, '/o/%Y%m%d%H%M_**.log'],
    [options('/o/out.*.txt', { append: true }), day, '/o/out.%Y%m%d.txt'],
    [options('/o/out.*.txt'), day, '/o/out.%Y%m%d_**.txt'],
    [options('/o/plain.json', { append: true, addPathSuffix: false }), day, '/o/plain.json.%Y%m%d'],
    [options('/o/out', { compress: 'gzip' }), day, '/o/out.%Y%m%d_**.log.gz'],
    [options('/o/log', { append: true, timeSliceFormat: '%Y%m%d%H' }), day, '/o/log.%Y%m%d%H.log'],
    [options('/o/${tag}'), { ...defaultBuffer, chunkKeys: ['tag'] }, '/o/${tag}_**.log'],
    [options('/o/x', { append: true, addPathSuffix: false }), defaultBuffer, '/o/x'],
  ];
  for (const [given, buffer, wanted] of cases) assert.equal(pathTemplate(given, buffer), wanted);
});

test('paths that do not fit the chunk keys', () => {
  const check = (path: string, buffer: BufferModel) =>
    checkPlaceholders('path', pathTemplate(options(path), buffer), buffer);
  const by = (...chunkKeys: string[]): BufferModel => ({ ...defaultBuffer, chunkKeys });
  assert.throws(() => check('/o/%Y%m', byTime(86_400)), /insufficient timestamp placeholders, add %d/);
  assert.throws(() => check('/o/*', by()), /stands for the time/);
  assert.throws(() => check('/o/%Y', by()), /chunk key time is not configured/);
  assert.throws(() => check('/o/${tag}', by()), /chunk key tag is not configured/);
  assert.throws(() => check('/o/${tag[1]}', by()), /chunk key tag is not configured/);
  assert.throws(() => check('/o/x', by('tag')), /has no \$\{tag\}/);
  assert.throws(() => check('/o/${user}', by()), /chunk key user is not configured/);
  assert.throws(() => check('/o/x', by('user')), /has no \$\{user\}/);
  check('/o/${tag[0]}/${$.a.b}/%Y%m%d', byTime(86_400, { chunkKeys: ['tag', 'time', '$.a.b'] }));
});

test('placeholders are filled from the chunk', () => {
  const buffer = byTime(86_400, { timezone: '+0900' });
  const expand = compilePath('/o/${tag}/${tag[1]}-${tag[-1]}/${$.u.n}.%Y%m%d.${chunk_id}', buffer);
  // 2024-03-05 00:00 in Tokyo.
  const keys = { tag: 'a.b.c', timekeySeconds: 1_709_564_400, fields: new Map([['$.u.n', 'ann']]) };
  assert.deepEqual(expand(chunkOf([], keys)), { path: '/o/a.b.c/b-c/ann.20240305.5f' });
});

test('no tag or field leads out of the directory', () => {
  const expand = compilePath('/o/${tag}/${user}', { ...defaultBuffer, chunkKeys: ['tag', 'user'] });
  const reason = (tag: string, user: string) =>
    'reason' in expand(chunkOf([], { tag, fields: new Map([['user', user]]) }));
  assert.equal(reason('a/b', 'u'), false);
  assert.equal(reason('a..b', '...'), false);
  for (const bad of ['..', '../x', 'a/../../x', 'x/..', 'a\0b']) {
    assert.equal(reason(bad, 'u'), true, bad);
    assert.equal(reason('a', bad), true, bad);
  }
});

test('values side by side do not lead out either, nor to an absolute path; what they hold is no placeholder', () => {
  const keys = { ...defaultBuffer, chunkKeys: ['tag', 'user'] };
  const result = (template: string, tag: string, user: string) =>
    compilePath(template, keys)(chunkOf([], { tag, fields: new Map([['user', user]]) }));
  assert.ok('reason' in result('/o/${tag}${user}/x', '.', './x'));
  assert.ok('reason' in result('/o/.${tag}/${user}', './x', 'u'));
  assert.ok('reason' in result('${tag}/${user}', '/etc', 'u'));
  assert.deepEqual(result('../o/${tag}/${user}', 'a', 'u'), { path: '../o/a/u' });
  assert.deepEqual(result('/o/${tag}/${user}', '${user}', '${tag}'), { path: '/o/${user}/${tag}' });
});

test('one file has one path, however a tag is written', () => {
  const expand = compilePath('/o/${tag}.log', { ...defaultBuffer, chunkKeys: ['tag'] });
  for (const tag of ['a/b', 'a//b', 'a/./b', '/a/b', './a/b'])
    assert.deepEqual(expand(chunkOf([], { tag })), { path: '/o/a/b.log' }, tag);
});

test('a tag becomes a plain name, as in Fluent Bit', () => {
  const expand = compilePath('/o/${tag}', { ...defaultBuffer, chunkKeys: ['tag'] }, true);
  const names: [string, string][] = [
    ['app.web-1_x', 'app.web-1_x'],
    ['é.<x> y:z*', '__._x__y_z_'],
    ['/a//b\\c/', 'a/b/c'],
    ['../a/.', '_/a/_'],
    ['', '_'],
  ];
  for (const [tag, name] of names) assert.deepEqual(expand(chunkOf([], { tag })), { path: `/o/${name}` }, tag);
});

test('a name must show at least the timekey', () => {
  const keys = (timekeySeconds: number): BufferModel => ({ ...defaultBuffer, chunkKeys: ['time'], timekeySeconds });
  checkTime('path', '/o/%Y%m%d', keys(86_400));
  checkTime('path', '/o/%Y%m%d%H%M', keys(86_400));
  checkTime('path', '/o/%j', keys(30 * 86_400));
  assert.throws(() => checkTime('path', '/o/%Y%m%d', keys(3600)), /too coarse for timekey 3600: .* add %H/);
  assert.throws(() => checkTime('path', '/o/x', keys(60)), /too coarse for timekey 60: .* add %M/);
  assert.throws(() => checkTime('path', '/o/%Y%m', keys(86_400)), /add %d/);
  checkTime('path', '/o/x', defaultBuffer);
});
