/**
 * Lowers a parsed Fluent Bit configuration to the pipeline model. Records of all inputs meet in one label: filters in
 * written order, then every output whose Match fits gets them all. Processors of an input stand in a label of its own before
 * that, those of an output in one behind it.
 */
import { compilePattern } from '../../codecs/onigmo.ts';
import { errorText, nearest } from '../../core/errors.ts';
import { joinIdForbidden } from '../../core/join-source.ts';
import type { OutputSpec } from '../../core/plugin.ts';
import type { Lowering } from '../fluentd/lowering.ts';
import type { LoweredPipeline } from '../fluentd/lower.ts';
import { joinBuffer, rootLabel } from '../model.ts';
import type { MatchModel, OutputModel, SourceModel, StepModel } from '../model.ts';
import { OutputIds } from '../output-ids.ts';
import { outputBuffer } from './buffer.ts';
import type { InputValues, OutputValues, RoutedValues } from './common.ts';
import type { Property, Section } from './element.ts';
import { lowerPlugin, pluginOf } from './plugin.ts';
import type { LoweredPlugin, Surroundings } from './plugin.ts';
import { lowerProcessors } from './processors.ts';
import type { JoinStep } from './processors.ts';
import type { Service } from './service.ts';

const known = [
  'service',
  'input',
  'filter',
  'output',
  'parser',
  'multiline_parser',
  'plugins',
  'stream_task',
  'upstream',
  'custom',
];
const everything: MatchModel = { syntax: 'glob', pattern: '*' };

/** Lowers what stands in the sections. Problems and notes are in the lowering; the model counts only when no error is among them. */
export function lowerFluentbit(around: Surroundings, sections: readonly Section[], service: Service): LoweredPipeline {
  return new Pipeline(around, service).lower(sections);
}

class Pipeline {
  readonly #around: Surroundings;
  readonly #lowering: Lowering;
  readonly #service: Service;
  readonly #ids: OutputIds;
  readonly #labels: Record<string, readonly StepModel[]> = {};
  readonly #instances = new Map<string, number>();
  /** Outputs of filters that join records. */
  readonly #joins: OutputModel[] = [];

  constructor(around: Surroundings, service: Service) {
    this.#around = around;
    this.#lowering = around.lowering;
    this.#service = service;
    this.#ids = new OutputIds(around.lowering);
  }
  lower(sections: readonly Section[]): LoweredPipeline {
    for (const section of sections) this.#checkSection(section);
    const named = (name: string) => sections.filter((section) => section.name === name);
    const inputs = named('input');
    const outputs = named('output');
    this.#claimAliases([...inputs, ...outputs]);
    const sources = inputs.flatMap((section) => this.#source(section) ?? []);
    const filters = named('filter').flatMap((section) => this.#filter(section) ?? []);
    // One input and one output need no Match.
    const isPair = inputs.length === 1 && outputs.length === 1;
    const written = outputs.flatMap((section) => this.#output(section, isPair) ?? []);
    const model = {
      version: 1 as const,
      sources,
      labels: { [rootLabel]: [...filters, ...written.flatMap(({ step }) => step)], ...this.#labels },
      outputs: [...this.#joins, ...written.map(({ output }) => output)],
      plugins: [],
      ...(this.#service.logLevel !== undefined && { logLevel: this.#service.logLevel }),
      ...(this.#service.monitor && {
        monitor: {
          ...this.#service.monitor,
          sources: Object.fromEntries(sources.map(({ id }) => [id, id])),
          outputs: Object.fromEntries(written.map(({ name, output }) => [name, output.id])),
        },
      }),
    };
    return { model, workers: undefined };
  }
  #checkSection({ name, at, groups, properties }: Section): void {
    if (!known.includes(name)) {
      const near = nearest(name, known);
      // A section that was meant to be another one would lose what it should get.
      if (near !== undefined)
        this.#lowering.error(at, `unknown section [${name.toUpperCase()}]; did you mean [${near.toUpperCase()}]?`);
      else this.#lowering.warn(at, `unknown section [${name.toUpperCase()}]: it has no effect, as in Fluent Bit`);
    }
    if (name === 'stream_task')
      this.#lowering.error(at, '[STREAM_TASK] is not supported: send the records to the store and query it');
    if (name === 'plugins' && properties.length > 0)
      this.#lowering.error(
        at,
        '[PLUGINS] is not supported: plugins of Fluent Bit are libraries in C, which this program cannot load',
      );
    if (name === 'custom') this.#lowering.error(at, '[CUSTOM] is not supported');
    for (const group of groups)
      if (!allowedGroups(name).includes(group.name))
        this.#lowering.error(group.at, `${name} takes no map ${group.name}; a value was expected`);
  }
  /** Aliases are ids here: they have to be unique. */
  #claimAliases(sections: readonly Section[]): void {
    for (const { properties } of sections) {
      const alias = properties.findLast(({ key }) => key.toLowerCase() === 'alias');
      if (alias) this.#lowering.claimId(this.#put(alias), alias.valueAt);
    }
  }
  /** `tail.0`, `tail.1` in written order, whatever the Alias. */
  #instance(section: Section, kind: string): string {
    const name = section.properties.findLast(({ key }) => key.toLowerCase() === 'name');
    const plugin = name ? this.#put(name).toLowerCase() : kind;
    const key = `${kind}:${plugin}`;
    const ordinal = this.#instances.get(key) ?? 0;
    this.#instances.set(key, ordinal + 1);
    return `${plugin}.${ordinal}`;
  }
  #source(section: Section): SourceModel | undefined {
    const spec = pluginOf(this.#around, 'source', section);
    const instance = this.#instance(section, 'source');
    const lowered = spec && lowerPlugin(this.#around, spec, section, instance);
    const id = (lowered?.common as InputValues | undefined)?.alias ?? instance;
    const label = `@INPUT ${id}`;
    const steps = lowerProcessors(this.#around, section, instance, this.#joinStep);
    if (!lowered || !steps) return undefined;
    if ((lowered.common as InputValues).routable === false)
      this.#lowering.warn(
        section.at,
        `input ${id}: Routable is off: its records go nowhere, they are counted as without a route`,
      );
    const isRouted = (lowered.common as InputValues).routable !== false;
    if (steps.length === 0 && isRouted) return { id, plugin: lowered.model, label: rootLabel };
    const on: StepModel[] = isRouted
      ? [{ match: everything, action: { kind: 'relabel', label: rootLabel }, take: true, at: section.at }]
      : [];
    this.#labels[label] = [...steps, ...on];
    return { id, plugin: lowered.model, label };
  }
  #filter(section: Section): StepModel | undefined {
    const spec = pluginOf(this.#around, 'filter', section);
    const lowered = spec && lowerPlugin(this.#around, spec, section, this.#instance(section, 'filter'));
    if (!lowered) return undefined;
    this.#checkMatch(lowered, section);
    const match = this.#match(lowered.common);
    if (!match) {
      this.#lowering.error(
        section.at,
        `filter ${lowered.spec.fluentbit?.names?.[0] ?? lowered.spec.name} has no Match: the tags it works on were expected, such as Match *`,
      );
      return undefined;
    }
    const { model: plugin } = lowered;
    if (lowered.spec.kind === 'join') return this.#joinStep(lowered, match, section);
    if (plugin.kind !== 'step') return { match, action: { kind: 'filter', plugin }, take: false, at: section.at };
    return { match, action: { kind: 'retag', plugin, label: rootLabel }, take: false, at: section.at };
  }
  readonly #joinStep: JoinStep = ({ model: plugin, spec, common }, match, section) => {
    const { alias } = common as RoutedValues;
    if (alias !== undefined) this.#lowering.claimId(alias, section.at);
    const id = alias ?? this.#ids.next(spec as OutputSpec, plugin);
    if (joinIdForbidden.test(id))
      this.#lowering.error(
        section.at,
        `Alias ${id}: that of a filter that joins records may not hold ">", "!", "*" or " @"`,
      );
    this.#joins.push({ id, plugin, buffer: joinBuffer });
    return { match, action: { kind: 'join', output: id }, take: true, at: section.at };
  };
  #output(section: Section, isPair: boolean): { name: string; output: OutputModel; step: StepModel[] } | undefined {
    const spec = pluginOf(this.#around, 'output', section) as OutputSpec | undefined;
    const instance = this.#instance(section, 'output');
    const buffer = (common: LoweredPlugin['common'], parts: LoweredPlugin['parts']) =>
      outputBuffer(this.#lowering, section.at, common, parts, this.#service);
    const lowered = spec && lowerPlugin(this.#around, spec as never, section, instance, buffer);
    const steps = lowerProcessors(this.#around, section, instance, this.#joinStep);
    if (!lowered || !steps) return undefined;
    const common = lowered.common as OutputValues;
    const id = common.alias ?? this.#ids.next(spec, lowered.model);
    const name = common.alias ?? instance;
    const output: OutputModel = { id, plugin: lowered.model, buffer: buffer(common, lowered.parts) };
    this.#checkMatch(lowered, section);
    const match = this.#match(common) ?? (isPair ? everything : undefined);
    if (!match) {
      this.#lowering.warn(section.at, `output ${id} has no Match: it gets no records, as in Fluent Bit`);
      return { name, output, step: [] };
    }
    const write: StepModel = { match, action: { kind: 'output', output: id }, take: false, at: section.at };
    if (steps.length === 0) return { name, output, step: [write] };
    const label = `@OUTPUT ${id}`;
    this.#labels[label] = [...steps, { ...write, match: everything, take: true }];
    return { name, output, step: [{ ...write, action: { kind: 'relabel', label } }] };
  }
  /** Fluent Bit passes over an expression that is none, and the plugin gets nothing. */
  #checkMatch({ common, places }: LoweredPlugin, section: Section): void {
    const { matchRegex } = common as RoutedValues;
    try {
      if (matchRegex !== undefined) compilePattern(matchRegex);
    } catch (error) {
      this.#lowering.error(places.get('matchRegex') ?? section.at, `Match_Regex: ${errorText(error)}`);
    }
  }
  /** Match_Regex goes first; with both, a tag that either one fits. */
  #match({ match, matchRegex }: RoutedValues): MatchModel | undefined {
    if (matchRegex === undefined) return match === undefined ? undefined : { syntax: 'glob', pattern: match };
    if (match === undefined) return { syntax: 'regexp', pattern: matchRegex };
    const glob = match.split('*').map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));
    const [, source = matchRegex, letters = ''] = /^\/(.*)\/([imx]*)$/s.exec(matchRegex) ?? [];
    const own = letters === '' ? source : `(?${letters}:${source})`;
    return { syntax: 'regexp', pattern: `(?:${own})|(?:${glob.join('(?m:.*)')}\\z)` };
  }
  #put({ value, valueAt }: Property): string {
    return this.#around.variables.put(value, valueAt);
  }
}

function allowedGroups(section: string): readonly string[] {
  if (section === 'input' || section === 'output') return ['processors'];
  return section === 'multiline_parser' ? ['rules'] : section === 'upstream' ? ['nodes'] : [];
}
