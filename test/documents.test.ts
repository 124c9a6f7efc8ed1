/** What the documents say is there: links, commands, variables. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { root } from './files.ts';

const required = ['README.md', 'README.ko.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'LICENSE'];
const documents = globSync(['*.md', 'docs/**/*.md', 'bench/*.md', 'test/*.md'], { cwd: root }).toSorted();
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** Anchors as GitHub makes them of headings, and those written as `<a id>`. */
function anchors(markdown: string): Set<string> {
  const headings = [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
  return new Set([...headings, ...[...markdown.matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id)]);
}

/** What is wrong with a document's links into the checkout. */
function linkProblems(path: string, markdown: string): string[] {
  const withoutCode = markdown.replaceAll(/```[^]*?```|^ {4}.*$|`[^`\n]*`/gm, '');
  return [...withoutCode.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [file = '', anchor] = target.split('#');
    const linked = file === '' ? path : join(dirname(path), file);
    if (!existsSync(join(root, linked))) return [`${path}: ${target} leads nowhere`];
    const isFound = anchor === undefined || anchors(read(linked)).has(anchor);
    return isFound ? [] : [`${path}: ${target}: no such heading`];
  });
}

test('every document is there and its links lead somewhere', () => {
  for (const path of required) assert.ok(documents.includes(path) || existsSync(join(root, path)), path);
  assert.deepEqual(
    documents.flatMap((path) => linkProblems(path, read(path))),
    [],
  );
});

test('a link that leads nowhere is found', () => {
  assert.deepEqual(linkProblems('README.md', '[a](docs/none.md) [b](LICENSE) [c](https://example.org) `[d](none)`'), [
    'README.md: docs/none.md leads nowhere',
  ]);
  assert.deepEqual(linkProblems('README.md', '[a](CONTRIBUTING.md#commands) [b](CONTRIBUTING.md#none)'), [
    'README.md: CONTRIBUTING.md#none: no such heading',
  ]);
});

test('every npm script that a document names exists', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const unknown = documents.flatMap((path) =>
    [...read(path).matchAll(/npm run ([\w:]+)/g)]
      .filter(([, script = '']) => !Object.hasOwn(scripts, script))
      .map(([named]) => `${path}: ${named}`),
  );
  assert.deepEqual(unknown, []);
});
