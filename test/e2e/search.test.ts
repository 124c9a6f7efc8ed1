/** Asking: the query and its faults, completion, time, histogram, addresses. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { openPage } from './browser.ts';
import { ask, startWith, waitForCount } from './explorer.ts';
import { sampleRecords } from './sample-records.ts';
import type { SampleRecord } from './sample-records.ts';

const records = sampleRecords(Date.now(), 3000);
const having = (is: (record: SampleRecord) => boolean): number => records.filter(is).length;

describe('asking', () => {
  test('a query, by hand, completed by keyboard, and in the address', async (context) => {
    const program = await startWith(context, records);
    const page = await openPage(context, program.adminUrl);
    await waitForCount(page, records.length);
    await ask(page, 'level:="error" AND status >= 500');
    await waitForCount(
      page,
      having(({ fields }) => fields['level'] === 'error'),
    );

    const bar = page.getByRole('combobox', { name: 'Query' });
    await page.locator('.table').focus();
    await page.keyboard.press('/');
    await page.keyboard.type('coun');
    await page.getByRole('option', { name: /country/ }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    assert.equal(await bar.inputValue(), 'country:');
    await page.getByRole('option', { name: /^JP/ }).waitFor();
    await page.keyboard.type('J');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Tab');
    assert.equal(await bar.inputValue(), 'country:JP ');
    await page.keyboard.press('Enter');
    await waitForCount(
      page,
      having(({ fields }) => fields['country'] === 'JP'),
    );
    await page.waitForURL((url) => url.searchParams.get('q') === 'country:JP');

    await page.goBack();
    await waitForCount(
      page,
      having(({ fields }) => fields['level'] === 'error'),
    );
    assert.equal(await bar.inputValue(), 'level:="error" AND status >= 500');
    await page.goForward();
    await waitForCount(
      page,
      having(({ fields }) => fields['country'] === 'JP'),
    );

    await faults(page);
    await times(context, page, program.adminUrl);
  });
});

/** A fault is marked where it is, and not asked. */
async function faults(page: Page): Promise<void> {
  const bar = page.getByRole('combobox', { name: 'Query' });
  await bar.fill('country:JP AND (currency:JPY');
  await bar.press('Escape');
  await page.locator('.table').focus();
  await bar.focus();
  await bar.press('Enter');
  await page.getByText('this "(" is not closed').waitFor();
  assert.equal(await page.locator('.search-paint [data-wrong="true"]').textContent(), '(');
  assert.equal(new URL(page.url()).searchParams.get('q'), 'country:JP');
  // One that comes by a link is told by the program, in the table's place.
  await page.goto(`${new URL(page.url()).origin}/?q=a%20AND`);
  await page.getByRole('heading', { name: 'This query cannot be read' }).waitFor();
  await page.getByRole('button', { name: 'Clear the query' }).last().click();
  await waitForCount(page, records.length);
}

async function times(context: TestContext, page: Page, url: string): Promise<void> {
  await page.getByRole('button', { name: /^Time range/ }).click();
  await page.getByRole('button', { name: 'Last 6 hours' }).click();
  await page.waitForURL(/last=6h/);
  await page.getByRole('button', { name: 'Zoom in' }).click();
  await page.waitForURL(/from=.*to=/);
  const width = (): number => {
    const { searchParams } = new URL(page.url());
    return Date.parse(searchParams.get('to') ?? '') - Date.parse(searchParams.get('from') ?? '');
  };
  assert.equal(width(), 3 * 3_600_000);

  // An absolute range, typed; the page is in Seoul.
  await page.getByRole('button', { name: /^Time range/ }).click();
  await page.getByLabel('From', { exact: true }).fill('2026-01-02T03:04:05');
  await page.getByLabel('To', { exact: true }).fill('2026-01-02T03:04:04');
  await page.getByRole('button', { name: 'Show this range' }).click();
  await page.getByText('Give both times, the later one last').waitFor();
  await page.getByText('Asia/Seoul, GMT+9').waitFor();
  await page.getByLabel('To', { exact: true }).fill('2026-01-02T04:04:05');
  await page.getByRole('button', { name: 'Show this range' }).click();
  await page.waitForURL(/from=2026-01-01T18%3A04%3A05.000Z&to=2026-01-01T19%3A04%3A05.000Z/);
  await page.getByRole('heading', { name: 'No records found' }).waitFor();

  await brush(await openPage(context, url));
}

/** Dragging over bars shows their range; so do the arrow keys. */
async function brush(page: Page): Promise<void> {
  await waitForCount(page, records.length);
  const plot = page.locator('.histogram .u-over');
  const box = await plot.boundingBox();
  assert.ok(box);
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * 0.75, y);
  await page
    .locator('.histogram-tooltip')
    .getByText(/records?$/)
    .waitFor();
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.85, y, { steps: 5 });
  await page.mouse.up();
  await page.waitForURL(/from=.*to=/);
  const { searchParams } = new URL(page.url());
  const fromMs = Date.parse(searchParams.get('from') ?? '');
  const toMs = Date.parse(searchParams.get('to') ?? '');
  assert.ok(toMs - fromMs > 2 * 3_600_000 && toMs - fromMs < 3 * 3_600_000, `${(toMs - fromMs) / 3_600_000} h`);
  await waitForCount(
    page,
    having(({ time }) => time * 1000 >= fromMs && time * 1000 < toMs),
  );
  await page.goBack();
  await waitForCount(page, records.length);

  await page.locator('.histogram').focus();
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('Shift+ArrowLeft');
  await page.keyboard.press('Shift+ArrowLeft');
  await page.locator('.histogram-chosen').waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL(/from=.*to=/);
}
