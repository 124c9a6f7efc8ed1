/** The real program with its explorer, and records in it. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { startProgram, temporaryDirectory, until } from '../program.ts';
import { freePort } from '../free-port.ts';
import type { Program } from '../program.ts';
import type { SampleRecord } from './sample-records.ts';

/** The program as `npm start` has it: no configuration, the store on. */
export async function startPlain(context: TestContext, env: Readonly<Record<string, string>> = {}): Promise<Program> {
  const program = await startProgram(context, { env });
  return program.ready();
}

/** Takes JSON lines with a time and a tag of their own from standard input, and postbacks. */
const config = (port: string): string => `
<source>
  @type stdin
  tag lines
  <parse>
    @type json
    time_type float
  </parse>
</source>
<source>
  @type postback
  port ${port}
  endpoints /postback,/postback/*
</source>
<match lines>
  @type rewrite_tag_filter
  <rule>
    key _to
    pattern /^(.+)$/
    tag $1
  </rule>
</match>
<filter **>
  @type record_transformer
  remove_keys _to
</filter>
<match **>
  @type store
</match>
`;

/** The program with these records in its store. */
export async function startWith(context: TestContext, records: readonly SampleRecord[]): Promise<Program> {
  const port = String(await freePort());
  const file = join(await temporaryDirectory(context), 'explorer.conf');
  await writeFile(file, config(port));
  const program = await startProgram(context, { args: ['run', '-c', file], env: { P2L_PORT: port } });
  await program.ready();
  const lines = records.map(({ time, to, fields }) => JSON.stringify({ time, _to: to, ...fields }));
  program.child.stdin?.write(`${lines.join('\n')}\n`);
  await stored(program, records.length);
  return program;
}

/** Until the store has so many records. */
export async function stored(program: Program, count: number): Promise<void> {
  await until(`${count} records in the store`, async () => {
    const answer = (await (await fetch(`${program.adminUrl}/api/store`)).json()) as {
      status: { records: number } | null;
    };
    return (answer.status?.records ?? 0) >= count;
  });
}

/** Sends one record, as its sender would. */
export async function post(program: Program, fields: unknown, path = '/postback'): Promise<void> {
  const answer = await program.post(path, JSON.stringify(fields), { 'content-type': 'application/json' });
  if (answer.status !== 200) throw new Error(`posting to ${path}: ${answer.status} ${await answer.text()}`);
}

/** Types a query into the bar and asks it. */
export async function ask(page: Page, query: string): Promise<void> {
  const bar = page.getByRole('combobox', { name: 'Query' });
  await bar.fill(query);
  await bar.press('Enter');
}

/** How many records the page says it found, once it says so. */
export async function waitForCount(page: Page, count: number): Promise<void> {
  const text = count === 1 ? '1 record' : `${count.toLocaleString('en')} records`;
  await page.locator('.results-count').getByText(text, { exact: true }).waitFor();
}
