/** Whether two pipelines have the same sources, filters and outputs, whatever the labels between them. */
import type { ConfigProblem } from '../../core/errors.ts';
import type { PipelineModel, PluginModel } from '../model.ts';

/** Says where the second one is not the first. */
export function compareModels(first: PipelineModel, second: PipelineModel): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const compare = (what: string, own: readonly PluginModel[], others: readonly PluginModel[]): void => {
    const left = others.map(plainText);
    for (const plugin of own) {
      const at = left.indexOf(plainText(plugin));
      if (at >= 0) left.splice(at, 1);
      else if (plugin.type !== 'own_log')
        problems.push({
          at: plugin.at,
          text: `${what} ${plugin.type}: is not wholly the same in what was written: ${difference(plugin, others)}`,
        });
    }
  };
  const filters = ({ labels }: PipelineModel): PluginModel[] =>
    Object.values(labels).flatMap((steps) =>
      steps.flatMap(({ action }) => (action.kind === 'filter' ? [action.plugin] : [])),
    );
  compare(
    'source',
    first.sources.map(({ plugin }) => plugin),
    second.sources.map(({ plugin }) => plugin),
  );
  compare('filter', filters(first), filters(second));
  compare(
    'output',
    first.outputs.map(({ plugin }) => plugin),
    second.outputs.map(({ plugin }) => plugin),
  );
  return problems;
}

/** Parts of a plugin besides its options, and how they are called. */
const parts: Readonly<Record<string, string>> = {
  sections: 'sections',
  parser: 'parser',
  parsers: 'multiline.parser',
  namedParsers: 'the parsers that records may ask for',
  formatter: 'formatter',
  inject: 'inject',
};

/** The options that differ from those of the plugin of that kind that is most like it. */
function difference(plugin: PluginModel, others: readonly PluginModel[]): string {
  const found = others
    .filter(({ type }) => type === plugin.type)
    .map((other) =>
      [...new Set([...Object.keys(plugin.options), ...Object.keys(other.options)])]
        .filter((name) => JSON.stringify(plugin.options[name]) !== JSON.stringify(other.options[name]))
        .concat(
          Object.entries(parts).flatMap(([part, name]) =>
            partText(plugin, part) === partText(other, part) ? [] : [name],
          ),
        ),
    )
    .toSorted((a, b) => a.length - b.length)[0];
  return found ? found.join(', ') : 'it was left out';
}

function partText(plugin: PluginModel, part: string): string {
  return JSON.stringify(withoutPlaces((plugin as unknown as Record<string, unknown>)[part] ?? null));
}

function plainText(plugin: PluginModel): string {
  return JSON.stringify(withoutPlaces(plugin));
}

/** The same without places, in a fixed order, and without empty parts. */
function withoutPlaces(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPlaces);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(
    ([key, one]) => key !== 'at' && key !== 'valueAt' && one !== undefined && !(Array.isArray(one) && one.length === 0),
  );
  return Object.fromEntries(
    kept.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, one]) => [key, withoutPlaces(one)]),
  );
}
