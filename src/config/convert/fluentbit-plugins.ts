/** How each plugin of a pipeline is written in Fluent Bit: its sections there, or what is said where it has none. */
import { snakeCase, spellings } from '../../core/options.ts';
import type { PluginSpec } from '../../core/plugin.ts';
import type { Registry } from '../../core/registry.ts';
import type { BufferModel, PluginModel } from '../model.ts';
import { filterSections } from './fluentbit-filters.ts';
import { outputSection } from './fluentbit-outputs.ts';
import { parserProperties } from './fluentbit-parsers.ts';
import { isSet, plainText, securityProperties, sharedProperties } from './fluentbit-sections.ts';
import type { Complaints, FluentbitProperty, SharedOptions, Translating } from './fluentbit-sections.ts';
import type { FluentbitSection, FluentbitUpstream } from './fluentbit-text.ts';

/** Options of sources that are about Fluentd's files or speed, and change nothing in the records. */
const tailHandled = [
  'tag',
  'posFile',
  'posFileCompactionInterval',
  'pathDelimiter',
  'pathTimezone',
  'globPolicy',
  'readLinesLimit',
  'enableWatchTimer',
  'openOnEveryUpdate',
  'skipRefreshOnStartup',
  'ignoreRepeatedPermissionError',
  'multilineFlushInterval',
  'followInodes',
  'encoding',
  'unparsedKey',
];
const socketHandled = ['tag', 'addTagPrefix', 'backlog', 'keepaliveTimeout'];

export class Translator implements Translating {
  readonly complaints: Complaints;
  readonly parsers: FluentbitSection[] = [];
  readonly upstreams: FluentbitUpstream[] = [];
  readonly #registry: Registry;
  readonly #names = new Map<string, string>();

  constructor(registry: Registry, complaints: Complaints) {
    this.#registry = registry;
    this.complaints = complaints;
  }
  source(model: PluginModel): FluentbitSection | undefined {
    switch (model.type) {
      case 'tail':
        return this.#tail(model);
      case 'forward':
        return this.#forward(model);
      case 'http':
        this.complaints.warn(
          model.at,
          'source http: in Fluent Bit it answers 201, takes JSON only (no form with json=), and a path with dots for the tag',
        );
        return {
          name: 'http',
          properties: this.shared(model, 'fluentbit_http', {
            renamed: { bodySizeLimit: 'bodySizeLimit' },
            handled: socketHandled,
          }),
        };
      case 'tcp':
      case 'udp':
        return this.#socket(model);
      case 'sample':
        return {
          name: 'dummy',
          properties: this.shared(model, 'sample', { handled: ['tag', 'interval', 'autoIncrementKey'] }),
        };
      default:
        return (
          this.#same(model) ?? this.complaints.refuse(model.at, `source ${model.type} has no counterpart in Fluent Bit`)
        );
    }
  }
  filter(model: PluginModel): FluentbitSection[] {
    return filterSections(this, model) ?? this.#sameList(model);
  }
  output(model: PluginModel, buffer: BufferModel): FluentbitSection | undefined {
    const time = buffer.chunkKeys.filter((key) => key !== 'tag');
    if (time.length > 0)
      this.complaints.warn(
        model.at,
        `<buffer ${time.join(',')}>: Fluent Bit cuts chunks by tag alone; the records are the same`,
      );
    const { seen, read } = readingOf(model);
    const translated = outputSection(this, seen);
    if (translated) {
      if (translated.length > 0) this.#tellUnread(model, read);
      return translated[0];
    }
    return (
      this.#same(model) ?? this.complaints.refuse(model.at, `output ${model.type} has no counterpart in Fluent Bit`)
    );
  }
  /** Options that were set and that no one looked at: Fluent Bit's output goes without them. */
  #tellUnread(model: PluginModel, read: ReadonlySet<string>): void {
    const spec = this.#registry.get(model.kind, model.type);
    for (const [name, option] of Object.entries(spec?.options ?? {}))
      if (!read.has(name) && option.ignored === undefined && isSet(option, model.options[name]))
        this.complaints.warn(
          model.at,
          `output ${model.type}: ${spellings(name, option, 'fluentd')[0] ?? snakeCase(name)} is left out; write it by hand where it matters`,
        );
  }
  upstream(nodes: FluentbitUpstream['nodes']): string {
    const name = `servers_${this.upstreams.length + 1}`;
    this.upstreams.push({ name, nodes });
    return name;
  }
  shared(model: PluginModel, name: string, options?: SharedOptions): FluentbitProperty[] {
    const own = this.#registry.get(model.kind, model.type);
    const target = this.#registry.get(model.kind, name);
    return own && target ? sharedProperties(this.complaints, model, own, target, options) : [];
  }
  parser(model: PluginModel): string | undefined {
    const properties = parserProperties(this.complaints, model);
    if (!properties) return undefined;
    const key = JSON.stringify(properties);
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const name = `${model.type}_${this.parsers.length + 1}`;
    this.#names.set(key, name);
    this.parsers.push({ name, properties });
    return name;
  }
  /** A plugin of which Fluent Bit's form has options only. */
  #same(model: PluginModel): FluentbitSection | undefined {
    const spec: PluginSpec | undefined = this.#registry.get(model.kind, model.type);
    const form = spec?.fluentbit;
    if (!form || form.lower || form.repeated || Object.values(model.sections).flat().length > 0 || model.parser)
      return undefined;
    return { name: form.names?.[0] ?? model.type, properties: this.shared(model, model.type, { handled: ['tag'] }) };
  }
  #sameList(model: PluginModel): FluentbitSection[] {
    const section = this.#same(model);
    if (section) return [section];
    this.complaints.refuse(model.at, `filter ${model.type} has no counterpart in Fluent Bit`);
    return [];
  }
  #tail(model: PluginModel): FluentbitSection | undefined {
    const properties = this.shared(model, 'tail', { handled: tailHandled });
    const { parser } = model;
    if (!parser) return { name: 'tail', properties };
    if (parser.type === 'none') {
      const key = parser.options['messageKey'];
      return { name: 'tail', properties: [...properties, ['key', typeof key === 'string' ? key : 'message']] };
    }
    const name = this.parser(parser);
    if (name === undefined) return undefined;
    this.complaints.warn(
      parser.at,
      'a line that the parser does not take is left out by Fluentd; Fluent Bit keeps it under the key log',
    );
    return { name: 'tail', properties: [...properties, ['parser', name]] };
  }
  #forward(model: PluginModel): FluentbitSection | undefined {
    const properties = this.shared(model, 'forward', { handled: ['tag', 'addTagPrefix', 'backlog'], renamed: {} });
    const [transport] = model.sections['transport'] ?? [];
    if (transport)
      this.complaints.refuse(transport.at, 'source forward: <transport>: write the tls properties by hand');
    const [security] = model.sections['security'] ?? [];
    return { name: 'forward', properties: [...properties, ...securityProperties(security)] };
  }
  #socket(model: PluginModel): FluentbitSection | undefined {
    const { type, parser } = model;
    const properties = this.shared(model, type, { handled: [...socketHandled, 'delimiter'] });
    const delimiter = model.options['delimiter'];
    const separator: FluentbitProperty[] =
      typeof delimiter === 'string' && delimiter !== '\n' && type === 'tcp' ? [['separator', delimiter]] : [];
    if (parser?.type === 'json') return { name: type, properties: [...properties, ['format', 'json'], ...separator] };
    const name = parser && parser.type !== 'none' ? this.parser(parser) : undefined;
    if (name !== undefined)
      return { name: type, properties: [...properties, ['format', 'none'], ...separator, ['parser', name]] };
    if (parser?.type === 'none')
      return this.complaints.refuse(
        model.at,
        `source ${type}: Fluent Bit has a text under the key log, not ${plainText(parser.options['messageKey'] ?? 'message')}`,
      );
    return undefined;
  }
}

/** A model that remembers which of its options were looked at. */
function readingOf(model: PluginModel): { readonly seen: PluginModel; readonly read: ReadonlySet<string> } {
  const read = new Set<string>();
  const options = new Proxy(model.options, {
    get(target, name: string) {
      read.add(name);
      return target[name];
    },
  });
  return { seen: { ...model, options }, read };
}
