/** Lowers a parsed Fluentd configuration to the pipeline model: sources, labels with their steps, outputs. */
import type { Location } from '../../core/errors.ts';
import { rootLabel } from '../model.ts';
import type { ActionModel, EndpointModel, PipelineModel, ScopeModel, SourceModel, StepModel } from '../model.ts';
import { attribute } from './element.ts';
import type { Section } from './element.ts';
import type { Lowering } from './lowering.ts';
import { isCatchAll, matchPattern } from './match-pattern.ts';
import { Outputs } from './outputs.ts';
import { lowerPlugin, typeOf, writtenId } from './plugin.ts';
import { lowerSystem } from './system.ts';
import { readWorkers } from './workers.ts';
import type { Scope, Workers } from './workers.ts';

/** The label into which the program's own log goes, beside standard error. */
const fluentLogLabel = '@FLUENT_LOG';
const errorLabel = '@ERROR';
const withIds = new Set(['source', 'match', 'filter', 'store', 'secondary']);
const labelKey: ReadonlySet<string> = new Set(['@label']);

/** A pipeline, and what `<system>` says besides. */
export interface LoweredPipeline {
  readonly model: PipelineModel;
  readonly workers: number | undefined;
}

/** Lowers a root section. Problems and notes are in `lowering`; the model counts only when no error is among them. */
export function lowerFluentd(lowering: Lowering, root: Section): LoweredPipeline {
  // First: it says how strictly everything else is read.
  const system = lowerSystem(lowering, root);
  const workers = readWorkers(lowering, root, system.workers ?? 1);
  const { whole, scopes } = workers;
  claimIds(lowering, { ...root, sections: whole.sections });
  const outputs = new Outputs(lowering, new Set(whole.labels.keys()));
  const endpoints: EndpointModel[] = [];
  const written = lowerSources(lowering, outputs, workers, endpoints);
  const steps = new Steps(lowering, outputs);
  const lowered = scopes.map((scope) => steps.labels(scope));
  const labels = scopes[0] === whole && lowered[0] ? lowered[0] : steps.labels(whole, false);
  for (const [i, scope] of scopes.entries()) {
    // First, so that it hears what the others say when they start.
    written[i]?.unshift(...ownLogSource(scope, lowered[i] ?? {}, i, scopes.length));
    steps.warnUnused(scope);
  }
  if (system.withoutSource === true) lowering.note(root.at, 'without_source: sources are checked and left out', 'same');
  const model: PipelineModel = {
    version: 1,
    sources: system.withoutSource === true ? [] : written.flat(),
    ...(endpoints.length > 0 && { endpoints }),
    labels,
    ...(scopes.length > 1 && {
      scopes: scopes.map((scope, i) => ({
        name: `worker ${scope.workers.join(', ')}`,
        sources: (written[i] ?? []).map(({ id }) => id),
        labels: lowered[i] ?? {},
      })),
    }),
    outputs: outputs.list,
    plugins: system.plugins ?? [],
    ...(system.logLevel !== undefined && { logLevel: system.logLevel }),
  };
  for (const scope of model.scopes ?? []) checkTargets(lowering, scope, model.sources);
  return { model, workers: system.workers };
}

/** The source that brings the own log to those who ask for it: `<label @FLUENT_LOG>`, else patterns that begin with `fluent`. */
function ownLogSource(
  { workers }: Scope,
  labels: Readonly<Record<string, readonly StepModel[]>>,
  index: number,
  count: number,
): SourceModel[] {
  const own = labels[fluentLogLabel];
  const asking = own ?? labels[rootLabel]?.filter(({ match }) => /(?:^|[\s{,])fluent\b/.test(match.pattern));
  const at = asking?.[0]?.at;
  if (!at) return [];
  const plugin = { kind: 'source', type: 'own_log', options: { tag: 'fluent' }, sections: {}, at } as const;
  const id = index === 0 ? 'own_log' : `own_log.worker${workers[0] ?? 0}`;
  return [{ id, plugin, label: own ? fluentLogLabel : rootLabel, ...(count > 1 && { workers }) }];
}

/** Labels that stand elsewhere in the configuration, but not for this process. */
function checkTargets(lowering: Lowering, { name, labels, sources }: ScopeModel, all: readonly SourceModel[]): void {
  const check = (label: string, at: Location): void => {
    if (label !== rootLabel && labels[label] === undefined)
      lowering.errorOnce(at, `${name} has no <label ${label}>: it stands in the <worker> of another one`);
  };
  const visit = (action: ActionModel, step: StepModel): void => {
    if (action.kind === 'copy' || action.kind === 'roundrobin') for (const inner of action.actions) visit(inner, step);
    const named = 'label' in action && action.label !== undefined ? [action.label] : [];
    if (action.kind === 'join') named.push(...(action.labels ?? []));
    if (action.kind === 'retag')
      for (const { options } of Object.values(action.plugin.sections).flat())
        if (typeof options['label'] === 'string') named.push(options['label']);
    for (const label of named) check(label, step.at);
  };
  for (const { id, label, plugin } of all) if (sources.includes(id)) check(label, plugin.at);
  for (const step of Object.values(labels).flat()) visit(step.action, step);
}

/** Claims every `@id` before ids are made up, so that a made-up one never takes a written one. */
function claimIds(lowering: Lowering, section: Section): void {
  const id = withIds.has(section.name) ? attribute(section, '@id') : undefined;
  if (id && !id.value.isBroken && id.value.text !== '') lowering.claimId(id.value.text, id.value.at);
  for (const inner of section.sections) claimIds(lowering, inner);
}

/**
 * The sources of each scope, in written order. One that stands outside of `<worker>` is in each, under an id of its own.
 * `endpoints`: gets those that receive nothing; one for the program, whichever worker they are written for.
 */
function lowerSources(
  lowering: Lowering,
  outputs: Outputs,
  { whole, scopes, workersOf }: Workers,
  endpoints: EndpointModel[],
): SourceModel[][] {
  const counts = new Map<string, number>();
  const models: SourceModel[][] = scopes.map(() => []);
  for (const section of whole.sections.filter(({ name }) => name === 'source')) {
    const source = lowering.over(section, () => lowerSource(lowering, outputs, section, counts));
    if (!source) continue;
    const spec = lowering.find('source', source.plugin.type);
    if (spec?.endpoint) {
      endpoints.push({ id: source.id, plugin: source.plugin });
      continue;
    }
    const isReplicated = spec?.isReplicated === true;
    const written = workersOf(section);
    // One that only a single process may run is run by the first of those that could.
    const allowed = isReplicated ? written : (written?.slice(0, 1) ?? (scopes.length > 1 ? [0] : undefined));
    if (written !== undefined && written.length > 1 && !isReplicated)
      lowering.warn(section.at, `source ${source.plugin.type} runs in one process: worker ${written[0] ?? 0}`);
    let isFirst = true;
    for (const [i, { workers: own }] of scopes.entries()) {
      const workers = scopes.length === 1 ? allowed : own.filter((id) => allowed?.includes(id) ?? true);
      if (workers?.length === 0) continue;
      const id = isFirst ? source.id : `${source.id}.worker${workers?.[0] ?? 0}`;
      isFirst = false;
      models[i]?.push({ ...source, id, ...(workers && { workers }) });
    }
  }
  return models;
}

function lowerSource(
  lowering: Lowering,
  outputs: Outputs,
  section: Section,
  counts: Map<string, number>,
): SourceModel | undefined {
  if (section.argument !== '') lowering.error(section.at, `<source> takes no argument, found ${section.argument}`);
  const type = typeOf(lowering, section, '<source>');
  const spec = type && lowering.plugin('source', type.value.text, type.value.at);
  const label = outputs.label(section) ?? rootLabel;
  const plugin = spec && lowerPlugin(lowering, spec, section, { keys: labelKey });
  if (!plugin) return undefined;
  return { id: writtenId(lowering, section, spec) ?? sourceId(lowering, counts, plugin.type), plugin, label };
}

/** `tail`, `tail.1`, `tail.2` in written order, passing over ids that are taken. */
function sourceId(lowering: Lowering, counts: Map<string, number>, type: string): string {
  for (;;) {
    const ordinal = counts.get(type) ?? 0;
    counts.set(type, ordinal + 1);
    const id = ordinal === 0 ? type : `${type}.${ordinal}`;
    if (!lowering.hasId(id)) return id;
  }
}

/** Lowers the steps of labels, each section once. */
class Steps {
  readonly #lowering: Lowering;
  readonly #outputs: Outputs;
  readonly #lowered = new Map<Section, StepModel | undefined>();

  constructor(lowering: Lowering, outputs: Outputs) {
    this.#lowering = lowering;
    this.#outputs = outputs;
  }
  /** All labels of a scope. `isChecked` false: it was, in parts. */
  labels({ sections, labels }: Scope, isChecked = true): Record<string, readonly StepModel[]> {
    const lowered: Record<string, StepModel[]> = {
      [rootLabel]: this.#steps(sections, rootLabel, isChecked),
    };
    for (const [name, owners] of labels) lowered[name] = owners.flatMap((owner) => this.#label(owner, name, isChecked));
    return lowered;
  }
  warnUnused({ labels }: Scope): void {
    for (const [name, owners] of labels)
      if (name !== errorLabel && name !== fluentLogLabel && !this.#outputs.entered.has(name))
        for (const { at } of owners) this.#lowering.warnOnce(at, `nothing enters <label ${name}>: no @label names it`);
  }
  #label(owner: Section, name: string, isChecked: boolean): StepModel[] {
    if (isChecked) checkLabelContent(this.#lowering, owner);
    return this.#steps(owner.sections, name, isChecked);
  }
  /** The filters and matches of the root or of a label, in written order. */
  #steps(sections: readonly Section[], label: string, isChecked: boolean): StepModel[] {
    let catchAll: Section | undefined;
    return sections.flatMap((section) => {
      if (section.name !== 'match' && section.name !== 'filter') return [];
      const step = this.#step(section, label);
      const pattern = section.argument.trim() || '**';
      if (isChecked && catchAll && catchAll.at.file === section.at.file)
        this.#lowering.warnOnce(
          section.at,
          `<${section.name} ${pattern}> gets no records: <match ${catchAll.argument}> on line ${catchAll.at.line} takes them all before it`,
        );
      if (section.name === 'match' && isCatchAll(pattern)) catchAll ??= section;
      return step ? [step] : [];
    });
  }
  #step(section: Section, label: string): StepModel | undefined {
    if (this.#lowered.has(section)) return this.#lowered.get(section);
    const pattern = matchPattern(this.#lowering, section);
    const step = this.#lowering.over(section, () =>
      section.name === 'filter'
        ? lowerFilter(this.#lowering, this.#outputs, section)
        : lowerMatch(this.#outputs, section, label),
    );
    const made: StepModel | undefined = step && { match: { syntax: 'fluentd', pattern }, ...step, at: section.at };
    this.#lowered.set(section, made);
    return made;
  }
}

function checkLabelContent(lowering: Lowering, label: Section): void {
  for (const stray of label.attributes) lowering.errorOnce(stray.at, `<label> has no option ${stray.key}`);
  for (const inner of label.sections)
    if (inner.name !== 'match' && inner.name !== 'filter')
      lowering.errorOnce(inner.at, `<label> takes no section <${inner.name}> (it takes <filter>, <match>)`);
}

type Step = Pick<StepModel, 'action' | 'take'>;

function lowerFilter(lowering: Lowering, outputs: Outputs, section: Section): Step | undefined {
  const type = typeOf(lowering, section, '<filter>');
  const join = type && lowering.find('join', type.value.text);
  if (join?.place === 'filter') {
    const action = outputs.join(join, section);
    return action && { action, take: true };
  }
  const spec = type && lowering.plugin('filter', type.value.text, type.value.at);
  const plugin = spec && lowerPlugin(lowering, spec, section, { keys: labelKey });
  return plugin && { action: { kind: 'filter', plugin }, take: false };
}

function lowerMatch(outputs: Outputs, section: Section, label: string): Step | undefined {
  const action = outputs.action(section, label);
  return action && { action, take: true };
}
