/** Reads a whole index, as it is at one moment: pages of separate searches may give one document twice after a merge. */

/** What the server gives at most at a time. */
const pageRecords = 10_000;
/** How long the server keeps that moment between two pages. */
const keep = '5m';

interface Page {
  readonly _scroll_id: string;
  readonly hits: { readonly hits: readonly { readonly _source: Readonly<Record<string, unknown>> }[] };
}

async function ask(url: string, method: 'POST' | 'DELETE', body?: object): Promise<unknown> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(url, { method, ...(body && { headers, body: JSON.stringify(body) }) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${text}`);
  return JSON.parse(text);
}

/** Gives the fields of each document, in no order. */
export async function readIndex(
  address: string,
  index: string,
  fields: readonly string[],
  take: (document: Readonly<Record<string, unknown>>) => void,
): Promise<void> {
  await ask(`${address}/${index}/_refresh`, 'POST');
  const first = { size: pageRecords, _source: fields, sort: ['_doc'] };
  let page = (await ask(`${address}/${index}/_search?scroll=${keep}`, 'POST', first)) as Page;
  while (page.hits.hits.length > 0) {
    for (const { _source } of page.hits.hits) take(_source);
    page = (await ask(`${address}/_search/scroll`, 'POST', { scroll: keep, scroll_id: page._scroll_id })) as Page;
  }
  await ask(`${address}/_search/scroll`, 'DELETE', { scroll_id: page._scroll_id });
}
