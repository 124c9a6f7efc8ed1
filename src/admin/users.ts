/**
 * The users file (P2L_ADMIN_USERS): lines `name:hash` as `htpasswd -B` writes them, bcrypt only. Empty lines and lines
 * that begin with # are left out. It is read again when it has changed.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { realClock } from '../core/clock.ts';
import { ConfigError, errorText } from '../core/errors.ts';
import type { ConfigProblem } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { passwordMatches } from './passwords.ts';

/** A file that changed is noticed after at most so long, in ms; a look costs a system call. */
const lookAgainMs = 1000;
/** Each step doubles the work: 15 takes some seconds of a core for one login. */
const costMax = 15;
/** How long a name and password that were right count as right without being computed again, in ms: programs send them with each request. */
const rememberMs = 5 * 60_000;
/** Pairs of name and password remembered at once. */
const rememberedMax = 1000;

/** The users of one file. */
export class Users {
  readonly #path: string;
  readonly #log: Log;
  readonly #key = randomBytes(32);
  /** Digests of hash, name and password that were right, and until when that counts. */
  readonly #remembered = new Map<string, number>();
  #hashes: ReadonlyMap<string, string>;
  #stamp: string;
  readonly #monotonicMs: () => number;
  #lookedMs: number;

  private constructor(
    path: string,
    log: Log,
    monotonicMs: () => number,
    hashes: ReadonlyMap<string, string>,
    stamp: string,
  ) {
    this.#monotonicMs = monotonicMs;
    this.#lookedMs = monotonicMs();
    this.#path = path;
    this.#log = log;
    this.#hashes = hashes;
    this.#stamp = stamp;
  }
  /** `monotonicMs`: a time that only goes forward. @throws ConfigError with each line that is wrong. */
  static async open(path: string, log: Log, monotonicMs = (): number => realClock.monotonicMs()): Promise<Users> {
    const stamp = await stampOf(path);
    return new Users(path, log, monotonicMs, await readUsers(path), stamp);
  }
  /** The user's hash, which changes with the password; undefined: there is no such user (any more). */
  async hashOf(name: string): Promise<string | undefined> {
    await this.#look();
    return this.#hashes.get(name);
  }
  /** True where the pair was right a short while ago: nothing has to be computed then. */
  async isRemembered(name: string, password: string): Promise<boolean> {
    const hash = await this.hashOf(name);
    const untilMs = hash === undefined ? undefined : this.#remembered.get(this.#digest(hash, name, password));
    return untilMs !== undefined && untilMs > this.#monotonicMs();
  }
  /** Takes about as long for names that do not exist. @throws RequestError 429 where too many are checked at once. */
  async isRight(name: string, password: string): Promise<boolean> {
    const hash = await this.hashOf(name);
    // There is always one: a file without users is refused.
    const [other = ''] = this.#hashes.values();
    const isMatching = await passwordMatches(password, hash ?? other);
    if (!isMatching || hash === undefined) return false;
    if (this.#remembered.size >= rememberedMax) this.#remembered.clear();
    this.#remembered.set(this.#digest(hash, name, password), this.#monotonicMs() + rememberMs);
    return true;
  }
  #digest(hash: string, name: string, password: string): string {
    return createHmac('sha256', this.#key).update(`${hash}\0${name}\0${password}`).digest('base64');
  }
  async #look(): Promise<void> {
    const nowMs = this.#monotonicMs();
    if (nowMs - this.#lookedMs < lookAgainMs) return;
    this.#lookedMs = nowMs;
    try {
      const stamp = await stampOf(this.#path);
      if (stamp === this.#stamp) return;
      this.#stamp = stamp;
      this.#hashes = await readUsers(this.#path);
      this.#log.info({ users: this.#hashes.size }, 'The users file was read again.');
    } catch (error) {
      this.#log.error(
        { path: this.#path, error: errorText(error) },
        'The users file changed and cannot be used; the users it had before stay until it is mended.',
      );
    }
  }
}

async function stampOf(path: string): Promise<string> {
  const { mtimeNs, size, ino } = await stat(path, { bigint: true }).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  return `${mtimeNs}:${size}:${ino}`;
}

function unreadable(path: string, error: unknown): ConfigError {
  return new ConfigError([
    {
      at: undefined,
      text: `P2L_ADMIN_USERS=${path}: ${errorText(error)}; make the file with: htpasswd -cB ${path} NAME`,
    },
  ]);
}

async function readUsers(path: string): Promise<Map<string, string>> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw unreadable(path, error);
  });
  return parseUsers(path, text);
}

/** Names and their hashes. Exported for tests. @throws ConfigError with each line that is wrong; never with a hash. */
export function parseUsers(path: string, text: string): Map<string, string> {
  const users = new Map<string, string>();
  const problems: ConfigProblem[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon));
    const hash = line.slice(colon + 1).trim();
    const problem =
      name === ''
        ? `expected name:hash, as htpasswd -B ${path} NAME writes it`
        : users.has(name)
          ? `user ${name} is there twice; remove one line`
          : hashProblem(path, name, hash);
    if (problem === undefined) users.set(name, hash);
    else problems.push({ at: { file: path, line: index + 1, column: 1 }, text: problem });
  }
  if (users.size === 0 && problems.length === 0)
    problems.push({
      at: { file: path, line: 1, column: 1 },
      text: `no user in it; add one with: htpasswd -B ${path} NAME`,
    });
  if (problems.length > 0) throw new ConfigError(problems);
  return users;
}

function hashProblem(path: string, name: string, hash: string): string | undefined {
  const anew = `write it anew with: htpasswd -B ${path} ${name}`;
  const bcrypt = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(hash);
  if (bcrypt) {
    const cost = Number(bcrypt[1]);
    if (cost >= 4 && cost <= costMax) return undefined;
    return `user ${name}: a bcrypt hash of cost ${cost}, expected 4 to ${costMax}; ${anew}`;
  }
  return `user ${name}: ${hashKind(hash)}, expected bcrypt ($2y$…); ${anew}`;
}

function hashKind(hash: string): string {
  if (hash.startsWith('$2')) return 'a bcrypt hash that is not whole';
  if (/^\$(?:apr1|1)\$/.test(hash)) return 'an MD5 hash, which is soon broken';
  if (hash.startsWith('{SHA}')) return 'a SHA-1 hash without salt, which is soon broken';
  if (/^\$[56]\$/.test(hash)) return 'a hash of crypt';
  if (hash === '') return 'no hash';
  if (/^[./A-Za-z0-9]{13}$/.test(hash)) return 'a hash of crypt, or the password itself';
  return 'a hash of a form that is not known, or the password itself';
}
