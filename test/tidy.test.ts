/** The house rules, applied to this checkout; and each rule applied to an example it must catch. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import * as rules from './tidy/rules.ts';
import { readProject, unitsOf, type Finding, type Unit } from './tidy/source.ts';

const root = new URL('..', import.meta.url).pathname.replace(/\/$/, '');
const manifest = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { dependencies: Record<string, string> };
const dependencies = Object.keys(manifest.dependencies);

type Rule = (units: readonly Unit[]) => Finding[];
const all: Readonly<Record<string, Rule>> = {
  importDirection: rules.importDirection,
  importCycles: rules.importCycles,
  importNames: (units) => rules.importNames(units, dependencies),
  fileSize: rules.fileSize,
  functionSize: rules.functionSize,
  deadExports: rules.deadExports,
  bannedNames: rules.bannedNames,
  fileNames: rules.fileNames,
  bannedSyntax: rules.bannedSyntax,
  openWorkHasIssue: rules.openWorkHasIssue,
};

describe('this checkout keeps the house rules', () => {
  const units = readProject(root);
  test('there is something to check', () => {
    assert.ok(units.some((unit) => unit.path === 'src/core/plugin.ts'));
    assert.ok(units.some((unit) => unit.path === 'test/tidy.test.ts'));
  });
  for (const [name, rule] of Object.entries(all))
    test(name, () => {
      const lines = rule(units).map((finding) => `${finding.path}:${finding.line}: ${finding.text}`);
      if (lines.length > 0) assert.fail(`\n${lines.join('\n')}`);
    });
});

/** Examples: the texts, and what the rule says about them. An empty list: nothing, they keep the rule. */
const examples: readonly { rule: string; what: string; texts: Record<string, string>; says: RegExp[] }[] = [
  {
    rule: 'importDirection',
    what: 'core imports a codec',
    texts: {
      'src/core/a.ts': "import { b } from '../codecs/b.ts';\nvoid b;",
      'src/codecs/b.ts': 'export const b = 1;',
    },
    says: [/core may not import src\/codecs\/b\.ts/],
  },
  {
    rule: 'importDirection',
    what: 'a source imports an output, a type only',
    texts: {
      'src/sources/a.ts': "import type { B } from '../outputs/b.ts';\nexport type A = B;",
      'src/outputs/b.ts': 'export type B = 1;',
    },
    says: [/sources may not import src\/outputs\/b\.ts/],
  },
  {
    rule: 'importDirection',
    what: 'the router looks inside the journal',
    texts: {
      'src/router/a.ts': "import { b } from '../journal/frame.ts';\nvoid b;",
      'src/journal/frame.ts': 'export const b = 1;',
    },
    says: [/router may not import src\/journal\/frame\.ts/],
  },
  {
    rule: 'importDirection',
    what: 'a room imports the wiring',
    texts: {
      'src/delivery/a.ts': "import { b } from '../plugins.ts';\nvoid b;",
      'src/plugins.ts': 'export const b = 1;',
    },
    says: [/delivery may not import src\/plugins\.ts/],
  },
  {
    rule: 'importDirection',
    what: 'the program imports a test',
    texts: {
      'src/core/a.ts': "import { b } from './b.test.ts';\nvoid b;",
      'src/core/b.test.ts': 'export const b = 1;',
    },
    says: [/imports src\/core\/b\.test\.ts, a test/],
  },
  {
    rule: 'importDirection',
    what: 'the page imports what only the program can run; types of the contract and the query language are free',
    texts: {
      'web/src/a.tsx':
        "import type { A } from '../../src/store/contract.ts';\nimport { b } from '../../src/store/query/b.ts';\nimport { c } from '../../src/store/contract.ts';\nimport { d } from '../../src/core/d.ts';\nimport './a.css';\nvoid b, c, d;\nexport type B = A;",
      'src/store/contract.ts': 'export type A = 1;\nexport const c = 1;',
      'src/store/query/b.ts': 'export const b = 1;',
      'src/core/d.ts': 'export const d = 1;',
    },
    says: [/may not import src\/store\/contract\.ts; the page/, /may not import src\/core\/d\.ts; the page/],
  },
  {
    rule: 'importDirection',
    what: 'the program imports a double; a double may import anything',
    texts: {
      'src/core/a.ts': "import { b } from './disk-fake.ts';\nvoid b;",
      'src/core/disk-fake.ts': "import { c } from '../config/c.ts';\nexport const b = c;",
      'src/config/c.ts': 'export const c = 1;',
    },
    says: [/imports src\/core\/disk-fake\.ts, a test/],
  },
  {
    rule: 'importDirection',
    what: 'contracts, model types, own room, and files at the top are free',
    texts: {
      'src/router/a.ts': "import { b } from '../journal/contract.ts';\nimport './own.ts';\nvoid b;",
      'src/router/own.ts': '',
      'src/journal/contract.ts': 'export const b = 1;',
      'src/core/c.ts': "import type { M } from '../config/model.ts';\nexport type C = M;",
      'src/config/model.ts': 'export type M = 1;',
      'src/pipeline.ts': "import './router/a.ts';\nimport './core/c.ts';",
    },
    says: [],
  },
  {
    rule: 'importCycles',
    what: 'two files need each other',
    texts: { 'src/core/a.ts': "import './b.ts';", 'src/core/b.ts': "import './a.ts';" },
    says: [/import cycle: src\/core\/a\.ts → src\/core\/b\.ts → src\/core\/a\.ts/],
  },
  {
    rule: 'importCycles',
    what: 'a type import is no need',
    texts: {
      'src/core/a.ts': "import './b.ts';\nexport type A = 1;",
      'src/core/b.ts': "import type { A } from './a.ts';\nexport type B = A;",
    },
    says: [],
  },
  {
    rule: 'importNames',
    what: 'an ending other than .ts, and a package nobody declared',
    texts: { 'src/core/a.ts': "import './b.js';\nimport 'left-pad';\nimport 'pino/file';\nimport 'node:fs';" },
    says: [/does not end in \.ts/, /left-pad is not among the dependencies/],
  },
  {
    rule: 'importNames',
    what: 'node:http; its types are free',
    texts: {
      'src/core/a.ts': "import { Agent } from 'node:http';\nimport type { Server } from 'node:http';\nvoid Agent;",
    },
    says: [/a\.ts:1: an import of node:http/],
  },
  {
    rule: 'fileSize',
    what: '601 lines; a marked table may be longer',
    texts: {
      'src/core/a.ts': '\n'.repeat(601),
      'src/core/b.ts': `// tidy: table, because of the zones\n${'\n'.repeat(601)}`,
      'src/core/c.ts': '\n'.repeat(600),
    },
    says: [/601 lines/],
  },
  {
    rule: 'functionSize',
    what: '71 lines, in an arrow and in a method; describe is no function',
    texts: {
      'src/core/a.ts': `const a = () => {${'\n'.repeat(70)}};\nvoid a;`,
      'src/core/b.ts': `class B { m() {${'\n'.repeat(70)}} }\nvoid B;`,
      'src/core/c.test.ts': `describe('c', () => {${'\n'.repeat(99)}});`,
      'src/core/d.ts': `function d() {${'\n'.repeat(69)}}\nvoid d;`,
    },
    says: [/a function of 71 lines/, /a function of 71 lines/],
  },
  {
    rule: 'deadExports',
    what: 'nobody, or only a test, imports it',
    texts: {
      'src/core/a.ts':
        'export const unused = 1;\nexport const tested = 2;\nexport interface Used {}\n/** A double for tests. */\nexport class Fake {}',
      'src/core/a.test.ts': "import { tested, Fake } from './a.ts';\nvoid tested, Fake;",
      'src/core/b.ts': "import type { Used } from './a.ts';\nexport type { Used as B };",
    },
    says: [
      /unused is exported and imported by no other file/,
      /tested is imported only by tests/,
      /B is exported and imported by no/,
    ],
  },
  {
    rule: 'deadExports',
    what: 'a type that another export mentions is no dead one; a function is',
    texts: {
      'src/core/a.ts':
        'export interface Options {}\nexport function run(options: Options): void { void options; step(); }\nexport function step(): void {}\nexport type Alone = Alone[];',
      'src/main.ts': "import { run } from './core/a.ts';\nrun({});",
    },
    says: [/step is exported and imported by no/, /Alone is exported/],
  },
  {
    rule: 'deadExports',
    what: 'a plugin is found by its name; what stands beside it is not',
    texts: {
      'src/filters/a.ts':
        "import { definePlugin } from '../core/plugin.ts';\nexport const a = definePlugin();\nexport const b = 1;",
      'src/core/plugin.ts': 'export const definePlugin = () => 1;',
      'src/router/c.ts': "import { definePlugin } from '../core/plugin.ts';\nexport const c = definePlugin();",
    },
    says: [/a\.ts:3: b is exported/, /c is exported/],
  },
  {
    rule: 'deadExports',
    what: 'a re-export, a namespace import and a dynamic import are uses',
    texts: {
      'src/core/plugin-api.ts': "export { a } from './a.ts';\nexport const api = 1;",
      'src/core/a.ts': 'export const a = 1;',
      'src/core/b.ts': 'export const b = 1;',
      'src/core/c.ts': 'export const c = 1;',
      'src/main.ts': "import * as b from './core/b.ts';\nvoid b, import('./core/c.ts');",
    },
    says: [],
  },
  {
    rule: 'bannedNames',
    what: 'in a file name, in exports; inside other words they are free',
    texts: {
      'src/core/string-utils.ts':
        'export class FlushManager {}\nexport const rawData = 1, dataDir = 2, transformer = 3, events = 4;',
      'src/core/b.ts': 'const helper = 1;\nvoid helper;\nexport type InfoBlock = 1;',
    },
    says: [
      /"InfoBlock" has the word "info"/,
      /"string-utils"/,
      /"FlushManager"/,
      /"rawData" ends in/,
      /"events" has the word "event"; say record/,
    ],
  },
  {
    rule: 'fileNames',
    what: 'camelCase, and underscores outside of plugins',
    texts: {
      'src/core/jsonText.ts': '',
      'src/core/json_text.ts': '',
      'src/filters/record_transformer.test.ts': '',
      'src/journal/cursor.model.test.ts': '',
    },
    says: [/"jsonText" is not kebab-case/, /"json_text" is not kebab-case/],
  },
  {
    rule: 'bannedSyntax',
    what: 'each of them',
    texts: {
      'src/core/a.ts': 'export default 1;',
      'src/core/b.ts': 'export default function b() {}',
      'src/core/c.ts': 'enum C { A }\nvoid C;',
      'src/core/d.ts': 'class D { constructor(private readonly d: number) {} }\nvoid D;',
      'src/core/e.ts': 'let e: any;\nlet f: Record<string, any>;',
      'src/core/f.ts': 'namespace F {}\nswitch (1) { default: }',
      'src/core/g.test.ts': "test.only('g', () => {});",
    },
    says: [
      /default export/,
      /default export/,
      /an enum/,
      /parameter property/,
      /any/,
      /any/,
      /a namespace/,
      /runs alone/,
    ],
  },
  {
    rule: 'openWorkHasIssue',
    what: 'in comments of both kinds; not with an issue, not in strings',
    texts: {
      'src/core/a.ts': "// TODO: later\n/**\n * FIXME\n */\n// TODO(#12): fine\nconst a = '// TODO';\nvoid a;",
    },
    says: [/TODO without an issue/, /FIXME without an issue/],
  },
];

describe('each rule catches its bad example', () => {
  for (const { rule, what, texts, says } of examples)
    test(`${rule}: ${what}`, () => {
      const found = all[rule]?.(unitsOf(texts)) ?? [];
      const shown = found.map((finding) => `${finding.path}:${finding.line}: ${finding.text}`);
      assert.equal(found.length, says.length, shown.join('\n'));
      for (const [index, pattern] of says.entries()) assert.match(shown[index] ?? '', pattern);
    });
  test('no rule is without an example', () => {
    assert.deepEqual(
      Object.keys(all).filter((rule) => !examples.some((example) => example.rule === rule)),
      [],
    );
  });
});
