/** Records made to harm whoever looks at them: they are shown, and do nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPage } from './browser.ts';
import { post, startPlain, stored, waitForCount } from './explorer.ts';

test('HTML, terminal escapes, direction marks and broken characters are seen as what they are', async (context) => {
  const program = await startPlain(context);
  await post(program, {
    html: '<img src=x onerror="document.title=1"><script>document.title=2</script>',
    ansi: '\u001b[31mred\u001b[0m',
    bidi: 'invoice\u202egpj.exe',
    'na\u202eme': 'x',
    lines: 'first\nsecond',
  });
  await program.post('/postback', '{"broken":"a\\ud800b"}', { 'content-type': 'application/json' });
  await stored(program, 2);
  const page = await openPage(context, `${program.adminUrl}/?col=html&col=ansi`);
  const row = page.locator('.row').filter({ hasText: '<img' });
  await row.waitFor();
  assert.match((await row.textContent()) ?? '', /<script>document\.title=2<\/script>ESC\[31mredESC\[0m/);
  await row.click();
  const view = page.getByRole('region', { name: 'Record' });
  await view.getByText('gpj.exe').waitFor();
  assert.equal(await view.locator('.sign[title="U+202E"]').count(), 2);
  assert.match((await view.locator('.record-fields').innerText()) ?? '', /first\nsecond/);
  assert.equal(await page.locator('.page img, .page script').count(), 0);
  assert.equal(await page.title(), 'post2log');
});

test('a value of a megabyte is cut until it is asked for; the table stays quick', async (context) => {
  const program = await startPlain(context);
  await post(program, { long: 'x'.repeat(1_000_000), after: 'end' });
  await stored(program, 1);
  const page = await openPage(context, program.adminUrl);
  await page.locator('.row').click();
  const value = page.locator('.record-value').first();
  await value.getByRole('button', { name: 'Show all 1 MB' }).waitFor();
  assert.ok(((await value.textContent()) ?? '').length < 1000);
  await value.getByRole('button', { name: 'Show all 1 MB' }).click();
  await value.getByRole('button', { name: 'Show less' }).waitFor();
  assert.ok(((await value.textContent()) ?? '').length > 1_000_000);
  // Too long to be filtered for by an address.
  await value.hover();
  assert.equal(await value.getByRole('button', { name: 'Too long' }).first().isDisabled(), true);
});

test('ten thousand fields: shown in steps, found by name', async (context) => {
  const program = await startPlain(context);
  await post(program, Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`field_${index}`, index])));
  await stored(program, 1);
  const page = await openPage(context, program.adminUrl);
  await waitForCount(page, 1);
  await page.locator('.row').click();
  const view = page.getByRole('region', { name: 'Record' });
  await view.getByRole('button', { name: 'Show 1,000 more fields' }).waitFor();
  assert.equal(await view.locator('.record-field').count(), 200);
  await view.getByRole('searchbox', { name: 'Filter fields' }).fill('field_9999');
  await view.getByText('field_9999', { exact: true }).waitFor();
  assert.equal(await view.locator('.record-field').count(), 1);
  await view.getByRole('button', { name: 'JSON', exact: true }).click();
  await view.getByRole('button', { name: 'Show 1,000 more lines' }).click();
  await page.getByText('The most frequent 1,000').waitFor();
});

test('odd field names are filtered for and completed as they are', async (context) => {
  const program = await startPlain(context);
  const name = 'a "b": (c) OR *';
  await post(program, { [name]: 'it\'s "quoted" \\ and\nbroken' });
  await post(program, { other: 1 });
  await stored(program, 2);
  const page = await openPage(context, program.adminUrl);
  await page.locator('.row').filter({ hasText: 'quoted' }).click();
  await page.locator('.record-field').first().hover();
  await page
    .locator('.record-field')
    .first()
    .getByRole('button', { name: /^Only / })
    .click();
  await waitForCount(page, 1);
  await page.locator('.record-field').first().hover();
  await page
    .locator('.record-field')
    .first()
    .getByRole('button', { name: /^Without / })
    .click();
  await page.locator('.row').filter({ hasText: 'other=1' }).waitFor();
});
