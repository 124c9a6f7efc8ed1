/**
 * `<worker N>` sections: which sources run in which receiving process, and which routes its records have. Source: Fluentd
 * 1.16 root_agent.rb: a process has what stands outside of `<worker>`, and behind it what stands in its own sections.
 */
import { nearest } from '../../core/errors.ts';
import { rootLabel } from '../model.ts';
import { sectionsNamed } from './element.ts';
import type { Section } from './element.ts';
import type { Lowering } from './lowering.ts';

const directives = ['source', 'match', 'filter', 'label', 'system', 'worker'];
const inWorker = ['source', 'match', 'filter', 'label'];

/** What some receiving processes have in common: their sections, in the order in which they count. */
export interface Scope {
  /** Numbers of the processes, ascending. */
  readonly workers: readonly number[];
  readonly sections: readonly Section[];
  /** Sections of each label. */
  readonly labels: ReadonlyMap<string, readonly Section[]>;
}

/** The sections of a configuration by receiving process. */
export interface Workers {
  /** One, where all processes have the same routes. */
  readonly scopes: readonly Scope[];
  /** All together, for records that no process of its own received. */
  readonly whole: Scope;
  /** Which processes a section of a `<worker>` is for; undefined: it stands outside of them. */
  readonly workersOf: (section: Section) => readonly number[] | undefined;
}

/** Reads the `<worker>` sections. `count`: how many receiving processes there are. */
export function readWorkers(lowering: Lowering, root: Section, count: number): Workers {
  checkDirectives(lowering, root);
  const workers = sectionsNamed(root, 'worker');
  const ids = workers.map((worker) => workerIds(lowering, worker, count));
  checkRanges(lowering, workers, ids);
  const owners = new Map<Section, readonly number[]>();
  for (const [i, worker] of workers.entries()) {
    checkContent(lowering, worker);
    for (const inner of worker.sections) owners.set(inner, ids[i] ?? []);
  }
  const common = root.sections.filter(({ name }) => name !== 'worker');
  const whole = scopeOf([], [...common, ...workers.flatMap(({ sections }) => sections)]);
  const hasRoutes = workers.some(({ sections }) => sections.some(({ name }) => name !== 'source'));
  const scopes = hasRoutes && count > 1 ? scopesOf(common, workers, ids, count) : [whole];
  for (const scope of scopes) checkLabels(lowering, scope);
  return { scopes, whole, workersOf: (section) => (count > 1 ? owners.get(section) : undefined) };
}

function scopeOf(workers: readonly number[], sections: readonly Section[]): Scope {
  const labels = new Map<string, Section[]>();
  for (const section of sections) {
    if (section.name !== 'label' || section.argument === '' || section.argument === rootLabel) continue;
    const same = labels.get(section.argument);
    if (same) same.push(section);
    else labels.set(section.argument, [section]);
  }
  return { workers, sections, labels };
}

/** Processes that have the same sections share a scope. */
function scopesOf(
  common: readonly Section[],
  workers: readonly Section[],
  ids: readonly (readonly number[])[],
  count: number,
): Scope[] {
  const groups = new Map<string, { readonly workers: number[]; readonly sections: readonly Section[] }>();
  for (let id = 0; id < count; id++) {
    const own = workers.filter((_, i) => ids[i]?.includes(id));
    const key = own.map((worker) => workers.indexOf(worker)).join(' ');
    const group = groups.get(key);
    if (group) group.workers.push(id);
    else groups.set(key, { workers: [id], sections: [...common, ...own.flatMap(({ sections }) => sections)] });
  }
  return [...groups.values()].map((group) => scopeOf(group.workers, group.sections));
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

function checkContent(lowering: Lowering, worker: Section): void {
  for (const stray of worker.attributes) lowering.error(stray.at, `<worker> has no option ${stray.key}`);
  for (const inner of worker.sections)
    if (!inWorker.includes(inner.name))
      lowering.error(
        inner.at,
        `<worker> takes no section <${inner.name}> (it takes ${inWorker.map((name) => `<${name}>`).join(', ')})`,
      );
}

function checkLabels(lowering: Lowering, { sections, labels }: Scope): void {
  for (const section of sections) {
    if (section.name !== 'label') continue;
    const name = section.argument;
    const [first] = labels.get(name) ?? [];
    if (name === '') lowering.errorOnce(section.at, '<label> needs a name: <label @NAME>');
    else if (name === rootLabel)
      lowering.errorOnce(section.at, '@ROOT is what stands outside of labels and cannot be a label');
    else if (first && first !== section)
      lowering.errorOnce(
        section.at,
        `<label ${name}> is written twice (first on line ${first.at.line}); put both into one`,
      );
  }
}

/** The processes a `<worker>` is for; empty after reporting that its numbers are wrong. */
function workerIds(lowering: Lowering, worker: Section, count: number): readonly number[] {
  const range = /^(\d+)(?:-(\d+))?$/.exec(worker.argument);
  if (!range) {
    lowering.error(worker.at, `<worker ${worker.argument}>: expected a number or a range such as 0-3`);
    return [];
  }
  const first = Number(range[1]);
  const last = Number(range[2] ?? range[1]);
  if (first > last) lowering.error(worker.at, `<worker ${worker.argument}>: the range ends before it begins`);
  else if (last >= count)
    lowering.error(
      worker.at,
      `<worker ${worker.argument}>: there ${count === 1 ? 'is one worker, 0' : `are ${count} workers, 0 to ${count - 1}`}; say how many with workers in <system>`,
    );
  else return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  return [];
}

/** No process may be in two ranges. */
function checkRanges(lowering: Lowering, workers: readonly Section[], ids: readonly (readonly number[])[]): void {
  const taken = new Map<number, Section>();
  for (const [i, worker] of workers.entries()) {
    if (!worker.argument.includes('-')) continue;
    for (const id of ids[i] ?? []) {
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
