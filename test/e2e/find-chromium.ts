/** Where this machine's Chromium is. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** What Debian, others and Google call it. */
const names = ['chromium', 'chromium-browser', 'google-chrome'];

/** Path of a Chromium: the one that CHROMIUM names, else the first on the PATH; undefined: there is none. */
export function findChromium(): string | undefined {
  const named = process.env['CHROMIUM'];
  if (named) return named;
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
