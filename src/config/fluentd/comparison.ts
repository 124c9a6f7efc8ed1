/** Notes how a configured plugin compares with Fluentd's: which of its options mean the same, where it differs. */
import { spellings } from '../../core/options.ts';
import type { OptionTable } from '../../core/options.ts';
import type { Difference } from '../../core/difference.ts';
import type { Plugin, SectionTable } from '../../core/plugin.ts';
import { bufferOptions, flatBufferNames } from './buffer-options.ts';
import { attribute, sectionsNamed } from './element.ts';
import type { Attribute, Section } from './element.ts';
import type { Lowering } from './lowering.ts';

/** Notes it for a plugin that was lowered; `written` are the attributes that it read as options. */
export function compare(lowering: Lowering, plugin: Plugin, section: Section, written: readonly Attribute[]): void {
  const tables = optionTables(plugin.options, plugin.sections ?? {});
  const keys = new Set([...written.map(({ key }) => key), ...innerKeys(section, plugin.sections ?? {})]);
  const of = `${plugin.kind} ${plugin.name}`;
  const differing = new Set<string>();
  for (const difference of plugin.differences ?? []) {
    if (difference.peer !== 'fluentd') continue;
    const found = writtenOptions(tables, difference, keys);
    for (const key of found) differing.add(key);
    if (difference.options === undefined) lowering.noteOnce(section.at, difference.text, difference.verdict, of);
    else if (found.length > 0)
      lowering.note(section.at, `${found.join(', ')}: ${difference.text}`, difference.verdict, of);
  }
  const same = written.filter(({ key }) => isSame(plugin.options, key) && !differing.has(key)).map(({ key }) => key);
  if (same.length > 0) lowering.note(section.at, same.join(', '), 'same', of);
}

/** Notes it for the buffer of an output, written as `<buffer>` or as flat parameters of v0.12 (`keys`). */
export function compareBuffer(lowering: Lowering, section: Section, keys: ReadonlySet<string>): void {
  const [written] = sectionsNamed(section, 'buffer');
  const names = (written?.attributes ?? section.attributes.filter(({ key }) => keys.has(key))).map(({ key }) => key);
  const nameOf = (key: string): string => (written ? key : (flatBufferNames.get(key) ?? key));
  // What happens to a full buffer is noted where it is read.
  const noted = ['overflow_action', 'total_limit_size', 'queue_limit_length'];
  const same = names.filter((key) => !noted.includes(nameOf(key)) && isSame(bufferOptions, nameOf(key)));
  if (same.length > 0) lowering.note(section.at, `${written ? '<buffer> ' : ''}${same.join(', ')}`, 'same');
  const type = written ? attribute(written, '@type', 'type') : attribute(section, 'buffer_type');
  if (type?.value.text === 'memory')
    lowering.note(section.at, `${written ? '<buffer> @type' : 'buffer_type'} memory: what waits ${durable}`, 'better');
  else lowering.noteOnce(section.at, `what waits for an output ${durable}`, 'better');
}

const durable = 'is in the journal, on disk before it is acknowledged, and survives a crash';

function optionTables(options: OptionTable, sections: SectionTable): OptionTable[] {
  return [
    options,
    ...Object.values(sections).flatMap((section) => optionTables(section.options, section.sections ?? {})),
  ];
}

/** In the plugin's own sections; `<buffer>`, `<parse>` and others like them have options of their own. */
function innerKeys(section: Section, sections: SectionTable): string[] {
  return section.sections.flatMap((inner) => {
    const own = sections[inner.name];
    return own ? [...inner.attributes.map(({ key }) => key), ...innerKeys(inner, own.sections ?? {})] : [];
  });
}

/** The spellings, among those that are written, of the options a difference is about. */
function writtenOptions(
  tables: readonly OptionTable[],
  { options = [] }: Difference,
  keys: ReadonlySet<string>,
): string[] {
  const all = tables.flatMap((table) =>
    options.flatMap((name) => (table[name] ? spellings(name, table[name], 'fluentd') : [])),
  );
  return [...new Set(all)].filter((key) => keys.has(key));
}

function isSame(options: OptionTable, key: string): boolean {
  return Object.entries(options).some(
    ([name, spec]) => spec.ignored === undefined && spellings(name, spec, 'fluentd').includes(key),
  );
}
