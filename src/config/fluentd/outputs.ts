/** Lowers what stands in a `<match>` or `<store>`: outputs with their buffers and secondaries, copy, relabel, retagging steps. */
import { joinIdForbidden } from '../../core/join-source.ts';
import type { JoinSpec, OutputSpec, Plugin, StepSpec } from '../../core/plugin.ts';
import { nearest } from '../../core/errors.ts';
import type { Location } from '../../core/errors.ts';
import { integer } from '../../core/options.ts';
import type { OptionTable } from '../../core/options.ts';
import type { ActionModel, BufferModel, OutputModel, PluginModel } from '../model.ts';
import { joinBuffer, rootLabel } from '../model.ts';
import { OutputIds } from '../output-ids.ts';
import { belongsIntoBuffer, lowerBuffer } from './buffer.ts';
import { compareBuffer } from './comparison.ts';
import { attribute, sectionsNamed } from './element.ts';
import type { Section } from './element.ts';
import type { Lowering } from './lowering.ts';
import { readOptions } from './options.ts';
import { lowerPlugin, typeOf, writtenId } from './plugin.ts';
import { onlySection } from './sections.ts';

/** Gathers the outputs of a pipeline and gives them their ids. */
/** What stores share by `copy_mode`; only where it is written. */
const shareModes: Readonly<Record<string, 'record' | 'nested'>> = { no_copy: 'record', shallow: 'nested' };

export class Outputs {
  readonly list: OutputModel[] = [];
  /** Labels that something enters. */
  readonly entered = new Set<string>();
  readonly #lowering: Lowering;
  /** All labels there are. */
  readonly labels: ReadonlySet<string>;
  readonly #ids: OutputIds;

  constructor(lowering: Lowering, labels: ReadonlySet<string>) {
    this.#lowering = lowering;
    this.labels = labels;
    this.#ids = new OutputIds(lowering);
  }
  /** The action of a `<match>` or `<store>` in `label`; undefined when it had errors, which are reported. */
  action(section: Section, label: string): ActionModel | undefined {
    const type = typeOf(this.#lowering, section, `<${section.name}>`);
    if (!type) return undefined;
    const name = type.value.text;
    const step = this.#lowering.find('step', name);
    if (step?.name === 'copy') return this.#copy(step, section, label);
    if (step?.name === 'roundrobin') return this.#roundrobin(step, section, label);
    if (step?.name === 'relabel') return this.#relabel(step, section);
    if (step) return this.#retag(step, section, label);
    const join = this.#lowering.find('join', name);
    if (join?.place === 'match') return this.join(join, section, label);
    const output = this.#lowering.find('output', name) ?? this.#lowering.later('output', name, type.value.at);
    if (output) return this.#output(output, section);
    this.#lowering.unknownType(['output', 'step'], name, type.value.at);
    return undefined;
  }
  /** Checks the label that `@label` of a section names; undefined where none is written or it is unknown. */
  label(section: Section): string | undefined {
    const written = attribute(section, '@label');
    if (!written || written.value.isBroken) return undefined;
    return this.#enter(written.value.text, written.value.at);
  }
  #enter(name: string, at: Location): string | undefined {
    if (name !== rootLabel && !this.labels.has(name)) {
      const near = nearest(name, [...this.labels, rootLabel]);
      this.#lowering.error(at, `there is no <label ${name}>${near === undefined ? '' : `; did you mean ${near}?`}`);
      return undefined;
    }
    this.entered.add(name);
    return name;
  }
  #relabel(step: StepSpec & Plugin, section: Section): ActionModel | undefined {
    const isWritten = attribute(section, '@label') !== undefined;
    if (!isWritten) this.#lowering.error(section.at, 'relabel needs a @label: the name of a <label> was expected');
    const label = this.label(section);
    const plugin = lowerPlugin(this.#lowering, step, section, { keys: labelKey });
    return plugin && label !== undefined ? { kind: 'relabel', label } : undefined;
  }
  #retag(step: StepSpec & Plugin, section: Section, current: string): ActionModel | undefined {
    const plugin = lowerPlugin(this.#lowering, step, section, { keys: labelKey });
    const isWritten = attribute(section, '@label') !== undefined;
    const label = isWritten ? this.label(section) : current;
    if (plugin) this.#enterRuleLabels(plugin);
    return plugin && label !== undefined ? { kind: 'retag', plugin, label } : undefined;
  }
  /** The action of a plugin that joins records, and the output that does it. `current`: the label it gives them to, where it stands in a `<match>`. */
  join(spec: JoinSpec & Plugin, section: Section, current?: string): ActionModel | undefined {
    const { keys, sections } = ignoredBuffer(this.#lowering, spec, section);
    const plugin = lowerPlugin(this.#lowering, spec, section, { keys, sections });
    const isWritten = attribute(section, '@label') !== undefined;
    const label = current !== undefined && isWritten ? this.label(section) : current;
    if (!plugin || (current !== undefined && label === undefined)) return undefined;
    const labels = (spec.labelOptions ?? []).flatMap((name) => {
      const named = plugin.options[name];
      return typeof named === 'string' ? [this.#enter(named, section.at)] : [];
    });
    const id = writtenId(this.#lowering, section, spec) ?? this.#ids.next(spec, plugin);
    if (joinIdForbidden.test(id))
      this.#lowering.error(
        section.at,
        `@id ${id}: the id of a plugin that joins records may not hold ">", "!", "*" or " @"`,
      );
    this.list.push({ id, plugin, buffer: joinBuffer });
    return {
      kind: 'join',
      output: id,
      ...(label !== undefined && { label }),
      ...(labels.length > 0 && { labels: labels.filter((one) => one !== undefined) }),
    };
  }
  /** Rules of a retagging step may name labels of their own. */
  #enterRuleLabels(plugin: PluginModel): void {
    for (const rule of Object.values(plugin.sections).flat())
      if (typeof rule.options['label'] === 'string') this.#enter(rule.options['label'], rule.at);
  }
  #copy(step: StepSpec & Plugin, section: Section, label: string): ActionModel | undefined {
    const plugin = lowerPlugin(this.#lowering, step, section, { keys: labelKey, sections: storeSections });
    const stores = this.#stores(step, section);
    let takesRecords = false;
    const actions = stores.map((store, index) => {
      const words = this.#storeWords(store, index);
      const outputsBefore = this.list.length;
      const action = this.action(store, label);
      // What it was handed to is in the journal for the store before: that never fails, so this one never gets any.
      takesRecords = !(takesRecords && words.has('ignore_if_prev_success'));
      if (takesRecords) return action;
      this.list.length = outputsBefore;
      this.#lowering.warn(
        store.at,
        '<store ignore_if_prev_success> gets no records: the store before takes them all, as they wait for it in the journal while its target is down; use <secondary> for a second choice',
      );
      return action && 'unused';
    });
    const used = actions.filter((action) => action !== undefined && action !== 'unused');
    if (!plugin || actions.includes(undefined) || used.length === 0) return undefined;
    const shares = shareModes[String(plugin.options['copyMode'])];
    return { kind: 'copy', actions: used, ...(shares && { shares }) };
  }
  #roundrobin(step: StepSpec & Plugin, section: Section, label: string): ActionModel | undefined {
    const plugin = lowerPlugin(this.#lowering, step, section, { keys: labelKey, sections: storeSections });
    const stores = this.#stores(step, section);
    const weights = stores.map((store) => {
      const owner = { title: '<store>', at: store.at };
      const written = store.attributes.filter(({ key }) => key === 'weight');
      const { weight } = readOptions(this.#lowering, owner, storeOptions, written).values;
      return typeof weight === 'number' ? weight : 1;
    });
    const actions = stores
      .map((store) => ({ ...store, attributes: store.attributes.filter(({ key }) => key !== 'weight') }))
      .map((store) => this.action(store, label));
    if (stores.length > 0 && weights.every((weight) => weight === 0))
      this.#lowering.error(section.at, 'roundrobin: every weight is 0; one store must be more than that');
    const known = actions.filter((action) => action !== undefined);
    return plugin && known.length === stores.length && known.length > 0
      ? { kind: 'roundrobin', actions: known, weights }
      : undefined;
  }
  #stores(step: StepSpec, section: Section): readonly Section[] {
    const stores = sectionsNamed(section, 'store');
    if (stores.length === 0) this.#lowering.error(section.at, `${step.name} needs at least one section <store>`);
    return stores;
  }
  #storeWords(store: Section, index: number): ReadonlySet<string> {
    const words = new Set(store.argument.split(/\s+/).filter((part) => part !== ''));
    for (const word of words) {
      if (word === 'ignore_error')
        this.#lowering.note(
          store.at,
          'ignore_error: every store has its own place in the journal, none waits for another',
          'better',
          'store',
        );
      else if (word !== 'ignore_if_prev_success')
        this.#lowering.error(store.at, `<store ${word}>: expected ignore_error, ignore_if_prev_success or nothing`);
      else if (index === 0)
        this.#lowering.error(store.at, 'ignore_if_prev_success: the first <store> has none before it');
    }
    return words;
  }
  #output(spec: OutputSpec & Plugin, section: Section): ActionModel | undefined {
    const { buffer, keys } = lowerBuffer(this.#lowering, spec, section);
    if (attribute(section, '@label'))
      this.#lowering.warn(section.at, `output ${spec.name}: @label has no effect, the output emits nothing`);
    const hasExactlyOnce = this.#lowering.exactlyOnce && 'exactlyOnce' in spec.options;
    const plugin = lowerPlugin(this.#lowering, spec, section, {
      keys: new Set([...keys, '@label']),
      sections: new Set(['buffer', 'secondary']),
      belongs: belongsIntoBuffer,
      buffer,
      ...(hasExactlyOnce && { fixed: { exactlyOnce: true } }),
    });
    compareBuffer(this.#lowering, section, keys);
    if (spec.isSecondaryOnly === true)
      this.#lowering.error(
        section.at,
        `output ${spec.name} keeps what another one failed to write: put it into <secondary>`,
      );
    const secondary = this.#secondary(spec, section, plugin, buffer);
    if (!plugin || secondary === 'broken') return undefined;
    const id = writtenId(this.#lowering, section, spec) ?? this.#ids.next(spec, plugin);
    this.list.push({ id, plugin, buffer, ...(secondary && { secondary }) });
    return { kind: 'output', output: id };
  }
  #secondary(
    primary: OutputSpec & Plugin,
    section: Section,
    plugin: PluginModel | undefined,
    buffer: BufferModel,
  ): PluginModel | 'broken' | undefined {
    const written = onlySection(this.#lowering, section, 'secondary');
    if (!written) return undefined;
    const type = attribute(written, '@type', 'type');
    // Like Fluentd: without a type it is a second instance of the same plugin.
    const spec = type ? this.#lowering.plugin('output', type.value.text, type.value.at) : primary;
    for (const inner of ['buffer', 'secondary'])
      for (const extra of sectionsNamed(written, inner))
        this.#lowering.error(extra.at, `<secondary> takes no <${inner}>: it writes the chunks of the output around it`);
    const sections = new Set(['buffer', 'secondary']);
    const model = spec && lowerPlugin(this.#lowering, spec, written, { sections, buffer, isSecondary: true });
    if (!model) return 'broken';
    // A chunk holds records as its output formatted them, and Fluentd's file output writes chunks as they are.
    const hasOwnFormat = sectionsNamed(written, 'format').length > 0 || attribute(written, 'format') !== undefined;
    const isFormatted = spec.name === 'file' && plugin?.formatter !== undefined && !hasOwnFormat;
    if (!plugin || (spec.isSecondaryOnly !== true && !isFormatted)) return model;
    return { ...model, formatter: plugin.formatter, inject: plugin.inject };
  }
}

const labelKey: ReadonlySet<string> = new Set(['@label']);
/** What Fluentd has for every output is of no use to one whose records go into the journal. */
function ignoredBuffer(
  lowering: Lowering,
  spec: JoinSpec,
  section: Section,
): { keys: Set<string>; sections: Set<string> } {
  const keys = new Set(['@label']);
  if (spec.place === 'filter') return { keys, sections: new Set() };
  for (const { at } of sectionsNamed(section, 'buffer'))
    lowering.note(at, '<buffer>: what is joined goes into the journal at once', 'ignored', `join ${spec.name}`);
  return { keys, sections: new Set(['buffer']) };
}

const storeSections: ReadonlySet<string> = new Set(['store']);

/** What a `<store>` of roundrobin takes besides its output's options. The bound keeps a round of turns small. */
const storeOptions = {
  weight: integer(0, 1000)('How many records the store gets for each one of a store with weight 1'),
} as const satisfies OptionTable;
