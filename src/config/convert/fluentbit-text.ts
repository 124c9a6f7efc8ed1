/** The YAML form of Fluent Bit: the one in which parsers may stand beside the pipeline. */
import type { FluentbitProperty } from './fluentbit-sections.ts';
import { spellMarks } from './variables.ts';

/** A section of a plugin; filters that only its records pass stand in it. */
export interface FluentbitSection {
  readonly name: string;
  readonly properties: readonly FluentbitProperty[];
  readonly processors?: readonly FluentbitSection[];
}

export interface FluentbitConfig {
  readonly service: readonly FluentbitProperty[];
  readonly parsers: readonly FluentbitSection[];
  readonly inputs: readonly FluentbitSection[];
  readonly filters: readonly FluentbitSection[];
  readonly outputs: readonly FluentbitSection[];
  readonly upstreams: readonly FluentbitUpstream[];
}

/** Servers that take turns. */
export interface FluentbitUpstream {
  readonly name: string;
  readonly nodes: readonly (readonly FluentbitProperty[])[];
}

/** Writes it; the same text for the same configuration. */
export function fluentbitYaml({ service, parsers, inputs, filters, outputs, upstreams }: FluentbitConfig): string {
  const lines: string[] = [];
  if (service.length > 0) lines.push('service:', ...service.flatMap((one) => propertyLines(one, 2)), '');
  if (parsers.length > 0) lines.push('parsers:', ...parsers.flatMap((one) => sectionLines(one, 2)), '');
  lines.push('pipeline:');
  for (const [name, sections] of Object.entries({ inputs, filters, outputs }))
    if (sections.length > 0) lines.push(`  ${name}:`, ...sections.flatMap((one) => sectionLines(one, 4)));
  if (upstreams.length > 0) lines.push('', 'upstream_servers:', ...upstreams.flatMap(upstreamLines));
  return `${lines.join('\n')}\n`;
}

function sectionLines({ name, properties, processors = [] }: FluentbitSection, depth: number): string[] {
  const pad = ' '.repeat(depth);
  const lines = [`${pad}- name: ${scalar(name)}`, ...properties.flatMap((one) => propertyLines(one, depth + 2))];
  if (processors.length === 0) return lines;
  return [
    ...lines,
    `${pad}  processors:`,
    `${pad}    logs:`,
    ...processors.flatMap((one) => sectionLines(one, depth + 6)),
  ];
}

function upstreamLines({ name, nodes }: FluentbitUpstream): string[] {
  return [
    `  - name: ${scalar(name)}`,
    '    nodes:',
    ...nodes.flatMap((properties) =>
      properties
        .flatMap((one) => propertyLines(one, 8))
        .map((line, i) => (i === 0 ? line.replace(/^ {8}/, '      - ') : line)),
    ),
  ];
}

function propertyLines([key, value]: FluentbitProperty, depth: number): string[] {
  const pad = ' '.repeat(depth);
  if (typeof value === 'string') return [`${pad}${key}: ${scalar(value)}`];
  return [`${pad}${key}:`, ...value.map((one) => `${pad}  - ${scalar(one)}`)];
}

/** A text as YAML reads it back, with variables where marks stand. */
function scalar(text: string): string {
  const written = spellMarks(
    text,
    (name) => `\${${name}}`,
    (part) => part,
  );
  return /^[A-Za-z0-9/._][\w/.*%+=@-]*$/.test(written) && !/^(?:~|null)$/i.test(written)
    ? written
    : JSON.stringify(written);
}
