/** The program's own log: pino, one JSON object or one readable line per entry, always on standard error. */
import pino from 'pino';

export type Log = pino.Logger;
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

const levelNames: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'WARN',
  50: 'ERROR',
  60: 'FATAL',
};

/** For a person at a terminal: `10:23:45 WARN  sentence  key=value`. */
function readable(line: string): string {
  const { level, time, msg, ...rest } = JSON.parse(line) as { level: number; time: string; msg?: string };
  const pairs = Object.entries(rest).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return `${time.slice(11, 19)} ${(levelNames[level] ?? String(level)).padEnd(5)} ${[msg ?? '', ...pairs].join('  ')}\n`;
}

/**
 * A log on standard error, written synchronously so that the last words before an exit are seen: JSON lines, or readable
 * ones when standard error is a terminal.
 */
export function createLog(level: LogLevel = 'info', bindings: Record<string, unknown> = {}): Log {
  const raw = pino.destination({ fd: 2, sync: true });
  const destination = process.stderr.isTTY ? { write: (line: string) => raw.write(readable(line)) } : raw;
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination).child(bindings);
}

/** A log that says nothing, for tests. */
export function silentLog(): Log {
  return pino({ level: 'silent' });
}
