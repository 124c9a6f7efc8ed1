/** Where to search: the store, or indices of a server that answers as told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { capabilities } from '../../src/elasticsearch/dsl-fixture.ts';
import { searchServer } from '../../src/outputs/elasticsearch/search-fixture.ts';
import type { SearchServer } from '../../src/outputs/elasticsearch/search-fixture.ts';
import { startProgram, until } from '../program.ts';
import { checkAccess } from './access.ts';
import { openPage } from './browser.ts';
import { ask, post, startPlain, stored, waitForCount } from './explorer.ts';

const timeMs = 1_795_273_200_000;
const hits = Array.from({ length: 3 }, (_, i) => ({
  _index: 'logstash-2026.11.21',
  _id: `x${i}`,
  _source: { '@timestamp': new Date(timeMs + i).toISOString(), log: `out of the index ${i}` },
  sort: [timeMs + i, i],
}));

/** Three records, whatever is asked. */
function indices(context: TestContext): Promise<SearchServer> {
  return searchServer(context, ({ request, lines }) => {
    if (request.includes('/_field_caps')) return { body: capabilities };
    if (!request.includes('/_search')) return undefined;
    const { size, aggs } = lines[0] as { size: number; aggs?: object };
    const times = { buckets: [{ key: timeMs, doc_count: hits.length }] };
    const ends = { oldest: { value: timeMs }, newest: { value: timeMs + 2 } };
    return {
      body: {
        timed_out: false,
        hits: { total: { value: hits.length }, hits: size === 0 ? [] : hits.toReversed() },
        ...(aggs && { aggregations: { times, ...ends } }),
      },
    };
  });
}

test('a choice of where to search, kept in the address; both have their own records', async (context) => {
  const server = await indices(context);
  const program = await startPlain(context, { P2L_EXPLORER_URL: server.url });
  await post(program, { p1: 'out of the store' });
  await stored(program, 1);
  const page = await openPage(context, `${program.adminUrl}/?last=all`);
  await waitForCount(page, 1);
  await page.getByRole('button', { name: 'Search in: Store' }).click();
  await page.getByRole('button', { name: /^logstash-\*/ }).click();
  await waitForCount(page, 3);
  await page.getByText('out of the index 2').first().waitFor();
  await page.waitForURL(/in=index/);
  await ask(page, 'word:="a"');
  await page.waitForURL(/q=/);
  await until('the search', () => server.received.some(({ text }) => text.includes('{"term":{"word":{"value":"a"}}}')));
  await checkAccess(page, 'records of an index');
  await page.goBack();
  await page.goBack();
  await waitForCount(page, 1);
  await page.getByText('out of the store').first().waitFor();
});

test('the explorer alone has no choice, whatever an address names, and says when the server is away', async (context) => {
  const server = await indices(context);
  const program = await (
    await startProgram(context, { args: ['explorer'], env: { P2L_EXPLORER_URL: server.url } })
  ).ready();
  const page = await openPage(context, `${program.adminUrl}/?last=all&in=store`);
  await waitForCount(page, 3);
  await page.waitForURL((url) => !url.searchParams.has('in'));
  assert.equal(await page.getByRole('button', { name: /^Search in/ }).count(), 0);
  server.close();
  await ask(page, 'foo');
  await page.getByRole('heading', { name: 'Elasticsearch does not answer' }).waitFor();
});
