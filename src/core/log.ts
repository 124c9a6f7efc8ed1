/** The program's own log: pino, one JSON object or one readable line per entry, always on standard error. */
import pino from 'pino';

export type Log = pino.Logger;
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** A log that writes to standard error (synchronously, so that the last words before an exit are seen). */
export function createLog(level: LogLevel = 'info', bindings: Record<string, unknown> = {}): Log {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 2, sync: true }),
  ).child(bindings);
}

/** A log that says nothing, for tests. */
export function silentLog(): Log {
  return pino({ level: 'silent' });
}
