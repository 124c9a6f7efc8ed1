/** The browser that tests look through: this machine's Chromium, one for all tests of a file, driven by Playwright. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import type { TestContext } from 'node:test';
import { chromium } from 'playwright-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { findChromium } from './find-chromium.ts';

let browser: Promise<Browser> | undefined;

after(async () => {
  await (await browser)?.close();
});

function launched(): Promise<Browser> {
  const executablePath = findChromium();
  assert.ok(executablePath, 'no Chromium on this machine: apt-get install chromium, or name one in CHROMIUM');
  // Chromium's sandbox does not work for root, as which containers run.
  const isRoot = process.getuid?.() === 0;
  browser ??= chromium.launch({ executablePath, args: isRoot ? ['--no-sandbox'] : [] });
  return browser;
}

/** A page of its own: nothing is stored from another one. Times are shown as in Seoul, which knows no summer time. */
export async function newPage(options: BrowserContextOptions = {}): Promise<Page> {
  const context = await (
    await launched()
  ).newContext({ viewport: wide, locale: 'en-US', timezoneId: 'Asia/Seoul', reducedMotion: 'reduce', ...options });
  context.setDefaultTimeout(20_000);
  return context.newPage();
}

export const wide = { width: 1280, height: 800 };
export const phone: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  hasTouch: true,
  isMobile: true,
};

/** What a page complained of, except for answers that tests provoke. */
function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`));
  page.on('console', (line) => {
    const isProvoked = /Failed to load resource|net::ERR/.test(line.text());
    if (['error', 'warning'].includes(line.type()) && !isProvoked) complaints.push(line.text());
  });
  return complaints;
}

/**
 * Opens an address in a new page. When the test ends the page is closed, and must have complained of nothing: no error, no
 * breach of the content security policy.
 */
export async function openPage(context: TestContext, url: string, options: BrowserContextOptions = {}): Promise<Page> {
  const page = await newPage(options);
  const complaints = complaintsOf(page);
  context.after(async () => {
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    await page.context().close();
    assert.deepEqual(complaints, []);
  });
  await page.goto(url);
  return page;
}
