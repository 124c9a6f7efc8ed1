import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { formatProblem } from '../../core/errors.ts';
import { readSourceText } from './source-text.ts';

const directory = mkdtempSync(join(tmpdir(), 'post2log-text-'));
after(() => rmSync(directory, { recursive: true }));

function problemOf(bytes: Buffer): string | undefined {
  const path = join(directory, 'f.conf');
  writeFileSync(path, bytes);
  const { problem } = readSourceText(path, 'f.conf');
  return problem && formatProblem(problem);
}

const expected = (place: string, byte: string): string =>
  `f.conf:${place}: the byte 0x${byte} is no UTF-8; save the file as UTF-8 (comments too)`;

test('UTF-8 is read as it is', () => {
  assert.equal(problemOf(Buffer.from('# 태그 ü 🦊\n')), undefined);
  assert.equal(problemOf(Buffer.alloc(0)), undefined);
});

test('the first byte that is none is named with its line and column', () => {
  // "태그" in EUC-KR.
  assert.equal(problemOf(Buffer.from([0x23, 0x20, 0xc5, 0xc2, 0xb1, 0xd7, 0x0a])), expected('1:3', 'C5'));
  assert.equal(problemOf(Buffer.concat([Buffer.from('ab\n한글 x'), Buffer.from([0xff])])), expected('2:5', 'FF'));
  assert.equal(problemOf(Buffer.concat([Buffer.from('ab\n한'), Buffer.from([0xed, 0x95])])), expected('2:2', 'ED'));
});
