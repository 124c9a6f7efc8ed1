/** Certificates of an output that speaks TLS, read when it opens. */
import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import { OperatingError, errorText } from '../../core/errors.ts';

/** Paths of PEM files, each by the option that names it. */
export interface TlsFiles {
  readonly ca?: readonly [option: string, path: string | undefined];
  readonly cert?: readonly [option: string, path: string | undefined];
  readonly key?: readonly [option: string, path: string | undefined];
}

/** @throws OperatingError OUTPUT_UNREACHABLE: somebody may put the file there later */
export async function readTlsFiles({ ca, cert, key }: TlsFiles): Promise<ConnectionOptions> {
  const [trusted, shown, secret] = await Promise.all([ca, cert, key].map(readPem));
  return { ...(trusted && { ca: trusted }), ...(shown && { cert: shown }), ...(secret && { key: secret }) };
}

async function readPem(file: TlsFiles['ca']): Promise<Buffer | undefined> {
  const [option, path] = file ?? [];
  if (path === undefined) return undefined;
  try {
    return await readFile(path);
  } catch (error) {
    throw new OperatingError('OUTPUT_UNREACHABLE', `reading ${option ?? ''} ${path}: ${errorText(error)}`, {
      cause: error,
    });
  }
}
