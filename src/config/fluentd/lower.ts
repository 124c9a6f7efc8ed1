/** Lowers a parsed Fluentd configuration to the pipeline model: sources, labels with their steps, outputs. */
import { nearest } from '../../core/errors.ts';
import { rootLabel } from '../model.ts';
import type { PipelineModel, SourceModel, StepModel } from '../model.ts';
import { attribute, sectionsNamed } from './element.ts';
import type { Section } from './element.ts';
import type { Lowering } from './lowering.ts';
import { isCatchAll, matchPattern } from './match-pattern.ts';
import { Outputs } from './outputs.ts';
import { lowerPlugin, typeOf, writtenId } from './plugin.ts';
import { lowerSystem } from './system.ts';

/** The label into which the program's own log goes, beside standard error. */
const fluentLogLabel = '@FLUENT_LOG';
const errorLabel = '@ERROR';
const withIds = new Set(['source', 'match', 'filter', 'store', 'secondary']);
const labelKey: ReadonlySet<string> = new Set(['@label']);
const directives = ['source', 'match', 'filter', 'label', 'system', 'worker'];

/** A pipeline, and what `<system>` says besides. */
export interface LoweredPipeline {
  readonly model: PipelineModel;
  readonly workers: number | undefined;
}

/** Lowers a root section. Problems and notes are in `lowering`; the model counts only when no error is among them. */
export function lowerFluentd(lowering: Lowering, root: Section): LoweredPipeline {
  // First: it says how strictly everything else is read.
  const system = lowerSystem(lowering, root);
  checkWorkers(lowering, root, system.workers ?? 1);
  const whole = withoutWorkers(lowering, root);
  const labelSections = new Map<string, Section>();
  for (const section of sectionsNamed(whole, 'label')) addLabel(lowering, labelSections, section);
  claimIds(lowering, whole);
  checkDirectives(lowering, whole);
  const outputs = new Outputs(lowering, new Set(labelSections.keys()));
  const sources = lowerSources(lowering, outputs, whole);
  const labels: Record<string, readonly StepModel[]> = {
    [rootLabel]: lowerSteps(lowering, outputs, whole, rootLabel),
  };
  for (const [name, section] of labelSections) labels[name] = lowerSteps(lowering, outputs, section, name);
  const ownLog = ownLogSourceOf(labels);
  for (const [name, section] of labelSections)
    if (name !== errorLabel && name !== fluentLogLabel && !outputs.entered.has(name))
      lowering.warn(section.at, `nothing enters <label ${name}>: no @label names it`);
  if (system.withoutSource === true) lowering.note(root.at, 'without_source: sources are checked and left out', 'same');
  const model: PipelineModel = {
    version: 1,
    sources: system.withoutSource === true ? [] : [...sources, ...ownLog],
    labels,
    outputs: outputs.list,
    plugins: system.plugins ?? [],
    ...(system.logLevel !== undefined && { logLevel: system.logLevel }),
  };
  return { model, workers: system.workers };
}

/** The source that brings the own log to those who ask for it: `<label @FLUENT_LOG>`, else patterns that begin with `fluent`. */
function ownLogSourceOf(labels: Readonly<Record<string, readonly StepModel[]>>): SourceModel[] {
  const own = labels[fluentLogLabel];
  const asking = own ?? labels[rootLabel]?.filter(({ match }) => /(?:^|[\s{,])fluent\b/.test(match.pattern));
  const at = asking?.[0]?.at;
  if (!at) return [];
  const plugin = { kind: 'source', type: 'own_log', options: { tag: 'fluent' }, sections: {}, at } as const;
  return [{ id: 'own_log', plugin, label: own ? fluentLogLabel : rootLabel }];
}

function addLabel(lowering: Lowering, labels: Map<string, Section>, section: Section): void {
  const name = section.argument;
  const twin = labels.get(name);
  if (name === '') lowering.error(section.at, '<label> needs a name: <label @NAME>');
  else if (name === rootLabel)
    lowering.error(section.at, '@ROOT is what stands outside of labels and cannot be a label');
  else if (twin)
    lowering.error(section.at, `<label ${name}> is written twice (first on line ${twin.at.line}); put both into one`);
  else labels.set(name, section);
}

/** Claims every `@id` before ids are made up, so that a made-up one never takes a written one. */
function claimIds(lowering: Lowering, section: Section): void {
  const id = withIds.has(section.name) ? attribute(section, '@id') : undefined;
  if (id && !id.value.isBroken && id.value.text !== '') lowering.claimId(id.value.text, id.value.at);
  for (const inner of section.sections) claimIds(lowering, inner);
}

function checkDirectives(lowering: Lowering, root: Section): void {
  for (const stray of root.attributes)
    lowering.error(
      stray.at,
      `${stray.key} stands outside of any section; expected <source>, <match>, <filter>, <label> or @include`,
    );
  for (const section of root.sections) {
    if (directives.includes(section.name)) continue;
    const near = nearest(section.name, directives);
    const hint =
      near === undefined
        ? ` (there are ${directives.map((name) => `<${name}>`).join(', ')})`
        : `; did you mean <${near}>?`;
    lowering.error(section.at, `unknown section <${section.name}>${hint}`);
  }
}

/** Which workers `<worker>` sections name: each there is, and none in two ranges. */
function checkWorkers(lowering: Lowering, root: Section, count: number): void {
  const taken = new Map<number, Section>();
  for (const worker of sectionsNamed(root, 'worker')) {
    const range = /^(\d+)(?:-(\d+))?$/.exec(worker.argument);
    if (!range) {
      lowering.error(worker.at, `<worker ${worker.argument}>: expected a number or a range such as 0-3`);
      continue;
    }
    const first = Number(range[1]);
    const last = Number(range[2] ?? range[1]);
    if (first > last) lowering.error(worker.at, `<worker ${worker.argument}>: the range ends before it begins`);
    else if (last >= count)
      lowering.error(
        worker.at,
        `<worker ${worker.argument}>: there ${count === 1 ? 'is one worker, 0' : `are ${count} workers, 0 to ${count - 1}`}; say how many with workers in <system>`,
      );
    else if (range[2] !== undefined)
      for (let id = first; id <= last; id++) {
        const twin = taken.get(id);
        if (twin)
          lowering.error(
            worker.at,
            `<worker ${worker.argument}>: worker ${id} has a section on line ${twin.at.line} already`,
          );
        if (twin) break;
        taken.set(id, worker);
      }
  }
}

/** Puts what stands in `<worker>` sections behind the rest: one pipeline serves all receiving processes. */
function withoutWorkers(lowering: Lowering, root: Section): Section {
  const workers = sectionsNamed(root, 'worker');
  if (workers.length === 0) return root;
  const routed = workers.filter((worker) =>
    worker.sections.some((inner) => inner.name === 'match' || inner.name === 'filter'),
  );
  for (const worker of workers) {
    for (const stray of worker.attributes) lowering.error(stray.at, `<worker> has no option ${stray.key}`);
    for (const inner of worker.sections)
      if (!['source', 'match', 'filter', 'label'].includes(inner.name))
        lowering.error(
          inner.at,
          `<worker> takes no section <${inner.name}> (it takes <source>, <match>, <filter>, <label>)`,
        );
    lowering.note(
      worker.at,
      'one pipeline serves all receiving processes; sources run where their kind allows it',
      'different',
      `worker ${worker.argument}`,
    );
  }
  for (const worker of routed.slice(1))
    lowering.error(
      worker.at,
      `a second <worker> with <match> or <filter> (first on line ${routed[0]?.at.line ?? 0}) is not supported: there is one pipeline; give its sources a @label and put these into <label>`,
    );
  const others = root.sections.filter((section) => section.name !== 'worker');
  return { ...root, sections: [...others, ...workers.flatMap((worker) => worker.sections)] };
}

function lowerSources(lowering: Lowering, outputs: Outputs, root: Section): SourceModel[] {
  const sources: SourceModel[] = [];
  const counts = new Map<string, number>();
  for (const section of sectionsNamed(root, 'source')) {
    const source = lowering.over(section, () => lowerSource(lowering, outputs, section, counts));
    if (source) sources.push(source);
  }
  return sources;
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

/** The filters and matches of the root or of a label, in written order. */
function lowerSteps(lowering: Lowering, outputs: Outputs, owner: Section, label: string): StepModel[] {
  const steps: StepModel[] = [];
  let catchAll: Section | undefined;
  if (label !== rootLabel) checkLabelContent(lowering, owner);
  for (const section of owner.sections) {
    if (section.name !== 'match' && section.name !== 'filter') continue;
    const pattern = matchPattern(lowering, section);
    if (catchAll && catchAll.at.file === section.at.file)
      lowering.warn(
        section.at,
        `<${section.name} ${pattern}> gets no records: <match ${catchAll.argument}> on line ${catchAll.at.line} takes them all before it`,
      );
    const step = lowering.over(section, () =>
      section.name === 'filter' ? lowerFilter(lowering, section) : lowerMatch(outputs, section, label),
    );
    if (section.name === 'match' && isCatchAll(pattern)) catchAll ??= section;
    if (step) steps.push({ match: { syntax: 'fluentd', pattern }, ...step, at: section.at });
  }
  return steps;
}

function checkLabelContent(lowering: Lowering, label: Section): void {
  for (const stray of label.attributes) lowering.error(stray.at, `<label> has no option ${stray.key}`);
  for (const inner of label.sections)
    if (inner.name !== 'match' && inner.name !== 'filter')
      lowering.error(inner.at, `<label> takes no section <${inner.name}> (it takes <filter>, <match>)`);
}

type Step = Pick<StepModel, 'action' | 'take'>;

function lowerFilter(lowering: Lowering, section: Section): Step | undefined {
  const type = typeOf(lowering, section, '<filter>');
  const spec = type && lowering.plugin('filter', type.value.text, type.value.at);
  const plugin = spec && lowerPlugin(lowering, spec, section, { keys: labelKey });
  return plugin && { action: { kind: 'filter', plugin }, take: false };
}

function lowerMatch(outputs: Outputs, section: Section, label: string): Step | undefined {
  const action = outputs.action(section, label);
  return action && { action, take: true };
}
