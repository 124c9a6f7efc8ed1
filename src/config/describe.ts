/** A pipeline as a tree for people: `post2log check`. Secrets are masked. */
import type { Location } from '../core/errors.ts';
import { maskedSecret, snakeCase, spellings } from '../core/options.ts';
import type { OptionSpec, OptionTable } from '../core/options.ts';
import type { Plugin, SectionTable } from '../core/plugin.ts';
import type { Registry } from '../core/registry.ts';
import { comparisonTree } from './comparison-tree.ts';
import type { Dialect } from './dialect.ts';
import type { ConfigNote } from './fluentd/lowering.ts';
import { drawTree, leaf, shortPlace } from './tree.ts';
import type { Branch } from './tree.ts';
import { defaultBuffer } from './model.ts';
import type {
  ActionModel,
  BufferModel,
  OutputModel,
  PipelineModel,
  PluginModel,
  SectionModel,
  StepModel,
} from './model.ts';

/** What a description is made of. */
export interface Described {
  readonly model: PipelineModel;
  readonly notes: readonly ConfigNote[];
  /** Of the configuration; options are shown in its spelling. Default: Fluentd's. */
  readonly dialect?: Dialect;
  readonly registry: Registry;
}

/** The tree, one line per source, label, step, output and setting that differs from its default; ends with a newline. */
export function describe(described: Described): string {
  return drawTree([...new Teller(described).roots(), ...comparisonTree(described.notes, described.dialect)]);
}

class Teller {
  readonly #described: Described;
  readonly #outputs: ReadonlyMap<string, OutputModel>;

  constructor(described: Described) {
    this.#described = described;
    this.#outputs = new Map(described.model.outputs.map((output) => [output.id, output]));
  }
  roots(): Branch[] {
    const { model } = this.#described;
    const roots: Branch[] = [{ text: 'sources', under: this.#sources(model) }];
    // Those of all are for what is replayed only, where each process has its own.
    for (const [name, steps] of model.scopes ? [] : Object.entries(model.labels))
      roots.push({ text: `label ${name}`, under: steps.map((step) => this.#step(step)) });
    for (const scope of model.scopes ?? [])
      for (const [name, steps] of Object.entries(scope.labels))
        roots.push({ text: `label ${name} of ${scope.name}`, under: steps.map((step) => this.#step(step)) });
    const taps = (model.taps ?? []).map((id) => this.#action({ kind: 'output', output: id }));
    if (taps.length > 0) roots.splice(1, 0, { text: 'every record as it is received', under: taps });
    return roots;
  }
  #sources({ sources, endpoints = [] }: PipelineModel): Branch[] {
    const told = endpoints.map(({ id, plugin }): Branch => {
      const table = this.#described.registry.get('source', plugin.type)?.options ?? {};
      const name = id === plugin.type ? '' : ` (${id})`;
      return { text: `${plugin.type}${name}${placeText(plugin.at)}`, under: optionLines(table, plugin.options) };
    });
    return [...sources.map((source) => this.#source(source)), ...told];
  }
  #source(source: PipelineModel['sources'][number]): Branch {
    const branch = this.#plugin(source.plugin);
    const names = source.id === source.plugin.type ? source.id : `${source.plugin.type} (${source.id})`;
    const where = source.workers ? ` (worker ${source.workers.join(', ')})` : '';
    return { text: `${names}${where} → ${source.label}${placeText(source.plugin.at)}`, under: branch };
  }
  #step(step: StepModel): Branch {
    const isFilter = step.action.kind === 'filter' || (step.action.kind === 'join' && step.action.label === undefined);
    const word = isFilter ? 'filter' : 'match';
    const action = this.#action(step.action);
    return { ...action, text: `${word} ${step.match.pattern}: ${action.text}` };
  }
  #action(action: ActionModel): Branch {
    if (action.kind === 'copy') return { text: 'copy', under: action.actions.map((inner) => this.#action(inner)) };
    if (action.kind === 'roundrobin') {
      const under = action.actions.map((inner, i) => {
        const branch = this.#action(inner);
        return { ...branch, text: `${branch.text}, weight ${action.weights[i] ?? 1}` };
      });
      return { text: 'roundrobin', under };
    }
    if (action.kind === 'relabel') return leaf(`relabel → ${action.label}`);
    if (action.kind === 'output' || action.kind === 'join') {
      const output = this.#outputs.get(action.output);
      return output ? this.#output(output) : leaf(`output ${action.output}`);
    }
    const { plugin } = action;
    const way = action.kind === 'retag' ? ` → ${action.label}` : '';
    return { text: `${plugin.type}${way}${placeText(plugin.at)}`, under: this.#plugin(plugin) };
  }
  #output(output: OutputModel): Branch {
    const { plugin } = output;
    const spec = this.#described.registry.get('output', plugin.type);
    const target = spec?.target?.(plugin.options, plugin.sections) ?? '';
    const under = [...this.#plugin(plugin), ...this.#buffer(output.buffer)];
    if (output.secondary)
      under.push({ text: `secondary ${output.secondary.type}`, under: this.#plugin(output.secondary) });
    const id = output.id === plugin.type ? '' : ` (${masked(output.id)})`;
    const shown = target === '' || output.id.includes(target) ? '' : ` to ${masked(target)}`;
    return { text: `${plugin.type}${id}${shown}${placeText(plugin.at)}`, under };
  }
  #plugin(plugin: PluginModel): Branch[] {
    const spec = this.#described.registry.get(plugin.kind, plugin.type);
    const under = [
      ...(spec ? optionLines(spec.options, plugin.options, this.#spelling(spec)) : laterLines(plugin)),
      ...sectionLines(spec?.sections ?? {}, plugin.sections),
    ];
    for (const parser of plugin.parsers ?? [])
      under.push({ text: `parse ${parser.type}`, under: this.#plugin(parser) });
    if (plugin.parser) under.push({ text: `parse ${plugin.parser.type}`, under: this.#plugin(plugin.parser) });
    if (plugin.formatter)
      under.push({ text: `format ${plugin.formatter.type}`, under: this.#plugin(plugin.formatter) });
    if (plugin.inject)
      under.push({
        text: 'inject',
        under: Object.entries(plugin.inject).map(([key, value]) => leaf(`${snakeCase(key)} ${plainText(value)}`)),
      });
    return under;
  }
  /** Options in the words of the configuration; those that were made of other properties have none there. */
  #spelling(plugin: Plugin): Spell {
    if ((this.#described.dialect ?? 'fluentd') === 'fluentd') return spellFluentd;
    return (name, spec) => {
      const option = plugin.fluentbit?.options?.[name];
      return (
        [option?.name ?? (option ? spellings(name, spec, 'fluentbit') : spellFluentd(name, spec))].flat()[0] ?? name
      );
    };
  }
  #buffer(buffer: BufferModel): Branch[] {
    const lines = bufferLines(buffer);
    return lines.length === 0 ? [] : [{ text: 'chunks', under: lines.map(leaf) }];
  }
}

/** How chunks are cut and retried, as far as it differs from what every output does. */
function bufferLines(buffer: BufferModel): string[] {
  const lines: string[] = [];
  if (buffer.chunkKeys.length > 0) {
    const span =
      buffer.timekeySeconds === undefined
        ? ''
        : ` (time: ${msText(buffer.timekeySeconds * 1000)}, zone ${buffer.timezone ?? 'local'})`;
    lines.push(`by ${buffer.chunkKeys.join(', ')}${span}`);
  }
  if (buffer.flushMode === 'interval') lines.push(`written ${msText(buffer.flushIntervalMs)} after the first record`);
  if (buffer.flushMode === 'lazy') lines.push(`written ${msText(buffer.timekeyWaitMs)} after the end of their time`);
  if (buffer.chunkBytesMax !== defaultBuffer.chunkBytesMax) lines.push(`at most ${buffer.chunkBytesMax} bytes`);
  if (buffer.chunkRecordsMax !== undefined) lines.push(`at most ${buffer.chunkRecordsMax} records`);
  if (buffer.flushAtShutdown === false) lines.push('open ones stay open over a stop');
  if (buffer.concurrency > 1) lines.push(`${buffer.concurrency} at a time`);
  const { retry } = buffer;
  const limits = [
    ...(retry.triesMax === undefined ? [] : [`${retry.triesMax} retries`]),
    ...(retry.timeoutMs === undefined ? [] : [msText(retry.timeoutMs)]),
  ];
  if (limits.length > 0)
    lines.push(`given up after ${limits.join(' or ')}: to the secondary, else to the dead letters`);
  const isDropping = buffer.overflow === 'drop_oldest';
  if (buffer.backlogBytesMax !== undefined)
    lines.push(`${isDropping ? 'oldest dropped' : 'a warning'} when more than ${buffer.backlogBytesMax} bytes wait`);
  if (isDropping) lines.push('oldest dropped when the journal is full');
  if (buffer.compress !== undefined) lines.push(`staged ones packed with ${buffer.compress}`);
  if (buffer.isRefusedDropped === true) lines.push('what the target refuses is dropped');
  return lines;
}

type Spell = (name: string, spec: OptionSpec) => string;

const spellFluentd: Spell = (name, spec) => spellings(name, spec, 'fluentd')[0] ?? name;

function optionLines(
  table: OptionTable,
  values: Readonly<Record<string, unknown>>,
  spell: Spell = spellFluentd,
): Branch[] {
  return shownOptions(table, values, spell).map(([spelling, shown]) => leaf(`${spelling} ${shown}`));
}

/** Options that are not their defaults, as they are written, secrets masked. */
export function shownOptions(
  table: OptionTable,
  values: Readonly<Record<string, unknown>>,
  spell: Spell = spellFluentd,
): (readonly [spelling: string, shown: string])[] {
  return Object.entries(values).flatMap(([name, value]) => {
    const spec = table[name];
    if (!spec || isDefault(spec, value)) return [];
    return [[spell(name, spec), spec.kind === 'secret' ? maskedSecret : optionText(spec, value)] as const];
  });
}

/** A plugin that comes with a later version, and what is written in it. */
function laterLines(plugin: PluginModel): Branch[] {
  const written = Object.entries(plugin.options).map(([key, value]) =>
    leaf(`${key} ${isSecretName(key) ? maskedSecret : masked(plainText(value))}`),
  );
  return [leaf(`${plugin.type}: known, not in this version yet`), ...written];
}

function isDefault(spec: OptionSpec, value: unknown): boolean {
  return JSON.stringify(spec.schema.safeParse(undefined).data) === JSON.stringify(value);
}

function optionText(spec: OptionSpec, value: unknown): string {
  if (spec.kind === 'duration' && typeof value === 'number') return msText(value);
  if (spec.kind === 'map' && typeof value === 'object' && value !== null)
    return JSON.stringify(
      Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, isSecretName(key) ? maskedSecret : inner])),
    );
  return masked(plainText(value));
}

function sectionLines(table: SectionTable, sections: Readonly<Record<string, readonly SectionModel[]>>): Branch[] {
  return Object.entries(sections).flatMap(([name, models]) =>
    models.map((model): Branch => {
      const spec = table[name];
      const pairs = model.pairs.map((pair) =>
        leaf(`${pair.key} ${isSecretName(pair.key) ? maskedSecret : pair.value}`),
      );
      return {
        text: `<${name}${model.argument === '' ? '' : ` ${model.argument}`}>`,
        under: [
          ...optionLines(spec?.options ?? {}, model.options),
          ...pairs,
          ...sectionLines(spec?.sections ?? {}, model.sections ?? {}),
        ],
      };
    }),
  );
}

/** Headers and the like are maps: their keys tell which values are secret. */
function isSecretName(key: string): boolean {
  return /auth|token|secret|passw|credential|cookie|(?:api|access|private|license|shared|encryption)[-_]?key/i.test(
    key,
  );
}

/** A text without the password in its URLs. */
function masked(text: string): string {
  return text.replaceAll(/(:\/\/[^/\s:@]*):[^/\s@]*@/g, `$1:${maskedSecret}@`);
}

function plainText(value: unknown): string {
  if (typeof value === 'string') return value === '' ? '""' : value.replaceAll('\n', String.raw`\n`);
  if (Array.isArray(value) && value.every((part) => typeof part === 'string')) return value.join(', ');
  return JSON.stringify(value);
}

function msText(ms: number): string {
  for (const [unit, factor] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const)
    if (ms >= factor && ms % factor === 0) return `${ms / factor}${unit}`;
  return ms >= 1000 ? `${ms / 1000}s` : `${ms} ms`;
}

function placeText(at: Location): string {
  return at.file === 'built-in' ? '  [built-in]' : `  [${shortPlace(at)}]`;
}
