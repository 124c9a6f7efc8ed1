/** What tests of parsers need. Not used by the program. */
import { stringifyJson } from '../src/core/json.ts';
import type { Parsed, Parser, Plugin } from '../src/core/plugin.ts';
import { configOf, contextOf } from './fixture.ts';

/** A parser with the options given; the clock of its context stands at 2023-11-14 22:13:20. */
export function parserOf(plugin: Plugin, options: Record<string, unknown> = {}): Parser {
  if (plugin.kind !== 'parser') throw new TypeError(`${plugin.name} is no parser`);
  const config = configOf(plugin, options);
  plugin.check?.(config);
  return plugin.create(config, contextOf([]));
}

/** What a parser gave, as text: JSON and the time in seconds where it has one, or the kind of problem and the problem. */
export function shown(parsed: Parsed): string {
  if ('problem' in parsed) return `${parsed.kind}: ${parsed.problem}`;
  const { time } = parsed;
  return `${stringifyJson(parsed.fields)}${time ? ` ${time.seconds}.${String(time.nanos).padStart(9, '0')}` : ''}`;
}

/** Parses one text. */
export function parsed(plugin: Plugin, text: string | Buffer, options: Record<string, unknown> = {}): string {
  return shown(parserOf(plugin, options).parse(typeof text === 'string' ? Buffer.from(text) : text));
}
