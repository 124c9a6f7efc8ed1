/** The rules of the house that a machine can check. Each takes all units and names what breaks it. */
import { SyntaxKind, type Node, type SourceFile } from 'typescript/unstable/ast';
import * as is from 'typescript/unstable/ast/is';
import { basename } from 'node:path/posix';
import { lineAt, walk, type Export, type Finding, type Unit } from './source.ts';

/** Tests, and the doubles they share: `disk-fake.ts`, `fixture.ts`. The program imports neither. */
const isTest = (path: string): boolean => /(?:\.test|[/-]fake|[/-]fixture)\.ts$/.test(path);
/** What runs at a user's: the program, and the page in a browser. */
const isProgram = (path: string): boolean => /^(?:web\/)?src\//.test(path) && !isTest(path);
const isPage = (path: string): boolean => path.startsWith('web/');

// ------------------------------------------------------------------------------------------------- import direction

/** Rooms that hold plugins: they see core, codecs and themselves. */
const pluginRooms = ['sources', 'filters', 'steps', 'joins', 'outputs'];
/** What each room may import besides itself. `contract`: other rooms' contract.ts. Rooms not named here, and files right under src/, may import everything. */
const mayImport: Readonly<Record<string, { rooms: readonly string[]; contracts: boolean }>> = {
  core: { rooms: [], contracts: false },
  codecs: { rooms: ['core'], contracts: false },
  ruby: { rooms: ['core', 'codecs'], contracts: false },
  kafka: { rooms: ['core', 'codecs'], contracts: false },
  kubernetes: { rooms: ['core', 'codecs'], contracts: false },
  multiline: { rooms: ['core', 'codecs'], contracts: false },
  ...Object.fromEntries(
    pluginRooms.map((room) => [
      room,
      { rooms: ['core', 'codecs', 'ruby', 'kafka', 'kubernetes', 'multiline'], contracts: false },
    ]),
  ),
  config: { rooms: ['core', 'codecs'], contracts: true },
  journal: { rooms: ['core', 'codecs'], contracts: true },
  router: { rooms: ['core', 'codecs'], contracts: true },
  delivery: { rooms: ['core', 'codecs'], contracts: true },
  store: { rooms: ['core', 'codecs'], contracts: true },
};
const roomOf = (path: string): string => (path.split('/').length > 2 ? (path.split('/')[1] ?? '') : 'top');

/** Imports go one way: core ← codecs ← {ruby, kafka, kubernetes, multiline} ← plugins; the other rooms see core and codecs, and of each other only contract.ts. */
export function importDirection(units: readonly Unit[]): Finding[] {
  return units
    .filter((unit) => isProgram(unit.path))
    .flatMap((unit) =>
      unit.imports.flatMap((entry) => {
        const problem =
          entry.target === undefined ? undefined : wrongDirection(unit.path, entry.target, entry.isTypeOnly);
        return problem ? [{ path: unit.path, line: entry.line, text: problem }] : [];
      }),
    );
}

function wrongDirection(path: string, target: string, isTypeOnly: boolean): string | undefined {
  if (isTest(target)) return `imports ${target}, a test`;
  if (isPage(path)) return wrongInPage(path, target, isTypeOnly);
  if (!target.startsWith('src/'))
    return target === 'package.json' ? undefined : `imports ${target}, which is outside src`;
  const from = roomOf(path);
  const to = roomOf(target);
  const allowed = mayImport[from];
  if (!allowed || from === to || allowed.rooms.includes(to)) return undefined;
  if (target === 'src/config/model.ts' && (isTypeOnly || allowed.contracts)) return undefined;
  if (allowed.contracts && basename(target) === 'contract.ts') return undefined;
  const sees = [
    ...allowed.rooms,
    ...(allowed.contracts ? ["other rooms' contract.ts"] : []),
    'types of config/model.ts',
  ];
  return `${from} may not import ${target}; it sees itself, ${sees.join(', ')}`;
}

/** A browser runs the page: of the program it may have types of the store's contract, and what is pure: the query language, the steps of a search. */
function wrongInPage(path: string, target: string, isTypeOnly: boolean): string | undefined {
  if (target.startsWith('web/src/') || /^src\/store\/(?:query\/[^/]+|search-steps\.ts)$/.test(target)) return undefined;
  if (isTypeOnly && target === 'src/store/contract.ts') return undefined;
  return `${path} may not import ${target}; the page sees itself, src/store/query, search-steps.ts and types of src/store/contract.ts`;
}

/** No file needs, at run time, a file that needs it. Type imports do not count. */
export function importCycles(units: readonly Unit[]): Finding[] {
  const byPath = new Map(units.map((unit) => [unit.path, unit]));
  const state = new Map<string, 'open' | 'done'>();
  const findings: Finding[] = [];
  const visit = (unit: Unit, trail: readonly string[]): void => {
    state.set(unit.path, 'open');
    for (const entry of unit.imports) {
      const next = entry.isTypeOnly || entry.target === undefined ? undefined : byPath.get(entry.target);
      if (!next) continue;
      const here = [...trail, unit.path];
      if (state.get(next.path) === 'open')
        findings.push({
          path: unit.path,
          line: entry.line,
          text: `import cycle: ${[...here.slice(here.indexOf(next.path)), next.path].join(' → ')}`,
        });
      else if (!state.has(next.path)) visit(next, here);
    }
    state.set(unit.path, 'done');
  };
  for (const unit of units) if (!state.has(unit.path)) visit(unit, []);
  return findings;
}

/** Tools that write documents: not in the published package (tsconfig.build.json leaves them out), so they may use what only development has. */
const devTool = /^src\/cli\/reference(?:-pages)?\.ts$/;

/** Relative imports end in `.ts` (the page's also in `.tsx` and `.css`); the program imports only packages that package.json names as dependencies, and node:http by core/node-http.ts. */
export function importNames(units: readonly Unit[], dependencies: readonly string[]): Finding[] {
  return units.flatMap((unit) =>
    unit.imports.flatMap((entry) => {
      const at = { path: unit.path, line: entry.line };
      if (entry.target !== undefined)
        return (isPage(unit.path) ? /\.(?:tsx?|css)$/ : /\.(?:ts|json)$/).test(entry.from)
          ? []
          : [{ ...at, text: `import of ${entry.from} does not end in .ts` }];
      if (entry.from === 'node:http' && !entry.isTypeOnly && unit.path.startsWith('src/') && !isTest(unit.path))
        return [{ ...at, text: 'an import of node:http loads more than it names; use src/core/node-http.ts' }];
      if (entry.from.startsWith('node:') || !isProgram(unit.path) || isPage(unit.path) || devTool.test(unit.path))
        return [];
      const name = entry.from
        .split('/')
        .slice(0, entry.from.startsWith('@') ? 2 : 1)
        .join('/');
      return dependencies.includes(name)
        ? []
        : [{ ...at, text: `${name} is not among the dependencies in package.json` }];
    }),
  );
}

// ------------------------------------------------------------------------------------------------- sizes

// From the house rules: a file of 600 lines is two rooms; a function of 70 does not fit a screen.
const fileLinesMax = 600;
const functionLinesMax = 70;
/** Written in a file that is one long table: `tidy: table, because …`. */
const tableMark = /tidy: table, because \S+/;

export function fileSize(units: readonly Unit[]): Finding[] {
  return units.flatMap((unit) => {
    const lines = unit.text.split('\n').length - 1;
    return lines <= fileLinesMax || tableMark.test(unit.text)
      ? []
      : [
          {
            path: unit.path,
            line: fileLinesMax + 1,
            text: `${lines} lines; at most ${fileLinesMax}. Split it, or mark a table with "tidy: table, because …"`,
          },
        ];
  });
}

export function functionSize(units: readonly Unit[]): Finding[] {
  return units.flatMap((unit) => {
    const findings: Finding[] = [];
    walk(unit.tree, (node) => {
      if (!isFunction(node) || isSuite(node)) return;
      const first = lineAt(unit.tree, node.getStart(unit.tree));
      const lines = lineAt(unit.tree, node.end) - first + 1;
      if (lines > functionLinesMax)
        findings.push({
          path: unit.path,
          line: first,
          text: `a function of ${lines} lines; at most ${functionLinesMax}`,
        });
    });
    return findings;
  });
}

function isFunction(node: Node): boolean {
  return (
    is.isFunctionDeclaration(node) ||
    is.isFunctionExpression(node) ||
    is.isArrowFunction(node) ||
    is.isMethodDeclaration(node) ||
    is.isConstructorDeclaration(node) ||
    is.isGetAccessorDeclaration(node) ||
    is.isSetAccessorDeclaration(node)
  );
}

/** The body of `describe` groups tests; it is no function of ours. */
function isSuite(node: Node): boolean {
  const call = node.parent;
  return (
    is.isCallExpression(call) &&
    is.isIdentifier(call.expression) &&
    ['describe', 'suite'].includes(call.expression.text)
  );
}

// ------------------------------------------------------------------------------------------------- exports

/** What package.json lets others import: everything it exports is used. */
const publicEntry = 'src/core/plugin-api.ts';

/** A plugin is found by its name in src/plugin-table.ts; test/registry.test.ts compares the two. */
const isPluginExport = (path: string, { mentions }: Export): boolean =>
  path.startsWith('src/') &&
  [...pluginRooms, 'codecs'].includes(roomOf(path)) &&
  (mentions.has('definePlugin') || mentions.has('Plugin'));

/**
 * Every export is imported by another file, or is a plugin. A type may also be exported because another export of its file mentions it.
 * Use by a test counts only for exports of test/ and bench/, and for those whose doc comment says that they are for tests.
 */
export function deadExports(units: readonly Unit[]): Finding[] {
  const used = new Set<string>();
  const usedByTests = new Set<string>();
  for (const unit of units)
    for (const entry of unit.imports)
      for (const name of entry.target === undefined ? [] : entry.names)
        (isProgram(unit.path) ? used : usedByTests).add(`${entry.target}#${name}`);
  return units
    .filter((unit) => unit.path !== publicEntry)
    .flatMap((unit) =>
      unit.exports.flatMap((entry) => {
        const keys = [`${unit.path}#${entry.name}`, `${unit.path}#*`];
        if (keys.some((key) => used.has(key)) || isMentioned(entry, unit.exports) || isPluginExport(unit.path, entry))
          return [];
        const isTested = keys.some((key) => usedByTests.has(key));
        if (isTested && (!isProgram(unit.path) || /\btests\b/.test(entry.doc))) return [];
        const problem = isTested
          ? 'is imported only by tests, and its doc comment does not say that it is for tests'
          : 'is exported and imported by no other file';
        return [{ path: unit.path, line: entry.line, text: `${entry.name} ${problem}` }];
      }),
    );
}

/** True for a type that another export of the same file mentions: whoever gets that one can name its parts. */
function isMentioned(entry: Export, exports: readonly Export[]): boolean {
  return entry.isType && exports.some((other) => other.name !== entry.name && other.mentions.has(entry.name));
}

// ------------------------------------------------------------------------------------------------- names

/** Words with no clear meaning here, or a second word for something that has one. */
const wordsBanned: Readonly<Record<string, string>> = {
  manager: 'name what it does',
  helper: 'name what it does',
  util: 'name what it does',
  sink: 'output',
  transform: 'filter, step or what it does',
  item: 'record, entry or what it is',
  info: 'name what it holds',
  message: 'record, or text',
  event: 'record',
};
/** Names that stay in spite of the list, each with its reason. */
const wordsAllowed: Readonly<Record<string, string>> = {};

const wordsIn = (name: string): string[] =>
  name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/[^A-Za-z0-9]+/g, ' ')
    .toLowerCase()
    .split(' ')
    .map((word) => word.replace(/s$/, ''));

function bannedWord(name: string): string | undefined {
  if (Object.hasOwn(wordsAllowed, name)) return undefined;
  const words = wordsIn(name);
  const found = words.find((word) => Object.hasOwn(wordsBanned, word));
  if (found) return `"${name}" has the word "${found}"; say ${wordsBanned[found]}`;
  return words.at(-1) === 'data' ? `"${name}" ends in "data"; name what it holds` : undefined;
}

/** Exports and files do without the words that the glossary rules out. */
export function bannedNames(units: readonly Unit[]): Finding[] {
  return units.flatMap((unit) => {
    const fromFile = bannedWord(basename(unit.path).replace(/\..*$/, ''));
    const fromExports = unit.exports.map((entry) => ({ line: entry.line, problem: bannedWord(entry.name) }));
    return [{ line: 1, problem: fromFile }, ...fromExports].flatMap(({ line, problem }) =>
      problem ? [{ path: unit.path, line, text: problem }] : [],
    );
  });
}

const kebab = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
const configName = /^[a-z0-9]+(?:[-_][a-z0-9]+)*$/;
const endings = /(?:\.(?:model|fuzz|prop|config|d))?(?:\.(?:test|bench))?\.tsx?$/;

/** Files and folders are kebab-case; plugins and codecs carry their config name, which may have underscores. */
export function fileNames(units: readonly Unit[]): Finding[] {
  return units.flatMap((unit) => {
    const parts = unit.path.split('/');
    const isPlugin = parts[0] === 'src' && [...pluginRooms, 'codecs'].includes(parts[1] ?? '');
    const wanted = isPlugin ? configName : kebab;
    const bad = parts.map((part) => part.replace(endings, '')).find((part) => !wanted.test(part));
    return bad === undefined
      ? []
      : [{ path: unit.path, line: 1, text: `"${bad}" is not ${isPlugin ? 'a config name' : 'kebab-case'}` }];
  });
}

// ------------------------------------------------------------------------------------------------- language

/** No default exports, enums, namespaces, parameter properties or `any`; no test left alone by `.only`. */
export function bannedSyntax(units: readonly Unit[]): Finding[] {
  return units.flatMap((unit) => {
    const findings: Finding[] = [];
    walk(unit.tree, (node) => {
      const text = syntaxProblem(node, unit);
      if (text) findings.push({ path: unit.path, line: lineAt(unit.tree, node.getStart(unit.tree)), text });
    });
    return findings;
  });
}

/** Vite reads its configuration from a default export. */
const viteConfig = 'web/vite.config.ts';

function syntaxProblem(node: Node, unit: Unit): string | undefined {
  if (is.isExportAssignment(node) || node.kind === SyntaxKind.DefaultKeyword) {
    const isClause = is.isDefaultClause(node.parent) || unit.path === viteConfig;
    return isClause ? undefined : 'a default export; export a name';
  }
  if (is.isEnumDeclaration(node)) return 'an enum; use an object "as const" or a union';
  // `declare module 'react'` adds to a package's types; there is no other way.
  if (is.isModuleDeclaration(node) && !is.isStringLiteral(node.name)) return 'a namespace; use a module';
  if (node.kind === SyntaxKind.AnyKeyword) return 'any; use unknown, or say the type';
  if (is.isParameterDeclaration(node) && is.isConstructorDeclaration(node.parent) && node.modifiers?.length)
    return 'a parameter property; declare the field';
  if (isTest(unit.path) && is.isPropertyAccessExpression(node) && isOnly(node)) return 'a test that runs alone (.only)';
  return undefined;
}

function isOnly(node: Node): boolean {
  return (
    is.isPropertyAccessExpression(node) &&
    node.name.text === 'only' &&
    is.isIdentifier(node.expression) &&
    ['test', 'it', 'describe', 'suite'].includes(node.expression.text)
  );
}

const openWork = /\b(?:TODO|FIXME|XXX|HACK)\b(?!\s*\(#\d+\))/;

/** Open work is written with its issue: the word, then `(#12)`. */
export function openWorkHasIssue(units: readonly Unit[]): Finding[] {
  return units.flatMap((unit) =>
    commentsOf(unit.tree).flatMap((comment) =>
      openWork.test(comment.text)
        ? [
            {
              path: unit.path,
              line: comment.line,
              text: `${openWork.exec(comment.text)?.[0]} without an issue number, as in (#12)`,
            },
          ]
        : [],
    ),
  );
}

/** Comment lines: what follows `//`, and the lines of block comments, outside of strings and templates. */
function commentsOf(tree: SourceFile): { line: number; text: string }[] {
  const covered: { from: number; to: number }[] = [];
  walk(tree, (node) => {
    const isText =
      is.isStringLiteral(node) ||
      is.isRegularExpressionLiteral(node) ||
      is.isNoSubstitutionTemplateLiteral(node) ||
      [SyntaxKind.TemplateHead, SyntaxKind.TemplateMiddle, SyntaxKind.TemplateTail].includes(node.kind);
    if (isText) covered.push({ from: node.getStart(tree), to: node.end });
  });
  const found: { line: number; text: string }[] = [];
  for (const match of tree.text.matchAll(/\/\/[^\n]*|\/\*[^]*?\*\//g)) {
    if (covered.some((range) => match.index >= range.from && match.index < range.to)) continue;
    for (const [index, text] of match[0].split('\n').entries())
      found.push({ line: lineAt(tree, match.index) + index, text });
  }
  return found;
}
