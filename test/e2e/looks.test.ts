/** Both themes and languages, wide and on a phone; axe finds nothing serious in any state. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { BrowserContextOptions, Page } from 'playwright-core';
import type { Program } from '../program.ts';
import { checkAccess } from './access.ts';
import { openPage, phone, wide } from './browser.ts';
import { startPlain, startWith } from './explorer.ts';
import { sampleRecords } from './sample-records.ts';
import { SlowSearch } from './slow-search.ts';

async function opened(
  context: TestContext,
  program: Program,
  path: string,
  options: BrowserContextOptions,
): Promise<Page> {
  const page = await openPage(context, program.adminUrl + path, { bypassCSP: true, ...options });
  await page.locator('.row').nth(3).waitFor();
  return page;
}

async function wideStates(page: Page, theme: string): Promise<void> {
  await checkAccess(page, `${theme}, list`);
  await page.getByRole('button', { name: /^text level/ }).click();
  await page
    .getByRole('button', { name: /^Only level = / })
    .first()
    .waitFor();
  await checkAccess(page, `${theme}, values`);
  await page.locator('.row').nth(2).click();
  await page.getByRole('region', { name: 'Record' }).waitFor();
  await checkAccess(page, `${theme}, record`);
  await page.getByRole('button', { name: 'JSON', exact: true }).click();
  await checkAccess(page, `${theme}, JSON`);
  await page.getByRole('button', { name: 'Close' }).click();
  for (const name of [/^Time range/, 'Export', 'Menu', 'Refresh by itself']) {
    await page.getByRole('button', { name }).click();
    await page.getByRole('dialog').waitFor();
    await checkAccess(page, `${theme}, ${String(name)}`);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
  }
  await page.locator('.table').focus();
  await page.keyboard.press('?');
  await page.getByRole('heading', { name: 'Query language', exact: true }).waitFor();
  await checkAccess(page, `${theme}, help`);
  await page.keyboard.press('Escape');
  await page.getByRole('combobox').fill('stat');
  await page.getByRole('option').first().waitFor();
  await checkAccess(page, `${theme}, completion`);
  await page.getByRole('combobox').fill('status: (');
  await page.getByRole('combobox').press('Enter');
  await page.locator('.search-problem').getByText(/./).waitFor();
  await checkAccess(page, `${theme}, fault`);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Live', exact: true }).click();
  await page.locator('.live-pill[data-state="on"]').waitFor();
  await checkAccess(page, `${theme}, live`);
}

async function phoneStates(page: Page): Promise<void> {
  await checkAccess(page, 'phone, list');
  assert.ok(
    await page.evaluate('document.documentElement.scrollWidth <= innerWidth'),
    'the page is wider than the phone',
  );
  await page.getByRole('button', { name: 'Show fields' }).tap();
  await page
    .getByRole('dialog', { name: 'Fields' })
    .getByRole('button', { name: /^text level/ })
    .waitFor();
  await checkAccess(page, 'phone, fields');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog', { name: 'Fields' }).waitFor({ state: 'detached' });
  await page.locator('.row').nth(1).tap();
  const record = page.getByRole('dialog', { name: 'Record' });
  await record.locator('.record-field').first().tap();
  await record
    .getByRole('button', { name: /^Only / })
    .first()
    .waitFor();
  await checkAccess(page, 'phone, record');
  await record.getByRole('button', { name: 'Next record' }).tap();
  await record.getByRole('button', { name: 'Close' }).tap();
  await record.waitFor({ state: 'detached' });
}

test('both themes, every state', async (context) => {
  const program = await startWith(context, sampleRecords(Date.now(), 600));
  for (const colorScheme of ['light', 'dark'] as const)
    await wideStates(await opened(context, program, '/', { viewport: wide, colorScheme }), colorScheme);
  await phoneStates(await opened(context, program, '/', phone));
});

test('a search that goes on, in both themes and languages, wide and on a phone', async (context) => {
  const program = await startWith(context, sampleRecords(Date.now(), 600));
  const query = '_tag:postback.ads';
  for (const colorScheme of ['light', 'dark'] as const)
    for (const [size, options] of Object.entries({ wide: { viewport: wide, locale: 'ko-KR' }, phone })) {
      const page = await openPage(context, 'about:blank', { bypassCSP: true, colorScheme, ...options });
      const slow = await SlowSearch.on(page, query, 5);
      slow.pass(1);
      await page.goto(`${program.adminUrl}/?q=${encodeURIComponent(query)}`);
      await page.getByText(size === 'phone' ? /^Searched back to / : /까지 거슬러 검색, /).waitFor();
      await page.locator('#row-4').waitFor();
      await checkAccess(page, `${colorScheme}, ${size}, searching`);
    }
});

test('the theme is the system’s until one is chosen, and stays chosen', async (context) => {
  const program = await startPlain(context);
  const page = await openPage(context, program.adminUrl, { colorScheme: 'dark', bypassCSP: true });
  await page.getByRole('heading', { name: 'Waiting for the first record' }).waitFor();
  await checkAccess(page, 'dark, empty store');
  const background = (): Promise<string> => page.evaluate('getComputedStyle(document.documentElement).colorScheme');
  assert.equal(await background(), 'light dark');
  await page.getByRole('button', { name: 'Menu' }).click();
  await page.getByRole('button', { name: 'Light', exact: true }).click();
  assert.equal(await background(), 'light');
  await checkAccess(page, 'light, empty store');
  // Before the page's own script runs.
  await page.addInitScript(
    'addEventListener("DOMContentLoaded", () => { window.early = document.documentElement.dataset.theme; })',
  );
  await page.reload();
  assert.equal(await page.evaluate('early'), 'light');
});

test('Korean by the browser’s language, English by choice', async (context) => {
  const program = await startPlain(context);
  const page = await openPage(context, program.adminUrl, { locale: 'ko-KR' });
  await page.getByRole('heading', { name: '첫 레코드를 기다리고 있습니다' }).waitFor();
  assert.equal(await page.evaluate('document.documentElement.lang'), 'ko');
  await page.getByRole('button', { name: '메뉴' }).click();
  await page.getByRole('button', { name: 'English' }).click();
  await page.keyboard.press('Escape');
  await page.getByRole('heading', { name: 'Waiting for the first record' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Waiting for the first record' }).waitFor();
});
