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

/** Control characters and those that turn the reading direction, as escapes: they come with tags and errors, and a terminal would obey them. */
function printable(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, (char) => {
    const code = char.charCodeAt(0).toString(16).padStart(4, '0');
    return `\\u${code}`;
  });
}

/** For a person at a terminal: `10:23:45 WARN  sentence  key=value`. Exported for its tests. */
export function readable(line: string): string {
  const { level, time, msg, ...rest } = JSON.parse(line) as { level: number; time: string; msg?: string };
  const pairs = Object.entries(rest).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const said = printable([msg ?? '', ...pairs].join('  '));
  return `${time.slice(11, 19)} ${(levelNames[level] ?? String(level)).padEnd(5)} ${said}\n`;
}

/** Who wants the lines of the own log besides standard error: a source that makes records of them. */
class LogFeed {
  readonly #listeners = new Set<(line: string) => void>();

  /** Hands over every line from now on, JSON as pino writes it. Returns the way to stop. */
  listen(listener: (line: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
  /** Takes a line. */
  add(line: string): void {
    for (const listener of this.#listeners) listener(line);
  }
}
export const logFeed = new LogFeed();

/**
 * A log on standard error, written synchronously so that the last words before an exit are seen: JSON lines, or readable
 * ones when standard error is a terminal.
 */
export function createLog(level: LogLevel = 'info', bindings: Record<string, unknown> = {}): Log {
  const raw = pino.destination({ fd: 2, sync: true });
  const isTerminal = process.stderr.isTTY;
  const destination = {
    write(line: string): void {
      raw.write(isTerminal ? readable(line) : line);
      logFeed.add(line);
    },
  };
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination).child(bindings);
}

/** A log that says nothing, for tests. */
export function silentLog(): Log {
  return pino({ level: 'silent' });
}
