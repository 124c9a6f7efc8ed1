/** The commands of docs/from and of the examples: what they say to helm renders, what they say to post2log it takes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../files.ts';
import { helm } from './chart.ts';

const documents = globSync(
  ['docs/from/*.md', 'deploy/helm/post2log/examples/*.yaml', 'deploy/helm/post2log/README.md'],
  { cwd: root },
).toSorted();

/** Commands of a document, continued lines joined. */
function commandsOf(path: string, word: RegExp): string[] {
  const text = readFileSync(join(root, path), 'utf8')
    .replaceAll(/^#(?= )/gm, ' ')
    .replaceAll(/\\\n\s*/g, ' ');
  return text
    .split('\n')
    .filter((line) => /^ {4,}\S/.test(line))
    .map((line) => line.trim().replace(/ +#.*/, ''))
    .filter((line) => word.test(line));
}

/** Files that somebody has who follows a page. */
function own(directory: string): void {
  writeFileSync(
    join(directory, 'fluent-bit.conf'),
    '[SERVICE]\n    Parsers_File parsers.conf\n[INPUT]\n    Name dummy\n[OUTPUT]\n    Name stdout\n    Match *\n',
  );
  writeFileSync(join(directory, 'parsers.conf'), '[PARSER]\n    Name one\n    Format json\n');
  writeFileSync(
    join(directory, 'outputs.yaml'),
    'aggregator:\n  extraCfg: |\n    <match **>\n      @type stdout\n    </match>\n',
  );
}

test('every helm command renders', (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-documents-'));
  context.after(() => rmSync(directory, { recursive: true }));
  own(directory);
  let count = 0;
  for (const path of documents)
    for (const command of commandsOf(path, /^helm install/)) {
      const [, , ...words] = command.split(/\s+/);
      const args = words
        .filter((word) => word !== '--create-namespace')
        .map((word) =>
          word
            .replace(/^deploy\//, `${root}/deploy/`)
            .replace(/(^|=)(fluent-bit\.conf|parsers\.conf|outputs\.yaml)$/, `$1${directory}/$2`),
        );
      const { status, stderr } = helm(['template', ...args, '--kube-version', '1.34.0']);
      assert.equal(status, 0, `${path}: ${command}\n${stderr}`);
      count++;
    }
  assert.ok(count >= 10, `only ${count} commands were found`);
});

test('every configuration that a page names is one that post2log takes', { timeout: 120_000 }, () => {
  const commands = documents
    .flatMap((path) => commandsOf(path, /^bin\/post2log check/))
    .filter((one) => one.includes('deploy/'));
  assert.ok(commands.length >= 2);
  for (const command of commands) {
    const env = { ...process.env, AWS_ACCESS_KEY: 'k', AWS_ACCESS_SECRET: 's' };
    const { status, stderr } = spawnSync('sh', ['-c', command], { cwd: root, encoding: 'utf8', env });
    assert.equal(status, 0, `${command}\n${stderr}`);
  }
});
