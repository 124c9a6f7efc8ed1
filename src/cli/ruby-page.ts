/** The reference page of what Ruby expressions may call, from the method tables. */
import type { Methods } from '../ruby/frame.ts';
import { kinds } from '../ruby/values.ts';
import type { Kind } from '../ruby/values.ts';
import { generatedNote } from './reference-pages.ts';
import type { Page } from './reference-pages.ts';

/** What the page shows. */
export interface RubyNames {
  readonly methods: Methods;
  readonly functions: Iterable<string>;
  readonly moduleFunctions: Iterable<string>;
  readonly constants: Iterable<string>;
  /** Methods that give a variable or field new text. */
  readonly inPlace: Iterable<string>;
}

/** Renders it; the same text every time. */
export function rubyPage({ methods, functions, moduleFunctions, constants, inPlace }: RubyNames): Page {
  const every = [...methods].filter(([, named]) => kinds.every((kind) => kind in named)).map(([name]) => name);
  const ofKind = (kind: Kind) =>
    [...methods].filter(([name, named]) => kind in named && !every.includes(name)).map(([name]) => name);
  const modules = Map.groupBy(moduleFunctions, (name) => name.slice(0, name.lastIndexOf('.')));
  const lines = [
    generatedNote,
    '# Methods of Ruby expressions',
    '',
    'What expressions of `record_modifier`, and of `record_transformer` with `enable_ruby true`, may call; the language itself is in',
    '[Ruby expressions](../ruby-expressions.md).',
    '',
    ...part('Every value', every),
    ...kinds.flatMap((kind) => part(kind, ofKind(kind))),
    ...part('Text in place', inPlace),
    ...part('Functions', [...functions, 'lambda', 'proc']),
    ...[...modules]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([name, list]) =>
        part(
          name,
          list.map((full) => full.slice(name.length + 1)),
        ),
      ),
    ...part('Constants', constants),
  ];
  return { path: 'reference/ruby-methods.md', text: `${lines.join('\n').trimEnd()}\n` };
}

function part(title: string, names: Iterable<string>): string[] {
  const sorted = [...new Set(names)].toSorted((a, b) => (a < b ? -1 : 1));
  return [`## ${title}`, '', sorted.map((name) => `\`${name}\``).join(' '), ''];
}
