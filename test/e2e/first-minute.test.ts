/** What a newcomer does: starts it, sends the first record, finds it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPage } from './browser.ts';
import { ask, post, startPlain, stored, waitForCount } from './explorer.ts';

test('an empty store says what to do, and the first record shows up by itself', async (context) => {
  const program = await startPlain(context);
  const page = await openPage(context, program.adminUrl);
  await page.getByRole('heading', { name: 'Waiting for the first record' }).waitFor();
  const command = await page.locator('.command code').textContent();
  assert.equal(command, `curl -X POST "${program.url}/postback?p1=v1&p2=v2"`);

  await program.post('/postback?p1=v1&p2=v2');
  const row = page.getByRole('row').filter({ hasText: 'p1=v1' });
  await row.waitFor();
  await waitForCount(page, 1);
  assert.equal(await page.getByRole('button', { name: 'Live' }).getAttribute('aria-pressed'), 'true');

  await post(program, { p1: 'second' });
  await page.getByRole('row').filter({ hasText: 'p1=second' }).waitFor();
  await ask(page, 'p1:v1');
  await page.getByRole('row').filter({ hasText: 'p1=second' }).waitFor({ state: 'detached' });
  assert.equal(await page.locator('.row').count(), 1);
});

test('nothing found: the range can be widened, the query cleared', async (context) => {
  const program = await startPlain(context);
  await post(program, { colour: 'blue' });
  await stored(program, 1);
  const page = await openPage(context, `${program.adminUrl}/?q=colour%3Ared&last=15m`);
  await page.getByRole('heading', { name: 'No records found' }).waitFor();
  await page.getByRole('button', { name: 'Show last hour' }).click();
  await page.waitForURL(/last=1h/);
  await page.getByRole('button', { name: 'Clear the query' }).first().click();
  await page.getByRole('row').filter({ hasText: 'colour=blue' }).waitFor();
});

test('the page loads nothing from elsewhere and keeps to its content security policy', async (context) => {
  const program = await startPlain(context);
  const page = await openPage(context, 'about:blank');
  const hosts = new Set<string>();
  page.on('request', (request) => hosts.add(new URL(request.url()).origin));
  const answer = await page.goto(program.adminUrl);
  assert.match(answer?.headers()['content-security-policy'] ?? '', /default-src 'self'/);
  await page.getByRole('heading', { name: 'Waiting for the first record' }).waitFor();
  assert.deepEqual([...hosts], [program.adminUrl]);
});
