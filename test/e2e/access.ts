/** What axe says of a page. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { until } from '../program.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Nothing serious is wrong with the page as it is shown. Rows of an answer before, which fade, are waited out. */
export async function checkAccess(page: Page, state: string): Promise<void> {
  // Asked anew each time: what waits in the page is kept from evaluating a text by the page's policy.
  await until('rows that do not fade', () =>
    page.evaluate<boolean>(
      'document.querySelector(".table[data-stale=true]") === null && [...document.querySelectorAll(".table-body")].every((rows) => getComputedStyle(rows).opacity === "1")',
    ),
  );
  await page.evaluate(axe);
  const { violations } = (await page.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as AxeResults;
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  const lines = serious.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}\n  ${nodes.map(({ html, failureSummary }) => `${html}\n    ${failureSummary}`).join('\n  ')}`,
  );
  assert.equal(lines.length, 0, `${state}:\n${lines.join('\n')}`);
}
