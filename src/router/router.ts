/**
 * The router: what a configuration says about where records go, compiled.
 *
 * One model for both dialects: a record enters a label and meets its steps in order; those whose match takes its tag act
 * on it. A step with `take` ends the label for it (Fluentd's first match); after others it goes on (Fluent Bit's
 * fan-out). Relabelling enters another label, retagging enters one under a new tag. A record that reaches the end of a
 * label without a step that handed it anywhere is refused as `no_route`, as Fluentd drops it with its `no patterns
 * matched` warning. Which steps apply depends on label and tag alone, so it is worked out once for each.
 */
import assert from 'node:assert';
import { joinEntry, joinSourceIn } from '../core/join-source.ts';
import { rootLabel } from '../config/model.ts';
import type { ActionModel, PipelineModel, StepModel } from '../config/model.ts';
import { isReplayed, replayedOutput } from '../core/batch.ts';
import type { Batch } from '../core/batch.ts';
import { errorText } from '../core/errors.ts';
import { NotReady } from '../core/not-ready.ts';
import type { ChangedRecord, Filter, RejectRecord, Retagger } from '../core/plugin.ts';
import type { Fields } from '../core/record.ts';
import type { Refusal, Routed, Router, RouterParts } from './contract.ts';
import { conditional } from './conditional-filter.ts';
import { SharedRecords } from './shared-records.ts';

/** The label for records that filters and steps rejected (Fluentd's `<label @ERROR>`). */
const errorLabel = '@ERROR';
/** Times a record may enter a label. Real configurations chain two or three; 32 only ever ends a loop. */
const hopsMax = 32;
/** Label entries one frame may cause, plus one frame's worth of retagging per record: ends loops that also multiply. */
const entriesMax = 4096;
const entriesPerRecordMax = 64;
/** Tags remembered per label. Tags can come from outside (postback paths): beyond this the memory is started anew. */
const tagsMax = 4096;

type Action =
  | { readonly kind: 'filter'; readonly filter: Filter }
  | { readonly kind: 'output' | 'join'; readonly output: string }
  | { readonly kind: 'copy'; readonly actions: readonly Action[]; readonly shares: 'record' | 'nested' | undefined }
  /** `turns[i]`: which action the records get whose offset is i modulo the number of turns. */
  | { readonly kind: 'roundrobin'; readonly actions: readonly Action[]; readonly turns: readonly number[] }
  | { readonly kind: 'relabel'; readonly label: Label }
  | { readonly kind: 'retag'; readonly retagger: Retagger; readonly label: Label };

interface Step {
  readonly applies: (tag: string) => boolean;
  readonly action: Action;
  readonly take: boolean;
}

/** The steps of a label that act on one tag, in order. */
interface Path {
  readonly steps: readonly Step[];
  /** A step is among them that hands all records somewhere. */
  readonly isRouted: boolean;
}

class Label {
  steps: readonly Step[] = [];
  readonly #paths = new Map<string, Path>();

  path(tag: string): Path {
    const known = this.#paths.get(tag);
    if (known) return known;
    const steps: Step[] = [];
    for (const step of this.steps) {
      if (!step.applies(tag)) continue;
      steps.push(step);
      if (step.take) break;
    }
    const path = { steps, isRouted: steps.some(({ action }) => handsOver(action)) };
    if (this.#paths.size >= tagsMax) this.#paths.clear();
    this.#paths.set(tag, path);
    return path;
  }
}

/** Filters hand nothing over, and retagging that lets records pass only some. */
function handsOver(action: Action): boolean {
  return action.kind === 'retag' ? action.retagger.letsPass !== true : action.kind !== 'filter';
}

/** Compiles a configuration's labels. Called once for each generation; plugins are made here, in written order. */
export function compileRouter(model: PipelineModel, parts: RouterParts): Router {
  const taps = model.taps ?? [];
  const common = compileScope(model.labels, parts);
  const scopes = (model.scopes ?? []).map((scope) => ({
    sources: new Set(scope.sources),
    own: compileScope(scope.labels, parts),
  }));
  const outputs = new Set(taps);
  for (const { labels } of [common, ...scopes.map(({ own }) => own)])
    for (const output of outputsIn(labels)) outputs.add(output);
  const scopeOf = (source: string): Scope => scopes.find(({ sources }) => sources.has(source))?.own ?? common;
  const entries = new Map(
    model.sources.map(({ id, label }): [string, Entry] => {
      const { labels } = scopeOf(id);
      return [id, { labels, label: labelIn(labels, label) }];
    }),
  );
  return {
    outputs,
    route(batch) {
      const { source } = batch.block.parts;
      // Filters have seen these, and the other outputs have had them.
      const own = replayedOutput(source);
      if (own !== undefined && outputs.has(own)) return { emissions: [{ output: own, batch }], refusals: [] };
      const { from, entry: name, rejected } = joinSourceIn(source);
      const joined = name === undefined ? undefined : scopeOf(from).joined.get(name);
      const entry = joined ?? entries.get(source) ?? common.root;
      // What is replayed or was joined was received before, and tapped then: a second time would double it.
      const tapped = joined || isReplayed(source) ? [] : taps;
      return new Routing(entry, batch, tapped, joined && rejected).go();
    },
  };
}

type Labels = ReadonlyMap<string, Label>;
/** Where records enter. */
interface Entry {
  readonly labels: Labels;
  readonly label: Label;
}
/** Labels that are for the same sources. */
interface Scope {
  readonly labels: Labels;
  readonly root: Entry;
  /** Where records enter that a join gave. */
  readonly joined: ReadonlyMap<string, Entry>;
}

function labelIn(labels: Labels, name: string): Label {
  const label = labels.get(name);
  assert(label, `label ${name} is not in the model; the configuration's check must have said so`);
  return label;
}

function compileScope(models: PipelineModel['labels'], parts: RouterParts): Scope {
  const given: [string, Label][] = [];
  const labels = compileLabels(models, parts, (name, label) => given.push([name, label]));
  const joined = new Map(given.map(([name, label]): [string, Entry] => [name, { labels, label }]));
  return { labels, root: { labels, label: labelIn(labels, rootLabel) }, joined };
}

/** `joins` is told where what is joined enters. */
function compileLabels(
  models: PipelineModel['labels'],
  parts: RouterParts,
  joins: (name: string, label: Label) => void,
): Labels {
  const labels = new Map<string, Label>();
  for (const name of [rootLabel, ...Object.keys(models)]) labels.set(name, new Label());
  const compileAction = (action: ActionModel): Action => {
    switch (action.kind) {
      case 'filter':
        return { kind: 'filter', filter: conditional(parts.createFilter(action.plugin), action.condition) };
      case 'output':
        return { kind: 'output', output: action.output };
      case 'join':
        for (const name of action.labels ?? []) joins(joinEntry(action.output, name), labelIn(labels, name));
        if (action.label !== undefined) joins(joinEntry(action.output), labelIn(labels, action.label));
        return { kind: 'join', output: action.output };
      case 'copy':
        return { kind: 'copy', actions: action.actions.map(compileAction), shares: action.shares };
      case 'roundrobin':
        return { kind: 'roundrobin', actions: action.actions.map(compileAction), turns: turnsOf(action.weights) };
      case 'relabel':
        return { kind: 'relabel', label: labelIn(labels, action.label) };
      default:
        return {
          kind: 'retag',
          retagger: parts.createRetagger(action.plugin),
          label: labelIn(labels, action.label),
        };
    }
  };
  const compileStep = (step: StepModel): Step => ({
    applies: parts.compileMatch(step.match),
    action: compileAction(step.action),
    take: step.take,
  });
  for (const [name, written] of Object.entries(models)) {
    const steps = written.map(compileStep);
    labelIn(labels, name).steps = steps;
    for (const [i, { action }] of written.entries())
      if (action.kind === 'join' && action.label === undefined) {
        const behind = new Label();
        behind.steps = steps.slice(i + 1);
        joins(joinEntry(action.output), behind);
      }
  }
  return labels;
}

/** The outputs of labels, in the order in which a record from the root meets them; those behind no step from there last. */
function* outputsIn(labels: Labels): Generator<string> {
  yield* outputsBehind(labelIn(labels, rootLabel), new Set());
  for (const label of labels.values()) for (const { action } of label.steps) yield* outputsOf(action, undefined);
}
function* outputsBehind(label: Label, seen: Set<Label>): Generator<string> {
  if (seen.has(label)) return;
  seen.add(label);
  for (const { action } of label.steps) yield* outputsOf(action, seen);
}
/** `seen`: the labels on the way; undefined: other labels are not entered. */
function* outputsOf(action: Action, seen: Set<Label> | undefined): Generator<string> {
  if (action.kind === 'output' || action.kind === 'join') yield action.output;
  else if (action.kind === 'copy' || action.kind === 'roundrobin')
    for (const inner of action.actions) yield* outputsOf(inner, seen);
  else if ('label' in action && seen) yield* outputsBehind(action.label, seen);
}

/** What goes along with a batch: how often it entered a label, and whether it came through @ERROR. */
interface Way {
  readonly hops: number;
  readonly isError: boolean;
  /** Who gave the records their tag last. */
  readonly from?: Retagger;
  /** Inside a copy whose stores share records. */
  readonly shared?: SharedRecords;
}

/** What a plugin did with a batch. */
interface Ran {
  readonly error?: unknown;
  readonly rejected: ReadonlyMap<number, string> | undefined;
  /** A filter's batch, or what a retagger lets pass. */
  readonly out: Batch | undefined;
  /** A retagger's batches, and the label that each enters. */
  readonly emitted: readonly { readonly batch: Batch; readonly label: string | undefined }[];
  /** Records that a filter changed in place. */
  readonly changed: readonly { readonly row: number; readonly fields: Fields }[];
}

/** The routing of one frame. */
class Routing {
  #emissions: { output: string; batch: Batch }[] = [];
  #refusals: Refusal[] = [];
  readonly #labels: ReadonlyMap<string, Label>;
  readonly #error: Label | undefined;
  readonly #entry: Label;
  readonly #batch: Batch;
  readonly #taps: readonly string[];
  readonly #rejected: string | undefined;
  #entriesLeft = 0;
  /** What plugins did, in the order in which they were called: that order is the same each time the frame is gone through. */
  readonly #ran: Ran[] = [];
  #calls = 0;

  /** `rejected`: why the records do not enter there, but go where rejected records go. */
  constructor({ labels, label }: Entry, batch: Batch, taps: readonly string[], rejected: string | undefined) {
    this.#labels = labels;
    this.#error = labels.get(errorLabel);
    this.#entry = label;
    this.#batch = batch;
    this.#taps = taps;
    this.#rejected = rejected;
  }
  /** Goes through the frame: from its beginning, but for what plugins did already. */
  go(): Routed {
    const batch = this.#batch;
    this.#emissions = this.#taps.map((output) => ({ output, batch }));
    this.#refusals = [];
    this.#entriesLeft = entriesMax + entriesPerRecordMax * batch.count;
    this.#calls = 0;
    const rejected = this.#rejected;
    const way: Way = { hops: 0, isError: false };
    try {
      if (rejected === undefined) this.#enter(this.#entry, batch, way);
      else this.#reject(batch, new Map(Array.from({ length: batch.count }, (_, row) => [row, rejected])), way);
    } catch (error) {
      if (!(error instanceof NotReady)) throw error;
      return { emissions: [], refusals: [], waiting: { ready: error.ready, again: () => this.go() } };
    }
    return { emissions: this.#emissions, refusals: this.#refusals };
  }
  /** Calls a plugin, unless this is where it was called before. */
  #run(call: () => Ran): Ran {
    const known = this.#ran[this.#calls];
    const ran = known ?? call();
    this.#calls++;
    if (!known) this.#ran.push(ran);
    return ran;
  }
  #enter(label: Label, batch: Batch, way: Way): void {
    if (batch.count === 0) return;
    if (way.hops > hopsMax || this.#entriesLeft-- <= 0) {
      this.#refusals.push({ reason: 'hop_limit', batch, isKept: true });
      return;
    }
    this.#follow(label.path(batch.tag), 0, batch, way);
  }
  /** Takes the batch through the path's steps from step `from` on. */
  #follow(path: Path, from: number, batch: Batch, way: Way): void {
    let current = batch;
    for (let i = from; i < path.steps.length; i++) {
      const { action } = path.steps[i] as Step;
      const done = this.#act(action, current, way, (path.steps[i] as Step).take);
      if (done === 'threw') {
        // Filters are pure: each half meets the same step again, until the record at fault is alone.
        if (current.count === 1) return;
        const half = current.count >> 1;
        this.#follow(path, i, current.select(rowsBetween(0, half)), way);
        this.#follow(path, i, current.select(rowsBetween(half, current.count)), way);
        return;
      }
      current = done;
      if (current.count === 0) return;
    }
    if (!path.isRouted) this.#refusals.push({ reason: 'no_route', batch: current, isKept: false });
  }
  /** Returns the batch that goes on; `threw` when the plugin failed as a whole (a single record is rejected then). */
  #act(action: Action, batch: Batch, way: Way, take: boolean): Batch | 'threw' {
    switch (action.kind) {
      case 'filter':
        return this.#filter(action.filter, batch, way);
      case 'output':
      case 'join':
        this.#emissions.push({ output: action.output, batch });
        return batch;
      case 'relabel':
        this.#enter(action.label, batch, { ...way, hops: way.hops + 1 });
        return batch;
      case 'retag':
        return this.#retag(action.retagger, action.label, batch, way, take);
      case 'roundrobin':
        for (const [inner, part] of inTurn(action.actions, action.turns, batch)) this.#copyTo(inner, part, way);
        return batch;
      default:
        this.#copy(action.actions, action.shares, batch, way);
        return batch;
    }
  }
  #copy(actions: readonly Action[], shares: 'record' | 'nested' | undefined, batch: Batch, way: Way): void {
    let current = batch;
    for (const inner of actions) {
      const shared = shares && new SharedRecords(current, shares === 'record');
      this.#copyTo(inner, current, shared ? { ...way, shared } : way);
      current = shared?.after() ?? current;
    }
  }
  #copyTo(action: Action, batch: Batch, way: Way): void {
    if (this.#act(action, batch, way, true) !== 'threw' || batch.count === 1) return;
    for (let row = 0; row < batch.count; row++) this.#act(action, batch.select([row]), way, true);
  }
  #filter(filter: Filter, batch: Batch, way: Way): Batch | 'threw' {
    const { shared } = way;
    const { error, out, rejected, changed } = this.#run(() => filterOnce(filter, batch, shared !== undefined));
    for (const { row, fields } of changed) shared?.note(batch, row, fields);
    if (!out) return this.#threw(batch, error, way);
    if (out !== batch || rejected) this.#settle('filtered', batch, [out], rejected, way);
    return out;
  }
  #retag(retagger: Retagger, label: Label, batch: Batch, way: Way, take: boolean): Batch | 'threw' {
    if (retagger.passesOwn === true && way.from === retagger) return batch;
    const { error, out: passed, rejected, emitted } = this.#run(() => retagOnce(retagger, batch));
    if (error !== undefined) return this.#threw(batch, error, way);
    for (const { batch: out, label: name } of emitted) {
      const own = name === undefined ? label : this.#labels.get(name);
      assert(own, `label ${name} is not in the model; the configuration's check must have said so`);
      this.#enter(own, out, { ...way, hops: way.hops + 1, from: retagger });
    }
    const batches = emitted.map(({ batch: out }) => out);
    if (passed) {
      this.#settle(retagger.dropReason, batch, [...batches, passed], rejected, way);
      return passed;
    }
    // Without `take` all records go on behind this step, so what it did not emit is not dropped.
    this.#settle(take ? retagger.dropReason : undefined, batch, batches, rejected, way);
    return batch;
  }
  #threw(batch: Batch, error: unknown, way: Way): Batch | 'threw' {
    if (batch.count > 1) return 'threw';
    this.#reject(batch, new Map([[0, errorText(error)]]), way);
    return batch.select([]);
  }
  /** Accounts for the rows of `before` that are in none of `after`: rejected ones, and dropped ones under `dropReason`. */
  #settle(
    dropReason: string | undefined,
    before: Batch,
    after: readonly Batch[],
    rejected: ReadonlyMap<number, string> | undefined,
    way: Way,
  ): void {
    const kept = new Set<number>();
    if (rejected) {
      addOffsets(kept, after);
      // What goes on all the same (filter parser with reserve_data) is refused by nobody where no @ERROR takes it.
      const goesOn = (row: number) => this.#errorLabel(way) === undefined && kept.has(before.offset(row));
      this.#reject(before, new Map([...rejected].filter(([row]) => !goesOn(row))), way);
    }
    if (dropReason === undefined) return;
    const only = after.length === 1 ? after[0] : undefined;
    if (only && !rejected && sameOffsets(before, only)) return;
    if (!rejected) addOffsets(kept, after);
    const dropped: number[] = [];
    for (let row = 0; row < before.count; row++)
      if (!rejected?.has(row) && !kept.has(before.offset(row))) dropped.push(row);
    if (dropped.length > 0) this.#refusals.push({ reason: dropReason, batch: before.select(dropped), isKept: false });
  }
  /** Where rejected records go; none for those that come from there. */
  #errorLabel(way: Way): Label | undefined {
    return way.isError ? undefined : this.#error;
  }
  #reject(batch: Batch, rejected: ReadonlyMap<number, string>, way: Way): void {
    const rows = [...rejected.keys()].sort((a, b) => a - b);
    const label = this.#errorLabel(way);
    if (label) {
      if (rows.length > 0) this.#enter(label, batch.select(rows), { hops: way.hops + 1, isError: true });
      return;
    }
    const byReason = new Map<string, number[]>();
    for (const row of rows) {
      const reason = rejected.get(row) as string;
      const list = byReason.get(reason);
      if (list) list.push(row);
      else byReason.set(reason, [row]);
    }
    for (const [reason, list] of byReason) this.#refusals.push({ reason, batch: batch.select(list), isKept: true });
  }
}

/** @throws NotReady */
function filterOnce(filter: Filter, batch: Batch, isShared: boolean): Ran {
  const rejects = new Rejects(batch.count);
  const changed: { row: number; fields: Fields }[] = [];
  const note: ChangedRecord | undefined = isShared ? (row, fields) => void changed.push({ row, fields }) : undefined;
  try {
    const out = filter.apply(batch, rejects.reject, note);
    return { out, rejected: rejects.byRow, emitted: none, changed };
  } catch (error) {
    return failed(error, changed);
  }
}

function retagOnce(retagger: Retagger, batch: Batch): Ran {
  const rejects = new Rejects(batch.count);
  const emitted: { batch: Batch; label: string | undefined }[] = [];
  try {
    const out = retagger.retag(batch, (given, label) => void emitted.push({ batch: given, label }), rejects.reject);
    return { out: out ?? undefined, rejected: rejects.byRow, emitted, changed: none };
  } catch (error) {
    return failed(error, none);
  }
}

const none: readonly never[] = [];

function failed(error: unknown, changed: Ran['changed']): Ran {
  if (error instanceof NotReady) throw error;
  return {
    error: error ?? new Error('nothing was thrown'),
    out: undefined,
    rejected: undefined,
    emitted: none,
    changed,
  };
}

/** Collects the rows a plugin rejects; the first reason for a row stands. */
class Rejects {
  byRow: Map<number, string> | undefined;
  readonly reject: RejectRecord;
  constructor(count: number) {
    this.reject = (row, reason) => {
      assert(row >= 0 && row < count, `row ${row} of ${count} was rejected`);
      this.byRow ??= new Map();
      if (!this.byRow.has(row)) this.byRow.set(row, reason);
    };
  }
}

/** The order of turns: weights without a common divisor, each action's turns spread over the round. */
function turnsOf(weights: readonly number[]): number[] {
  const divisor = weights.reduce((a, b) => greatestCommonDivisor(a, b), 0) || 1;
  const turns = weights.flatMap((weight, action) => {
    const count = weight / divisor;
    return Array.from({ length: count }, (_, i) => ({ action, at: (i + 0.5) / count }));
  });
  return turns.sort((a, b) => a.at - b.at || a.action - b.action).map(({ action }) => action);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** The rows that each action gets. By offset, so that a frame that is read again is shared out as before. */
function inTurn(actions: readonly Action[], turns: readonly number[], batch: Batch): (readonly [Action, Batch])[] {
  const rows: number[][] = actions.map(() => []);
  for (let row = 0; row < batch.count; row++)
    (rows[turns[batch.offset(row) % turns.length] as number] as number[]).push(row);
  return actions.flatMap((action, i) => {
    const own = rows[i] as number[];
    return own.length === 0 ? [] : [[action, own.length === batch.count ? batch : batch.select(own)] as const];
  });
}

function addOffsets(offsets: Set<number>, batches: readonly Batch[]): void {
  for (const batch of batches) for (let row = 0; row < batch.count; row++) offsets.add(batch.offset(row));
}

function sameOffsets(a: Batch, b: Batch): boolean {
  if (a === b) return true;
  if (a.count !== b.count) return false;
  for (let row = 0; row < a.count; row++) if (a.index(row) !== b.index(row)) return false;
  return true;
}

function rowsBetween(from: number, until: number): number[] {
  return Array.from({ length: until - from }, (_, i) => from + i);
}
