/** When something is wrong: the page says what, what to do, and goes on by itself. */
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { openPage } from './browser.ts';
import { post, startPlain, stored, waitForCount } from './explorer.ts';

test('without a store it says how to turn it on', async (context) => {
  const program = await startPlain(context, { P2L_STORE: 'off' });
  const page = await openPage(context, program.adminUrl);
  await page.getByRole('heading', { name: 'The store is off' }).waitFor();
  await page.getByText('P2L_STORE=on npm start').waitFor();
});

/** Changes the program's own answer on its way. */
async function answered(
  page: Page,
  path: string,
  change: (body: Record<string, unknown>) => Record<string, unknown>,
): Promise<void> {
  await page.route(`**${path}*`, async (route) => {
    try {
      const answer = await route.fetch();
      await route.fulfill({ json: change((await answer.json()) as Record<string, unknown>) });
    } catch {
      // The test is over and the program gone.
      await route.abort();
    }
  });
}

test('an answer that is not all, a partition set aside, a backlog', async (context) => {
  const program = await startPlain(context);
  await post(program, { a: 1 });
  await stored(program, 1);
  const page = await openPage(context, 'about:blank');
  await answered(page, '/api/search', (body) => ({ ...body, isComplete: false }));
  await answered(page, '/api/histogram', (body) => ({ ...body, isComplete: false }));
  await answered(page, '/api/store', ({ status, ...body }) => ({
    ...body,
    waiting: 12_345,
    status: { ...(status as object), setAside: [{ name: '00000003-20261120T0300Z', reason: 'its checksum is wrong' }] },
  }));
  const longest = page.waitForRequest(/\/api\/search.*timeout=60000/);
  await page.goto(program.adminUrl);
  await longest;
  await page.getByText('The time limit came first').waitFor();
  await page.locator('.row').waitFor();
  await page.getByText('12,345 records are on their way').waitFor();
  await page.getByText('1 partition could not be read and was set aside').waitFor();
  await page.getByText('Details').click();
  await page.getByText('its checksum is wrong').waitFor();
  const longer = page.waitForRequest(/\/api\/histogram.*timeout=60000/);
  await page.getByRole('button', { name: 'Count longer' }).click();
  await longer;
});

test('a store that starts, a program that is away, a search that fails', async (context) => {
  const program = await startPlain(context);
  await post(program, { a: 1 });
  await stored(program, 1);
  const page = await openPage(context, 'about:blank');
  await page.route('**/api/search*', (route) => route.fulfill({ status: 503, json: { detail: 'the store starts' } }));
  await page.goto(program.adminUrl);
  await page.getByRole('heading', { name: 'The store is starting' }).waitFor();
  await page.unroute('**/api/search*');
  await page.locator('.row').waitFor();

  await page.route('**/api/**', (route) => route.abort());
  await page.getByRole('button', { name: 'Refresh', exact: true }).click();
  await page.getByText('post2log does not answer').waitFor();
  await page.unroute('**/api/**');
  await page.getByText('post2log does not answer').waitFor({ state: 'detached' });
  await waitForCount(page, 1);

  await page.route('**/api/search*', (route) =>
    route.fulfill({ status: 500, json: { detail: 'reading partition 3: gone' } }),
  );
  await page.getByRole('button', { name: 'Refresh', exact: true }).click();
  await page.getByText('reading partition 3: gone').waitFor();
  await page.unroute('**/api/search*');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.locator('.row').waitFor();
});
