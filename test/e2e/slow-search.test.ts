/** A search that takes its time: rows as they are found, how far it is, stopping it and going on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { until } from '../program.ts';
import { openPage } from './browser.ts';
import { ask, startWith } from './explorer.ts';
import { sampleRecords } from './sample-records.ts';
import { SlowSearch } from './slow-search.ts';

const records = sampleRecords(Date.now(), 1500);
const query = '_tag:postback.ads';
const path = `/?q=${encodeURIComponent(query)}`;

const rowCount = (page: Page): Promise<number> =>
  page.evaluate('Math.round((parseFloat(document.querySelector(".table-body").style.height) - 44) / 28)');
const scrolled = (page: Page): Promise<number> => page.evaluate('document.querySelector(".table").scrollTop');

test('rows stand there before the search is complete, and do not move when others come', async (context) => {
  const program = await startWith(context, records);
  const page = await openPage(context, 'about:blank');
  const slow = await SlowSearch.on(page, query, 40);
  slow.pass(1);
  await page.goto(program.adminUrl + path);
  await page.locator('#row-0').waitFor();
  const progress = page.locator('.progress');
  await progress.getByText(/^Searched back to \w+ \d+, \d\d:\d\d:\d\d, going on …$/).waitFor();
  await until('the second part is asked for', () => slow.asked.length === 2);
  assert.equal(await rowCount(page), 40);
  await page.locator('.table').focus();
  for (let step = 0; step < 12; step++) await page.keyboard.press('ArrowDown');
  await page.evaluate('document.querySelector(".table").scrollTo(0, 250)');
  const chosen = await page.locator('#row-11').textContent();
  const top = await page.locator('#row-11').boundingBox();

  slow.pass(1);
  await until('the third part is asked for', () => slow.asked.length === 3);
  await until('its rows are there', async () => (await rowCount(page)) === 80);
  assert.equal(await scrolled(page), 250);
  assert.equal(await page.locator('#row-11').textContent(), chosen);
  assert.deepEqual(await page.locator('#row-11').boundingBox(), top);
  assert.equal(await page.getByRole('grid').getAttribute('aria-activedescendant'), 'row-11');

  slow.pass(1);
  await progress.waitFor({ state: 'detached' });
  assert.equal(await rowCount(page), 100);
  assert.deepEqual(
    slow.asked.slice(0, 3).map((asked) => [asked.get('timeout'), asked.get('limit'), asked.has('after')]),
    [
      ['400', '100', false],
      ['2000', '60', true],
      ['2000', '20', true],
    ],
  );
  // The next page begins where the reader comes to it.
  slow.pass(100);
  await until('the end is there', async () => {
    await page.evaluate('document.querySelector(".table").scrollTo(0, 1e9)');
    return page.getByText('No older records in this range').isVisible();
  });
  const count = records.filter(({ to }) => to === 'postback.ads').length;
  assert.equal(await rowCount(page), count);
  assert.equal(slow.asked[3]?.get('timeout'), '400');
});

test('stopped, it stays so until it is to go on; another query ends it', async (context) => {
  const program = await startWith(context, records);
  const page = await openPage(context, 'about:blank');
  const slow = await SlowSearch.on(page, query, 40);
  slow.pass(1);
  await page.goto(program.adminUrl + path);
  await until('the second part is asked for', () => slow.asked.length === 2);
  let given = page.waitForEvent('requestfailed');
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await given;
  await page.getByText(/^Stopped\. Searched back to /).waitFor();
  await page.getByText('Not all records were searched').waitFor({ state: 'attached' });
  assert.equal(await rowCount(page), 40);
  await page.evaluate('document.querySelector(".table").scrollTo(0, 1e9)');
  assert.equal(slow.asked.length, 2);
  await page.getByRole('button', { name: 'Search on' }).click();
  await until('it goes on', () => slow.asked.length === 3);
  assert.equal(slow.asked[2]?.get('after'), slow.asked[1]?.get('after'));
  given = page.waitForEvent('requestfailed');
  await ask(page, 'country:JP');
  await given;
  await page.locator('.progress').waitFor({ state: 'detached' });
  assert.equal(slow.asked.length, 3);
});

test('nothing is called not found before all was searched; what breaks off says so and can go on', async (context) => {
  const program = await startWith(context, records);
  const page = await openPage(context, 'about:blank');
  const parts = [
    {
      json: { records: [], next: 'k1_1_0_1_1_-1', isComplete: false, searchedToMs: Date.now(), tookMs: 400, notes: [] },
    },
    { status: 500, json: { detail: 'reading partition 3: gone' } },
    { json: { records: [], next: null, isComplete: true, searchedToMs: null, tookMs: 9, notes: [] } },
  ];
  let asked = 0;
  let pass: () => void = () => {};
  await page.route(/\/api\/search\?query=nowhere/, async (route) => {
    const part = parts[asked++] ?? assert.fail();
    if (asked > 1) await new Promise<void>((resolve) => (pass = resolve));
    await route.fulfill(part);
  });
  await page.goto(`${program.adminUrl}/?q=nowhere`);
  await page.getByRole('heading', { name: 'Nothing found so far' }).waitFor();
  await page.getByText(/^Searched back to .*, going on …$/).waitFor();
  await until('the second part is asked for', () => asked === 2);
  pass();
  await page.getByText('reading partition 3: gone').waitFor();
  await page.getByRole('button', { name: 'Try again' }).click();
  await until('the third part is asked for', () => asked === 3);
  assert.equal(await page.getByRole('heading', { name: 'No records found' }).isVisible(), false);
  pass();
  await page.getByRole('heading', { name: 'No records found' }).waitFor();
});

test('asked anew, the rows stay until they are found again', async (context) => {
  const program = await startWith(context, records);
  const page = await openPage(context, 'about:blank');
  const slow = await SlowSearch.on(page, query, 40);
  slow.pass(3);
  await page.goto(program.adminUrl + path);
  await page.locator('#row-0').waitFor();
  await page.locator('.progress').waitFor({ state: 'detached' });
  assert.equal(await rowCount(page), 100);
  slow.pass(1);
  await page.getByRole('button', { name: 'Refresh', exact: true }).click();
  await until('its second part is asked for', () => slow.asked.length === 5);
  await page.locator('.progress').waitFor();
  assert.equal(await rowCount(page), 100);
  slow.pass(2);
  await page.locator('.progress').waitFor({ state: 'detached' });
  assert.equal(await rowCount(page), 100);
});
