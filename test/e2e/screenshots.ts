/** `npm run screenshots`: the pictures of the explorer in docs/images/, of the real program with sample records. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { root } from '../files.ts';
import type { Program } from '../program.ts';
import { newPage, phone, wide } from './browser.ts';
import { post, startWith, waitForCount } from './explorer.ts';
import { sampleRecords } from './sample-records.ts';
import { smallPng } from './small-png.ts';

const folder = join(root, 'docs', 'images');
const sizes: Readonly<Record<string, BrowserContextOptions>> = { wide: { viewport: wide }, narrow: phone };
const recordCount = 12_000;
/** Each version of a picture stays in the repository for ever. */
const bytesMax = 200_000;

async function shoot(page: Page, name: string): Promise<void> {
  // Fonts and the last frame of the histogram.
  await page.evaluate('document.fonts.ready');
  await page.mouse.move(0, 0);
  const picture = smallPng(await page.screenshot({ animations: 'disabled' }));
  assert.ok(picture.length < bytesMax, `${name}.png has ${picture.length} bytes`);
  await writeFile(join(folder, `${name}.png`), picture);
  await page.context().close();
}

async function opened(program: Program, options: BrowserContextOptions, path: string): Promise<Page> {
  const page = await newPage(options);
  await page.goto(program.adminUrl + path);
  await page.getByRole('row').nth(3).waitFor();
  await page.locator('.histogram canvas').waitFor();
  return page;
}

async function overview(program: Program): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const)
    for (const [size, options] of Object.entries(sizes)) {
      const page = await opened(program, { ...options, colorScheme }, '/');
      await waitForCount(page, recordCount);
      await shoot(page, `explorer-${colorScheme}-${size}`);
    }
}

async function records(program: Program): Promise<void> {
  const query = `/?q=${encodeURIComponent('level:="error" AND status >= 500')}&col=message`;
  for (const [size, options] of Object.entries(sizes)) {
    const page = await opened(program, options, query);
    await page.locator('.row').nth(2).click();
    await page.getByRole('region', { name: 'Record' }).getByText('trace_id').waitFor();
    await shoot(page, `explorer-record-${size}`);
  }
}

async function live(program: Program): Promise<void> {
  const page = await opened(program, { viewport: wide, colorScheme: 'dark' }, '/?live=1&last=15m');
  await page.getByRole('status').filter({ hasText: 'Live' }).waitFor();
  for (let order = 1; order <= 14; order++)
    await post(
      program,
      {
        level: order % 5 === 0 ? 'warn' : 'info',
        message: `order ${order} received`,
        amount: order * 1990,
        currency: 'KRW',
      },
      '/postback/shop',
    );
  await page.getByText('order 14 received').waitFor();
  await shoot(page, 'explorer-live-wide');
}

if (spawnSync(process.execPath, ['web/build.ts', '--if-stale'], { cwd: root, stdio: 'inherit' }).status !== 0)
  process.exit(1);
test('screenshots of the explorer', async (context: TestContext) => {
  await mkdir(folder, { recursive: true });
  const program = await startWith(context, sampleRecords(Date.now(), recordCount));
  await overview(program);
  await records(program);
  await live(program);
});
