/** Reads a Fluent Bit configuration, the files it includes and its parser files, and lowers it. */
import { dirname } from 'node:path';
import { isError } from '../../core/errors.ts';
import type { Location } from '../../core/errors.ts';
import { dialectOf } from '../dialect.ts';
import type { Dialect } from '../dialect.ts';
import type { Environment } from '../env.ts';
import type { LoweredPipeline } from '../fluentd/lower.ts';
import type { Lowering } from '../fluentd/lowering.ts';
import { parseClassic } from './classic.ts';
import { lastProperty } from './element.ts';
import type { ParsedConfig, Section } from './element.ts';
import { ConfigFiles } from './files.ts';
import type { Included } from './files.ts';
import type { Reading } from './form.ts';
import { lowerFluentbit } from './lower.ts';
import { Parsers } from './parsers.ts';
import { lowerService } from './service.ts';
import { Upstreams } from './upstreams.ts';
import { Variables } from './variables.ts';
import { parseYaml } from './yaml.ts';

/** Reads and lowers a main file's text. */
export async function loadFluentbit(
  lowering: Lowering,
  main: Included,
  dialect: Exclude<Dialect, 'fluentd'>,
  env: Environment,
): Promise<LoweredPipeline> {
  const files = new ConfigFiles(dirname(main.path));
  files.begin(main.path);
  const parsed = await parse(main, dialect, files);
  lowering.problems.push(...parsed.problems);
  const variables = new Variables(parsed.variables, env, lowering);
  const reading = { lowering, variables };
  const named = (name: string) => parsed.sections.filter((section) => section.name === name);
  const service = lowerService(reading, named('service'));
  const parsers = new Parsers(reading, service.joinedBytesMax);
  const external: ParsedConfig[] = [];
  const parserFiles = new Map<string, { readonly path: string; readonly at: Location }>();
  for (const { path, at } of service.parsersFiles)
    for (const file of files.include('Parsers_File', path, at)) {
      parserFiles.set(file.path, { path, at });
      if (file.isStandard)
        lowering.note(
          at,
          `Parsers_File ${path}: there is no such file; the parsers that Fluent Bit has in it are used`,
        );
      external.push(await parseParsers(lowering, file, files));
    }
  const definitions = [...external.flatMap(({ sections }) => sections), ...yamlParsers(lowering, parsed, dialect)];
  for (const section of definitions) if (section.name === 'parser') parsers.define(section);
  for (const section of definitions) if (section.name === 'multiline_parser') parsers.defineMultiline(section);
  // Who reads the main file alone learns where the mistakes come from.
  for (const [file, { path, at }] of parserFiles)
    if (lowering.problems.some((problem) => isError(problem) && problem.at?.file === file))
      lowering.error(at, `Parsers_File ${path} has mistakes, which are listed with their places`);
  const upstreams = new Upstreams(reading);
  if (dialect === 'fluentbit-yaml') for (const section of named('upstream')) upstreams.define(section);
  await readUpstreams(reading, named('output'), upstreams, files);
  lowering.problems.push(...files.problems);
  const around = parsers.surroundings((name, at) => upstreams.find(name, at));
  const lowered = lowerFluentbit(around, parsed.sections, service);
  upstreams.sayUnused();
  if (named('input').length === 0)
    lowering.warn({ file: main.path, line: 1, column: 1 }, 'there is no [INPUT]: nothing will be received');
  return lowered;
}

function parse(
  file: Included,
  dialect: Exclude<Dialect, 'fluentd'>,
  files: ConfigFiles,
): Promise<ParsedConfig> | ParsedConfig {
  return dialect === 'fluentbit-yaml'
    ? parseYaml(file.text, file.path, files)
    : parseClassic(file.text, file.path, (written, at) => files.include('@INCLUDE', written, at));
}

async function parseOther(lowering: Lowering, file: Included, files: ConfigFiles): Promise<ParsedConfig> {
  const isYaml = dialectOf(file.text) === 'fluentbit-yaml';
  const parsed = await parse(file, isYaml ? 'fluentbit-yaml' : 'fluentbit-classic', files);
  lowering.problems.push(...parsed.problems);
  return parsed;
}

/** Reads the files that outputs name with Upstream. */
async function readUpstreams(
  { lowering, variables }: Reading,
  outputs: readonly Section[],
  upstreams: Upstreams,
  files: ConfigFiles,
): Promise<void> {
  for (const output of outputs) {
    const written = lastProperty(output, 'upstream');
    const path = written ? variables.put(written.value, written.valueAt) : '';
    if (!written || path === '' || upstreams.has(path)) continue;
    for (const file of files.include('Upstream', path, written.valueAt))
      upstreams.addFile(path, (await parseOther(lowering, file, files)).sections, written.valueAt);
  }
}

async function parseParsers(lowering: Lowering, file: Included, files: ConfigFiles): Promise<ParsedConfig> {
  const parsed = await parseOther(lowering, file, files);
  for (const { name, at } of parsed.sections)
    if (name !== 'parser' && name !== 'multiline_parser')
      lowering.warn(
        at,
        `[${name.toUpperCase()}] has no effect in a parsers file; only [PARSER] and [MULTILINE_PARSER] have`,
      );
  return parsed;
}

/** Parsers of the main file: YAML has them there, the classic form has not. */
function yamlParsers(lowering: Lowering, { sections }: ParsedConfig, dialect: Dialect): ParsedConfig['sections'] {
  const found = sections.filter(({ name }) => name === 'parser' || name === 'multiline_parser');
  if (dialect === 'fluentbit-yaml') return found;
  for (const { name, at } of found)
    lowering.error(
      at,
      `[${name.toUpperCase()}] stands in a file of its own in the classic form: put it there, and name the file with Parsers_File in [SERVICE]`,
    );
  return [];
}
