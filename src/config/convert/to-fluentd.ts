/**
 * A pipeline as a configuration of Fluentd. In its labels the first `<match>` that takes a tag has it for good, so what in
 * Fluent Bit goes to every output that wants it becomes `copy` where two outputs may want the same tag; outputs that never
 * do stand behind each other.
 */
import type { ConfigProblem, Location } from '../../core/errors.ts';
import type { Registry } from '../../core/registry.ts';
import { defaultBuffer, rootLabel } from '../model.ts';
import type { ActionModel, BufferModel, OutputModel, PipelineModel, PluginModel, StepModel } from '../model.ts';
import { bufferOptions } from '../fluentd/buffer-options.ts';
import { optionLines, pluginLines, sectionLines } from './fluentd-text.ts';
import { fluentdRewriting } from './rewriting.ts';
import { fluentdPattern, mayOverlap, tagSetOf } from './tags.ts';
import type { TagSet } from './tags.ts';
import { marksIn } from './variables.ts';

/** A configuration in the other dialect, and what of the first one is not in it. */
export interface Converted {
  readonly text: string;
  readonly problems: readonly ConfigProblem[];
}

export function toFluentd(model: PipelineModel, registry: Registry): Converted {
  return new Writer(model, registry).write();
}

/** Outputs that get the same tags. */
interface Group {
  readonly pattern: string;
  readonly tags: TagSet;
  readonly actions: readonly ActionModel[];
}

class Writer {
  readonly #model: PipelineModel;
  readonly #registry: Registry;
  readonly #outputs: ReadonlyMap<string, OutputModel>;
  readonly #problems: ConfigProblem[] = [];
  readonly #names = new Map<string, string>();
  /** Labels that are made to go on behind a `copy`. */
  readonly #made: string[][] = [];

  constructor(model: PipelineModel, registry: Registry) {
    this.#model = model;
    this.#registry = registry;
    this.#outputs = new Map(model.outputs.map((output) => [output.id, output]));
  }
  write(): Converted {
    const { sources, labels, logLevel } = this.#model;
    const parts: string[][] = [];
    if (logLevel !== undefined) parts.push(sectionLines('system', '', [`log_level ${logLevel}`]));
    for (const { id, plugin, label } of sources)
      parts.push(
        sectionLines('source', '', [
          ...idLines(id),
          ...(label === rootLabel ? [] : [`@label ${this.#label(label)}`]),
          ...pluginLines(this.#registry, plugin),
        ]),
      );
    parts.push(...this.#steps(labels[rootLabel] ?? []));
    for (const [name, steps] of Object.entries(labels))
      if (name !== rootLabel) parts.push(sectionLines('label', this.#label(name), this.#steps(steps).flat()));
    parts.push(...this.#made);
    return { text: `${parts.map((lines) => lines.join('\n')).join('\n\n')}\n`, problems: this.#problems };
  }
  /** Fluentd's names of labels have no blanks. */
  #label(name: string): string {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const plain = name === rootLabel ? name : `@${name.slice(1).replaceAll(/\W+/g, '_')}`;
    let free = plain;
    for (let i = 2; [...this.#names.values()].includes(free); i++) free = `${plain}_${i}`;
    this.#names.set(name, free);
    return free;
  }
  #steps(steps: readonly StepModel[]): string[][] {
    const parts: string[][] = [];
    const groups = new Map<string, Group>();
    for (const [i, step] of steps.entries()) {
      const pattern = fluentdPattern(step.match);
      if (step.action.kind === 'filter') {
        if (step.action.condition)
          this.#problems.push({
            at: step.at,
            text: `processor ${step.action.plugin.type}: Fluentd's filters have no conditions; part the records by <match> with @type rewrite_tag_filter by hand`,
          });
        parts.push(sectionLines('filter', pattern, pluginLines(this.#registry, step.action.plugin)));
      } else if (step.action.kind === 'retag') {
        const behind = this.#retag(pattern, step.action.plugin, steps.slice(i + 1), groups.size > 0);
        if (behind) return [...parts, ...behind];
      } else {
        const group = groups.get(pattern);
        groups.set(pattern, { pattern, tags: tagSetOf(step.match), actions: [...(group?.actions ?? []), step.action] });
      }
    }
    return [...parts, ...this.#fanOut([...groups.values()], false)];
  }
  /** Records with new tags enter the labels' beginning again; all others go on in a label that holds the rest of the steps. */
  #retag(pattern: string, plugin: PluginModel, rest: readonly StepModel[], isLate: boolean): string[][] | undefined {
    const refuse = (at: Location, text: string): void => void this.#problems.push({ at, text });
    if (isLate) {
      refuse(plugin.at, `filter ${plugin.type}: it stands behind outputs; write it by hand`);
      return undefined;
    }
    const behind = `@BEHIND_${this.#made.length + 1}`;
    const lines = fluentdRewriting(plugin, behind, refuse);
    if (!lines) return undefined;
    const label: string[] = [];
    this.#made.push(label);
    label.push(...sectionLines('label', behind, this.#steps(rest).flat()));
    const on: ActionModel = { kind: 'relabel', label: behind };
    const match = sectionLines('match', pattern, lines);
    return pattern === '**' ? [match] : [match, this.#match('**', [on])];
  }
  /** `isBehind`: records come here that others have had: those that nobody wants are no loss. */
  #fanOut(groups: readonly Group[], isBehind: boolean): string[][] {
    // What takes everything goes last: behind it nothing comes.
    const first = groups.find(({ tags }) => !tags.isAll) ?? groups[0];
    if (!first) return isBehind ? [sectionLines('match', '**', ['@type null'])] : [];
    const rest = groups.filter((group) => group !== first);
    if (rest.length === 0) {
      const own = [this.#match(first.pattern, first.actions)];
      return isBehind && !first.tags.isAll ? [...own, sectionLines('match', '**', ['@type null'])] : own;
    }
    if (!rest.some(({ tags }) => mayOverlap(first.tags, tags)))
      return [this.#match(first.pattern, first.actions), ...this.#fanOut(rest, isBehind)];
    const behind = `@BEHIND_${this.#made.length + 1}`;
    const lines: string[] = [];
    // Its place first: what stands in it may need others.
    this.#made.push(lines);
    lines.push(...sectionLines('label', behind, this.#fanOut(rest, true).flat()));
    const on: ActionModel = { kind: 'relabel', label: behind };
    return [this.#match(first.pattern, [...first.actions, on]), this.#match('**', [on])];
  }
  #match(pattern: string, actions: readonly ActionModel[]): string[] {
    const [only] = actions;
    if (actions.length === 1 && only) return sectionLines('match', pattern, this.#action(only));
    return sectionLines('match', pattern, [
      '@type copy',
      ...actions.flatMap((action) => sectionLines('store', '', this.#action(action))),
    ]);
  }
  #action(action: ActionModel): string[] {
    if (action.kind === 'relabel')
      return [
        '@type relabel',
        `@label ${action.label.startsWith('@BEHIND_') ? action.label : this.#label(action.label)}`,
      ];
    if (action.kind !== 'output') return ['@type null'];
    const output = this.#outputs.get(action.output);
    if (!output) return ['@type null'];
    const { plugin, buffer, secondary } = output;
    if (secondary) this.#problems.push({ at: secondary.at, text: `secondary ${secondary.type}: was not converted` });
    return [...idLines(output.id), ...pluginLines(this.#registry, plugin), ...bufferLines(buffer)];
  }
}

/** Under its id an output goes on where it was, and a source too. */
function idLines(id: string): string[] {
  return marksIn(id).length === 0 && /^[\w.@:/#-]+$/.test(id) ? [`@id ${id}`] : [];
}

function bufferLines(buffer: BufferModel): string[] {
  const { retry, overflow } = buffer;
  const lines = optionLines(bufferOptions, {
    flushMode: buffer.flushMode,
    ...(buffer.flushMode === 'interval' && { flushInterval: buffer.flushIntervalMs }),
    chunkLimitSize: buffer.chunkBytesMax === defaultBuffer.chunkBytesMax ? undefined : buffer.chunkBytesMax,
    flushThreadCount: buffer.concurrency === 1 ? undefined : buffer.concurrency,
    retryWait: retry.waitMs === defaultBuffer.retry.waitMs ? undefined : retry.waitMs,
    retryMaxInterval: retry.waitMsMax === defaultBuffer.retry.waitMsMax ? undefined : retry.waitMsMax,
    retryMaxTimes: retry.triesMax,
    overflowAction: overflow === 'drop_oldest' ? 'drop_oldest_chunk' : undefined,
    totalLimitSize: buffer.backlogBytesMax,
  });
  return sectionLines('buffer', buffer.chunkKeys.join(','), lines);
}
