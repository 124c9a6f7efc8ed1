/** Lowers what stands in a `<match>` or `<store>`: outputs with their buffers and secondaries, copy, relabel, retagging steps. */
import type { OutputSpec, Plugin, StepSpec } from '../../core/plugin.ts';
import { errorText, nearest } from '../../core/errors.ts';
import type { Location } from '../../core/errors.ts';
import type { ActionModel, OutputModel, PluginModel } from '../model.ts';
import { rootLabel } from '../model.ts';
import { belongsIntoBuffer, lowerBuffer } from './buffer.ts';
import { attribute, sectionsNamed } from './element.ts';
import type { Section } from './element.ts';
import type { Lowering } from './lowering.ts';
import { lowerPlugin, onlySection, typeOf, writtenId } from './plugin.ts';

/** Gathers the outputs of a pipeline and gives them their ids. */
export class Outputs {
  readonly list: OutputModel[] = [];
  /** Labels that something enters. */
  readonly entered = new Set<string>();
  readonly #lowering: Lowering;
  readonly #labels: ReadonlySet<string>;
  readonly #ordinals = new Map<string, number>();

  constructor(lowering: Lowering, labels: ReadonlySet<string>) {
    this.#lowering = lowering;
    this.#labels = labels;
  }
  /** The action of a `<match>` or `<store>` in `label`; undefined when it had errors, which are reported. */
  action(section: Section, label: string): ActionModel | undefined {
    const type = typeOf(this.#lowering, section, `<${section.name}>`);
    if (!type) return undefined;
    const name = type.value.text;
    const step = this.#lowering.find('step', name);
    if (step?.name === 'copy') return this.#copy(step, section, label);
    if (step?.name === 'relabel') return this.#relabel(step, section);
    if (step) return this.#retag(step, section, label);
    const output = this.#lowering.find('output', name);
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
    if (name !== rootLabel && !this.#labels.has(name)) {
      const near = nearest(name, [...this.#labels, rootLabel]);
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
  /** Rules of a retagging step may name labels of their own. */
  #enterRuleLabels(plugin: PluginModel): void {
    for (const rule of Object.values(plugin.sections).flat())
      if (typeof rule.options['label'] === 'string') this.#enter(rule.options['label'], rule.at);
  }
  #copy(step: StepSpec & Plugin, section: Section, label: string): ActionModel | undefined {
    const plugin = lowerPlugin(this.#lowering, step, section, { keys: labelKey, sections: new Set(['store']) });
    const stores = sectionsNamed(section, 'store');
    if (stores.length === 0) this.#lowering.error(section.at, 'copy needs at least one section <store>');
    const actions = stores.map((store) => {
      this.#checkStore(store);
      return this.action(store, label);
    });
    const known = actions.filter((action) => action !== undefined);
    return plugin && known.length === stores.length && known.length > 0 ? { kind: 'copy', actions: known } : undefined;
  }
  #checkStore(store: Section): void {
    for (const word of store.argument.split(/\s+/).filter((part) => part !== '')) {
      if (word === 'ignore_error')
        this.#lowering.note(
          store.at,
          'ignore_error: every store has its own place in the journal, none waits for another',
        );
      else if (word === 'ignore_if_prev_success')
        this.#lowering.error(
          store.at,
          'ignore_if_prev_success is not supported: stores deliver independently; use <secondary> for a second choice',
        );
      else this.#lowering.error(store.at, `<store ${word}>: expected ignore_error or nothing`);
    }
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
    const secondary = this.#secondary(spec, section);
    if (!plugin || secondary === 'broken') return undefined;
    const id = writtenId(this.#lowering, section, spec) ?? this.#newId(spec, plugin);
    this.list.push({ id, plugin, buffer, ...(secondary && { secondary }) });
    return { kind: 'output', output: id };
  }
  #secondary(primary: OutputSpec & Plugin, section: Section): PluginModel | 'broken' | undefined {
    const written = onlySection(this.#lowering, section, 'secondary');
    if (!written) return undefined;
    const type = attribute(written, '@type', 'type');
    // Like Fluentd: without a type it is a second instance of the same plugin.
    const spec = type ? this.#lowering.plugin('output', type.value.text, type.value.at) : primary;
    for (const inner of ['buffer', 'secondary'])
      for (const extra of sectionsNamed(written, inner))
        this.#lowering.error(extra.at, `<secondary> takes no <${inner}>: it writes the chunks of the output around it`);
    const model = spec && lowerPlugin(this.#lowering, spec, written, { sections: new Set(['buffer', 'secondary']) });
    return model ?? 'broken';
  }
  /** Type and target, with an ordinal only among outputs that have both in common, so that other outputs may come and go. */
  #newId(spec: OutputSpec, plugin: PluginModel): string {
    let target = '';
    try {
      target = spec.target?.(plugin.options, plugin.sections) ?? '';
    } catch (error) {
      this.#lowering.error(plugin.at, `output ${spec.name}: ${errorText(error)}`);
    }
    const base = target === '' || target === spec.name ? spec.name : `${spec.name}:${target}`;
    for (;;) {
      const ordinal = (this.#ordinals.get(base) ?? 0) + 1;
      this.#ordinals.set(base, ordinal);
      const id = ordinal === 1 ? base : `${base}#${ordinal}`;
      if (!this.#lowering.hasId(id)) return id;
    }
  }
}

const labelKey: ReadonlySet<string> = new Set(['@label']);
