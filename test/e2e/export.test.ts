/** Export: what is asked, as a file. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { openPage } from './browser.ts';
import { startWith, waitForCount } from './explorer.ts';
import { sampleRecords } from './sample-records.ts';

const records = sampleRecords(Date.now(), 1500);

async function exported(page: Page, name: RegExp): Promise<{ name: string; text: string }> {
  await page.getByRole('button', { name: 'Export' }).click();
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name }).click();
  const file = await download;
  return { name: file.suggestedFilename(), text: await readFile(await file.path(), 'utf8') };
}

test('all records of the query, as NDJSON and as CSV with the chosen columns', async (context) => {
  const program = await startWith(context, records);
  const page = await openPage(context, `${program.adminUrl}/?q=currency%3AJPY&col=country&col=revenue`);
  const wanted = records.filter(({ fields }) => fields['currency'] === 'JPY').toReversed();
  await waitForCount(page, wanted.length);

  const ndjson = await exported(page, /^NDJSON/);
  assert.match(ndjson.name, /\.ndjson$/);
  const lines = ndjson.text.trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as Record<string, unknown>)['click_id']),
    wanted.map(({ fields }) => fields['click_id']),
  );

  const csv = await exported(page, /^CSV/);
  assert.match(csv.name, /\.csv$/);
  const [head, ...rows] = csv.text.trimEnd().split(/\r?\n/);
  assert.equal(head, '_time,_tag,country,revenue');
  assert.deepEqual(
    rows.map((row) => row.split(',').slice(1).join()),
    wanted.map(({ to, fields }) => `${to},${String(fields['country'])},${String(fields['revenue'])}`),
  );
});
