/** Notes how a configured plugin compares with Fluent Bit's. */
import { spellings } from '../../core/options.ts';
import type { Plugin } from '../../core/plugin.ts';
import type { Lowering } from '../fluentd/lowering.ts';
import type { Owner, ReadSection } from './form.ts';

/** Notes its declared differences from Fluent Bit: those about the plugin, and those about what is written. */
export function compare(lowering: Lowering, plugin: Plugin, { title, at }: Owner, read: ReadSection): void {
  for (const difference of plugin.differences ?? []) {
    if (difference.peer !== 'fluentbit') continue;
    const found = (difference.options ?? []).filter((name) => read.places.has(name));
    if (difference.options === undefined) lowering.noteOnce(at, difference.text, difference.verdict, title);
    else if (found.length > 0) {
      const names = found.map((name) => fluentbitSpelling(plugin, name));
      lowering.note(at, `${names.join(', ')}: ${difference.text}`, difference.verdict, title);
    }
  }
}

/** How an option or property (by its name in code) is written there. */
function fluentbitSpelling(plugin: Plugin, name: string): string {
  const form = plugin.fluentbit;
  const spec = form?.properties?.[name] ?? plugin.options[name];
  const written = form?.options?.[name]?.name ?? (spec ? spellings(name, spec, 'fluentbit') : name);
  return [written].flat()[0] ?? name;
}
