/**
 * A pipeline as a configuration of Fluent Bit. There every record passes all filters in order and goes to every output that
 * wants it. So a step that in Fluentd comes behind a `<match>` says which tags it does not get any more, labels become
 * tags that a step gets, and filters behind one branch of a `copy` become processors of its outputs.
 */
import type { Location } from '../../core/errors.ts';
import type { Registry } from '../../core/registry.ts';
import { rootLabel } from '../model.ts';
import type { ActionModel, OutputModel, PipelineModel, PluginModel, SourceModel, StepModel } from '../model.ts';
import type { Converted } from './to-fluentd.ts';
import { Complaints } from './fluentbit-sections.ts';
import type { FluentbitProperty } from './fluentbit-sections.ts';
import { Translator } from './fluentbit-plugins.ts';
import { fluentbitYaml } from './fluentbit-text.ts';
import type { FluentbitSection } from './fluentbit-text.ts';
import { fluentbitRules } from './rewriting.ts';
import { allTags, fluentbitMatch, mayOverlap, tagSetOf } from './tags.ts';
import type { Route, TagSet } from './tags.ts';
import { marksIn } from './variables.ts';

export function toFluentbit(model: PipelineModel, registry: Registry): Converted {
  return new Writer(model, registry).write();
}

/** Labels inside each other: a real configuration has two or three. */
const depthMax = 32;

interface Filter {
  readonly plugin: PluginModel;
  readonly routes: Route[];
  /** Of a `rewrite_tag`. */
  readonly rules?: readonly string[];
}
interface Leaf {
  readonly output: OutputModel;
  readonly routes: Route[];
  /** Filters of its own. */
  readonly processors: readonly PluginModel[];
}
/** Where a walk through the labels is. */
interface Place {
  readonly route: Route;
  /** A `copy` was on the way: others see the record too, without the filters that come now. */
  readonly isBranch: boolean;
  readonly processors: readonly PluginModel[];
  readonly depth: number;
}

class Writer {
  readonly #model: PipelineModel;
  readonly #complaints = new Complaints();
  readonly #translator: Translator;
  readonly #outputs: ReadonlyMap<string, OutputModel>;
  /** In the order in which they were met. */
  readonly #filters = new Map<StepModel, Filter>();
  readonly #leaves = new Map<string, Leaf>();

  constructor(model: PipelineModel, registry: Registry) {
    this.#model = model;
    this.#translator = new Translator(registry, this.#complaints);
    this.#outputs = new Map(model.outputs.map((output) => [output.id, output]));
  }
  write(): Converted {
    const { sources, labels, scopes, logLevel } = this.#model;
    if (scopes)
      this.#complaints.refuse(
        scopes[0]?.labels[rootLabel]?.[0]?.at ?? noPlace,
        '<worker>: Fluent Bit has no workers of that kind',
      );
    for (const name of ['@ERROR', '@FLUENT_LOG'])
      if (labels[name]?.[0])
        this.#complaints.refuse(labels[name][0].at, `<label ${name}>: Fluent Bit has no such label`);
    const own = sources.filter(({ plugin }) => plugin.type !== 'own_log');
    for (const [label, route] of this.#entries(own))
      this.#walk(label, { route, isBranch: false, processors: [], depth: 0 });
    const text = fluentbitYaml({
      service: this.#service(logLevel),
      inputs: own.flatMap((source) => this.#input(source)),
      filters: [...this.#filters.values()].flatMap((filter) => this.#filter(filter)),
      outputs: [...this.#leaves.values()].flatMap((leaf) => this.#output(leaf)),
      parsers: this.#translator.parsers,
      upstreams: this.#translator.upstreams,
    });
    return { text, problems: this.#complaints.problems };
  }
  /** The labels that sources enter, and by which tags those that enter one are told from all others. */
  #entries(sources: readonly SourceModel[]): Map<string, Route> {
    const byLabel = Map.groupBy(sources, ({ label }) => label);
    if (byLabel.size <= 1) return new Map([...byLabel.keys()].map((label) => [label, { within: [], without: [] }]));
    const entries = new Map<string, Route>();
    for (const [label, entering] of byLabel) {
      const sets = entering.map(tagsOf);
      const others = sources.filter((source) => source.label !== label);
      const twin = others.find((other) => sets.some((set) => mayOverlap(set, tagsOf(other))));
      if (twin)
        this.#complaints.refuse(
          entering[0]?.plugin.at ?? noPlace,
          `@label ${label}: Fluent Bit has no labels, and the tags that come here are not told from those of the source on line ${twin.plugin.at.line}; give it a tag that begins in another way`,
        );
      const [only] = sets;
      entries.set(label, {
        within: [
          sets.length === 1 && only
            ? only
            : { ...allTags, source: `(?:${sets.map(({ source }) => source).join('|')})`, isAll: false },
        ],
        without: [],
      });
    }
    return entries;
  }
  #walk(label: string, place: Place): void {
    if (place.depth > depthMax) return;
    let { route } = place;
    for (const step of this.#model.labels[label] ?? []) {
      const tags = tagSetOf(step.match);
      const taken: Route = { ...route, within: [...route.within, tags] };
      if (step.action.kind === 'filter') place = this.#meet(step, step.action.plugin, taken, place, tags);
      else {
        this.#act(step.action, { ...place, route: taken }, step);
        if (tags.isAll) return;
        route = { ...route, without: [...route.without, tags] };
      }
    }
  }
  #meet(step: StepModel, plugin: PluginModel, taken: Route, place: Place, tags: TagSet): Place {
    if (place.isBranch) {
      if (!tags.isAll)
        this.#complaints.refuse(
          plugin.at,
          `filter ${plugin.type}: behind a copy only a filter for all tags (**) can be written`,
        );
      return { ...place, processors: [...place.processors, plugin] };
    }
    const known = this.#filters.get(step);
    if (known) known.routes.push(taken);
    else this.#filters.set(step, { plugin, routes: [taken] });
    return place;
  }
  #act(action: ActionModel, place: Place, step: StepModel): void {
    switch (action.kind) {
      case 'output':
        return this.#reach(action.output, place);
      case 'copy':
        for (const inner of action.actions)
          this.#act(inner, { ...place, isBranch: place.isBranch || action.actions.length > 1 }, step);
        return undefined;
      case 'relabel':
        return this.#walk(action.label, { ...place, depth: place.depth + 1 });
      case 'roundrobin':
        return this.#complaints.refuse(step.at, 'roundrobin: Fluent Bit gives every output all records');
      case 'retag':
        return this.#retag(action.plugin, place, step);
      default:
        return undefined;
    }
  }
  /** New tags begin at the first filter again, as in Fluentd at the first section; what no rule takes has no place behind it. */
  #retag(plugin: PluginModel, place: Place, step: StepModel): void {
    const refuse = (at: Location, text: string): void => {
      this.#complaints.refuse(at, text);
    };
    const isRoot = this.#model.labels[rootLabel]?.includes(step) === true;
    const labels = new Set(this.#model.sources.map(({ label }) => label));
    if (!isRoot || labels.size > 1 || place.processors.length > 0) {
      refuse(
        plugin.at,
        `${plugin.type}: only outside of labels, and not behind a filter of a copy, it can be written; give the records new tags with the filter rewrite_tag by hand`,
      );
      return;
    }
    const rules = fluentbitRules(plugin, place.isBranch, refuse);
    if (rules) this.#filters.set(step, { plugin, routes: [place.route], rules });
  }
  #reach(id: string, { route, processors }: Place): void {
    const output = this.#outputs.get(id);
    if (!output) return;
    const known = this.#leaves.get(id);
    if (known && !sameList(known.processors, processors))
      this.#complaints.refuse(
        output.plugin.at,
        `output ${output.plugin.type}: records reach it on two ways with different filters`,
      );
    if (known) known.routes.push(route);
    else this.#leaves.set(id, { output, routes: [route], processors });
  }
  #service(logLevel: string | undefined): FluentbitProperty[] {
    const intervals = this.#model.outputs.map(({ buffer }) =>
      buffer.flushMode === 'interval' ? buffer.flushIntervalMs : 1000,
    );
    const flush = Math.min(...intervals, Number.POSITIVE_INFINITY) / 1000;
    const level = logLevel === 'fatal' ? 'error' : logLevel;
    return [
      ...(Number.isFinite(flush) && flush !== 1 ? [['flush', String(flush)] as const] : []),
      ...(level === undefined ? [] : [['log_level', level] as const]),
    ];
  }
  #input({ id, plugin }: SourceModel): FluentbitSection[] {
    const section = this.#translator.source(plugin);
    if (!section) return [];
    const tag = plugin.options['tag'];
    const properties: FluentbitProperty[] = [
      ['alias', id],
      ...(typeof tag === 'string' ? [['tag', tag] as const] : []),
      ...section.properties,
    ];
    return [{ ...section, properties }];
  }
  #filter({ plugin, routes, rules }: Filter): FluentbitSection[] {
    const { key, value } = fluentbitMatch(routes);
    if (rules)
      return [
        {
          name: 'rewrite_tag',
          properties: [
            [key, value],
            ['rule', rules],
          ],
        },
      ];
    return this.#translator
      .filter(plugin)
      .map((section) => ({ ...section, properties: [[key, value] as const, ...section.properties] }));
  }
  #output({ output, routes, processors }: Leaf): FluentbitSection[] {
    const { plugin, buffer, secondary, id } = output;
    if (secondary) this.#complaints.refuse(secondary.at, '<secondary>: Fluent Bit has none');
    const section = this.#translator.output(plugin, buffer);
    if (!section) return [];
    const { key, value } = fluentbitMatch(routes);
    const { retry, backlogBytesMax, overflow, concurrency } = buffer;
    const properties: FluentbitProperty[] = [
      ...(marksIn(id).length === 0 ? [['alias', id] as const] : []),
      [key, value],
      ...(retry.triesMax === undefined
        ? []
        : [['retry_limit', retry.triesMax === 0 ? 'no_retries' : String(retry.triesMax)] as const]),
      ...(concurrency > 1 ? [['workers', String(concurrency)] as const] : []),
      ...(overflow === 'drop_oldest' && backlogBytesMax !== undefined
        ? [['storage.total_limit_size', String(backlogBytesMax)] as const]
        : []),
      ...section.properties,
    ];
    return [{ ...section, properties, processors: processors.flatMap((one) => this.#translator.filter(one)) }];
  }
}

const noPlace = { file: 'configuration', line: 1, column: 1 };

function sameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((one, i) => one === b[i]);
}

/** The tags that a source's records can have. */
function tagsOf({ plugin }: SourceModel): TagSet {
  const tag = plugin.options['tag'];
  if (typeof tag !== 'string' || marksIn(tag).length > 0) return allTags;
  // Syslog and others put words behind it.
  const isFixed = ['sample', 'tcp', 'udp', 'tail', 'stdin', 'systemd'].includes(plugin.type) && !tag.includes('*');
  if (isFixed) return tagSetOf({ syntax: 'glob', pattern: tag });
  const star = tag.indexOf('*');
  return tagSetOf({ syntax: 'glob', pattern: star < 0 ? `${tag}*` : tag });
}
