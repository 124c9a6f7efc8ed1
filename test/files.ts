/** Where the checkout is, and which test files it has. */
import { globSync } from 'node:fs';

/** The checkout's folder, without a slash at its end. */
export const root: string = new URL('..', import.meta.url).pathname.replace(/\/$/, '');

/** Paths relative to the checkout of files that match one of the patterns and lie in none of the folders, sorted. */
export function testFiles(patterns: readonly string[], exceptBelow: readonly string[] = []): string[] {
  return globSync([...patterns], { cwd: root, exclude: ['**/node_modules/**', '**/.tmp/**'] })
    .filter((path) => !path.includes('node_modules/') && !exceptBelow.some((folder) => path.startsWith(folder)))
    .toSorted();
}
