/** Ids of outputs that have none of their own: their cursors are kept under them. */
import { errorText } from '../core/errors.ts';
import type { JoinSpec, OutputSpec } from '../core/plugin.ts';
import type { Lowering } from './fluentd/lowering.ts';
import type { PluginModel } from './model.ts';

/** Gives the outputs of one configuration their ids. */
export class OutputIds {
  readonly #lowering: Lowering;
  readonly #ordinals = new Map<string, number>();

  constructor(lowering: Lowering) {
    this.#lowering = lowering;
  }
  /** Type and target, with an ordinal only among outputs that have both in common, so that other outputs may come and go. */
  next(spec: OutputSpec | JoinSpec, plugin: PluginModel): string {
    let target = '';
    try {
      target = ('target' in spec && spec.target?.(plugin.options, plugin.sections)) || '';
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
