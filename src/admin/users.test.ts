import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { hashSync } from 'bcryptjs';
import fc from 'fast-check';
import { ConfigError } from '../core/errors.ts';
import { silentLog } from '../core/log.ts';
import { Users, parseUsers } from './users.ts';

/** As `htpasswd -B` writes it: cost 5, `$2y$`. */
const hashOf = (password: string): string => hashSync(password, 5).replace('$2b$', '$2y$');

function problems(text: string): string[] {
  try {
    parseUsers('/etc/users', text);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message.split('\n');
  }
  return [];
}

test('users and comments are read; each line that cannot be used is named with what to do, and never its hash', () => {
  const hash = hashOf('secret');
  assert.deepEqual(
    [...parseUsers('/etc/users', `# users\n\nanna:${hash}\r\nbo:${hash} \n`)],
    [
      ['anna', hash],
      ['bo', hash],
    ],
  );
  const found = problems(
    [
      `anna:${hash}`,
      `anna:${hash}`,
      'md5:$apr1$abcdefgh$0123456789012345678901',
      'sha:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=',
      'crypt:rqXexS6ZhobKA',
      'unix:$6$salt$hash',
      'plain:hunter2hunter2hunter2',
      'cut:$2y$10$abc',
      `slow:${hash.replace('$05$', '$16$')}`,
      'none:',
      'nothing',
      `:${hash}`,
    ].join('\n'),
  );
  assert.deepEqual(
    found.map((line) => Number(/^\/etc\/users:(\d+):1: /.exec(line)?.[1])),
    [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
  );
  const text = found.join('\n');
  for (const expected of [
    /anna is there twice/,
    /md5: an MD5 hash/,
    /sha: a SHA-1 hash/,
    /slow: .* cost 16, expected 4 to 15/,
  ])
    assert.match(text, expected);
  for (const line of found.slice(1, 9)) assert.match(line, /htpasswd -B \/etc\/users \w+$/);
  for (const secret of [hash, 'hunter2', 'W6ph', 'rqXex', 'apr1$']) assert.ok(!text.includes(secret), secret);
  assert.match(problems('# nobody\n')[0] ?? '', /no user in it; add one with: htpasswd -B/);
});

test('no text is read as a user without a bcrypt hash, and none makes it throw anything else', () => {
  const piece = fc.constantFrom('anna', ':', '\n', '$2y$', '05', '$', 'x'.repeat(53), '{SHA}', '#', ' ', '\0');
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece).map((pieces) => pieces.join('')),
      ),
      (text) => {
        try {
          for (const [name, hash] of parseUsers('f', text)) {
            assert.ok(name !== '' && !name.includes(':'));
            assert.match(hash, /^\$2[aby]\$\d\d\$.{53}$/);
          }
        } catch (error) {
          assert.ok(error instanceof ConfigError, String(error));
        }
      },
    ),
  );
});

test('passwords are checked, remembered for a while, and read again when the file has changed', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'p2l-users-'));
  try {
    const path = join(directory, 'users');
    await assert.rejects(Users.open(path, silentLog()), { message: /P2L_ADMIN_USERS=.*ENOENT.*htpasswd -cB/ });
    await writeFile(path, `anna:${hashOf('secret')}\n`);
    let nowMs = 1;
    const users = await Users.open(path, silentLog(), () => nowMs);
    assert.equal(await users.isRemembered('anna', 'secret'), false);
    assert.equal(await users.isRight('anna', 'wrong'), false);
    assert.equal(await users.isRight('nobody', 'secret'), false);
    assert.equal(await users.isRight('anna', 'secret'), true);
    assert.equal(await users.isRemembered('anna', 'secret'), true);
    assert.equal(await users.isRemembered('anna', 'secret2'), false);
    assert.equal(await users.isRemembered('anna\0', 'secret'), false);

    await writeFile(path, `anna:${hashOf('another')}\nbo:${hashOf('b')}\n`);
    nowMs += 2000;
    assert.equal(await users.isRemembered('anna', 'secret'), false);
    assert.equal(await users.isRight('anna', 'secret'), false);
    assert.equal(await users.isRight('anna', 'another'), true);
    assert.equal(await users.isRight('bo', 'b'), true);
    nowMs += 6 * 60_000;
    assert.equal(await users.isRemembered('bo', 'b'), false);

    // What cannot be used changes nothing.
    await writeFile(path, 'anna:plain\n');
    nowMs += 2000;
    assert.equal(await users.isRight('bo', 'b'), true);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('no more passwords are checked at once than a moment is enough for', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'p2l-users-'));
  try {
    const path = join(directory, 'users');
    await writeFile(path, `anna:${hashOf('secret')}\n`);
    const users = await Users.open(path, silentLog());
    const results = await Promise.allSettled(Array.from({ length: 40 }, () => users.isRight('anna', 'secret')));
    const right = results.filter((result) => result.status === 'fulfilled' && result.value).length;
    const refused = results.filter(
      (result) => result.status === 'rejected' && /too many logins/.test(String(result.reason)),
    );
    assert.equal(right, 16);
    assert.equal(refused.length, 24);
  } finally {
    await rm(directory, { recursive: true });
  }
});
