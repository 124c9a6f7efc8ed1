/** The second half of what `check` prints: what a configuration means here compared with Fluentd, plugin by plugin. */
import { builtinPlace } from './builtin.ts';
import type { Location } from '../core/errors.ts';
import type { Comparison, ConfigNote } from './fluentd/lowering.ts';
import { leaf, shortPlace } from './tree.ts';
import type { Branch } from './tree.ts';

/** In the order in which they are told. */
const words: Readonly<Record<Comparison, string>> = {
  same: 'same',
  better: 'better',
  different: 'differs',
  unsupported: 'not supported',
  ignored: 'without effect',
};
const order = Object.keys(words) as Comparison[];

/** The tree; empty where there is nothing to tell. */
export function comparisonTree(notes: readonly ConfigNote[]): Branch[] {
  const places = new Map<string, ConfigNote[]>();
  // What stands in no file is nobody's to compare.
  const written = notes.filter(({ at }) => at.file !== builtinPlace.file);
  for (const note of written) places.set(placeKey(note.at), [...(places.get(placeKey(note.at)) ?? []), note]);
  const under = [...places.values()].map((found): Branch => {
    const [first] = found as [ConfigNote, ...ConfigNote[]];
    const title = found.find(({ of }) => of !== undefined)?.of;
    return {
      text: title === undefined ? shortPlace(first.at) : `${title}  [${shortPlace(first.at)}]`,
      under: order.flatMap((comparison) => told(comparison, found)),
    };
  });
  return under.length === 0 ? [] : [{ text: 'compared with Fluentd 1.16', under }];
}

function told(comparison: Comparison, notes: readonly ConfigNote[]): Branch[] {
  const texts = notes.filter((note) => note.comparison === comparison).map(({ text }) => text);
  return lines(comparison, texts).map((text) => leaf(`${words[comparison]}: ${text}`));
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
