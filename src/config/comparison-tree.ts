/** The second half of what `check` prints: what a configuration means here compared with Fluentd, plugin by plugin. */
import { builtinPlace } from './builtin.ts';
import type { Location } from '../core/errors.ts';
import type { Dialect } from './dialect.ts';
import type { Comparison, ConfigNote } from './fluentd/lowering.ts';
import { shortPlace } from './tree.ts';
import type { Branch } from './tree.ts';

/** In the order in which they are told. */
const words: Readonly<Record<Comparison, string>> = {
  same: 'same',
  better: 'better',
  different: 'differs',
  unsupported: 'not supported',
  ignored: 'without effect',
};
const comparisons = Object.keys(words) as Comparison[];

/** The tree; empty where there is nothing to tell. */
export function comparisonTree(notes: readonly ConfigNote[], dialect: Dialect = 'fluentd'): Branch[] {
  const places = new Map<string, ConfigNote[]>();
  // What stands in no file is nobody's to compare.
  const written = notes.filter(({ at }) => at.file !== builtinPlace.file);
  for (const note of written) places.set(placeKey(note.at), [...(places.get(placeKey(note.at)) ?? []), note]);
  const files = [...new Set(written.map(({ at }) => at.file))];
  const order = ([a]: readonly ConfigNote[], [b]: readonly ConfigNote[]): number =>
    a && b ? files.indexOf(a.at.file) - files.indexOf(b.at.file) || a.at.line - b.at.line : 0;
  const under = [...places.values()].toSorted(order).map((found): Branch => {
    const [first] = found as [ConfigNote, ...ConfigNote[]];
    const owners = found.flatMap(({ of }) => of ?? []);
    // A parser or formatter by default stands where the plugin around it does.
    const title = owners.find((of) => !/^(?:parser|formatter) /.test(of)) ?? owners[0];
    return {
      text: title === undefined ? shortPlace(first.at) : `${title}  [${shortPlace(first.at)}]`,
      under: comparisons.flatMap((comparison) => told(comparison, found)),
    };
  });
  return under.length === 0
    ? []
    : [{ text: `compared with ${dialect === 'fluentd' ? 'Fluentd 1.16' : 'Fluent Bit 5.1'}`, under }];
}

function told(comparison: Comparison, notes: readonly ConfigNote[]): Branch[] {
  const texts = notes.filter((note) => note.comparison === comparison).map(({ text }) => text);
  return lines(comparison, texts).map((text) => ({ text: `${words[comparison]}: ${text}`, under: [], isProse: true }));
}

/** What is one line: all options that mean the same, and those without effect for the same reason. */
function lines(comparison: Comparison, texts: readonly string[]): readonly string[] {
  if (comparison === 'same') return texts.length === 0 ? [] : [texts.join(', ')];
  if (comparison !== 'ignored') return texts;
  const byReason = new Map<string, string[]>();
  for (const text of texts) {
    const [, key = text, reason = ''] =
      /^([^\s:]+): (?:accepted(?: without effect)?(?: here)?(?:[:;] )?)?(.*)$/s.exec(text) ?? [];
    byReason.set(reason, [...(byReason.get(reason) ?? []), key]);
  }
  return [...byReason].map(([reason, keys]) => `${keys.join(', ')}${reason === '' ? '' : `: ${reason}`}`);
}

function placeKey(at: Location): string {
  return `${at.file}:${at.line}:${at.column}`;
}
