/**
 * Plugins as Fluent Bit writes them: their properties from the declarations of both dialects. An option that both have is
 * written where its value is not Fluent Bit's default; what has no counterpart and is not as it is by itself is told.
 */
import type { ConfigProblem, Location } from '../../core/errors.ts';
import { snakeCase, spellings } from '../../core/options.ts';
import type { OptionSpec } from '../../core/options.ts';
import type { Plugin } from '../../core/plugin.ts';
import type { PluginModel, SectionModel } from '../model.ts';

/** A property with its value, or with a list of them. */
export type FluentbitProperty = readonly [key: string, value: string | readonly string[]];

/** Collects what cannot be written. */
export class Complaints {
  readonly problems: ConfigProblem[] = [];

  refuse(at: Location, text: string): undefined {
    this.problems.push({ at, text });
    return undefined;
  }
  warn(at: Location, text: string): void {
    this.problems.push({ at, text, severity: 'warning' });
  }
}

export interface SharedOptions {
  /** Options by name in code that are called otherwise in the other plugin. */
  readonly renamed?: Readonly<Record<string, string>>;
  /** Options that are written in another way, or have no effect on what is delivered. */
  readonly handled?: readonly string[];
}

/** What translating one plugin may use. */
export interface Translating {
  readonly complaints: Complaints;
  /** The properties of options that both have; undefined after saying that there is no such plugin. */
  shared(model: PluginModel, name: string, options?: SharedOptions): FluentbitProperty[];
  /** The name of an entry of `upstream_servers` for these servers. */
  upstream(nodes: readonly (readonly FluentbitProperty[])[]): string;
  /** The name of a `parsers` entry for a parser; undefined after saying that it cannot be written. */
  parser(model: PluginModel): string | undefined;
}

/** The properties of options that both plugins have. `target`: what Fluent Bit has in its place. */
export function sharedProperties(
  complaints: Complaints,
  model: PluginModel,
  own: Plugin,
  target: Plugin,
  { renamed = {}, handled = [] }: SharedOptions = {},
): FluentbitProperty[] {
  const properties: FluentbitProperty[] = [];
  const done = new Set(handled);
  const title = `${model.kind} ${model.type}`;
  for (const [name, spec] of Object.entries(own.options)) {
    if (done.has(name) || spec.ignored !== undefined) continue;
    const value = model.options[name];
    const there = renamed[name] ?? name;
    const option = target.fluentbit?.options?.[there];
    const targetSpec = target.options[there];
    if (!option || !targetSpec) {
      // A plugin that both have keeps its own default where Fluent Bit cannot say otherwise.
      if (isSet(spec, value))
        complaints.refuse(
          model.at,
          `${title}: ${spellings(name, spec, 'fluentd')[0] ?? snakeCase(name)} has no counterpart in Fluent Bit`,
        );
      continue;
    }
    const theirs = option.default ?? targetSpec.schema.safeParse(undefined).data;
    if (value === undefined || same(value, theirs)) continue;
    const key = [option.name ?? spellings(there, targetSpec, 'fluentbit')].flat()[0] ?? there;
    const text = fluentbitValue(targetSpec, value, option.unit);
    if (text === undefined)
      complaints.refuse(model.at, `${title}: ${key} ${JSON.stringify(value)} cannot be written in Fluent Bit`);
    else properties.push([key.toLowerCase(), text]);
  }
  return properties;
}

/** A value in Fluent Bit's grammar; undefined where that has none for it. */
function fluentbitValue(spec: OptionSpec, value: unknown, unit?: 'ms'): string | undefined {
  if (spec.kind === 'boolean') return value === true ? 'on' : 'off';
  if (spec.kind === 'duration' && typeof value === 'number') {
    if (unit === 'ms') return String(value);
    return Number.isInteger(value / 1000) ? String(value / 1000) : undefined;
  }
  if (spec.kind === 'list' && Array.isArray(value)) return value.map(plainText).join(',');
  if (spec.kind === 'map' && typeof value === 'object' && value !== null)
    return Object.entries(value)
      .map(([key, one]) => `${key}:${plainText(one)}`)
      .join(',');
  const text = plainText(value);
  return text === '' ? undefined : text;
}

/** A value as text: a text as it is, any other as it is written in JSON. */
export function plainText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** Whether an option has another value than without it in the configuration. */
export function isSet(spec: OptionSpec, value: unknown): boolean {
  return value !== undefined && !same(value, spec.schema.safeParse(undefined).data);
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** `<security>` of forward; users are beside it there. */
export function securityProperties(security: SectionModel | undefined): FluentbitProperty[] {
  if (!security) return [];
  const { sharedKey, selfHostname } = security.options;
  return [
    ...(typeof sharedKey === 'string' ? [['shared_key', sharedKey] as const] : []),
    ...(typeof selfHostname === 'string' ? [['self_hostname', selfHostname] as const] : []),
  ];
}
