/** Severities of Cloud Logging. Source: LogSeverity of the Logging API v2; names as fluent-plugin-google-cloud 0.13 reads them. */

/** Names of the API, each a hundred above the one before. */
export const severities = [
  'DEFAULT',
  'DEBUG',
  'INFO',
  'NOTICE',
  'WARNING',
  'ERROR',
  'CRITICAL',
  'ALERT',
  'EMERGENCY',
] as const;
export type Severity = (typeof severities)[number];
const known: ReadonlySet<string> = new Set(severities);

/** What log4j, java.util.logging, nginx and others call them. */
const translated: Readonly<Record<string, Severity>> = {
  WARN: 'WARNING',
  FATAL: 'CRITICAL',
  TRACE: 'DEBUG',
  TRACE_INT: 'DEBUG',
  FINE: 'DEBUG',
  FINER: 'DEBUG',
  FINEST: 'DEBUG',
  SEVERE: 'ERROR',
  CONFIG: 'DEBUG',
  CRIT: 'CRITICAL',
  EMERG: 'EMERGENCY',
  D: 'DEBUG',
  I: 'INFO',
  N: 'NOTICE',
  W: 'WARNING',
  E: 'ERROR',
  C: 'CRITICAL',
  A: 'ALERT',
  F: 'CRITICAL',
  INFORMATION: 'INFO',
  ERR: 'ERROR',
};

/** The severity that a text or number stands for; undefined: none. */
export function severityOf(written: string): Severity | undefined {
  const name = written.toUpperCase().trim();
  if (known.has(name)) return name as Severity;
  if (/^\d+$/.test(name)) return severities[Math.min(Math.floor(Number(name) / 100), severities.length - 1)];
  return Object.hasOwn(translated, name) ? translated[name] : undefined;
}
