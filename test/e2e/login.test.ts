/** Beyond loopback: nothing is shown before a login. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { hash } from 'bcryptjs';
import { temporaryDirectory } from '../program.ts';
import { openPage } from './browser.ts';
import { startPlain } from './explorer.ts';

test('a token, or a user and password; a wrong one is told; signing out ends it', async (context) => {
  const users = join(await temporaryDirectory(context), 'users');
  await writeFile(users, `anna:${await hash('right password', 4)}\n`, { mode: 0o600 });
  const program = await startPlain(context, {
    P2L_ADMIN_TOKEN: 'right-token-of-32-characters-abc',
    P2L_ADMIN_USERS: users,
  });
  const page = await openPage(context, program.adminUrl);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.getByLabel('User').fill('anna');
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').getByText('This was not right').waitFor();
  await page.getByLabel('Password').fill('right password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Waiting for the first record' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Waiting for the first record' }).waitFor();
  const cookies = await page.context().cookies();
  assert.ok(cookies.every(({ httpOnly, sameSite }) => httpOnly && sameSite === 'Strict') && cookies.length === 1);

  await page.getByRole('button', { name: 'Menu' }).click();
  await page.getByRole('button', { name: 'Sign out anna' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.getByRole('button', { name: 'Use an access token' }).click();
  await page.getByLabel('Access token').fill('right-token-of-32-characters-abc');
  await page.getByLabel('Access token').press('Enter');
  await page.getByRole('heading', { name: 'Waiting for the first record' }).waitFor();

  // A login that ends while the page is open leads back to the form.
  await page.context().clearCookies();
  // The page looks for the first record by itself, too: where that notices first, the button goes before it is pressed.
  const refresh = page.getByRole('button', { name: 'Refresh', exact: true });
  await refresh.click({ timeout: 2000 }).catch(() => undefined);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
});
