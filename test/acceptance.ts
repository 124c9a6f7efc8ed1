/**
 * Checks ACCEPTANCE.md: every row names a test or a command that shows it, the file exists, and a test of that name is
 * in it. Rows look like `| 4.2 | what is asked | src/x.test.ts › name of the test |`; commands are `npm run …` in backticks.
 */
import { existsSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { root } from './files.ts';

/** What the checker may look at: file contents by path (undefined: no such file) and the npm scripts. */
export interface Checkout {
  readonly read: (path: string) => string | undefined;
  readonly scripts: readonly string[];
}

/** What is wrong with the table, one line each; empty when all is well. */
export function acceptanceProblems(markdown: string, checkout: Checkout): string[] {
  const problems: string[] = [];
  const seen = new Set<string>();
  let rows = 0;
  for (const [index, line] of markdown.split('\n').entries()) {
    const cells = rowCells(line);
    if (!cells) continue;
    const [id = '', asked = '', proof = ''] = cells;
    const at = `ACCEPTANCE.md:${index + 1}: ${id}`;
    rows++;
    if (seen.has(id)) problems.push(`${at}: this id is used twice`);
    seen.add(id);
    if (asked === '') problems.push(`${at}: says nothing`);
    if (cells.length !== 3) problems.push(`${at}: has ${cells.length} cells instead of 3`);
    const proofs = proof.split(/\s*<br>\s*/).filter(Boolean);
    if (proofs.length === 0) problems.push(`${at}: names neither a test nor a command`);
    for (const entry of proofs) {
      const problem = proofProblem(entry, checkout);
      if (problem) problems.push(`${at}: ${problem}`);
    }
  }
  if (rows === 0) problems.push('ACCEPTANCE.md: has no rows');
  return problems;
}

/** The cells of a row whose first cell is an id such as `4.2` or `A3`, else undefined. */
function rowCells(line: string): string[] | undefined {
  if (!line.startsWith('|')) return undefined;
  const cells = line
    .replaceAll(String.raw`\|`, '\u0000')
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.replaceAll('\u0000', '|').trim());
  return /^[A-Z]?\d+(?:\.\d+)*[a-z]?$/.test(cells[0] ?? '') ? cells : undefined;
}

function proofProblem(proof: string, { read, scripts }: Checkout): string | undefined {
  const command = /^`([^`]+)`$/.exec(proof)?.[1];
  if (command !== undefined) {
    if (command.startsWith('npm ci')) return undefined;
    const script = /^npm (?:run )?([\w:]+)/.exec(command)?.[1];
    if (script !== undefined && script !== 'ci')
      return scripts.includes(script) ? undefined : `no npm script ${script}`;
    const path = command.split(' ')[0] ?? '';
    return read(path) === undefined ? `no file ${path} for the command ${command}` : undefined;
  }
  const [path = '', name] = proof.split(' › ');
  const text = read(path);
  if (text === undefined) return `no file ${path}`;
  if (name === undefined) return `${path} is named without a test; write "${path} › name of the test"`;
  return namesTest(text, name) ? undefined : `no test "${name}" in ${path}`;
}

/** True when the name stands in the file as a string of its own, or as the beginning of a template up to its first placeholder. */
function namesTest(text: string, name: string): boolean {
  const quoted = ["'", '"', '`'].map((quote) => `${quote}${name.replaceAll(quote, `\\${quote}`)}${quote}`);
  return [...quoted, `\`${name}\${`, `\`${name} \${`].some((literal) => text.includes(literal));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const manifest = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { scripts: Record<string, string> };
  const problems = acceptanceProblems(readFileSync(`${root}/test/ACCEPTANCE.md`, 'utf8'), {
    read: (path) => (existsSync(`${root}/${path}`) ? readFileSync(`${root}/${path}`, 'utf8') : undefined),
    scripts: Object.keys(manifest.scripts),
  });
  for (const problem of problems) console.error(problem);
  console.log(
    problems.length === 0 ? 'every row of ACCEPTANCE.md is shown' : `${problems.length} problems in ACCEPTANCE.md`,
  );
  process.exitCode = problems.length === 0 ? 0 : 1;
}
