/** `npm run build`: what is published starts, and finds what is asked for by its path. */
import assert from 'node:assert/strict';
import { isAscii } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { root } from './files.ts';
import { startProgram, temporaryDirectory, until } from './program.ts';

/** The published program, as npm lays it out; gives its directory. */
async function install(context: TestContext): Promise<string> {
  const installed = join(await temporaryDirectory(context), 'post2log');
  mkdirSync(join(installed, 'bin'), { recursive: true });
  copyFileSync(join(root, 'bin/post2log'), join(installed, 'bin/post2log'));
  copyFileSync(join(root, 'package.json'), join(installed, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(installed, 'node_modules'));
  execFileSync(process.execPath, [join(root, 'scripts/build.ts'), join(installed, 'dist'), '--no-types'], {
    stdio: 'pipe',
  });
  return installed;
}

test('the built program runs, finds every plugin, and answers at its admin port', async (context) => {
  const directory = await temporaryDirectory(context);
  const installed = await install(context);
  const command = join(installed, 'bin/post2log');
  const seen = execFileSync(process.execPath, [
    '--input-type=module',
    '--eval',
    `const pluginTable = Object.values(await import(process.argv[1])).find(Array.isArray);
    console.log(pluginTable.filter((entry) => entry.load().name === entry.name).length, pluginTable.length);`,
    join(installed, 'dist/plugin-table.js'),
  ]).toString();
  assert.match(seen, /^(\d\d+) \1\n$/);

  const input = join(directory, 'in.log');
  const config = join(directory, 'fluent.conf');
  writeFileSync(input, 'a line\n');
  writeFileSync(
    config,
    `<source>\n @type tail\n path ${input}\n tag t\n read_from_head true\n <parse>\n @type none\n </parse>\n</source>
    <match **>\n @type stdout\n</match>`,
  );
  const users = join(directory, 'users');
  // The password is `secret`.
  writeFileSync(users, `somebody:${bcryptOfSecret}\n`);
  const program = await startProgram(context, {
    command,
    args: ['run', '--config', config],
    env: { P2L_ADMIN_USERS: users, P2L_STORE: 'on' },
  });
  await program.ready();
  await until('the line', () => program.stdout.includes('{"message":"a line"}'));
  const authorization = `Basic ${Buffer.from('somebody:secret').toString('base64')}`;
  const status = await fetch(`${program.adminUrl}/api/status`, { headers: { authorization } });
  assert.equal(status.status, 200);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  assert.match(program.stderr, new RegExp(`post2log ${version.replaceAll('.', '\\.')} is ready`));
  assert.equal(await program.stop(), 0);
});

test('a small collector is few files, all of them ASCII', async (context) => {
  const installed = await install(context);
  const directory = await temporaryDirectory(context);
  const [seen, hook, config] = ['seen.txt', 'hook.mjs', 'fluent.conf'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(
    hook,
    `import { registerHooks } from 'node:module';
    import { writeFileSync } from 'node:fs';
    const urls = [];
    registerHooks({ load: (url, context, next) => { urls.push(url); return next(url, context); } });
    process.on('exit', () => writeFileSync(${JSON.stringify(seen)}, urls.join('\\n')));`,
  );
  writeFileSync(
    config,
    `<source>\n @type tail\n path ${directory}/*.log\n tag t\n <parse>\n @type cri\n </parse>\n</source>
    <match **>\n @type forward\n <server>\n host 127.0.0.1\n port 9\n </server>\n</match>`,
  );
  const program = await startProgram(context, {
    command: join(installed, 'bin/post2log'),
    args: ['run', '--config', config],
    env: { P2L_NODE_OPTIONS: `--import ${hook}` },
  });
  await program.ready();
  assert.equal(await program.stop(), 0);
  const files = readFileSync(seen, 'utf8')
    .split('\n')
    .filter((url) => url.startsWith(`file://${realpathSync(installed)}/dist/`));
  // Of 90 files V8 compiled Node's own loader with its last compiler, for 7 MB.
  assert.ok(files.length > 5 && files.length <= 24, files.join('\n'));
  for (const url of files) assert.ok(isAscii(readFileSync(new URL(url))), url);
});

const bcryptOfSecret = '$2b$04$neUD4yEOz1nZWOJmbDpeZuXWdQijXwPnam.ueAyETZWeTI4qpHOoa';
