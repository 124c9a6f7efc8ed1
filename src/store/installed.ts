/** Whether DuckDB is there: it may be left out (`npm ci --omit=optional`, the -slim image), or not be made for this platform. */
import { createRequire } from 'node:module';

/** Looks for the packages; loads nothing. */
export function isStoreInstalled(): boolean {
  const { resolve } = createRequire(import.meta.url);
  const { platform, arch } = process;
  try {
    resolve('@duckdb/node-bindings');
    return ['', '-musl'].some((libc) => {
      try {
        return resolve(`@duckdb/node-bindings-${platform}-${arch}${libc}/duckdb.node`) !== '';
      } catch {
        return false;
      }
    });
  } catch {
    return false;
  }
}
