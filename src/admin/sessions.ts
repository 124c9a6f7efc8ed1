/** Logins of browsers: random ids in cookies, of which only hashes are kept, in memory; they end with the program. */
import { createHash, randomBytes } from 'node:crypto';

/** A login ends after so long without a request, in ms: a working day's pauses, not a night and a day. */
const idleMs = 12 * 3_600_000;
/** Logins at once; beyond it the one used least recently ends. Each holds some hundred bytes. */
const sessionsMax = 1000;

/** One login. */
export interface Session {
  /** A user of the users file, or undefined: whoever has the token. */
  readonly user: string | undefined;
  /** The user's hash in the file at login: another one there ends it. */
  readonly hash: string | undefined;
}

interface Kept extends Session {
  usedMs: number;
}

/** All logins of one server. */
export class Sessions {
  /** By the hash of the id, used least recently first. */
  readonly #sessions = new Map<string, Kept>();
  readonly #nowMs: () => number;

  /** `nowMs`: a time that only goes forward. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }
  /** Gives the id for the cookie: 256 random bits. */
  begin(session: Session): string {
    const id = randomBytes(32).toString('base64url');
    if (this.#sessions.size >= sessionsMax) {
      const [oldest] = this.#sessions.keys();
      if (oldest !== undefined) this.#sessions.delete(oldest);
    }
    this.#sessions.set(hashOf(id), { ...session, usedMs: this.#nowMs() });
    return id;
  }
  /** The login, which counts as used by that. */
  use(id: string): Session | undefined {
    const hash = hashOf(id);
    const session = this.#sessions.get(hash);
    if (!session) return undefined;
    this.#sessions.delete(hash);
    const nowMs = this.#nowMs();
    if (nowMs - session.usedMs > idleMs) return undefined;
    session.usedMs = nowMs;
    this.#sessions.set(hash, session);
    return session;
  }
  end(id: string): void {
    this.#sessions.delete(hashOf(id));
  }
}

/** Looked up by hash, so that the time a lookup takes says nothing about an id. */
function hashOf(id: string): string {
  return createHash('sha256').update(id).digest('base64');
}
