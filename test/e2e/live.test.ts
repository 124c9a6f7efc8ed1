/** The live tail: on top as they arrive, still while somebody reads, whole after a break. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { startProgram, until } from '../program.ts';
import { openPage } from './browser.ts';
import { post, startPlain, startWith, stored } from './explorer.ts';
import { sampleRecords } from './sample-records.ts';

const scrolled = (page: Page): Promise<number> => page.evaluate('document.querySelector(".table").scrollTop');

test('records come on top; a reader who has scrolled or opened one is not moved', async (context) => {
  const program = await startWith(context, sampleRecords(Date.now(), 400));
  const page = await openPage(context, program.adminUrl);
  await page.locator('.row').first().waitFor();
  await page.keyboard.press('l');
  await page.waitForURL(/live=1/);
  await page.locator('.live-pill[data-state="on"]').waitFor();
  await post(program, { note: 'first' });
  await page.locator('#row-0').getByText('first').waitFor();
  await post(program, { note: 'second' });
  await page.locator('#row-0').getByText('second').waitFor();
  assert.match((await page.locator('#row-1').textContent()) ?? '', /first/);

  await page.evaluate('document.querySelector(".table").scrollTo(0, 700)');
  // It is not drawn before the page has seen that it was scrolled.
  await page.locator('#row-45').waitFor();
  const place = await scrolled(page);
  assert.equal(place, 700);
  const seen = await page.locator('#row-30').textContent();
  await post(program, { note: 'third' });
  await page.getByRole('button', { name: '1 new record' }).waitFor();
  assert.equal(await scrolled(page), place);
  assert.equal(await page.locator('#row-30').textContent(), seen);
  await page.getByRole('button', { name: '1 new record' }).click();
  await page.locator('#row-0').getByText('third').waitFor();
  assert.equal(await scrolled(page), 0);

  await page.locator('#row-0').click();
  await post(program, { note: 'fourth' });
  await page.getByRole('button', { name: '1 new record' }).waitFor();
  assert.match((await page.locator('#row-0').textContent()) ?? '', /third/);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: '1 new record' }).click();

  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByText('Paused').waitFor();
  await post(program, { note: 'fifth' });
  await page.getByRole('button', { name: '1 new record' }).waitFor();
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.locator('#row-0').getByText('fifth').waitFor();

  // Stopped, everything is where a search has it.
  await page.getByRole('button', { name: 'Live', exact: true }).click();
  await page.waitForURL((url) => !url.searchParams.has('live'));
  await page.locator('#row-4').getByText('first').waitFor();
});

test('a tail goes by the query, and shows each record once', async (context) => {
  const program = await startPlain(context);
  await post(program, { kind: 'a', n: 0 });
  await stored(program, 1);
  const page = await openPage(context, `${program.adminUrl}/?q=kind%3Aa&live=1`);
  await page.locator('.live-pill[data-state="on"]').waitFor();
  for (let n = 1; n <= 6; n++) await post(program, { kind: n % 2 === 0 ? 'a' : 'b', n });
  await page.locator('#row-0').getByText('n=6').waitFor();
  // Of the search, whose answer may come after what the tail brings.
  await page.locator('#row-3').getByText('n=0').waitFor();
  const rows = await page.locator('.row').allTextContents();
  assert.deepEqual(
    rows.map((text) => /n=(\d)/.exec(text)?.[1]),
    ['6', '4', '2', '0'],
  );
});

test('the program goes and comes back: the page says so, goes on by itself and misses nothing', async (context) => {
  const first = await startPlain(context);
  await post(first, { n: 'before' });
  await stored(first, 1);
  const page = await openPage(context, `${first.adminUrl}/?live=1`);
  await page.locator('#row-0').getByText('before').waitFor();
  await page.locator('.live-pill[data-state="on"]').waitFor();
  // Waited for from before it stops: what the page shows afterwards depends on how long the stop takes.
  const noticed = page.getByText('Connecting again').waitFor();
  await first.stop();
  await noticed;
  const ports = { P2L_PORT: new URL(first.url).port, P2L_ADMIN_PORT: new URL(first.adminUrl).port };

  const second = await startProgram(context, { dataDir: first.dataDir, env: ports });
  await second.ready();
  await post(second, { n: 'between' });
  await page.locator('.live-pill[data-state="on"]').waitFor();
  await page.locator('.row').getByText('between').waitFor();
  await post(second, { n: 'after' });
  await page.locator('#row-0').getByText('after').waitFor();
  await until('three rows', async () => (await page.locator('.row').count()) === 3);
});
