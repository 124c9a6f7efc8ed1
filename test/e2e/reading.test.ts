/** Reading: fields and their values, columns, the record view, keys, exact digits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { until } from '../program.ts';
import { openPage } from './browser.ts';
import { post, startPlain, startWith, stored, waitForCount } from './explorer.ts';
import { sampleRecords } from './sample-records.ts';

const records = sampleRecords(Date.now(), 2500);

test('fields: top values, filters for and against, columns', async (context) => {
  const program = await startWith(context, records);
  const page = await openPage(context, program.adminUrl);
  await waitForCount(page, records.length);
  await page.getByRole('searchbox', { name: 'Filter fields' }).fill('curr');
  await page.getByRole('button', { name: /^text currency/ }).click();
  await page.getByRole('button', { name: 'Only currency = JPY' }).click();
  const jpy = records.filter(({ fields }) => fields['currency'] === 'JPY').length;
  await waitForCount(page, jpy);
  await page.waitForURL((url) => url.searchParams.get('q') === 'currency:="JPY"');
  await page.getByRole('button', { name: 'Without currency = JPY' }).click();
  await waitForCount(page, records.length - jpy);
  await page.waitForURL((url) => url.searchParams.get('q') === 'NOT currency:="JPY"');
  await page.getByRole('button', { name: 'Only records that have it' }).click();
  await waitForCount(page, records.filter(({ fields }) => (fields['currency'] ?? 'JPY') !== 'JPY').length);

  await page.getByRole('button', { name: 'Add as column', exact: true }).click();
  await page.getByRole('columnheader', { name: /currency/ }).waitFor();
  await page.getByRole('searchbox', { name: 'Filter fields' }).fill('revenue');
  await page.getByRole('button', { name: 'Add as column: revenue' }).click();
  const heads = (): Promise<string[]> => page.locator('.head-cell .head-name').allTextContents();
  await page.getByRole('columnheader', { name: /revenue/ }).waitFor();
  assert.deepEqual(await heads(), ['currency', 'revenue']);
  await page.getByRole('button', { name: 'Column revenue' }).click();
  await page.getByRole('button', { name: 'Move revenue left' }).click();
  await page.waitForURL(/col=revenue&col=currency/);
  assert.deepEqual(await heads(), ['revenue', 'currency']);
  await widen(page);
  await page.getByRole('button', { name: 'Column currency' }).click();
  await page.getByRole('button', { name: 'Remove column currency' }).click();
  await page.waitForURL((url) => url.searchParams.getAll('col').join() === 'revenue');
  await page
    .getByRole('button', { name: /Show oldest first$/ })
    .or(page.locator('.head-button').first())
    .first()
    .click();
  await page.waitForURL(/order=oldest/);
});

/** A column's edge is moved by arrow keys. */
async function widen(page: Page): Promise<void> {
  const edge = page.getByRole('separator', { name: 'Width of revenue' });
  const before = Number(await edge.getAttribute('aria-valuenow'));
  await edge.focus();
  await page.keyboard.press('ArrowRight');
  assert.equal(Number(await edge.getAttribute('aria-valuenow')), before + 16);
}

test('keys go through the rows, open, step on and close; paging goes to the end', async (context) => {
  const program = await startWith(context, records);
  const page = await openPage(context, `${program.adminUrl}/?q=_tag%3Anginx.access`);
  const nginx = records.filter(({ to }) => to === 'nginx.access');
  await waitForCount(page, nginx.length);
  await page.locator('.row').first().waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('j');
  await page.keyboard.press('k');
  await page.keyboard.press('ArrowDown');
  assert.equal(await page.getByRole('grid').getAttribute('aria-activedescendant'), 'row-1');
  await page.keyboard.press('Enter');
  const record = page.getByRole('region', { name: 'Record' });
  const newest = nginx.toReversed();
  await record.getByText(String(newest[1]?.fields['remote']), { exact: true }).waitFor();
  await page.keyboard.press('j');
  await record.getByText(String(newest[2]?.fields['remote']), { exact: true }).waitFor();
  const link = String(await page.evaluate('location.href'));
  await page.keyboard.press('Escape');
  await record.waitFor({ state: 'detached' });
  assert.equal(await page.getByRole('grid').getAttribute('aria-activedescendant'), 'row-2');

  // The same record by its address, also where it is not among those found.
  const linked = await openPage(context, link.replace('nginx.access', 'postback.ads'));
  await linked
    .getByRole('region', { name: 'Record' })
    .getByText(String(newest[2]?.fields['remote']), { exact: true })
    .waitFor();

  await until('the end', async () => {
    await page.evaluate('document.querySelector(".table").scrollTo(0, 1e9)');
    return page.getByText('No older records in this range').isVisible();
  });
  await page.evaluate('document.querySelector(".table").scrollTo(0, 1e9)');
  await page.locator(`#row-${nginx.length - 1}`).waitFor();
  assert.equal(await page.locator('.row').last().getAttribute('aria-rowindex'), String(nginx.length + 1));
});

test('the record view: digits as received, filters, copies', async (context) => {
  const program = await startPlain(context);
  const body =
    '{"order":9007199254740993,"rate":1.50,"10":"ten","2":"two","nested":{"deep":{"flag":true}},"list":[1,{"a":2}]}';
  await program.post('/postback', body, { 'content-type': 'application/json' });
  await stored(program, 1);
  const page = await openPage(context, program.adminUrl, { permissions: ['clipboard-read', 'clipboard-write'] });
  await page.locator('.row').click();
  const view = page.getByRole('region', { name: 'Record' });
  await view.getByText('9007199254740993').waitFor();
  await view.getByText('1.50').waitFor();
  await view.getByRole('button', { name: 'JSON', exact: true }).click();
  assert.match(
    (await view.locator('.json').textContent()) ?? '',
    /"order": 9007199254740993,\s*"rate": 1\.50,\s*"10": "ten",\s*"2": "two"/,
  );
  await view.getByRole('button', { name: 'Copy JSON' }).click();
  await view.getByRole('button', { name: 'Copied' }).waitFor();
  const copied = String(await page.evaluate('navigator.clipboard.readText()'));
  assert.match(copied, /^\{\n {2}"order": 9007199254740993,\n {2}"rate": 1\.50,/);
  await view.getByRole('button', { name: 'Copy link' }).click();
  // The button says that something was copied, but may still say it of the JSON.
  await until('the link', async () =>
    /from=.*&to=.*&record=/.test(String(await page.evaluate('navigator.clipboard.readText()'))),
  );

  await view.getByRole('button', { name: 'Fields', exact: true }).click();
  await view.getByText('deep.').hover();
  await view.getByRole('button', { name: 'Only nested.deep.flag = true' }).click();
  await page.waitForURL((url) => url.searchParams.get('q') === 'nested.deep.flag:="true"');
  await waitForCount(page, 1);
  await post(program, { nested: { deep: { flag: false } } });
});
