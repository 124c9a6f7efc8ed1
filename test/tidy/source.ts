/**
 * Source files as the tidy rules see them: path, text and syntax tree. The tree comes from the TypeScript 7 compiler
 * (`typescript/unstable/sync`, which asks the native program); a whole checkout takes about half a second.
 */
import { SyntaxKind, type Node, type SourceFile } from 'typescript/unstable/ast';
import * as is from 'typescript/unstable/ast/is';
import { createVirtualFileSystem } from 'typescript/unstable/fs';
import { API } from 'typescript/unstable/sync';
import { posix } from 'node:path';

/** One file under src, web, test, bench or docs. */
export interface Unit {
  /** Relative to the checkout, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly tree: SourceFile;
  readonly imports: readonly Import[];
  readonly exports: readonly Export[];
}

/** An import, a re-export or a dynamic import with a literal name. */
interface Import {
  /** As written: `./x.ts`, `node:fs`, `zod`. */
  readonly from: string;
  /** Path of the unit it names, for relative ones. */
  readonly target: string | undefined;
  /** Names taken; `*` when the whole namespace is. */
  readonly names: readonly string[];
  readonly isTypeOnly: boolean;
  readonly line: number;
}

export interface Export {
  readonly name: string;
  readonly line: number;
  /** The doc comment in front of it, or ''. */
  readonly doc: string;
  /** An interface or a type alias. */
  readonly isType: boolean;
  /** Every identifier in its declaration. */
  readonly mentions: ReadonlySet<string>;
}

/** What a rule found. */
export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly text: string;
}

/** Every file that the tsconfigs of the program and of the explorer name. */
export function readProject(root: string): Unit[] {
  return ['tsconfig.json', 'web/tsconfig.json'].flatMap((config) => withProject(new API({ cwd: root }), root, config));
}

/** Units from texts by path, for the self-tests. Paths are relative, as in a checkout. */
export function unitsOf(texts: Readonly<Record<string, string>>): Unit[] {
  const files: Record<string, string> = {
    '/p/tsconfig.json': JSON.stringify({
      compilerOptions: { noLib: true, types: [], noEmit: true, allowImportingTsExtensions: true, jsx: 'preserve' },
      include: ['src', 'web', 'test', 'bench', 'docs'],
    }),
  };
  for (const [path, text] of Object.entries(texts)) files[`/p/${path}`] = text;
  return withProject(new API({ cwd: '/p', fs: createVirtualFileSystem(files) }), '/p', 'tsconfig.json');
}

function withProject(api: API, root: string, config: string): Unit[] {
  try {
    const project = api.updateSnapshot({ openProjects: [`${root}/${config}`] }).getProjects()[0];
    if (!project) throw new Error(`reading ${root}/${config}: TypeScript found no project there`);
    const paths = project.rootFiles.filter((path) => !path.includes('/node_modules/')).toSorted();
    return paths.map((path) => {
      const tree = project.program.getSourceFile(path);
      if (!tree) throw new Error(`reading ${path}: TypeScript gave no syntax tree`);
      const relative = posix.relative(root, path);
      return { path: relative, text: tree.text, tree, imports: importsOf(relative, tree), exports: exportsOf(tree) };
    });
  } finally {
    api.close();
  }
}

/** Calls `visit` for a node and everything below it. */
export function walk(node: Node, visit: (node: Node) => void): void {
  visit(node);
  node.forEachChild((child) => walk(child, visit));
}

/** Line from 1 of a position. */
export function lineAt(tree: SourceFile, position: number): number {
  return tree.getLineAndCharacterOfPosition(position).line + 1;
}

function importsOf(path: string, tree: SourceFile): Import[] {
  const found: Import[] = [];
  const add = (node: Node, from: string, names: string[], isTypeOnly: boolean) =>
    found.push({
      from,
      target: from.startsWith('.') ? posix.normalize(posix.join(posix.dirname(path), from)) : undefined,
      names,
      isTypeOnly,
      line: lineAt(tree, node.getStart(tree)),
    });
  walk(tree, (node) => {
    if (is.isImportDeclaration(node) && is.isStringLiteral(node.moduleSpecifier)) {
      const clause = node.importClause;
      const bindings = clause?.namedBindings;
      const names: string[] = clause?.name ? ['default'] : [];
      let isTypeOnly = clause?.phaseModifier === SyntaxKind.TypeKeyword;
      if (bindings && is.isNamedImports(bindings)) {
        names.push(...bindings.elements.map((element) => (element.propertyName ?? element.name).text));
        if (!clause?.name && bindings.elements.every((element) => element.isTypeOnly)) isTypeOnly = true;
      } else if (bindings) names.push('*');
      add(node, node.moduleSpecifier.text, names, isTypeOnly);
    } else if (is.isExportDeclaration(node) && node.moduleSpecifier && is.isStringLiteral(node.moduleSpecifier)) {
      const clause = node.exportClause;
      const names =
        clause && is.isNamedExports(clause)
          ? clause.elements.map((element) => (element.propertyName ?? element.name).text)
          : ['*'];
      add(node, node.moduleSpecifier.text, names, node.isTypeOnly);
    } else if (is.isCallExpression(node) && node.expression.kind === SyntaxKind.ImportKeyword) {
      const argument = node.arguments[0];
      if (argument && is.isStringLiteral(argument)) add(node, argument.text, ['*'], false);
    } else if (is.isImportTypeNode(node) && is.isLiteralTypeNode(node.argument)) {
      if (is.isStringLiteral(node.argument.literal)) add(node, node.argument.literal.text, ['*'], true);
    }
  });
  return found;
}

function exportsOf(tree: SourceFile): Export[] {
  const found: Export[] = [];
  for (const statement of tree.statements) {
    const line = lineAt(tree, statement.getStart(tree));
    const doc = (statement.jsDoc ?? []).map((comment) => comment.getText(tree)).join('\n');
    if (is.isExportDeclaration(statement)) {
      const clause = statement.exportClause;
      if (!statement.moduleSpecifier && clause && is.isNamedExports(clause))
        for (const element of clause.elements)
          found.push({ name: element.name.text, line, doc, isType: false, mentions: new Set() });
      continue;
    }
    const names = exportedNames(statement);
    if (names.length === 0) continue;
    const isType = is.isInterfaceDeclaration(statement) || is.isTypeAliasDeclaration(statement);
    const mentions = identifiersIn(statement);
    for (const name of names) found.push({ name, line, doc, isType, mentions });
  }
  return found;
}

function identifiersIn(node: Node): Set<string> {
  const names = new Set<string>();
  walk(node, (child) => {
    if (is.isIdentifier(child)) names.add(child.text);
  });
  return names;
}

function exportedNames(statement: Node): string[] {
  if (is.isVariableStatement(statement)) {
    if (!statement.modifiers?.some((modifier) => modifier.kind === SyntaxKind.ExportKeyword)) return [];
    return statement.declarationList.declarations.flatMap((declaration) => bindingNames(declaration.name));
  }
  if (
    is.isFunctionDeclaration(statement) ||
    is.isClassDeclaration(statement) ||
    is.isInterfaceDeclaration(statement) ||
    is.isTypeAliasDeclaration(statement) ||
    is.isEnumDeclaration(statement)
  ) {
    const isExported = statement.modifiers?.some((modifier) => modifier.kind === SyntaxKind.ExportKeyword);
    const isDefault = statement.modifiers?.some((modifier) => modifier.kind === SyntaxKind.DefaultKeyword);
    return isExported && !isDefault && statement.name ? [statement.name.text] : [];
  }
  return [];
}

function bindingNames(name: Node): string[] {
  if (is.isIdentifier(name)) return [name.text];
  const names: string[] = [];
  if (is.isObjectBindingPattern(name) || is.isArrayBindingPattern(name))
    for (const element of name.elements)
      if (is.isBindingElement(element) && element.name) names.push(...bindingNames(element.name));
  return names;
}
