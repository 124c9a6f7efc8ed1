/**
 * Who may use the admin server. Without a token and users: whoever reaches it on loopback by a loopback name. With them:
 * a bearer token, HTTP Basic, or a browser's login in a cookie. Wrong credentials are counted before they are compared.
 */
import type { IncomingMessage } from 'node:http';
import type { Log } from '../core/log.ts';
import { RequestError } from './api/failures.ts';
import { Attempts } from './attempts.ts';
import { equalSecrets, isForeign, isLoopback, isSameOrigin } from './auth.ts';
import { Sessions } from './sessions.ts';
import type { Session } from './sessions.ts';
import type { Users } from './users.ts';

/** Longest user name, password or token that is looked at, in characters: bcrypt uses 72 bytes of a password. */
const secretCharsMax = 1024;

export interface AccessOptions {
  readonly host: string;
  readonly port: number | undefined;
  readonly token: string | undefined;
  readonly users: Users | undefined;
  readonly log: Log;
  /** A time that only goes forward. */
  readonly monotonicMs: () => number;
}

/** What a browser logs in with. */
export type Login = { readonly token: string } | { readonly user: string; readonly password: string };

/** Decides on requests over TCP; those over the Unix socket are this user's own and do not come here. */
export class Access {
  readonly methods: readonly ('token' | 'password')[];
  readonly #options: AccessOptions;
  readonly #sessions: Sessions;
  readonly #attempts: Attempts;

  constructor(options: AccessOptions) {
    const { token, users, monotonicMs } = options;
    this.#options = options;
    this.#sessions = new Sessions(monotonicMs);
    this.#attempts = new Attempts(monotonicMs);
    this.methods = [...(token === undefined ? [] : ['token' as const]), ...(users ? ['password' as const] : [])];
  }
  /** True where nobody has to log in. */
  get isOpen(): boolean {
    return this.methods.length === 0;
  }
  /** What holds for every request, with or without login. @throws RequestError 403 */
  checkOrigin(request: IncomingMessage): void {
    const { host, origin, authorization } = request.headers;
    if (isChange(request) && !isBearer(authorization) && isForeign(request.headers))
      throw new RequestError(403, `A page of ${origin ?? 'another site'} may not change anything here`);
    if (!this.isOpen) return;
    const name = (host ?? '').replace(/:\d+$/, '');
    if (isLoopback(name) || name === this.#options.host) return;
    const { host: own, port } = this.#options;
    throw new RequestError(403, `Host ${host} is not this server's; use http://${own}:${port}`);
  }
  /** Who asks: a user's name, `token`, or null where nobody has to log in. @throws RequestError 401, 403, 429 */
  async check(request: IncomingMessage): Promise<string | null> {
    if (this.isOpen) return null;
    const { authorization } = request.headers;
    if (authorization !== undefined) return this.#checkAuthorization(authorization, addressOf(request));
    const session = await this.#sessionOf(request);
    if (!session) throw new RequestError(401, this.#loginText());
    if (isChange(request) && !isSameOrigin(request.headers))
      throw new RequestError(403, 'With a login in a cookie only pages of this server may change anything');
    return session.user ?? 'token';
  }
  /** True unless the login that the request began with has ended since. */
  async isAllowedStill(request: IncomingMessage): Promise<boolean> {
    try {
      await this.check(request);
      return true;
    } catch (error) {
      return error instanceof RequestError && error.status === 429;
    }
  }
  /** Who is logged in, or null. */
  async userOf(request: IncomingMessage): Promise<string | null> {
    return this.check(request).catch(() => null);
  }
  /** Gives the id for the cookie. @throws RequestError 400, 401, 429 */
  async login(login: Login, request: IncomingMessage): Promise<string> {
    const address = addressOf(request);
    const method = 'token' in login ? 'token' : 'password';
    if (!this.methods.includes(method))
      throw new RequestError(
        400,
        `this server has no login by ${method}; it has: ${this.methods.join(', ') || 'none'}`,
      );
    if ('token' in login) {
      await this.#attempt(address, () => Promise.resolve(this.#isToken(login.token)));
      return this.#sessions.begin({ user: undefined, hash: undefined });
    }
    const { user, password } = login;
    await this.#attempt(address, () => this.#isPassword(user, password));
    return this.#sessions.begin({ user, hash: await this.#options.users?.hashOf(user) });
  }
  logout(request: IncomingMessage): void {
    const id = cookieOf(request);
    if (id !== undefined) this.#sessions.end(id);
  }

  async #checkAuthorization(authorization: string, address: string): Promise<string> {
    const [, scheme = '', given = ''] = /^(\S+) +(.+)$/.exec(authorization) ?? [];
    if (/^bearer$/i.test(scheme)) {
      await this.#attempt(address, () => Promise.resolve(this.#isToken(given)));
      return 'token';
    }
    const basic = /^basic$/i.test(scheme)
      ? /^([^:]*):([^]*)$/.exec(Buffer.from(given, 'base64').toString())
      : undefined;
    const [, user, password] = basic ?? [];
    if (user === undefined || password === undefined) throw new RequestError(401, this.#loginText());
    if (await this.#options.users?.isRemembered(user, password)) return user;
    await this.#attempt(address, () => this.#isPassword(user, password));
    return user;
  }
  async #sessionOf(request: IncomingMessage): Promise<Session | undefined> {
    const id = cookieOf(request);
    const session = id === undefined ? undefined : this.#sessions.use(id);
    if (id === undefined || session?.user === undefined) return session;
    if ((await this.#options.users?.hashOf(session.user)) === session.hash) return session;
    this.#sessions.end(id);
    return undefined;
  }
  /** @throws RequestError 429 where too much was tried, 401 where it is wrong. */
  async #attempt(address: string, isRight: () => Promise<boolean>): Promise<void> {
    const waitMs = this.#attempts.take(address);
    if (waitMs !== undefined)
      throw new RequestError(
        429,
        'Too many wrong tokens or passwords; wait a little and try again',
        Math.max(1, Math.ceil(waitMs / 1000)),
      );
    if (await isRight()) {
      this.#attempts.giveBack(address);
      return;
    }
    this.#options.log.warn({ address }, 'The admin server was asked with a wrong token or password.');
    throw new RequestError(401, 'Wrong token, user or password');
  }
  #isToken(given: string): boolean {
    const { token } = this.#options;
    return token !== undefined && given.length <= secretCharsMax && equalSecrets(given, token);
  }
  async #isPassword(user: string, password: string): Promise<boolean> {
    const { users } = this.#options;
    if (!users || user.length > secretCharsMax || password.length > secretCharsMax) return false;
    return users.isRight(user, password);
  }
  #loginText(): string {
    const ways = [
      ...(this.methods.includes('token') ? ['Authorization: Bearer with the token of P2L_ADMIN_TOKEN'] : []),
      ...(this.methods.includes('password') ? ['HTTP Basic with a user of P2L_ADMIN_USERS'] : []),
    ];
    return `Log in on the page at /, or send ${ways.join(', or ')}`;
  }
}

function isChange({ method }: IncomingMessage): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

/** A token in a header was put there by whoever asks; cookies and Basic are added by browsers on their own. */
function isBearer(authorization: string | undefined): boolean {
  return /^bearer /i.test(authorization ?? '');
}

function addressOf({ socket }: IncomingMessage): string {
  return socket.remoteAddress ?? '';
}

/** Cookies do not tell ports apart, and one machine may have several of these servers. */
function cookieName({ socket }: IncomingMessage): string {
  return `p2l_session_${socket.localPort}`;
}

function cookieOf(request: IncomingMessage): string | undefined {
  const name = `${cookieName(request)}=`;
  const part = (request.headers.cookie ?? '').split(/; */).find((one) => one.startsWith(name));
  const id = part?.slice(name.length);
  return id !== undefined && /^[-\w]{43}$/.test(id) ? id : undefined;
}

/** `Set-Cookie` for a login, or for its end. Secure where the page came over TLS, which something before this server did. */
export function cookieText(request: IncomingMessage, id: string | undefined): string {
  const secure = /^https:/i.test(request.headers.origin ?? '') ? '; Secure' : '';
  const end = id === undefined ? '; Max-Age=0' : '';
  return `${cookieName(request)}=${id ?? ''}; Path=/; HttpOnly; SameSite=Strict${secure}${end}`;
}
