/**
 * Reads the YAML form of Fluent Bit's configurations (Fluent Bit 5.1 flb_cf_yaml.c) into the same tree as the classic one.
 * Scalars are kept as they are written (`on` is the text `on`); a list under a key is that key once for each entry. Keys
 * in camelCase are what they are in snake_case. Files of `includes` are looked for beside the file that names them.
 */
import { dirname } from 'node:path';
import type { Document, Node, Pair, YAMLMap, YAMLSeq, LineCounter } from 'yaml';
import { nearest } from '../../core/errors.ts';
import type { ConfigProblem, Location } from '../../core/errors.ts';
import { snakeCase } from '../../core/options.ts';
import { lastProperty } from './element.ts';
import type { ParsedConfig, Property, Section } from './element.ts';
import type { ConfigFiles, Included } from './files.ts';

type Yaml = typeof import('yaml');

/** Parses a text and the files it includes; `file` is how places name it. */
export async function parseYaml(text: string, file: string, files: ConfigFiles): Promise<ParsedConfig> {
  // Only who writes YAML pays for its parser.
  const yaml = await import('yaml');
  const gathered: Gathered = { sections: [], variables: [], problems: [] };
  new YamlFile(yaml, gathered, files, { path: file, text }).read();
  return gathered;
}

interface Gathered {
  readonly sections: Section[];
  readonly variables: Property[];
  readonly problems: ConfigProblem[];
}

const topKeys = [
  'service',
  'pipeline',
  'parsers',
  'multiline_parsers',
  'includes',
  'env',
  'upstream_servers',
  'plugins',
  'stream_processor',
  'customs',
  'extensions',
];

/** Lists at the top, and the section each of their entries is. */
const listSections: Readonly<Record<string, string>> = {
  parsers: 'parser',
  multiline_parsers: 'multiline_parser',
  upstream_servers: 'upstream',
  plugins: 'plugins',
  stream_processor: 'stream_task',
  customs: 'custom',
};
const pipelineSections: Readonly<Record<string, string>> = { inputs: 'input', filters: 'filter', outputs: 'output' };

class YamlFile {
  readonly #yaml: Yaml;
  readonly #gathered: Gathered;
  readonly #files: ConfigFiles;
  readonly #source: Included;
  readonly #lines: LineCounter;

  constructor(yaml: Yaml, gathered: Gathered, files: ConfigFiles, source: Included) {
    this.#yaml = yaml;
    this.#gathered = gathered;
    this.#files = files;
    this.#source = source;
    this.#lines = new yaml.LineCounter();
  }
  read(): void {
    const documents = this.#yaml.parseAllDocuments(this.#source.text, {
      lineCounter: this.#lines,
      schema: 'failsafe',
      prettyErrors: false,
    });
    if (!Array.isArray(documents)) return;
    for (const document of documents) {
      for (const { pos, message } of document.errors) this.#error(this.#place(pos[0]), `YAML: ${message}`);
      if (document.errors.length === 0) this.#document(document);
    }
  }
  #document(document: Document): void {
    const root = document.contents;
    if (root === null) return;
    const map = this.#map(root, 'the file', `keys such as ${topKeys.slice(0, 4).join(', ')}`);
    for (const pair of map?.items ?? []) {
      const [key, at] = this.#key(pair);
      const word = key.toLowerCase();
      if (word === 'env') this.#variables(pair.value);
      else if (word === 'includes') this.#includes(pair.value);
      else if (word === 'service') this.#gathered.sections.push(this.#section('service', pair.value, at));
      else if (word === 'pipeline') this.#pipeline(pair.value);
      else if (word === 'extensions')
        this.#warn(at, 'extensions: they have no effect here; Fluent Bit hands them to what embeds it');
      else if (listSections[word] !== undefined) this.#list(word, listSections[word], pair.value);
      else if (nearest(word, topKeys) !== undefined || !this.#isPlain(pair.value)) this.#unknown(key, at, topKeys);
      else
        this.#warn(at, `unknown section ${key}: it has no effect, as in Fluent Bit (there are ${topKeys.join(', ')})`);
    }
  }
  /** A map of values, which Fluent Bit takes for a section that nobody reads; anything else is an error there too. */
  #isPlain(node: unknown): boolean {
    return this.#yaml.isMap(node) && node.items.every(({ value }) => this.#yaml.isScalar(value));
  }
  #pipeline(node: unknown): void {
    for (const pair of this.#map(node, 'pipeline', 'inputs, filters and outputs')?.items ?? []) {
      const [key, at] = this.#key(pair);
      const name = pipelineSections[key.toLowerCase()];
      if (name === undefined) this.#unknown(key, at, Object.keys(pipelineSections));
      else this.#list(key, name, pair.value);
    }
  }
  #list(what: string, name: string, node: unknown): void {
    for (const entry of this.#seq(node, what)?.items ?? []) {
      const at = this.#at(entry);
      this.#gathered.sections.push(this.#section(name, entry, at));
    }
  }
  /** A map of names and values, or a list of maps with name and value, or the uri of a file in its place. */
  #variables(node: unknown): void {
    if (this.#yaml.isSeq(node)) {
      for (const entry of node.items) this.#variable(this.#section('env', entry, this.#at(entry)));
      return;
    }
    for (const pair of this.#map(node, 'env', 'names and values')?.items ?? []) {
      const [key, at] = this.#key(pair);
      const value = this.#scalar(pair.value, key);
      if (value) this.#gathered.variables.push({ key, value: value.text, at, valueAt: value.at });
    }
  }
  #variable({ properties, groups, at }: Section): void {
    const of = (key: string) => lastProperty({ properties }, key);
    const [name, value] = [of('name'), of('uri') ?? of('value')];
    if (!name || !value) return this.#error(at, 'env: name and value (or uri) were expected');
    for (const { key, at: place } of [...properties, ...groups.map((group) => ({ key: group.name, at: group.at }))])
      if (key === 'refresh_interval')
        this.#warn(place, 'refresh_interval: the file is read with the configuration; reload it to read it again');
      else if (!['name', 'value', 'uri'].includes(key))
        this.#error(place, `env has no ${key} (it has name, value, uri)`);
    this.#gathered.variables.push({ key: name.value, value: value.value, at, valueAt: value.valueAt });
  }
  #includes(node: unknown): void {
    for (const entry of this.#seq(node, 'includes')?.items ?? []) {
      const path = this.#scalar(entry, 'includes');
      if (!path) continue;
      for (const source of this.#files.include('includes:', path.text, path.at, dirname(this.#source.path)))
        new YamlFile(this.#yaml, this.#gathered, this.#files, source).read();
    }
  }
  /** A map as a section: scalars and lists of them are properties, maps and lists of maps are groups. */
  #section(name: string, node: unknown, at: Location): Section {
    const properties: Property[] = [];
    const groups: Section[] = [];
    for (const pair of this.#map(node, name, 'keys and values')?.items ?? []) {
      const [key, keyAt] = this.#key(pair);
      const { value } = pair;
      if (this.#yaml.isMap(value)) groups.push(this.#section(key.toLowerCase(), value, keyAt));
      else if (this.#yaml.isSeq(value)) this.#entries(key, keyAt, value, properties, groups);
      else {
        const text = this.#scalar(value, key);
        if (text) properties.push({ key: plainKey(key), value: text.text, at: keyAt, valueAt: text.at });
      }
    }
    return { name, properties, groups, at };
  }
  #entries(key: string, at: Location, list: YAMLSeq, properties: Property[], groups: Section[]): void {
    for (const entry of list.items)
      if (this.#yaml.isMap(entry)) groups.push(this.#section(key.toLowerCase(), entry, this.#at(entry)));
      else {
        const text = this.#scalar(entry, key);
        if (text) properties.push({ key: plainKey(key), value: text.text, at, valueAt: text.at });
      }
  }
  #scalar(node: unknown, what: string): { text: string; at: Location } | undefined {
    const found = this.#resolved(node);
    if (this.#yaml.isScalar(found)) {
      const text = typeof found.value === 'string' ? found.value : '';
      return { text, at: this.#at(found) };
    }
    this.#error(this.#at(found), `${what}: a value was expected`);
    return undefined;
  }
  #map(node: unknown, what: string, expected: string): YAMLMap | undefined {
    const found = this.#resolved(node);
    if (this.#yaml.isMap(found)) return found;
    const isEmpty = found === null || (this.#yaml.isScalar(found) && found.value === '');
    if (!isEmpty) this.#error(this.#at(found), `${what}: ${expected} were expected`);
    return undefined;
  }
  #seq(node: unknown, what: string): YAMLSeq | undefined {
    const found = this.#resolved(node);
    if (this.#yaml.isSeq(found)) return found;
    const isEmpty = found === null || (this.#yaml.isScalar(found) && found.value === '');
    if (!isEmpty) this.#error(this.#at(found), `${what}: a list was expected, each entry behind a dash`);
    return undefined;
  }
  /** Fluent Bit knows no anchors: libyaml's events for them are errors there. */
  #resolved(node: unknown): unknown {
    if (!this.#yaml.isAlias(node)) return node;
    this.#error(this.#at(node), `*${node.source}: anchors and aliases are not known here; write it out`);
    return null;
  }
  #key(pair: Pair): [string, Location] {
    const { key } = pair;
    return [this.#yaml.isScalar(key) ? String(key.value) : '', this.#at(key)];
  }
  #unknown(key: string, at: Location, known: readonly string[]): void {
    const near = nearest(key.toLowerCase(), known);
    const hint = near === undefined ? ` (there are ${known.join(', ')})` : `; did you mean ${near}?`;
    this.#error(at, `unknown section ${key}${hint}`);
  }
  #at(node: unknown): Location {
    return this.#place((node as Node | null)?.range?.[0] ?? 0);
  }
  #place(offset: number): Location {
    const { line, col } = this.#lines.linePos(offset);
    return { file: this.#source.path, line: Math.max(line, 1), column: Math.max(col, 1) };
  }
  #error(at: Location, text: string): void {
    this.#gathered.problems.push({ at, text });
  }
  #warn(at: Location, text: string): void {
    this.#gathered.problems.push({ at, text, severity: 'warning' });
  }
}

/** Keys with a dot or blank are as they are; `readFromHead` is `read_from_head`. */
function plainKey(key: string): string {
  return /^[a-z]+(?:[A-Z][a-z0-9]*)+$/.test(key) ? snakeCase(key) : key;
}
